"""Puts twins in place of a stack's instances, for runs that the real model is too slow or too large for."""

from __future__ import annotations

import tarfile
from dataclasses import replace
from pathlib import Path

from harness.core.profile import Profile
from harness.hosting.instances.settings import LocalSettings
from harness.stack.tables import Stack


def on_twins(stack: Stack, profile: Profile, *, scratch: Path, local: LocalSettings | None = None) -> Stack:
    """The stack on twins that answer from a capacity profile. It has no model to build or upload.

    scratch: a folder for an empty model.tar.gz, because CreateModel wants model data that exists.
    local: further settings of the instances.
    """
    archive = scratch / "model.tar.gz"
    tarfile.open(archive, "w:gz").close()
    empty = {"model_data": str(archive), "build": None}
    twins = replace(local or LocalSettings(), instances="twin", profile=profile)
    models = {name: model.model_copy(update=empty) for name, model in stack.models.items()}
    return stack.model_copy(update={"local": twins, "models": models})
