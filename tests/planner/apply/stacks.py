"""A stack whose endpoint stands on twins, so that an instance of any type is there at once."""

from __future__ import annotations

from pathlib import Path

from tests.hosting.models import ECHO, model_tar
from tests.profiles import a_profile
from tests.stack.test_deployment import write_stack


def twin_stack(folder: Path) -> Path:
    """The stack's file. Its model's data is there too, for a kind of instance that wants it."""
    file = write_stack(folder, model=model_tar(ECHO))
    (folder / "twin.json").write_text(a_profile().to_json())
    text = file.read_text().replace('server = "asgi"', 'instances = "twin"\nprofile = "twin.json"')
    file.write_text(text.replace("ml.t2.medium", "ml.m5.large"))
    return file
