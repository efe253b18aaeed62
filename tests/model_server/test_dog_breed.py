"""The dog-breed model as the write-ups run it, unmodified and offline, in TorchServe."""

from __future__ import annotations

import runpy
from collections.abc import Iterator
from pathlib import Path

import pytest

from model_server.archive import unpack
from tests.model_server.serving import DOG_BREED, ModelServer, serving

pytestmark = pytest.mark.torch

EVENT = (DOG_BREED / "event.json").read_bytes()
PHOTO = (DOG_BREED / "images" / "photo.jpg").read_bytes()


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ModelServer]:
    archive = runpy.run_path(str(DOG_BREED / "build.py"))["build_model"]()
    model_dir: Path = tmp_path_factory.mktemp("model")
    unpack(archive, model_dir)
    responses = str(DOG_BREED / "responses")
    with serving(model_dir, "torchserve", "--workers", "1", "--responses", responses) as server:
        yield server.wait_ready()


def test_the_write_ups_event_gives_133_scores(served: ModelServer) -> None:
    answer = served.post(EVENT, "application/json")
    assert answer.status_code == 200, answer.text
    assert answer.headers["Content-Type"] == "application/json"
    assert [len(row) for row in answer.json()] == [133]


def test_the_photograph_s_bytes_give_the_same_scores(served: ModelServer) -> None:
    assert served.post(PHOTO, "image/jpeg").content == served.post(EVENT, "application/json").content


def test_another_url_is_refused_with_how_to_record_it(served: ModelServer) -> None:
    answer = served.post('{"url": "https://example.com/dog.jpg"}', "application/json")
    assert answer.status_code == 500
    assert "UnidentifiedImageError" in answer.text
    assert f"curl -sSL --create-dirs -o '{DOG_BREED}/responses/example.com/dog.jpg'" in served.log


def test_the_log_says_that_the_weights_are_stand_ins(served: ModelServer) -> None:
    assert "resnet50-0676ba61.pth is a seeded stand-in of the right structure" in served.log


def test_a_second_build_changes_nothing() -> None:
    build = runpy.run_path(str(DOG_BREED / "build.py"))["build_model"]
    archive = build()
    before = archive.stat().st_mtime_ns
    assert build() == archive
    assert archive.stat().st_mtime_ns == before
