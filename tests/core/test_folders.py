"""Folders with whatever is in them are removed."""

from __future__ import annotations

import os
from pathlib import Path

from harness.core import folders


def deep(folder: Path, levels: int) -> None:
    """Makes a folder ``levels`` deep, whose path is longer than any call to the kernel takes."""
    folder.mkdir()
    inner = os.open(folder, os.O_RDONLY)
    for _ in range(levels):
        os.mkdir("deep", dir_fd=inner)
        below = os.open("deep", os.O_RDONLY, dir_fd=inner)
        os.close(inner)
        inner = below
    os.close(os.open("file", os.O_CREAT | os.O_WRONLY, dir_fd=inner))
    os.close(inner)


def test_a_folder_of_any_depth(tmp_path: Path) -> None:
    """shutil.rmtree does this on Python 3.13 only; before, it dies of its own recursion."""
    deep(tmp_path / "deep", 1_200)
    folders.remove(tmp_path / "deep")
    assert not list(tmp_path.iterdir())


def test_a_folder_that_nobody_may_read_or_write(tmp_path: Path) -> None:
    """As functions have it: /var/task is read-only."""
    for name in ("code/lib/deeper", "code/empty", "other"):
        (tmp_path / "top" / name).mkdir(parents=True)
    (tmp_path / "top" / "code" / "lib" / "app.py").touch(0o444)
    for name, mode in (("code/lib", 0o000), ("code", 0o555), ("", 0o500)):
        (tmp_path / "top" / name).chmod(mode)
    folders.remove(tmp_path / "top")
    assert not list(tmp_path.iterdir())


def test_a_link_is_removed_and_not_what_it_leads_to(tmp_path: Path) -> None:
    (tmp_path / "kept").mkdir()
    (tmp_path / "kept" / "file").touch()
    (tmp_path / "top").mkdir()
    (tmp_path / "top" / "link").symlink_to(tmp_path / "kept")
    (tmp_path / "link").symlink_to(tmp_path / "kept")
    folders.remove(tmp_path / "top")
    folders.remove(tmp_path / "link")
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["file", "kept"]


def test_what_is_not_there_or_is_a_file(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    folders.remove(tmp_path / "file")
    folders.remove(tmp_path / "nothing")
    assert not list(tmp_path.iterdir())
