"""Compiling with numba, once per machine and version of the sources: the machine code is kept in the user's cache.

numba itself checks only the file of the function that it compiles, not the files of the functions that it calls. The
folder in the cache is therefore named after the content of all of them.

The state of a run is one record of numbers and of addresses of arrays (state.py). Compiled functions take only that
record: counting references to arrays passed as arguments would take several times as long as everything else.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
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
from harness.core import folders
from model_server.private import private_folder

F = TypeVar("F", bound=Callable[..., Any])

_RULES = (
    harness.functions.rules.concurrency,
    harness.hosting.rules.routing,
    harness.load.schedule,
    harness.core.profile,
)
_KEPT_SECONDS = 30 * 86_400  # how long the code of other versions is kept after its last use
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
    """Returns the folder for the machine code, or None if there is none that only this user can write to.

    Without one each process compiles: whoever can write to the folder can have any code run here.
    """
    root = platformdirs.user_cache_path("sagemaker-harness") / "simulator"
    folder = root / _digest()
    try:
        if root.exists() and root.stat().st_mode & 0o022:
            folders.remove(root)  # others could write there
        private_folder(root)
        private_folder(folder)
        os.utime(folder)
        for version in root.iterdir():
            if time.time() - version.stat().st_mtime > _KEPT_SECONDS:
                folders.remove(version)
    except OSError:
        return None
    return folder if os.access(folder, os.W_OK) else None


_FOLDER = _cache()


@contextlib.contextmanager
def _using_the_cache() -> Any:
    before, _CONFIG.CACHE_DIR = _CONFIG.CACHE_DIR, str(_FOLDER)
    try:
        yield
    finally:
        _CONFIG.CACHE_DIR = before


def compiled(function: F) -> F:
    """Compiles a function that other compiled functions call. A division by zero gives what IEEE 754 says."""
    code = _njit(error_model="numpy", no_cpython_wrapper=True)(function)
    return cast("F", code)


def inlined(function: F) -> F:
    """Compiles a function into its callers: for small functions, and for those that every request goes through."""
    code = _njit(error_model="numpy", no_cpython_wrapper=True, forceinline=True)(function)
    return cast("F", code)


def entry(function: F) -> F:
    """Compiles a function that Python calls, with all that it calls. The machine code is kept in the cache."""
    if _FOLDER is None:
        code = _njit(error_model="numpy")(function)
        return cast("F", code)
    with _using_the_cache():
        code = _njit(error_model="numpy", cache=True)(function)
    return cast("F", code)


def _element(_: Any, address: Any, index: Any, dtype: Any) -> Any:
    record = dtype.dtype

    def generate(context: Any, builder: Any, __: Any, arguments: Any) -> Any:
        offset = builder.mul(arguments[1], arguments[1].type(record.size))
        return builder.inttoptr(builder.add(arguments[0], offset), context.get_value_type(record))

    return record(types.int64, types.int64, dtype), generate


element: Any = intrinsic(_element)
"""element(address, index, dtype) is the record with that index in the array of ``dtype`` that begins at the address."""


def _eight_bytes(_: Any, address: Any, index: Any) -> Any:
    def generate(context: Any, builder: Any, __: Any, arguments: Any) -> Any:
        offset = builder.mul(arguments[1], arguments[1].type(8))
        return builder.inttoptr(builder.add(arguments[0], offset), context.get_value_type(types.voidptr))

    return types.voidptr(types.int64, types.int64), generate


_pointer: Any = intrinsic(_eight_bytes)
"""_pointer(address, index) points to the 8-byte number with that index in the array that begins at the address."""


@inlined
def floats(address: int, first: int, count: int) -> Any:
    """Returns ``count`` float64 from index ``first`` on of the array that begins at an address."""
    return _carray(_pointer(address, first), (count,), np.float64)


@inlined
def integers(address: int, first: int, count: int) -> Any:
    """Returns ``count`` int64 from index ``first`` on of the array that begins at an address."""
    return _carray(_pointer(address, first), (count,), np.int64)
