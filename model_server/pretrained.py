"""Stand-ins for torchvision's pretrained weights, so that ``resnet50(pretrained=True)`` needs no internet.

torch.hub looks for the checkpoint in TORCH_HOME and downloads it if it is not there. A worker's TORCH_HOME is a folder
of the run that begins empty. In place of the download, the real checkpoint from the user's own torch cache is linked
there, or one of the right structure with seeded weights. The user's cache is never written to.
"""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from model_server.private import private_folder

CACHE_ENV = "MODEL_SERVER_STAND_INS"
TORCH_HOME_ENV = "MODEL_SERVER_TORCH_HOME"
SEED = 0


def enable(cache_dir: Path, torch_home: str | None) -> None:
    """Answers torch.hub's downloads of torchvision's weights in this process; other downloads go on as before.

    cache_dir: where stand-ins are kept between runs.
    torch_home: a torch cache whose real checkpoints are preferred.
    """
    import torch.hub

    download = torch.hub.download_url_to_file

    def download_url_to_file(url: str, dst: str, *arguments: Any, **options: Any) -> None:
        name = Path(urlsplit(url).path).name
        real = Path(torch_home, "hub", "checkpoints", name) if torch_home else None
        if real is not None and real.is_file():
            _link(real, Path(dst))
            print(f"model_server: {name} comes from {real}.", flush=True)
            return
        architecture = architecture_of(url)
        if architecture is None:
            download(url, dst, *arguments, **options)
            return
        _link(stand_in(architecture, name, cache_dir), Path(dst))
        print(
            f"model_server: {name} is a seeded stand-in of the right structure, not the weights trained on ImageNet; "
            "for those put the real file into a torch cache and name that with --torch-home.",
            file=sys.stderr,
            flush=True,
        )

    torch.hub.download_url_to_file = download_url_to_file


def architecture_of(url: str) -> str | None:
    """The torchvision model that has its weights at this URL (``resnet50``), or None."""
    return _architectures().get(url)


def stand_in(architecture: str, name: str, cache_dir: Path) -> Path:
    """The checkpoint ``name`` with the structure of ``architecture`` and seeded weights, which is made on first use.

    The same torch and torchvision make the same weights. Several processes may call this at once.
    """
    import torch
    import torchvision

    # Loading a checkpoint may run code, so nobody else may be able to put one there.
    path = private_folder(cache_dir) / f"torchvision-{torchvision.__version__}" / name
    private_folder(path.parent)
    if path.exists() and path.lstat().st_uid == os.geteuid():
        return path
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(SEED)
        weights = torchvision.models.get_model(architecture, weights=None).state_dict()
    handle, partial = tempfile.mkstemp(dir=path.parent, prefix=f".{name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            torch.save(weights, file)
        Path(partial).replace(path)
    except BaseException:
        Path(partial).unlink(missing_ok=True)
        raise
    return path


@cache
def _architectures() -> dict[str, str]:
    return dict(_weights())


def _weights() -> Iterator[tuple[str, str]]:
    from torchvision import models

    for name in models.list_models():
        for weights in models.get_model_weights(name):
            yield weights.url, name


def _link(source: Path, target: Path) -> None:
    target.unlink(missing_ok=True)
    target.symlink_to(source)
