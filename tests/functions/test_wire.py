"""Each operation works through boto3 and the gateway: routes, query strings, status codes and shapes match botocore."""

from __future__ import annotations

import json

from tests.functions.conftest import zipped
from tests.support import Aws, unique


def test_every_operation_through_boto3(aws: Aws) -> None:
    client, name, layer = aws.client("lambda"), unique("wire"), unique("layer")
    published = client.publish_layer_version(LayerName=layer, Content={"ZipFile": zipped("x = 1", "python/x.py")})
    layer_arn = published["LayerVersionArn"]
    assert client.get_layer_version(LayerName=layer, VersionNumber=1)["LayerVersionArn"] == layer_arn
    assert client.get_layer_version_by_arn(Arn=layer_arn)["Version"] == 1
    assert layer in [layer["LayerName"] for layer in client.list_layers()["Layers"]]
    assert len(client.list_layer_versions(LayerName=layer)["LayerVersions"]) == 1

    client.create_function(
        FunctionName=name,
        Runtime="python3.12",
        Handler="app.handler",
        Role=aws.role(),
        Code={"ZipFile": zipped("import x\ndef handler(event, context): return [x.x, context.function_version]")},
        Layers=[layer_arn],
        EphemeralStorage={"Size": 1024},
    )
    client.get_waiter("function_active_v2").wait(FunctionName=name)
    client.get_waiter("function_updated_v2").wait(FunctionName=name)
    arn = client.get_function(FunctionName=name)["Configuration"]["FunctionArn"]
    assert client.publish_version(FunctionName=name)["Version"] == "1"
    assert len(client.list_versions_by_function(FunctionName=name)["Versions"]) == 2
    client.create_alias(FunctionName=name, Name="live", FunctionVersion="1")
    client.update_alias(FunctionName=name, Name="live", Description="traffic")
    assert client.get_alias(FunctionName=name, Name="live")["Description"] == "traffic"
    assert len(client.list_aliases(FunctionName=name)["Aliases"]) == 1
    answer = client.invoke(FunctionName=name, Qualifier="live")
    assert (json.loads(answer["Payload"].read()), answer["ExecutedVersion"]) == ([1, "1"], "1")
    assert json.loads(client.invoke(FunctionName=f"{arn}:live")["Payload"].read()) == [1, "1"]

    client.put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=2)
    assert client.get_function_concurrency(FunctionName=name)["ReservedConcurrentExecutions"] == 2
    client.delete_function_concurrency(FunctionName=name)
    where = {"FunctionName": name, "Qualifier": "live"}
    client.put_provisioned_concurrency_config(**where, ProvisionedConcurrentExecutions=1)
    assert client.get_provisioned_concurrency_config(**where)["Status"] == "IN_PROGRESS"
    listed = client.list_provisioned_concurrency_configs(FunctionName=name)
    assert [config["FunctionArn"] for config in listed["ProvisionedConcurrencyConfigs"]] == [f"{arn}:live"]
    client.delete_provisioned_concurrency_config(**where)
    assert client.get_account_settings()["AccountLimit"]["ConcurrentExecutions"] == 1_000

    client.put_function_event_invoke_config(**where, MaximumRetryAttempts=0)
    client.update_function_event_invoke_config(**where, MaximumEventAgeInSeconds=60)
    assert client.get_function_event_invoke_config(**where)["MaximumEventAgeInSeconds"] == 60
    assert len(client.list_function_event_invoke_configs(FunctionName=name)["FunctionEventInvokeConfigs"]) == 1
    client.delete_function_event_invoke_config(**where)

    grant = {"StatementId": "s3", "Action": "lambda:InvokeFunction", "Principal": "s3.amazonaws.com"}
    client.add_permission(**where, **grant)
    assert json.loads(client.get_policy(**where)["Policy"])["Statement"][0]["Sid"] == "s3"
    client.remove_permission(**where, StatementId="s3")
    client.tag_resource(Resource=arn, Tags={"team": "dogs", "stage": "test"})
    client.untag_resource(Resource=arn, TagKeys=["stage"])
    assert client.list_tags(Resource=arn)["Tags"] == {"team": "dogs"}

    client.delete_alias(FunctionName=name, Name="live")
    client.delete_function(FunctionName=name, Qualifier="1")
    client.delete_function(FunctionName=name)
    client.delete_layer_version(LayerName=layer, VersionNumber=1)
    assert client.list_layer_versions(LayerName=layer)["LayerVersions"] == []


def test_a_client_sees_a_throttle_as_on_aws(aws: Aws) -> None:
    client, name = aws.client("lambda"), unique("throttled")
    code = {"ZipFile": zipped("def handler(event, context): pass")}
    client.create_function(FunctionName=name, Runtime="python3.12", Handler="app.handler", Role=aws.role(), Code=code)
    client.put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=0)
    try:
        client.invoke(FunctionName=name)
    except client.exceptions.TooManyRequestsException as error:
        response = error.response
    assert (response["Reason"], response["Type"], response["Error"]["Message"]) == (
        "ReservedFunctionConcurrentInvocationLimitExceeded",
        "User",
        "Rate Exceeded.",
    )
    assert response["ResponseMetadata"]["HTTPStatusCode"] == 429
    assert response["ResponseMetadata"]["HTTPHeaders"]["retry-after"] == "1"
