"""One worker: runs TorchServe's own worker program, tied to the launcher and prepared for the model's code.

TorchServe (as its "python") or the launcher runs it by path: ``python -P worker.py .../model_service_worker.py
OPTIONS``.
"""

from __future__ import annotations

import os
import runpy
import sys
from pathlib import Path


def main(arguments: list[str]) -> None:
    # This comes before anything slow, because a worker that is still loading must not outlive Java or the launcher.
    from model_server import link, tether

    tether.die_with_parent()
    try:
        link.connect()
    except OSError:
        raise SystemExit("The launcher of this worker is gone.") from None

    try:
        _prepare()
    except BaseException as error:
        link.failed(error)
        raise
    sys.argv = arguments
    runpy.run_path(arguments[0], run_name="__main__")


def _prepare() -> None:
    from model_server import pretrained, torchvision_cpu

    torchvision_cpu.enable()
    stand_ins = os.environ.pop(pretrained.CACHE_ENV, None)
    if stand_ins is not None:
        pretrained.enable(Path(stand_ins), os.environ.pop(pretrained.TORCH_HOME_ENV, None))
    import model_server.handler  # noqa: F401 - imported here, because TorchServe's loader hides its ImportError


if __name__ == "__main__":
    # This package is imported first; then its folder goes to the end of the path, behind the model's own modules.
    root = str(Path(__file__).resolve().parent.parent)
    sys.path.insert(0, root)
    import model_server  # noqa: F401

    sys.path.remove(root)
    sys.path.append(root)
    main(sys.argv[1:])
