"""The profile `moto`, and the settings for a later LocalStack."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.compose.conftest import Compose
from tests.compose.helpers import invoke, project
from tests.end_to_end.deployed import STACK


def test_moto_instead_of_localstack(compose: Compose) -> None:
    with project(compose, "moto", STACK, BACKEND_URL="http://moto:5000") as (other, deployed):
        other("--profile", "moto", "up", "-d", "--scale", "localstack=0")
        other("wait", "deploy")
        assert other.containers("localstack") == []
        assert invoke(deployed) == 133


@pytest.mark.parametrize(
    ("chosen", "image", "token", "internal"),
    [
        ({}, "localstack/localstack:4.14.0", "", True),
        (
            {
                "LOCALSTACK_IMAGE": "localstack/localstack:2026.10",
                "LOCALSTACK_AUTH_TOKEN": "t",
                "INNER_INTERNAL": "false",
            },
            "localstack/localstack:2026.10",
            "t",
            False,
        ),
    ],
)
def test_only_localstack_gets_its_token(chosen: dict[str, str], image: str, token: str, internal: bool) -> None:
    services, networks = configured(**chosen)
    assert services["localstack"]["image"] == image
    assert services["localstack"]["environment"].get("LOCALSTACK_AUTH_TOKEN") == token
    assert [
        name for name, service in services.items() if "LOCALSTACK_AUTH_TOKEN" in service.get("environment", {})
    ] == ["localstack"]
    assert bool(networks["inner"].get("internal")) is internal


def configured(**chosen: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """The services and networks that compose reads from the file. It needs no engine for that."""
    project = json.loads(Compose({"LOCALSTACK_AUTH_TOKEN": "", **chosen})("config", "--format", "json"))
    return project["services"], project["networks"]
