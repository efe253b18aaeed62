"""Compiling with numba, once a machine and version of the sources: the machine code is kept in the user's cache.

numba itself looks only at the file of the function that it compiles, not at those of the functions called from there;
so the place in the cache is named after the content of all of them.

A run's state is one record of numbers and of addresses of arrays (state.py), and compiled functions take that record
alone: arrays as arguments would have their references counted, at several times the price of all the rest.
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
import numpy as np
import platformdirs
from numba import types
from numba.extending import intrinsic

import harness.core.profile
import harness.functions.rules.concurrency
import harness.hosting.rules.routing
import harness.load.schedule

Function = TypeVar("Function", bound=Callable[..., Any])

_RULES = (
    harness.functions.rules.concurrency,
    harness.hosting.rules.routing,
    harness.load.schedule,
    harness.core.profile,
)
_KEPT_SECONDS = 30 * 86_400  # of a cache that nobody has used
_CONFIG: Any = numba.config
_njit: Any = numba.njit
_carray: Any = numba.carray  # type: ignore[attr-defined]


def _digest() -> str:
    files = sorted(Path(__file__).parent.glob("*.py")) + [Path(str(module.__file__)) for module in _RULES]
    content = hashlib.sha256(f"{numba.__version__} {np.__version__} {sys.version}".encode())
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
    """The function as machine code, for others of these. A division by zero in it gives what IEEE 754 says."""
    made = _njit(error_model="numpy", no_cpython_wrapper=True)(function)
    return cast("Function", made)


def inlined(function: Function) -> Function:
    """As ``compiled``, within its callers: what is small and everywhere, and what every request goes through."""
    made = _njit(error_model="numpy", no_cpython_wrapper=True, forceinline=True)(function)
    return cast("Function", made)


def entry(function: Function) -> Function:
    """The function as machine code that Python calls, with all that it calls; kept in the cache."""
    if _PLACE is None:
        made = _njit(error_model="numpy")(function)
        return cast("Function", made)
    with _cached_there():
        kept = _njit(error_model="numpy", cache=True)(function)
    return cast("Function", kept)


def _element(_: Any, address: Any, index: Any, dtype: Any) -> Any:
    record = dtype.dtype

    def generate(context: Any, builder: Any, __: Any, arguments: Any) -> Any:
        offset = builder.mul(arguments[1], arguments[1].type(record.size))
        return builder.inttoptr(builder.add(arguments[0], offset), context.get_value_type(record))

    return record(types.int64, types.int64, dtype), generate


element: Any = intrinsic(_element)
"""element(address, index, dtype): the record of that number of an array of ``dtype`` that begins at an address."""


def _eight_bytes(_: Any, address: Any, index: Any) -> Any:
    def generate(context: Any, builder: Any, __: Any, arguments: Any) -> Any:
        offset = builder.mul(arguments[1], arguments[1].type(8))
        return builder.inttoptr(builder.add(arguments[0], offset), context.get_value_type(types.voidptr))

    return types.voidptr(types.int64, types.int64), generate


_pointer: Any = intrinsic(_eight_bytes)
"""To the 8-byte number of that index, of those that begin at an address."""


@inlined
def floats(address: int, first: int, count: int) -> Any:
    """So many float64 from a place on of an array that begins at an address."""
    return _carray(_pointer(address, first), (count,), np.float64)


@inlined
def integers(address: int, first: int, count: int) -> Any:
    """So many int64 from a place on of an array that begins at an address."""
    return _carray(_pointer(address, first), (count,), np.int64)
