"""What the container's entry point says of its memory limit, before it is killed for it."""

from __future__ import annotations

from pathlib import Path

import pytest

from model_server.container import little_memory, memory_limit

RESNET50 = 97 * 10**6


@pytest.mark.parametrize(
    ("file", "text", "limit"),
    [
        ("memory.max", "8589934592\n", 8 * 2**30),
        ("memory.max", "max\n", None),
        ("memory/memory.limit_in_bytes", "524288000\n", 524288000),
        ("elsewhere", "1\n", None),
    ],
)
def test_the_limit_is_read_from_either_version_of_the_cgroup_interface(
    tmp_path: Path, file: str, text: str, limit: int | None
) -> None:
    (tmp_path / file).parent.mkdir(exist_ok=True)
    (tmp_path / file).write_text(text)
    assert memory_limit(tmp_path) == limit


def test_what_hardly_does_is_said_with_what_to_do() -> None:
    warning = little_memory(500 * 2**20, 1, RESNET50)
    assert "524 MB is little for 1 worker of" in warning
    assert "MODEL_MEMORY" in warning
    assert "MODEL_WORKERS" in warning


@pytest.mark.parametrize(("limit", "workers"), [(None, 64), (2**30, 1), (2 * 2**30, 2), (2**63, 4)])
def test_what_does_is_not_spoken_of(limit: int | None, workers: int) -> None:
    assert little_memory(limit, workers, RESNET50) == ""
