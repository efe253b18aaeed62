"""Writes a plan as files ready to apply: for the AWS CLI, boto3, CloudFormation and Terraform.

All are written from the same ``DesiredState``.
"""

from harness.planner.apply.render import FILES, write_apply_files

__all__ = ["FILES", "write_apply_files"]
