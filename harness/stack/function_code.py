"""Packs a Lambda function's code as CreateFunction takes it."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

# What Python and macOS leave in a folder of code.
_LEFTOVERS = ("__pycache__", ".pyc", ".DS_Store")


def zip_code(path: Path) -> bytes:
    """A function's code as a zip: the file itself if it is a zip, else the folder or the single file packed."""
    if path.is_file() and path.suffix == ".zip":
        return path.read_bytes()
    files = [path] if path.is_file() else sorted(path.rglob("*"))
    root = path.parent if path.is_file() else path
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in files:
            if file.is_file() and not any(str(file).endswith(end) or end in file.parts for end in _LEFTOVERS):
                archive.write(file, file.relative_to(root))
    return packed.getvalue()
