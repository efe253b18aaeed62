"""Kinds by name, and those that a package adds."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from harness.core.clock import WallClock
from harness.hosting.instances.base import InstanceFailed
from harness.hosting.instances.kinds import Kinds, kind_names
from harness.hosting.instances.twin import TwinKind


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Installs a package that registers the kind ``lightning``."""

    def install(code: str) -> None:
        (tmp_path / "lightning_kind.py").write_text(code)
        info = tmp_path / "lightning-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text("Metadata-Version: 2.1\nName: lightning\nVersion: 1.0\n")
        (info / "entry_points.txt").write_text("[sagemaker_harness.instances]\nlightning = lightning_kind:Lightning\n")
        monkeypatch.syspath_prepend(tmp_path)
        monkeypatch.delitem(sys.modules, "lightning_kind", raising=False)

    return install


def test_the_harness_has_three() -> None:
    assert kind_names() == ["container", "process", "twin"]


async def test_a_package_adds_one_by_its_entry_point(package: Callable[[str], None]) -> None:
    package(
        "class Lightning:\n"
        "    needs_model_data = False\n"
        "    def __init__(self, clock): self.clock, self.closed = clock, False\n"
        "    def build(self, spec, log): raise NotImplementedError\n"
        "    async def close(self): self.closed = True\n"
    )
    assert kind_names() == ["container", "lightning", "process", "twin"]
    clock = WallClock()
    kinds = Kinds(clock)
    kind = kinds.get("lightning")
    assert kind is kinds.get("lightning"), "one of each kind for a harness"
    assert kind.clock is clock  # type: ignore[attr-defined]
    await kinds.close()
    assert kind.closed  # type: ignore[attr-defined]


async def test_a_kind_that_nobody_registered_is_named_with_those_there_are() -> None:
    with pytest.raises(InstanceFailed, match=r"no kind of instance 'cloud' here; .* may be: container, process, twin"):
        Kinds(WallClock()).get("cloud")


async def test_a_model_that_nobody_runs_needs_no_data() -> None:
    kinds = Kinds(WallClock())
    assert [kinds.get(name).needs_model_data for name in kind_names()] == [False, True, False]
    assert isinstance(kinds.get("twin"), TwinKind)
    await kinds.close()
