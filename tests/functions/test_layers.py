"""Layers. Texts as recorded from AWS."""

import asyncio
import urllib.request
from typing import Any

import pytest

from tests.functions.conftest import ACCOUNT, REGION, Lambda, check_answer, refused, zipped

ARN = f"arn:aws:lambda:{REGION}:{ACCOUNT}:layer:"
USES = "import breeds, os\ndef handler(event, context): return [breeds.name, os.environ['PATH']]"


async def publish(lambda_: Lambda, name: str, source: str = "name = 'akita'", **more: Any) -> dict[str, Any]:
    content = {"ZipFile": zipped(source, "python/breeds.py")}
    return await lambda_("PublishLayerVersion", LayerName=name, Content=content, **more)


async def test_a_function_can_import_the_modules_of_its_layers(lambda_: Lambda) -> None:
    published = await publish(lambda_, "breeds", Description="names", CompatibleRuntimes=["python3.11"])
    check_answer("PublishLayerVersion", published)
    assert (published["LayerVersionArn"], published["Version"]) == (f"{ARN}breeds:1", 1)
    name = await lambda_.create(USES, Layers=[f"{ARN}breeds:1"])
    breed, path = (await lambda_.invoke(name)).payload
    assert breed == "akita"
    assert path.endswith("layer0/bin")
    configuration = await lambda_("GetFunctionConfiguration", FunctionName=name)
    check_answer("GetFunctionConfiguration", configuration)
    assert configuration["Layers"] == [{"Arn": f"{ARN}breeds:1", "CodeSize": published["Content"]["CodeSize"]}]


async def test_a_module_comes_from_the_code_first_then_from_the_last_layer_that_has_it(lambda_: Lambda) -> None:
    await publish(lambda_, "low", "name = 'low'")
    await publish(lambda_, "high", "name = 'high'")
    layers = [f"{ARN}low:1", f"{ARN}high:1"]
    name = await lambda_.create(USES, Layers=layers)
    assert (await lambda_.invoke(name)).payload[0] == "high"
    await lambda_("UpdateFunctionConfiguration", FunctionName=name, Layers=layers[::-1])
    assert (await lambda_.invoke(name)).payload[0] == "low"
    own = await lambda_.create(
        zipped("name = 'own'\ndef handler(event, context): return name", "breeds.py"),
        Layers=layers,
        Handler="breeds.handler",
    )
    assert (await lambda_.invoke(own)).payload == "own"


async def test_layer_versions_are_read_listed_and_deleted(lambda_: Lambda) -> None:
    for source in ("name = 1", "name = 2"):
        published = await publish(lambda_, "many", source, CompatibleRuntimes=["python3.12"])
    version = await lambda_("GetLayerVersion", LayerName="many", VersionNumber=2)
    check_answer("GetLayerVersion", version)
    assert {**version, "Content": {}} == {**published, "Content": {}}
    with await asyncio.to_thread(urllib.request.urlopen, version["Content"]["Location"]) as answer:
        assert answer.read() == zipped("name = 2", "python/breeds.py")
    by_arn = await lambda_("GetLayerVersionByArn", Arn=f"{ARN}many:1")
    assert by_arn["Version"] == 1
    listed = await lambda_("ListLayerVersions", LayerName="many")
    check_answer("ListLayerVersions", listed)
    assert [version["Version"] for version in listed["LayerVersions"]] == [2, 1]
    layers = await lambda_("ListLayers", CompatibleRuntime="python3.12")
    check_answer("ListLayers", layers)
    latest = {layer["LayerName"]: layer["LatestMatchingVersion"]["Version"] for layer in layers["Layers"]}
    assert latest == {"many": 2}
    assert await lambda_("ListLayers", CompatibleRuntime="python3.9") == {"Layers": []}
    name = await lambda_.create(USES, Layers=[f"{ARN}many:2"])
    await lambda_("DeleteLayerVersion", LayerName="many", VersionNumber=2)
    assert (await lambda_.invoke(name)).payload[0] == 2  # a function that uses a deleted version keeps it
    error = await refused(lambda_("GetLayerVersion", LayerName="many", VersionNumber=2))
    assert (error.status, error.message) == (404, "The resource you requested does not exist.")
    assert (await publish(lambda_, "many"))["Version"] == 3


@pytest.mark.parametrize(
    ("layers", "message"),
    [
        ([f"{ARN}gone:1"], f"Layer version {ARN}gone:1 does not exist."),
        (
            [f"{ARN}twice:1", f"{ARN}twice:2"],
            "Two different versions of the same layer are not allowed to be referenced in the same function. "
            f"{ARN}twice:1 and {ARN}twice:2 are versions of the same layer.",
        ),
        ([f"{ARN}twice:1"] * 6, "Cannot reference more than 5 layers."),
        (
            ["arn:aws:lambda:eu-west-1:123456789012:layer:twice:1"],
            "Layers are not in the same region as the function. Layers are expected to be in region us-east-1.",
        ),
    ],
)
async def test_layers_that_cannot_be_used(lambda_: Lambda, layers: list[str], message: str) -> None:
    for _ in range(2):
        await publish(lambda_, "twice")
    assert (await refused(lambda_.create(Layers=layers))).message == message
    name = await lambda_.create()
    assert (await refused(lambda_("UpdateFunctionConfiguration", FunctionName=name, Layers=layers))).message == message


async def test_a_layer_that_is_not_a_zip_is_refused(lambda_: Lambda) -> None:
    error = await refused(lambda_("PublishLayerVersion", LayerName="bad", Content={"ZipFile": b"no"}))
    assert error.message.startswith("Could not unzip uploaded file")
    assert (await refused(lambda_("GetLayerVersion", LayerName="bad", VersionNumber=0))).message == (
        "Layer Version Cannot be less than 1"
    )
