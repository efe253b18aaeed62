"""Tags of hosting's resources here, of all others at the backend."""

from __future__ import annotations

import pytest
from botocore.exceptions import ClientError

from tests.hosting.hands import IMAGE, Held
from tests.support import ACCOUNT, unique

DOG, CAT = {"Key": "team", "Value": "dogs"}, {"Key": "pet", "Value": "cat"}


def test_tags_are_given_at_creation_added_listed_and_deleted(held: Held) -> None:
    name = unique("model")
    created = held.sagemaker.create_model(ModelName=name, PrimaryContainer={"Image": IMAGE}, Tags=[DOG])
    arn = created["ModelArn"]
    assert held.sagemaker.add_tags(ResourceArn=arn, Tags=[CAT])["Tags"] == [DOG, CAT]
    held.sagemaker.delete_tags(ResourceArn=arn, TagKeys=["team", "none"])
    assert held.sagemaker.list_tags(ResourceArn=arn)["Tags"] == [CAT]


def test_configurations_and_endpoints_have_tags_until_they_are_deleted(held: Held) -> None:
    config, name = held.config(Tags=[DOG]), unique("endpoint")
    held.endpoint(config)
    arn = held.sagemaker.describe_endpoint_config(EndpointConfigName=config)["EndpointConfigArn"]
    assert held.sagemaker.list_tags(ResourceArn=arn)["Tags"] == [DOG]
    held.sagemaker.delete_endpoint_config(EndpointConfigName=config)
    with pytest.raises(ClientError, match="Could not find endpoint configuration"):
        held.sagemaker.list_tags(ResourceArn=arn)
    missing = f"arn:aws:sagemaker:us-east-1:{ACCOUNT}:endpoint/{name}"
    with pytest.raises(ClientError, match="Could not find endpoint"):
        held.sagemaker.add_tags(ResourceArn=missing, Tags=[DOG])


def test_50_at_most(held: Held) -> None:
    """TagList (botocore)."""
    arn = held.sagemaker.create_model(ModelName=unique("model"), PrimaryContainer={"Image": IMAGE})["ModelArn"]
    tags = [{"Key": f"k{number}", "Value": ""} for number in range(50)]
    held.sagemaker.add_tags(ResourceArn=arn, Tags=tags)
    held.sagemaker.add_tags(ResourceArn=arn, Tags=tags)
    with pytest.raises(ClientError, match="50 tags"):
        held.sagemaker.add_tags(ResourceArn=arn, Tags=[DOG])


def test_tags_of_the_backends_resources_are_the_backends(held: Held) -> None:
    name = unique("experiment")
    arn = held.sagemaker.create_experiment(ExperimentName=name)["ExperimentArn"]
    held.sagemaker.add_tags(ResourceArn=arn, Tags=[DOG])
    assert held.sagemaker.list_tags(ResourceArn=arn)["Tags"] == [DOG]
    held.sagemaker.delete_tags(ResourceArn=arn, TagKeys=["team"])
    assert held.sagemaker.list_tags(ResourceArn=arn)["Tags"] == []
