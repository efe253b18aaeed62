"""``import torchvision`` beside a CPU torch, in fresh interpreters, because an import happens once."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.torch

ROOT = Path(__file__).resolve().parents[2]
ENABLE = "from model_server import torchvision_cpu; torchvision_cpu.enable();"


def run(program: str, *paths: Path) -> subprocess.CompletedProcess[str]:
    path = [str(folder) for folder in (*paths, ROOT)]
    return subprocess.run(
        [sys.executable, "-c", f"import sys; sys.path[:0] = {path!r}; {program}"],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_models_and_both_transforms_work() -> None:
    result = run(
        ENABLE + "import torch, torchvision; from torchvision.transforms import ToTensor, v2;"
        "from PIL import Image; picture = Image.new('RGB', (8, 8));"
        "x = torch.stack([ToTensor()(picture), v2.functional.pil_to_tensor(picture) / 255]);"
        "print(tuple(torchvision.models.resnet18(weights=None).eval()(x).shape))"
    )
    assert result.stdout == "(2, 1000)\n", result.stderr


def test_a_model_without_torchvision_pays_nothing() -> None:
    result = run(ENABLE + "import json; print([name for name in ('torch', 'torchvision') if name in sys.modules])")
    assert result.stdout == "[]\n", result.stderr


def test_enabling_twice_or_too_late_does_nothing() -> None:
    result = run(ENABLE + ENABLE + "import torchvision;" + ENABLE + "print('fine')")
    assert result.stdout == "fine\n", result.stderr


@pytest.mark.parametrize("loads", [True, False])
def test_operators_are_defined_only_where_the_extension_does_not_load(loads: bool, tmp_path: Path) -> None:
    """Stand-ins for torch and torchvision: which of the two real wheels is installed must not decide this test."""
    (tmp_path / "torchvision").mkdir()
    (tmp_path / "torchvision" / "__init__.py").write_text("")
    (tmp_path / "torchvision" / "_C.so").touch()
    (tmp_path / "torch.py").write_text(
        f"""
class ops:
    def load_library(path):
        print("asked for", path.rpartition("/")[2])
        if not {loads}:
            raise OSError("libcudart.so.13: cannot open shared object file")
class library:
    class Library:
        def __init__(self, name, kind):
            print("library", name, kind)
        def define(self, schema):
            print("defined", schema.partition("(")[0])
"""
    )
    result = run(ENABLE + "import torchvision", tmp_path)
    defined = "" if loads else "library torchvision DEF\ndefined nms\ndefined qnms\n"
    assert result.stdout == f"asked for _C.so\n{defined}", result.stderr
