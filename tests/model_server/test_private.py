"""Folders that are for their owner only, whatever the umask and whoever was there before."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from model_server.private import ForeignFolderError, close_to_others, private_folder
from tests.other_user import NOBODY, needs_root


@contextmanager
def umask(mask: int) -> Iterator[None]:
    before = os.umask(mask)
    try:
        yield
    finally:
        os.umask(before)


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o7777


@pytest.mark.parametrize("mask", [0o000, 0o022, 0o077, 0o277, 0o777], ids=oct)
def test_a_new_folder_and_those_above_it_are_private_whatever_the_umask(tmp_path: Path, mask: int) -> None:
    with umask(mask):
        private_folder(tmp_path / "a" / "b" / "c")
    assert {mode(tmp_path / name) for name in ("a", "a/b", "a/b/c")} == {0o700}


@pytest.mark.parametrize("before", [0o777, 0o755, 0o750, 0o1777, 0o000, 0o500], ids=oct)
def test_an_own_folder_is_closed_to_others_and_those_above_it_are_left_alone(tmp_path: Path, before: int) -> None:
    (tmp_path / "a" / "b").mkdir(parents=True)
    (tmp_path / "a").chmod(0o755)
    (tmp_path / "a" / "b").chmod(before)
    if os.geteuid() != 0 and not before & 0o400:
        pytest.skip("only root may open a folder that its owner may not read")
    private_folder(tmp_path / "a" / "b")
    assert (mode(tmp_path / "a"), mode(tmp_path / "a" / "b")) == (0o755, 0o700)


@needs_root
def test_another_user_s_folder_is_refused_and_not_changed(tmp_path: Path) -> None:
    (tmp_path / "theirs").mkdir(0o777)
    os.chown(tmp_path / "theirs", NOBODY, NOBODY)
    with pytest.raises(ForeignFolderError, match="theirs belongs to nobody"):
        private_folder(tmp_path / "theirs")
    assert mode(tmp_path / "theirs") & 0o055


@pytest.mark.parametrize("target", ["mine", "missing"])
def test_a_link_in_its_place_is_refused(tmp_path: Path, target: str) -> None:
    (tmp_path / "mine").mkdir(0o755)
    (tmp_path / "link").symlink_to(tmp_path / target)
    with pytest.raises(ForeignFolderError, match="link is a link"):
        private_folder(tmp_path / "link")
    assert mode(tmp_path / "mine") == 0o755
    assert not (tmp_path / "missing").exists()


@pytest.mark.parametrize("make", [Path.touch, os.mkfifo])
def test_a_file_in_its_place_is_refused(tmp_path: Path, make: object) -> None:
    make(tmp_path / "file")  # type: ignore[operator]
    with pytest.raises(ForeignFolderError, match="file is not a folder"):
        close_to_others(tmp_path / "file")
