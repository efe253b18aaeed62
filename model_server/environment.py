"""The environment variables of the workers: the container's, and what makes the model run here."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from model_server import link, pretrained
from model_server.settings import ServerSettings


def model_root(model_dir: Path) -> Path:
    """The model's folder: the only entry of ``model_dir`` if that is a folder, as in TorchServe (ModelArchive.java)."""
    entries = list(model_dir.iterdir())
    return entries[0].resolve() if len(entries) == 1 and entries[0].is_dir() else model_dir


def worker_environment(
    settings: ServerSettings, inherited: Mapping[str, str], link_socket: Path, stand_ins: Path, run_dir: Path
) -> dict[str, str]:
    """Environment variables of the processes that run the model's code.

    inherited: the launcher's environment, which has the endpoint's Environment and credentials.
    stand_ins: the folder of stand-ins for pretrained weights, which are used if web requests are answered from
    recordings.
    """
    environment = dict(inherited)
    # As the toolkit's launcher does (torchserve.py, _set_python_path).
    path = [str(settings.model_dir / "code"), inherited.get("PYTHONPATH")]
    if settings.server == "asgi":
        path.append(str(model_root(settings.model_dir)))  # TorchServe adds both to each worker's environment itself.
        environment["TS_DECODE_INPUT_REQUEST"] = "false"
    environment["PYTHONPATH"] = os.pathsep.join(part for part in path if part)
    environment["PYTHONUNBUFFERED"] = "1"  # As in AWS's images: a print is a log line at once.
    environment["OMP_NUM_THREADS"] = str(settings.threads)
    environment[link.LINK_ENV] = str(link_socket)
    # An instance's temporary files are removed with it; importing torchvision is enough for torch to make some. The
    # path is the short one of the sockets, because code may put a socket there.
    environment["TMPDIR"] = str(link_socket.parent)
    if settings.responses:
        environment[pretrained.CACHE_ENV] = str(stand_ins)
        if settings.torch_home is not None:
            environment[pretrained.TORCH_HOME_ENV] = str(settings.torch_home)
        environment["TORCH_HOME"] = str(run_dir / "torch")
    return environment
