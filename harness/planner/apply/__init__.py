"""A plan as files ready to apply: the AWS CLI, boto3, CloudFormation and Terraform, all from the same ``wanted``."""

from harness.planner.apply.render import FILES, write_apply_files

__all__ = ["FILES", "write_apply_files"]
