"""The cache of machine code: whoever can write to it can have any code run, so nobody else can."""

from __future__ import annotations

from pathlib import Path

import platformdirs
import pytest

from harness.simulator import compiled


def test_the_cache_is_for_this_user_only_and_what_others_could_write_is_dropped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(platformdirs, "user_cache_path", lambda name: tmp_path / name)
    root = tmp_path / "sagemaker-harness" / "simulator"
    (root / "planted").mkdir(parents=True)
    root.chmod(0o777)
    folder = compiled._cache()
    assert folder is not None
    assert list(root.iterdir()) == [folder]
    assert {path.stat().st_mode & 0o777 for path in (root, folder)} == {0o700}
    (folder / "code").touch()
    assert compiled._cache() == folder
    assert (folder / "code").exists()


def test_where_a_link_stands_in_its_place_there_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(platformdirs, "user_cache_path", lambda name: tmp_path / name)
    (tmp_path / "sagemaker-harness").mkdir()
    (tmp_path / "theirs").mkdir()
    (tmp_path / "sagemaker-harness" / "simulator").symlink_to(tmp_path / "theirs")
    assert compiled._cache() is None
