"""Kinds by name, and those that a package adds."""

# ruff: noqa: E501 - a table reads best with a row a line

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from harness.core.clock import WallClock
from harness.hosting.instances.base import InstanceFailed
from harness.hosting.instances.kinds import KindRegistry, UnusableKind, kind_class, kind_names, read_local_settings
from harness.hosting.instances.settings import LocalSettings, LocalSettingsError
from harness.hosting.instances.twin import TwinKind

KIND = """
from harness.hosting.instances.base import InstanceKind

class Lightning(InstanceKind):
    closed = False

    @classmethod
    def missing(cls, settings):
        return None if settings.responses else "needs responses"

    def build(self, spec, log):
        raise NotImplementedError

    async def close(self):
        self.closed = True
"""

Install = Callable[..., None]


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Install:
    """Installs a package that registers its kind under a name."""

    def install(name: str, registered: str = "lightning_kind:Lightning") -> None:
        (tmp_path / "lightning_kind.py").write_text(KIND)
        info = tmp_path / "lightning-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text("Metadata-Version: 2.1\nName: lightning\nVersion: 1.0\n")
        (info / "entry_points.txt").write_text(f"[sagemaker_harness.instances]\n{name} = {registered}\n")
        monkeypatch.syspath_prepend(tmp_path)
        monkeypatch.delitem(sys.modules, "lightning_kind", raising=False)

    return install


def test_the_harness_has_three_kinds() -> None:
    assert kind_names() == ["container", "process", "twin"]


async def test_a_package_adds_a_kind_by_its_entry_point(install: Install) -> None:
    install("lightning")
    assert kind_names() == ["container", "lightning", "process", "twin"]
    clock = WallClock()
    registry = KindRegistry(clock)
    kind = registry.get("lightning")
    assert kind is registry.get("lightning"), "there is one object of each kind"
    assert kind.clock is clock
    await registry.close()
    assert kind.closed  # type: ignore[attr-defined]


def test_an_added_kind_says_itself_what_it_needs(install: Install, tmp_path: Path) -> None:
    install("lightning")
    with pytest.raises(LocalSettingsError, match='instances: "lightning" needs responses'):
        read_local_settings({"instances": "lightning"})
    table = {"instances": "lightning", "responses": str(tmp_path)}
    assert read_local_settings(table) == LocalSettings("lightning", responses=tmp_path)


@pytest.mark.parametrize("name", ["container", "process", "twin"])
def test_a_package_cannot_take_a_name_of_the_harness(install: Install, name: str) -> None:
    install(name)
    sentence = (
        "is registered by the packages lightning and sagemaker-harness, but only one may have the name: "
        "uninstall lightning, or have it register another name"
    )
    with pytest.raises(UnusableKind) as refused:
        kind_class(name)
    assert str(refused.value) == sentence
    with pytest.raises(InstanceFailed, match=f"instances: '{name}' {sentence}"):
        KindRegistry(WallClock()).get(name)
    with pytest.raises(LocalSettingsError, match=f'instances: "{name}" {sentence}'):
        read_local_settings({"instances": name})
    assert kind_names() == ["container", "process", "twin"]


@pytest.mark.parametrize(
    ("registered", "sentence"),
    [
        ("lightning_kind:Thunder", "cannot be loaded from lightning_kind:Thunder, which lightning registers (AttributeError: "),
        ("no_such_module:Lightning", "cannot be loaded from no_such_module:Lightning, which lightning registers (ModuleNotFoundError: "),
        ("lightning_kind", "is not a kind of instance: lightning_kind, which lightning registers, is not an InstanceKind"),
        ("builtins:dict", "is not a kind of instance: builtins:dict, which lightning registers, is not an InstanceKind"),
        ("lightning_kind:InstanceKind.missing", "is not a kind of instance: "),
    ],
)  # fmt: skip
def test_what_a_package_registers_and_is_no_kind_is_named(install: Install, registered: str, sentence: str) -> None:
    install("lightning", registered)
    with pytest.raises(LocalSettingsError) as refused:
        read_local_settings({"instances": "lightning"})
    assert f'"lightning" {sentence}' in str(refused.value)
    with pytest.raises(InstanceFailed) as failed:
        KindRegistry(WallClock()).get("lightning")
    assert f"'lightning' {sentence}" in str(failed.value)


async def test_an_unknown_kind_is_refused_with_the_kinds_there_are() -> None:
    with pytest.raises(InstanceFailed, match="'cloud' is not a kind of instance here; there are: container"):
        KindRegistry(WallClock()).get("cloud")


async def test_only_a_process_needs_model_data_and_reports_what_it_uses() -> None:
    registry = KindRegistry(WallClock())
    kinds = [registry.get(name) for name in kind_names()]
    assert [kind.needs_model_data for kind in kinds] == [False, True, False]
    assert [kind.reports_usage for kind in kinds] == [False, True, False]
    assert isinstance(registry.get("twin"), TwinKind)
    await registry.close()
