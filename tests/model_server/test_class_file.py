"""A method of a Java class is emptied, and nothing else of the class changes."""

from __future__ import annotations

import zipfile
from importlib.util import find_spec
from pathlib import Path

import pytest

from model_server.class_file import UnknownClassFile, emptied


@pytest.fixture(scope="module")
def main_class() -> bytes:
    spec = find_spec("ts")
    if spec is None or spec.origin is None:
        pytest.skip("TorchServe is not installed")
    with zipfile.ZipFile(Path(spec.origin).parent / "frontend" / "model-server.jar") as jar:
        return jar.read("org/pytorch/serve/ModelServer.class")


def test_only_the_methods_code_changes(main_class: bytes) -> None:
    changed = emptied(main_class, "startGRPCServers")
    common = next(at for at in range(len(changed)) if changed[at] != main_class[at])
    length = 4 + 13  # the attribute's length, and a method that returns
    end = next(at for at in range(common, common + 40) if main_class.endswith(changed[at:]))
    assert end - common <= length
    assert emptied(changed, "startGRPCServers") == changed


@pytest.mark.parametrize(("name", "descriptor"), [("startGRPCServers", "(I)V"), ("noSuchMethod", "()V")])
def test_a_method_that_is_not_there(main_class: bytes, name: str, descriptor: str) -> None:
    with pytest.raises(UnknownClassFile, match=f"the class has no method {name}"):
        emptied(main_class, name, descriptor)


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04", b"\xca\xfe\xba\xbe", b"\xca\xfe\xba\xbe" + bytes(30)])
def test_what_is_no_class_file(content: bytes) -> None:
    with pytest.raises(UnknownClassFile):
        emptied(content, "main")


def test_a_class_that_is_cut_short(main_class: bytes) -> None:
    for length in range(0, 2000, 37):
        with pytest.raises(UnknownClassFile):
            emptied(main_class[:length], "startGRPCServers")
