"""SageMaker's hosting operations, through boto3."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import psutil
import pytest
from botocore.exceptions import ClientError

from harness.hosting.instances.settings import LocalSettings
from tests.hosting.conftest import IMAGE, Deployed, create_endpoint, settled
from tests.hosting.hands import Held, variant
from tests.hosting.models import BROKEN, ECHO, model_tar
from tests.support import ACCOUNT, Aws, unique

pytestmark = pytest.mark.torch


def refusal(call: Any, **request: Any) -> str:
    with pytest.raises(ClientError) as refused:
        call(**request)
    assert refused.value.response["Error"]["Code"] == "ValidationException"
    return str(refused.value.response["Error"]["Message"])


def arn(kind: str, name: str) -> str:
    return f"arn:aws:sagemaker:us-east-1:{ACCOUNT}:{kind}/{name.lower()}"


class TestModels:
    def test_created_described_listed_deleted(self, aws: Aws) -> None:
        sagemaker, name = aws.client("sagemaker"), unique("model")
        container = {"Image": IMAGE, "Environment": {"A": "b"}}
        created = sagemaker.create_model(ModelName=name, PrimaryContainer=container)
        assert created["ModelArn"] == arn("model", name)
        described = sagemaker.describe_model(ModelName=name)
        assert described["PrimaryContainer"] == container
        assert [model["ModelName"] for model in sagemaker.list_models(NameContains=name)["Models"]] == [name]
        sagemaker.delete_model(ModelName=name)
        assert refusal(sagemaker.describe_model, ModelName=name) == f'Could not find model "{arn("model", name)}".'

    def test_a_name_that_is_taken(self, aws: Aws) -> None:
        sagemaker, name = aws.client("sagemaker"), unique("model")
        sagemaker.create_model(ModelName=name, PrimaryContainer={"Image": IMAGE})
        message = refusal(sagemaker.create_model, ModelName=name, PrimaryContainer={"Image": IMAGE})
        assert message == f'Cannot create already existing model "{arn("model", name)}".'

    def test_a_model_without_a_container(self, aws: Aws) -> None:
        assert "PrimaryContainer" in refusal(aws.client("sagemaker").create_model, ModelName=unique("model"))

    @pytest.mark.parametrize("key", ["none.tar.gz", "files/"])
    def test_model_data_that_is_not_there(self, aws: Aws, key: str) -> None:
        """(public logs of CreateModel)"""
        sagemaker, bucket = aws.client("sagemaker"), unique("empty")
        source = {"S3Uri": f"s3://{bucket}/{key}", "S3DataType": "S3Prefix", "CompressionType": "None"}
        data = {"ModelDataSource": {"S3DataSource": source}} if key == "files/" else {"ModelDataUrl": source["S3Uri"]}
        request = {"ModelName": bucket, "PrimaryContainer": {"Image": IMAGE, **data}}
        assert refusal(sagemaker.create_model, **request) == f"Could not find model data at s3://{bucket}/{key}."
        aws.client("s3").create_bucket(Bucket=bucket)
        assert refusal(sagemaker.create_model, **request) == f"Could not find model data at s3://{bucket}/{key}."
        aws.client("s3").put_object(Bucket=bucket, Key=f"{key}w.pth" if key == "files/" else key, Body=b"w")
        sagemaker.create_model(**request)

    @pytest.mark.parametrize("name", ["dog_breed", "-dog", "dog-", "Dog breed"])
    def test_a_name_that_is_none(self, aws: Aws, name: str) -> None:
        """Every name of hosting has a pattern (botocore), and AWS one sentence for it (public logs)."""
        sagemaker = aws.client("sagemaker")
        variant = {"VariantName": name, "ModelName": "m", "InstanceType": "ml.m5.large", "InitialInstanceCount": 1}
        calls: dict[str, tuple[Any, dict[str, Any]]] = {
            "modelName": (sagemaker.create_model, {"ModelName": name, "PrimaryContainer": {"Image": IMAGE}}),
            "endpointConfigName": (
                sagemaker.create_endpoint_config,
                {"EndpointConfigName": name, "ProductionVariants": [{**variant, "VariantName": "v"}]},
            ),
            "productionVariants.1.member.variantName": (
                sagemaker.create_endpoint_config,
                {"EndpointConfigName": "c", "ProductionVariants": [variant]},
            ),
            "endpointName": (sagemaker.create_endpoint, {"EndpointName": name, "EndpointConfigName": "c"}),
        }
        for place, (call, request) in calls.items():
            assert refusal(call, **request).startswith(
                f"1 validation error detected: Value '{name}' at '{place}' failed to satisfy constraint: Member must "
                "satisfy regular expression pattern: "
            )

    def test_pages(self, aws: Aws) -> None:
        sagemaker, prefix = aws.client("sagemaker"), unique("page")
        names = [f"{prefix}-{number}" for number in range(5)]
        for name in names:
            sagemaker.create_model(ModelName=name, PrimaryContainer={"Image": IMAGE})
        pages = sagemaker.get_paginator("list_models").paginate(
            NameContains=prefix, SortBy="Name", SortOrder="Ascending", PaginationConfig={"PageSize": 2}
        )
        assert [[model["ModelName"] for model in page["Models"]] for page in pages] == [
            names[:2],
            names[2:4],
            names[4:],
        ]
        assert "NextToken" in refusal(sagemaker.list_models, NextToken="nonsense!")


class TestEndpointConfigs:
    def test_created_described_listed_deleted(self, aws: Aws) -> None:
        sagemaker, name = aws.client("sagemaker"), unique("config")
        sagemaker.create_model(ModelName=name, PrimaryContainer={"Image": IMAGE})
        variant = {"VariantName": "v", "ModelName": name, "InstanceType": "ml.m5.large", "InitialInstanceCount": 2}
        sagemaker.create_endpoint_config(EndpointConfigName=name, ProductionVariants=[variant])
        assert sagemaker.describe_endpoint_config(EndpointConfigName=name)["ProductionVariants"] == [variant]
        listed = sagemaker.list_endpoint_configs(NameContains=name)["EndpointConfigs"]
        assert [config["EndpointConfigName"] for config in listed] == [name]
        sagemaker.delete_endpoint_config(EndpointConfigName=name)
        message = refusal(sagemaker.describe_endpoint_config, EndpointConfigName=name)
        assert message == f'Could not find endpoint configuration "{arn("endpoint-config", name)}".'

    def test_an_unknown_model(self, aws: Aws) -> None:
        variant = {"VariantName": "v", "ModelName": "none", "InstanceType": "ml.m5.large", "InitialInstanceCount": 1}
        create = aws.client("sagemaker").create_endpoint_config
        message = refusal(create, EndpointConfigName=unique("c"), ProductionVariants=[variant])
        assert message == f'Could not find model "{arn("model", "none")}".'

    def test_an_unknown_instance_type(self, aws: Aws) -> None:
        variant = {"VariantName": "v", "ModelName": "none", "InstanceType": "ml.m5.huge", "InitialInstanceCount": 1}
        create = aws.client("sagemaker").create_endpoint_config
        message = refusal(create, EndpointConfigName=unique("c"), ProductionVariants=[variant])
        assert (
            "'productionVariants.1.member.instanceType' failed to satisfy constraint: Member must satisfy enum"
            in message
        )

    def test_variants_of_one_name_and_variants_without_instances(self, aws: Aws) -> None:
        sagemaker, name = aws.client("sagemaker"), unique("config")
        sagemaker.create_model(ModelName=name, PrimaryContainer={"Image": IMAGE})
        variant = {"VariantName": "v", "ModelName": name, "InstanceType": "ml.m5.large", "InitialInstanceCount": 1}
        create = sagemaker.create_endpoint_config
        assert "unique" in refusal(create, EndpointConfigName=name, ProductionVariants=[variant, variant])
        serverless = {
            "VariantName": "v",
            "ModelName": name,
            "ServerlessConfig": {"MemorySizeInMB": 1024, "MaxConcurrency": 1},
        }
        assert "InstanceType" in refusal(create, EndpointConfigName=name, ProductionVariants=[serverless])


class TestEndpoints:
    def test_in_service_only_when_it_answers(self, echo: Deployed) -> None:
        description = echo.describe()
        assert description["EndpointArn"] == arn("endpoint", echo.name)
        (variant,) = description["ProductionVariants"]
        assert (variant["VariantName"], variant["CurrentInstanceCount"], variant["DesiredInstanceCount"]) == (
            "AllTraffic",
            1,
            1,
        )
        assert echo.invoke({"a": 1})["ResponseMetadata"]["HTTPStatusCode"] == 200

    def test_listed_by_status(self, echo: Deployed) -> None:
        sagemaker = echo.aws.client("sagemaker")
        listed = sagemaker.list_endpoints(NameContains=echo.name, StatusEquals="InService")["Endpoints"]
        assert [summary["EndpointName"] for summary in listed] == [echo.name]
        assert not sagemaker.list_endpoints(NameContains=echo.name, StatusEquals="Failed")["Endpoints"]

    def test_listed_by_the_time_of_their_last_change_and_sorted_by_status(self, held: Held) -> None:
        prefix, config = unique("listed"), held.config()
        names = [f"{prefix}-{number}" for number in range(3)]
        for name in names:
            held.aws.local.hosting.configure(name, LocalSettings(instances="hand"))
            held.sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=config)
            held.settled(name)
            held.advance(10)
        before = datetime.fromtimestamp(held.clock.now(), UTC)
        held.hands.broken["v"] = "broken"
        held.sagemaker.update_endpoint(EndpointName=names[1], EndpointConfigName=config)
        held.settled(names[1])
        held.hands.ready.clear()
        held.sagemaker.update_endpoint(EndpointName=names[0], EndpointConfigName=config)

        def listed(**request: Any) -> list[str]:
            endpoints = held.sagemaker.list_endpoints(NameContains=prefix, **request)["Endpoints"]
            return [endpoint["EndpointName"] for endpoint in endpoints]

        assert listed() == names[::-1]
        assert listed(LastModifiedTimeAfter=before) == [names[1], names[0]]
        assert listed(LastModifiedTimeBefore=before - timedelta(seconds=1)) == [names[2]]
        assert listed(SortBy="Status", SortOrder="Ascending") == [names[1], names[2], names[0]]
        held.aws.run(held.hands.open())
        held.settled(names[0])

    def test_names_differ_in_more_than_case(self, echo: Deployed) -> None:
        """The name is case-insensitive in CreateEndpoint (botocore)."""
        create = echo.aws.client("sagemaker").create_endpoint
        message = refusal(create, EndpointName=echo.name.upper(), EndpointConfigName=echo.name)
        assert message == f'Cannot create already existing endpoint "{arn("endpoint", echo.name)}".'

    def test_the_waiter_and_deletion(self, aws: Aws) -> None:
        endpoint, sagemaker = create_endpoint(aws, model_tar(ECHO)), aws.client("sagemaker")
        assert endpoint.describe()["EndpointStatus"] == "Creating"
        waiting = {"Delay": 1, "MaxAttempts": 120}
        sagemaker.get_waiter("endpoint_in_service").wait(EndpointName=endpoint.name, WaiterConfig=waiting)
        pid = int(endpoint.invoke({})["Body"].split(b'"pid": ')[1].split(b",")[0])
        sagemaker.delete_endpoint(EndpointName=endpoint.name)
        sagemaker.get_waiter("endpoint_deleted").wait(EndpointName=endpoint.name, WaiterConfig=waiting)
        assert not psutil.pid_exists(pid)

    def test_an_unknown_configuration(self, aws: Aws) -> None:
        message = refusal(aws.client("sagemaker").create_endpoint, EndpointName=unique("e"), EndpointConfigName="none")
        assert message == f'Could not find endpoint configuration "{arn("endpoint-config", "none")}".'

    def test_an_endpoint_in_progress_can_be_neither_updated_nor_deleted(self, aws: Aws) -> None:
        """The same sentence for both (public logs of DeleteEndpoint and of UpdateEndpoint)."""
        endpoint, sagemaker = create_endpoint(aws, model_tar(ECHO)), aws.client("sagemaker")
        in_progress = f'Cannot update in-progress endpoint "{arn("endpoint", endpoint.name)}".'
        assert refusal(sagemaker.delete_endpoint, EndpointName=endpoint.name) == in_progress
        again = {"EndpointName": endpoint.name, "EndpointConfigName": endpoint.name}
        assert refusal(sagemaker.update_endpoint, **again) == in_progress
        settled(endpoint)
        sagemaker.delete_endpoint(EndpointName=endpoint.name)


class TestFailedEndpoints:
    """Failed with the container's own last lines as FailureReason."""

    def test_an_inference_py_that_cannot_be_imported(self, aws: Aws) -> None:
        description = settled(create_endpoint(aws, model_tar(BROKEN)))
        assert description["EndpointStatus"] == "Failed"
        assert description["FailureReason"].startswith(
            "The primary container for production variant AllTraffic did not pass the ping health check. Please check "
            "CloudWatch logs for this endpoint. "
        )
        assert "the breed list is missing" in description["FailureReason"]
        assert len(description["FailureReason"]) <= 1024

    def test_an_archive_without_code(self, aws: Aws) -> None:
        description = settled(create_endpoint(aws, model_tar(None)))
        assert description["EndpointStatus"] == "Failed"
        assert "Exactly one .pth or .pt file is required" in description["FailureReason"]
        assert "model.tar.gz has no code/inference.py" in description["FailureReason"]

    def test_what_is_no_archive(self, aws: Aws) -> None:
        """The first two sentences as in public logs."""
        endpoint = create_endpoint(aws, b"not a tar")
        description = settled(endpoint)
        assert description["EndpointStatus"] == "Failed"
        assert description["FailureReason"].startswith(
            f'Failed to extract model data archive from URL "s3://{endpoint.name.lower()}/model.tar.gz". Please ensure '
            "that the object located at the URL is a valid tar.gz archive."
        )

    def test_model_data_that_was_deleted_after_create_model(self, held: Held) -> None:
        """Where an endpoint needs it: one that is there already, or a kind that runs no model, does not."""
        s3, sagemaker, bucket = held.client("s3"), held.sagemaker, unique("gone")
        s3.create_bucket(Bucket=bucket)
        s3.put_object(Bucket=bucket, Key="m.tar.gz", Body=b"")
        container = {"Image": IMAGE, "ModelDataUrl": f"s3://{bucket}/m.tar.gz"}
        sagemaker.create_model(ModelName=bucket, PrimaryContainer=container)
        sagemaker.create_endpoint_config(EndpointConfigName=bucket, ProductionVariants=[variant(bucket)])
        s3.delete_object(Bucket=bucket, Key="m.tar.gz")
        sagemaker.create_endpoint(EndpointName=bucket, EndpointConfigName=bucket)
        description = held.settled(bucket)
        assert description["FailureReason"] == f"Could not find model data at s3://{bucket}/m.tar.gz."
        assert held.settled(held.endpoint(bucket, wait=False))["EndpointStatus"] == "InService"

    def test_an_endpoint_that_failed_can_be_deleted_and_not_invoked(self, aws: Aws) -> None:
        endpoint = create_endpoint(aws, b"not a tar")
        settled(endpoint)
        with pytest.raises(ClientError, match="not found"):
            endpoint.invoke({})
        aws.client("sagemaker").delete_endpoint(EndpointName=endpoint.name)
