"""Every owned operation answers valid and invalid requests, made from botocore's models, so that boto3 can read it.

It never fails with an error of the harness's own.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import botocore
import botocore.session
import pytest
from botocore.model import OperationModel
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from harness.functions.api import Functions
from harness.hosting.api import Hosting
from harness.hosting.runtime.api import HostingRuntime
from harness.scaling.api import Scaling
from tests.robustness.requests import Answered, bent, members, parsed, send, serialized
from tests.support import ACCOUNT, REGION, Aws, running_aws

EXAMPLES = 25
SERVICES: tuple[Any, ...] = (Hosting, HostingRuntime, Functions, Scaling)
NAMES = st.sampled_from(
    ["a", "some-name", "AllTraffic", "endpoint/some-name/variant/AllTraffic", f"arn:aws:iam::{ACCOUNT}:role/some-role"]
)


def operations() -> list[OperationModel]:
    session = botocore.session.get_session()
    operations = []
    for service in SERVICES:
        model = session.get_service_model(service.service_name)
        names = [name for name in model.operation_names if hasattr(service, botocore.xform_name(name))]
        operations += [model.operation_model(name) for name in names]
    return operations


OPERATIONS = operations()


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Aws]:
    """A local AWS for these tests only."""
    with running_aws() as aws:
        yield aws


def test_the_owned_operations_are_found() -> None:
    names = {f"{operation.service_model.service_name}.{operation.name}" for operation in OPERATIONS}
    assert len(names) >= 70
    assert {"sagemaker.CreateEndpoint", "sagemaker-runtime.InvokeEndpoint", "lambda.Invoke",
            "application-autoscaling.PutScalingPolicy"} <= names  # fmt: skip


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda model: f"{model.service_model.service_name}.{model.name}")
@settings(
    max_examples=EXAMPLES,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
    derandomize=True,
    database=None,
)
@given(data=st.data())
def test_every_answer_is_one_that_boto3_reads(own: Aws, operation: OperationModel, data: st.DataObject) -> None:
    shape = operation.input_shape
    request = data.draw(members(shape, NAMES)) if shape is not None else {}
    whole = serialized(operation, request, own.url)
    signing_name = operation.service_model.signing_name
    for sent in (whole, data.draw(bent(whole))):
        judge(operation, send(sent, signing_name, REGION))


def judge(operation: OperationModel, answer: Answered) -> None:
    assert answer.status != 500, answer.body
    assert b"Traceback" not in answer.body
    document = parsed(operation, answer)
    if answer.status >= 300:
        assert document["Error"]["Code"], answer.body
        assert "Message" in document["Error"], answer.body
