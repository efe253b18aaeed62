"""``pretrained=True`` without the internet: torch.hub's own download step, answered with stand-ins or the user's
weights.
"""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest

from model_server import pretrained, torchvision_cpu
from model_server.private import ForeignFolderError
from tests.other_user import NOBODY

pytestmark = pytest.mark.torch
torch = pytest.importorskip("torch", reason="PyTorch is not installed for this Python")
torchvision_cpu.enable()
models = pytest.importorskip("torchvision.models")  # importable only from here on

SMALL = "mobilenet_v3_small"  # 10 MB instead of ResNet50's 100


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A run's own empty TORCH_HOME; torch.hub as it was afterwards."""
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(torch.hub, "download_url_to_file", _no_internet)
    return tmp_path / "home" / "hub" / "checkpoints"


def _no_internet(url: str, *_: object, **__: object) -> None:
    raise ConnectionError(url)


def test_a_pretrained_model_gets_a_seeded_checkpoint_of_the_right_structure(
    hub: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    pretrained.enable(tmp_path / "cache", None)
    first = models.get_model(SMALL, weights="IMAGENET1K_V1")
    torch.manual_seed(99)
    second = models.get_model(SMALL, weights="DEFAULT")
    assert all(torch.equal(a, b) for a, b in zip(first.parameters(), second.parameters(), strict=True))
    log = capfd.readouterr().err
    assert (
        "mobilenet_v3_small-047dcff4.pth is a seeded stand-in of the right structure, not the weights trained on" in log
    )
    assert [path.name for path in hub.iterdir()] == ["mobilenet_v3_small-047dcff4.pth"]


def test_it_leaves_the_model_s_own_random_numbers_alone(hub: Path, tmp_path: Path) -> None:
    pretrained.enable(tmp_path / "cache", None)
    torch.manual_seed(7)
    expected = torch.rand(1)
    torch.manual_seed(7)
    pretrained.stand_in(SMALL, "x.pth", tmp_path / "cache")
    assert torch.rand(1) == expected


def test_nobody_else_can_put_a_stand_in_where_it_is_looked_for(hub: Path, tmp_path: Path) -> None:
    """Loading one may run code."""
    cache = tmp_path / "cache"
    cache.mkdir()
    cache.chmod(0o777)
    stand_in = pretrained.stand_in(SMALL, "x.pth", cache)
    assert {folder.stat().st_mode & 0o777 for folder in (cache, stand_in.parent)} == {0o700}
    if os.geteuid() == 0:
        stand_in.write_bytes(b"theirs")
        os.chown(stand_in, NOBODY, NOBODY)
        assert torch.load(pretrained.stand_in(SMALL, "x.pth", cache))
        os.chown(cache, NOBODY, NOBODY)
        with pytest.raises(ForeignFolderError, match="cache belongs to nobody"):
            pretrained.stand_in(SMALL, "x.pth", cache)


def test_real_weights_of_the_user_s_cache_come_first_and_the_cache_is_only_read(
    hub: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    real = tmp_path / "mine" / "hub" / "checkpoints" / "mobilenet_v3_small-047dcff4.pth"
    real.parent.mkdir(parents=True)
    state = models.get_model(SMALL, weights=None).state_dict()
    torch.save({name: torch.zeros_like(value) for name, value in state.items()}, real)
    pretrained.enable(tmp_path / "cache", str(tmp_path / "mine"))
    model = models.get_model(SMALL, weights="IMAGENET1K_V1")
    assert all(not parameter.any() for parameter in model.parameters())
    assert "stand-in" not in capfd.readouterr().err
    assert list(real.parent.iterdir()) == [real]


def test_another_download_goes_on_as_before(hub: Path, tmp_path: Path) -> None:
    pretrained.enable(tmp_path / "cache", None)
    with pytest.raises(ConnectionError, match=r"https://example\.com/weights\.pth"):
        torch.hub.load_state_dict_from_url("https://example.com/weights.pth")


@pytest.mark.parametrize(
    ("url", "architecture"),
    [
        ("https://download.pytorch.org/models/resnet18-f37072fd.pth", "resnet18"),
        ("https://download.pytorch.org/models/resnet34-b627a593.pth", "resnet34"),
        ("https://download.pytorch.org/models/resnet50-0676ba61.pth", "resnet50"),
        ("https://download.pytorch.org/models/resnet50-11ad3fa6.pth", "resnet50"),
        ("https://download.pytorch.org/models/resnet101-63fe2227.pth", "resnet101"),
        ("https://download.pytorch.org/models/resnet152-394f9c45.pth", "resnet152"),
        ("https://example.com/resnet50-0676ba61.pth", None),
    ],
)
def test_torchvision_s_own_list_says_whose_weights_a_url_has(url: str, architecture: str | None) -> None:
    assert pretrained.architecture_of(url) == architecture


def test_several_workers_may_make_the_same_stand_in_at_once(tmp_path: Path) -> None:
    threads = [threading.Thread(target=pretrained.stand_in, args=(SMALL, "x.pth", tmp_path)) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    (folder,) = tmp_path.iterdir()
    assert [path.name for path in folder.iterdir()] == ["x.pth"]
