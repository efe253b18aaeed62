"""The digest of a variant's model data, by which a capacity profile names the model it was measured on."""

from __future__ import annotations

import hashlib

from harness.stack.tables import Stack


def model_sha256(stack: Stack, variant: str) -> str | None:
    """SHA-256 of the variant's model.tar.gz, in hexadecimal; None when the file is not on this machine."""
    model = stack.models[stack.endpoint.production_variants[variant].model]
    file = stack.path(model.model_data)
    if not model.is_local or not file.is_file():
        return None
    with file.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()
