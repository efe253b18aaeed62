"""Imported by every Python of the container (by a .pth file) and active in TorchServe's workers only.

The toolkit's launcher leaves no other place before user code: a CPU torch beside a CUDA-built torchvision, and
pretrained weights without internet, have to work there as they do outside the container.
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
