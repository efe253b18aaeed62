"""Prepares TorchServe's workers in the container. A .pth file has every Python of the container import it.

A CPU torch beside a CUDA-built torchvision, and pretrained weights without internet, have to work in the container as
they do outside, and the toolkit's launcher leaves no other place that runs before the model's code.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

if os.environ.get("MODEL_SERVER_CONTAINER") and any("model_service_worker" in part for part in sys.orig_argv):
    from model_server import pretrained, torchvision_cpu

    torchvision_cpu.enable()
    if os.environ.get("HTTPS_PROXY"):
        pretrained.enable(Path("/tmp/stand-ins"), os.environ.get("TORCH_HOME"))  # noqa: S108
