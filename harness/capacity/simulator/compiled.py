"""Compiling with numba, once a machine and version of the sources: the machine code is kept in the user's cache.

numba itself looks only at the file of the function that it compiles, not at those of the functions called from there;
so the place in the cache is named after the content of all of them.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar, cast

import numba
import platformdirs

import harness.functions.concurrency
import harness.hosting.routing
import harness.load.schedule
import harness.profile

Function = TypeVar("Function", bound=Callable[..., Any])
_CONFIG: Any = numba.config

_RULES = (harness.functions.concurrency, harness.hosting.routing, harness.load.schedule, harness.profile)
_KEPT_SECONDS = 30 * 86_400  # of a cache that nobody has used


def _digest() -> str:
    files = sorted(Path(__file__).parent.glob("*.py")) + [Path(str(module.__file__)) for module in _RULES]
    content = hashlib.sha256(f"{numba.__version__} {sys.version}".encode())
    for file in files:
        content.update(file.read_bytes())
    return content.hexdigest()[:20]


def _cache() -> Path | None:
    """Where the machine code is kept; None where the user has no place to write to: then each process compiles."""
    root = platformdirs.user_cache_path("sagemaker-harness") / "simulator"
    place = root / _digest()
    try:
        place.mkdir(parents=True, exist_ok=True)
        os.utime(place)
        for other in root.iterdir():
            if time.time() - other.stat().st_mtime > _KEPT_SECONDS:
                shutil.rmtree(other, ignore_errors=True)
    except OSError:
        return None
    return place if os.access(place, os.W_OK) else None


_PLACE = _cache()


@contextlib.contextmanager
def _cached_there() -> Any:
    before, _CONFIG.CACHE_DIR = _CONFIG.CACHE_DIR, str(_PLACE)
    try:
        yield
    finally:
        _CONFIG.CACHE_DIR = before


def compiled(function: Function) -> Function:
    """The function as machine code. A division by zero in it gives what IEEE 754 says, not an exception."""
    if _PLACE is None:
        made: Any = numba.njit(error_model="numpy")(function)
        return cast("Function", made)
    with _cached_there():
        kept: Any = numba.njit(error_model="numpy", cache=True)(function)
    return cast("Function", kept)
