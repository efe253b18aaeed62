"""A hostile archive writes nothing outside its folder, with tarfile's own filter and without."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path

import pytest

from model_server import archive


@pytest.fixture(params=["with tarfile's filter", "as on Python 3.11.2"])
def _python(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if request.param == "as on Python 3.11.2":
        monkeypatch.setattr(archive, "_FILTER", {})


def packed(path: Path, *members: tarfile.TarInfo) -> Path:
    with tarfile.open(path, "w:gz") as tar:
        for member in members:
            tar.addfile(member, io.BytesIO(b"x" * member.size))
    return path


def member(name: str, kind: bytes = tarfile.REGTYPE, link: str = "") -> tarfile.TarInfo:
    entry = tarfile.TarInfo(name)
    entry.type, entry.linkname, entry.size = kind, link, 1 if kind == tarfile.REGTYPE else 0
    return entry


@pytest.mark.usefixtures("_python")
@pytest.mark.parametrize(
    "members",
    [
        [member("../outside")],
        [member("a/../../outside")],
        [member("/tmp/outside")],
        [member("link", tarfile.SYMTYPE, "../.."), member("link/outside")],
        [member("link", tarfile.SYMTYPE, "/etc")],
        [member("link", tarfile.LNKTYPE, "../outside")],
        [member("device", tarfile.CHRTYPE)],
        [member("pipe", tarfile.FIFOTYPE)],
    ],
)
def test_an_unsafe_member_is_refused(tmp_path: Path, members: list[tarfile.TarInfo]) -> None:
    target = tmp_path / "deep" / "model"
    target.mkdir(parents=True)
    with pytest.raises(tarfile.TarError):
        archive.unpack(packed(tmp_path / "m.tar.gz", *members), target)
    assert not list(tmp_path.rglob("outside"))


@pytest.mark.usefixtures("_python")
def test_files_folders_and_links_inside_are_unpacked(tmp_path: Path) -> None:
    members = [
        member("code", tarfile.DIRTYPE),
        member("code/inference.py"),
        member("latest", tarfile.SYMTYPE, "code/inference.py"),
    ]
    target = tmp_path / "model"
    target.mkdir()
    archive.unpack(packed(tmp_path / "m.tar.gz", *members), target)
    assert (target / "code" / "inference.py").read_bytes() == b"x"
    assert (target / "latest").read_bytes() == b"x"
