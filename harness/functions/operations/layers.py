"""Operations on layers and their versions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from harness.core.calls import Call
from harness.functions import errors, package
from harness.functions.layers import LayerVersion
from harness.functions.rules.configuration import timestamp
from harness.functions.rules.names import FunctionReference
from harness.functions.state import Operations, page

PAGE_SIZE = 50  # layers or versions a page at most (botocore)
_DESCRIBED = ("Description", "LicenseInfo", "CompatibleRuntimes", "CompatibleArchitectures")


class LayerOperations(Operations):
    """Publish, Get, List and Delete of LayerVersion; GetLayerVersionByArn and ListLayers."""

    async def publish_layer_version(self, call: Call, request: Mapping[str, Any]) -> dict[str, Any]:
        name = _name(request)
        uploaded = await package.read(self.state.backend, request["Content"])
        if uploaded.unpacked_size >= errors.UNZIPPED_LIMIT:
            raise errors.invalid(errors.UNZIPPED_TOO_LARGE)
        number = self.state.layers.next_version(call.account, call.region, name)
        described = {"Description": "", **{key: request[key] for key in _DESCRIBED if request.get(key)}}
        arn = f"arn:aws:lambda:{call.region}:{call.account}:layer:{name}:{number}"
        layer = LayerVersion(arn, number, uploaded, timestamp(self.state.now()), described)
        self.state.layers.add(call.account, call.region, name, layer)
        return await self._described(call, name, layer)

    async def get_layer_version(self, call: Call, request: Mapping[str, Any]) -> dict[str, Any]:
        name = _name(request)
        layer = self.state.layers.get(call.account, call.region, name, int(request["VersionNumber"]))
        return await self._described(call, name, layer)

    async def get_layer_version_by_arn(self, call: Call, request: Mapping[str, Any]) -> dict[str, Any]:
        layer = self.state.layers.by_arn(request["Arn"])
        if layer is None:
            raise errors.no_resource()
        return await self._described(call, layer.layer_arn.rpartition(":")[2], layer)

    async def list_layer_versions(self, call: Call, request: Mapping[str, Any]) -> dict[str, Any]:
        versions = self.state.layers.versions(call.account, call.region, _name(request))
        shown, marker = page([layer for layer in versions if _fits(layer, request)], request, PAGE_SIZE)
        return {"LayerVersions": [layer.summary() for layer in shown], **marker}

    async def list_layers(self, call: Call, request: Mapping[str, Any]) -> dict[str, Any]:
        newest = []
        for name in self.state.layers.names(call.account, call.region):
            versions = self.state.layers.versions(call.account, call.region, name)
            fitting = [layer for layer in versions if _fits(layer, request)]
            newest += [(name, fitting[0])] if fitting else []
        shown, marker = page(newest, request, PAGE_SIZE)
        listed = [
            {"LayerName": name, "LayerArn": layer.layer_arn, "LatestMatchingVersion": layer.summary()}
            for name, layer in shown
        ]
        return {"Layers": listed, **marker}

    async def delete_layer_version(self, call: Call, request: Mapping[str, Any]) -> dict[str, Any]:
        number = int(request["VersionNumber"])
        if number < 1:
            raise errors.invalid("Layer Version Cannot be less than 1")
        self.state.layers.delete(call.account, call.region, _name(request), number)
        return {}

    async def _described(self, call: Call, name: str, layer: LayerVersion) -> dict[str, Any]:
        stored = FunctionReference(call.account, call.region, f"layer-{name}")
        return {
            "Content": {
                "Location": await self.state.store.link(stored, layer.package),
                "CodeSha256": layer.package.sha256,
                "CodeSize": layer.package.size,
            },
            "LayerArn": layer.layer_arn,
            **layer.summary(),
        }


def _name(request: Mapping[str, Any]) -> str:
    return str(request["LayerName"]).rpartition(":")[2]


def _fits(layer: LayerVersion, request: Mapping[str, Any]) -> bool:
    """Whether a layer version has the runtime and architecture that a listing asks for."""
    pairs = (("CompatibleRuntime", "CompatibleRuntimes"), ("CompatibleArchitecture", "CompatibleArchitectures"))
    return all(
        not request.get(member) or request[member] in layer.described.get(described, ()) for member, described in pairs
    )
