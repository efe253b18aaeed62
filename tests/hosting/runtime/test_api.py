"""InvokeEndpoint, through boto3 and the real model server."""

from __future__ import annotations

import json

import pytest
from botocore.exceptions import ClientError

from tests.hosting.conftest import Deployed
from tests.support import ACCOUNT

pytestmark = pytest.mark.torch


def test_body_content_type_and_variant_come_back(echo: Deployed) -> None:
    answer = echo.invoke({"dog": "Carolina"})
    assert json.loads(answer["Body"])["echo"] == {"dog": "Carolina"}
    assert answer["ContentType"] == "application/json"
    assert answer["InvokedProductionVariant"] == "AllTraffic"


def test_the_container_has_the_models_environment_and_the_roles_credentials(echo: Deployed) -> None:
    environment = json.loads(echo.invoke({})["Body"])
    assert environment["env"] == "hello"
    assert environment["role"].startswith("ASIA")


def test_a_handlers_exception_is_a_model_error(echo: Deployed) -> None:
    """ModelError 424 with OriginalStatusCode, OriginalMessage and LogStreamArn (botocore); text as in public logs."""
    with pytest.raises(ClientError) as refused:
        echo.invoke({"fail": "no such breed"})
    answer = refused.value.response
    assert answer["Error"]["Code"] == "ModelError"
    assert answer["ResponseMetadata"]["HTTPStatusCode"] == 424
    assert answer["OriginalStatusCode"] == 500
    assert "no such breed" in answer["OriginalMessage"]
    group = f"/aws/sagemaker/Endpoints/{echo.name}"
    assert answer["LogStreamArn"] == f"arn:aws:logs:us-east-1:{ACCOUNT}:log-group:{group}"
    message = answer["Error"]["Message"]
    assert message.startswith('Received server error (500) from primary with message "')
    assert message.endswith(
        f"See https://us-east-1.console.aws.amazon.com/cloudwatch/home?region=us-east-1#logEventViewer:group={group} "
        f"in account {ACCOUNT} for more information."
    )


def test_an_endpoint_that_does_not_exist(echo: Deployed) -> None:
    other = Deployed(echo.aws, "none")
    with pytest.raises(ClientError) as refused:
        other.invoke({})
    assert refused.value.response["Error"] == {
        "Code": "ValidationError",
        "Message": f"Endpoint none of account {ACCOUNT} not found.",
    }


def test_the_names_case_must_be_matched(echo: Deployed) -> None:
    """Preserved and must be matched in InvokeEndpoint (botocore, CreateEndpointInput)."""
    with pytest.raises(ClientError, match="not found"):
        Deployed(echo.aws, echo.name.lower()).invoke({})


def test_a_target_variant(echo: Deployed) -> None:
    assert echo.invoke({}, TargetVariant="AllTraffic")["InvokedProductionVariant"] == "AllTraffic"
    with pytest.raises(ClientError, match="Variant Blue not found"):
        echo.invoke({}, TargetVariant="Blue")
