"""The files of a user of `harness plan`: a stack, and the profile of one instance."""

from __future__ import annotations

import hashlib
from pathlib import Path

from harness.core.profile import Profile
from tests.hosting.models import ECHO, model_tar
from tests.planner.search.stand_in import LARGE
from tests.stack.test_deployment import write_stack

MODEL = model_tar(ECHO)


def a_profile_file(folder: Path, profile: Profile = LARGE, *, model: bytes | None = MODEL) -> Path:
    digest = hashlib.sha256(model).hexdigest() if model is not None else None
    origin = profile.provenance.model_copy(update={"model_sha256": digest})
    file = folder / f"{profile.name}.json"
    file.write_text(profile.model_copy(update={"provenance": origin}).to_json())
    return file


def a_stack_file(folder: Path, *, twins: Path | None = None) -> Path:
    """Its name is new each time. twins: the profile that its instances answer from."""
    folder.mkdir(exist_ok=True)
    file = write_stack(folder, model=MODEL)
    text = file.read_text().replace("ml.t2.medium", "ml.m5.large")
    if twins is not None:
        text = text.replace('server = "asgi"', f'instances = "twin"\nprofile = "{twins}"')
    file.write_text(text)
    return file
