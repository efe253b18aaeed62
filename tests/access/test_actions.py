"""IAM's names for what a backend request does."""

from __future__ import annotations

import pytest

from harness.access.actions import action_name, s3_action


def test_cloudwatch_signs_as_monitoring_and_is_cloudwatch_in_policies() -> None:
    assert action_name("monitoring", "PutMetricData") == "cloudwatch:PutMetricData"
    assert action_name("logs", "PutLogEvents") == "logs:PutLogEvents"


@pytest.mark.parametrize(
    ("method", "host", "path", "action", "resource"),
    [
        ("GET", "localhost:4566", "/", "s3:ListAllMyBuckets", "*"),
        ("GET", "localhost:4566", "/b", "s3:ListBucket", "arn:aws:s3:::b"),
        ("PUT", "localhost:4566", "/b", "s3:CreateBucket", "arn:aws:s3:::b"),
        ("GET", "localhost:4566", "/b/k/l%20m", "s3:GetObject", "arn:aws:s3:::b/k/l m"),
        ("HEAD", "localhost:4566", "/b/k", "s3:GetObject", "arn:aws:s3:::b/k"),
        ("POST", "localhost:4566", "/b/k", "s3:PutObject", "arn:aws:s3:::b/k"),
        ("DELETE", "b.s3.localhost:4566", "/k", "s3:DeleteObject", "arn:aws:s3:::b/k"),
    ],
)
def test_s3_by_method_and_path(method: str, host: str, path: str, action: str, resource: str) -> None:
    assert s3_action(method, host, path) == (action, resource)
