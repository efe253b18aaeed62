"""Layers: versioned zips that are unpacked beside a function's code."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from harness.functions import errors
from harness.functions.package import Package

MOST_LAYERS = 5  # that one function may use (Lambda guide, quotas)
_ARN = re.compile(
    r"arn:aws[a-zA-Z-]*:lambda:(?P<region>[a-z0-9-]+):(?P<account>\d{12}):layer:(?P<name>[\w-]+):(?P<version>\d+)"
)


@dataclass(frozen=True, slots=True)
class LayerVersion:
    """One published version. described: the members of PublishLayerVersion's request that answers repeat."""

    arn: str
    version: int
    package: Package
    created: str
    described: Mapping[str, Any]

    @property
    def layer_arn(self) -> str:
        return self.arn.rpartition(":")[0]

    def summary(self) -> dict[str, Any]:
        """botocore's LayerVersionsListItem."""
        return {
            "LayerVersionArn": self.arn,
            "Version": self.version,
            "CreatedDate": self.created,
            **self.described,
        }

    def used(self) -> dict[str, Any]:
        """botocore's Layer, the entry in a function's configuration."""
        return {"Arn": self.arn, "CodeSize": self.package.size}


class Layers:
    """All layers by account, region and name. Functions that already use a deleted version keep it."""

    def __init__(self) -> None:
        self._versions: dict[tuple[str, str, str], dict[int, LayerVersion]] = {}
        self._last: dict[tuple[str, str, str], int] = {}

    def next_version(self, account: str, region: str, name: str) -> int:
        """A version number that the layer never had, not even for a deleted version."""
        key = account, region, name
        self._last[key] = self._last.get(key, 0) + 1
        return self._last[key]

    def add(self, account: str, region: str, name: str, layer: LayerVersion) -> None:
        self._versions.setdefault((account, region, name), {})[layer.version] = layer

    def versions(self, account: str, region: str, name: str) -> list[LayerVersion]:
        """The layer's versions, the newest first."""
        return list(reversed(self._versions.get((account, region, name), {}).values()))

    def names(self, account: str, region: str) -> list[str]:
        return sorted(key[2] for key, versions in self._versions.items() if key[:2] == (account, region) and versions)

    def size(self, account: str, region: str) -> int:
        """Bytes of all packages."""
        stored = (versions for key, versions in self._versions.items() if key[:2] == (account, region))
        return sum(layer.package.size for versions in stored for layer in versions.values())

    def get(self, account: str, region: str, name: str, version: int) -> LayerVersion:
        """One version of a layer. Raises AwsError if it does not exist."""
        if version < 1:
            raise errors.invalid("Layer Version Cannot be less than 1")
        layer = self._versions.get((account, region, name), {}).get(version)
        if layer is None:
            raise errors.no_resource()
        return layer

    def by_arn(self, arn: str) -> LayerVersion | None:
        match = _ARN.fullmatch(arn)
        if match is None:
            return None
        return self._versions.get((match["account"], match["region"], match["name"]), {}).get(int(match["version"]))

    def delete(self, account: str, region: str, name: str, version: int) -> None:
        self._versions.get((account, region, name), {}).pop(version, None)

    def resolve(self, arns: Iterable[str], region: str) -> tuple[LayerVersion, ...]:
        """The versions with these ARNs, in their order. Raises AwsError if a function may not use them together."""
        resolved: dict[str, LayerVersion] = {}
        requested = list(arns)
        if len(requested) > MOST_LAYERS:
            raise errors.invalid(f"Cannot reference more than {MOST_LAYERS} layers.")
        for arn in requested:
            match = _ARN.fullmatch(arn)
            if match is None:
                raise errors.validation("layers", f"[{arn}]", f"Member must satisfy constraint: [{_ARN.pattern}]")
            if match["region"] != region:
                raise errors.invalid(
                    f"Layers are not in the same region as the function. Layers are expected to be in region {region}."
                )
            layer = self.by_arn(arn)
            if layer is None:
                raise errors.invalid(f"Layer version {arn} does not exist.")
            if layer.layer_arn in resolved:
                raise errors.invalid(
                    "Two different versions of the same layer are not allowed to be referenced in the same function. "
                    f"{resolved[layer.layer_arn].arn} and {arn} are versions of the same layer."
                )
            resolved[layer.layer_arn] = layer
        return tuple(resolved.values())
