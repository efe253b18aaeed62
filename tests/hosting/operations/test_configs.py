"""What an endpoint configuration is refused for."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.hosting.hands import Held, variant
from tests.support import unique


@pytest.mark.parametrize(
    ("members", "said"),
    [
        ({"ServerlessConfig": {"MemorySizeInMB": 1024, "MaxConcurrency": 1}}, "ServerlessConfig is not part"),
        ({"InstancePools": [{"InstanceType": "ml.m5.large", "Priority": 1}]}, "InstancePools is not part"),
        ({"ManagedInstanceScaling": {"Status": "ENABLED"}}, "ManagedInstanceScaling is not part"),
        ({"RoutingConfig": {"RoutingStrategy": "KV_AWARE"}}, "choose RANDOM or LEAST_OUTSTANDING_REQUESTS"),
        ({"InstanceType": None}, "needs InstanceType"),
        ({"ModelName": None}, "needs ModelName"),
    ],
)
def test_an_unsupported_member_is_refused_with_a_sentence(held: Held, members: dict[str, Any], said: str) -> None:
    production_variant = {key: value for key, value in variant(held.model(), **members).items() if value is not None}
    with pytest.raises(ClientError, match=said):
        held.sagemaker.create_endpoint_config(
            EndpointConfigName=unique("config"), ProductionVariants=[production_variant]
        )


def test_one_shadow_of_one_variant(held: Held) -> None:
    """(botocore, CreateEndpointConfigInput)"""
    shadow = variant(held.model(), "shadow")
    with pytest.raises(ClientError, match="one production variant and one shadow"):
        held.config({"name": "a"}, {"name": "b"}, ShadowProductionVariants=[shadow])
    with pytest.raises(ClientError, match="must be unique"):
        held.config({"name": "shadow"}, ShadowProductionVariants=[shadow])


def test_an_endpoint_of_a_model_that_was_deleted_since(held: Held) -> None:
    config = held.config()
    description = held.sagemaker.describe_endpoint_config(EndpointConfigName=config)
    held.sagemaker.delete_model(ModelName=description["ProductionVariants"][0]["ModelName"])
    with pytest.raises(ClientError, match="Could not find model"):
        held.sagemaker.create_endpoint(EndpointName=unique("endpoint"), EndpointConfigName=config)


def test_a_pipeline_of_containers_and_a_prefix_of_archives(held: Held) -> None:
    create, name = held.sagemaker.create_model, unique("model")
    with pytest.raises(ClientError, match="inference pipelines are not part"):
        create(ModelName=name, Containers=[{"Image": "a"}, {"Image": "b"}])
    source = {"S3Uri": "s3://b/p/", "S3DataType": "S3Prefix", "CompressionType": "Gzip"}
    with pytest.raises(ClientError, match="must be S3Object"):
        create(ModelName=name, PrimaryContainer={"Image": "a", "ModelDataSource": {"S3DataSource": source}})
    with pytest.raises(ClientError, match="Multi-model endpoints are not part"):
        create(ModelName=name, PrimaryContainer={"Image": "a", "Mode": "MultiModel"})
    create(ModelName=name, Containers=[{"Image": "a"}])
