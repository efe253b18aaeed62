"""Makes a torchvision that was built for CUDA importable beside a CPU torch.

The general registry's torchvision wheel links CUDA libraries. With a CPU torch its extension does not load, and
``import torchvision`` fails with "operator torchvision::nms does not exist". Defining the two operators for which
torchvision registers fakes helps: models and transforms then work; ``torchvision.ops`` and the decoders of
``torchvision.io`` do not (decode with Pillow).
"""

from __future__ import annotations

import importlib.machinery
import importlib.util
import sys
from collections.abc import Sequence
from functools import cache
from importlib.abc import MetaPathFinder
from pathlib import Path
from types import ModuleType
from typing import Any

_OPERATORS = (
    "nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
    "qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
)
_definitions: list[object] = []  # A torch Library undoes its definitions when it is collected.


class _BeforeTorchvision(MetaPathFinder):
    """Prepares torch when torchvision is first looked for, so that a model without torchvision loses no time."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        if fullname == "torchvision":
            sys.meta_path.remove(self)
            _define_missing_operators()
        return None


@cache
def enable() -> None:
    """Makes ``import torchvision`` work in this process; changes nothing if it works anyway."""
    if "torchvision" not in sys.modules:
        sys.meta_path.insert(0, _BeforeTorchvision())


def _define_missing_operators() -> None:
    spec = importlib.util.find_spec("torchvision")
    if spec is None or spec.origin is None or _extension_loads(Path(spec.origin).parent):
        return
    import torch

    library: Any = torch.library.Library("torchvision", "DEF")  # type: ignore[no-untyped-call]
    for operator in _OPERATORS:
        library.define(operator)
    _definitions.append(library)


def _extension_loads(torchvision: Path) -> bool:
    import torch

    operators: Any = torch.ops

    for suffix in importlib.machinery.EXTENSION_SUFFIXES:
        extension = torchvision / f"_C{suffix}"
        if extension.exists():
            try:
                operators.load_library(str(extension))  # What torchvision itself does next; twice is harmless.
            except OSError:
                return False
            return True
    return False
