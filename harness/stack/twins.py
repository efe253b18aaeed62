"""A stack with twins in place of its instances: what is tried at a size, or at a speed, that the model has not."""

from __future__ import annotations

import tarfile
from dataclasses import replace
from pathlib import Path

from harness.core.profile import Profile
from harness.hosting.instances.settings import LocalSettings
from harness.stack.file import Stack


def on_twins(stack: Stack, profile: Profile, *, scratch: Path, local: LocalSettings | None = None) -> Stack:
    """The stack on twins that answer from a capacity profile, with no model to build or upload.

    local: what else is said of the instances. CreateModel wants model data that is there, as AWS's does: an empty
    archive in the folder ``scratch`` is.
    """
    archive = scratch / "model.tar.gz"
    tarfile.open(archive, "w:gz").close()
    unneeded = {"model_data": str(archive), "build": None}
    twins = replace(local or LocalSettings(), instances="twin", profile=profile)
    models = {name: model.model_copy(update=unneeded) for name, model in stack.models.items()}
    return stack.model_copy(update={"local": twins, "models": models})
