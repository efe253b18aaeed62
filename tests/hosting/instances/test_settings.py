"""What a stack says under [local] about its instances, as the harness takes it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from harness.core.errors import AwsError
from harness.hosting.instances.base import LocalSettings
from harness.hosting.instances.settings import local_settings
from tests.profiles import a_profile


def test_nothing_said_is_a_process_with_torchserve() -> None:
    assert local_settings({}) == LocalSettings("process", "torchserve", None, (), None)


def test_everything_said(tmp_path: Path) -> None:
    profile = a_profile()
    found = local_settings(
        {
            "instances": "twin",
            "server": "asgi",
            "responses": str(tmp_path),
            "containers": ["http://model-1:8080", "http://10.0.0.7:9000/"],
            "profile": profile.model_dump(mode="json"),
            "provisioning_seconds": 180,
            "serve_unready": True,
            "concurrent_requests": 8,
        }
    )
    containers = ("http://model-1:8080", "http://10.0.0.7:9000")
    assert found == LocalSettings("twin", "asgi", tmp_path, containers, profile, 180.0, True, 8)


@pytest.mark.parametrize(
    ("document", "sentence"),
    [
        ({"server": "mms"}, "server must be one of torchserve, asgi, not 'mms'."),
        ({"responses": "/nowhere"}, "responses must be a folder of recorded responses; /nowhere is none."),
        (
            {"instances": "cloud"},
            "instances 'cloud' is no kind of instance here; there are: container, process, twin.",
        ),
        ({"instances": "container"}, "instances 'container' needs containers, such as [\"http://model-1:8080\"]."),
        ({"instances": "twin"}, "instances 'twin' needs a profile, the path of a capacity profile."),
        ({"instances": "twin", "profile": {"version": 1}}, "The profile is not a capacity profile of version 1: name:"),
        ({"containers": "http://a:1"}, "containers must be a list of addresses such as http://model-1:8080, not"),
        ({"containers": ["a:1"]}, "containers must be a list of addresses such as http://model-1:8080, not ['a:1']."),
        ({"containers": ["http://a:1/x"]}, "containers must be a list of addresses"),
        ({"provisioning_seconds": -1}, "provisioning_seconds must be a number of seconds, not -1."),
        ({"provisioning_seconds": True}, "provisioning_seconds must be a number of seconds, not True."),
        ({"serve_unready": "yes"}, "serve_unready must be true or false, not 'yes'."),
        ({"concurrent_requests": 0}, "concurrent_requests must be a whole number of at least 1, not 0."),
        ({"concurrent_requests": True}, "concurrent_requests must be a whole number of at least 1, not True."),
        ({"workers": 3}, "workers is no local setting; there are: instances, server, responses, containers, profile"),
    ],
)
def test_what_cannot_be_is_refused_with_what_can(document: dict[str, Any], sentence: str) -> None:
    with pytest.raises(AwsError) as found:
        local_settings(document)
    assert found.value.code == "ValidationException"
    assert found.value.message.startswith(sentence)
