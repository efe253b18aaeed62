"""What a stack says under [local] about its instances, as the harness reads it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from harness.hosting.instances.kinds import read_local_settings
from harness.hosting.instances.settings import LocalSettings, LocalSettingsError, dump_local_settings
from tests.profiles import a_profile

PROFILE = a_profile()
CONTAINERS = ["http://model-1:8080", "http://10.0.0.7:9000/"]
TABLE: dict[str, Any] = {
    "instances": "twin",
    "server": "asgi",
    "containers": CONTAINERS,
    "provisioning_seconds": 180,
    "serve_unready": True,
    "concurrent_requests": 8,
}


def settings(responses: Path) -> LocalSettings:
    return LocalSettings(
        "twin", "asgi", responses, tuple(url.rstrip("/") for url in CONTAINERS), PROFILE, 180.0, True, 8
    )


def test_an_empty_table_is_a_process_with_torchserve() -> None:
    assert read_local_settings({}) == LocalSettings("process", "torchserve", None, (), None)


def test_json_has_the_profile_itself(tmp_path: Path) -> None:
    document = {**TABLE, "responses": str(tmp_path), "profile": PROFILE.model_dump(mode="json")}
    assert read_local_settings(document) == settings(tmp_path)


def test_a_stack_file_has_paths_that_start_in_its_folder(tmp_path: Path) -> None:
    (tmp_path / "recorded").mkdir()
    (tmp_path / "profile.json").write_text(PROFILE.to_json())
    table = {**TABLE, "responses": "recorded", "profile": "profile.json"}
    assert read_local_settings(table, tmp_path) == settings(tmp_path / "recorded")


@pytest.mark.parametrize("everything", [False, True])
def test_what_is_dumped_as_json_is_read_back(tmp_path: Path, everything: bool) -> None:
    original = settings(tmp_path) if everything else LocalSettings()
    assert read_local_settings(json.loads(json.dumps(dump_local_settings(original)))) == original


@pytest.mark.parametrize(
    ("document", "sentence"),
    [
        ({"server": "mms"}, "server: must be 'torchserve' or 'asgi', not \"mms\"."),
        ({"server": []}, "server: must be 'torchserve' or 'asgi', not []."),
        ({"responses": "/nowhere"}, "responses: there is no folder at /nowhere."),
        ({"responses": "n" * 300}, "responses: there is no folder at nnn"),
        ({"responses": 5}, "responses: must be a path, as a string."),
        (
            {"instances": "cloud"},
            'instances: "cloud" is not a kind of instance here; there are: container, process, twin.',
        ),
        ({"instances": 5}, "instances: must be the name of a kind of instance, not 5."),
        ({"instances": "container"}, 'instances: "container" needs containers, such as ["http://model-1:8080"].'),
        ({"instances": "twin"}, 'instances: "twin" needs a profile, the path of a capacity profile.'),
        (
            {"instances": "twin", "profile": {"version": 1}},
            "profile: The profile is not a capacity profile of version 1: name:",
        ),
        ({"profile": "profile.json"}, "profile: The profile is not a capacity profile"),
        ({"containers": "http://a:1"}, 'containers: must be a list of addresses such as ["http://model-1:8080"], not'),
        ({"containers": ["a:1"]}, 'containers.0: must be like http://model-1:8080, not "a:1".'),
        ({"containers": ["http://a:1/x"]}, "containers.0: must be like http://model-1:8080"),
        ({"provisioning_seconds": -1}, "provisioning_seconds: must be a number of seconds, not -1."),
        ({"provisioning_seconds": True}, "provisioning_seconds: must be a number of seconds, not true."),
        ({"serve_unready": "yes"}, 'serve_unready: must be true or false, not "yes".'),
        ({"concurrent_requests": 0}, "concurrent_requests: must be a whole number of at least 1, not 0."),
        ({"concurrent_requests": True}, "concurrent_requests: must be a whole number of at least 1, not true."),
        ({"sever": "asgi"}, "sever: unknown key; did you mean server? allowed here: concurrent_requests, containers, "),
        ({"serve_unready": 1, "server": 2}, "serve_unready: must be true or false, not 1. server: must be "),
    ],
)
def test_a_wrong_value_is_refused_with_what_is_allowed(document: dict[str, Any], sentence: str) -> None:
    with pytest.raises(LocalSettingsError) as refused:
        read_local_settings(document)
    assert str(refused.value).startswith(sentence)
