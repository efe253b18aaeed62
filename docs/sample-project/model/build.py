"""Makes build/model.tar.gz. A real project would take the weights from its training job."""

import tarfile
from pathlib import Path

import torch

here = Path(__file__).parent
archive = here / "build" / "model.tar.gz"
if not archive.exists():
    archive.parent.mkdir(exist_ok=True)
    weights = archive.with_name("model.pth")
    torch.save({"weight": torch.tensor([[1.2, 0.4]]), "bias": torch.tensor([3.0])}, weights)
    with tarfile.open(archive, "w:gz") as packed:
        packed.add(weights, "model.pth")
        packed.add(here / "inference.py", "code/inference.py")
