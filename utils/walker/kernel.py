"""The numba decorator for inner loops: releases the GIL, and caches machine code on disk where possible."""

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar, cast

import numba
import numpy as np
import numpy.typing as npt

log = logging.getLogger(__name__)

Floats = npt.NDArray[np.float32]
Doubles = npt.NDArray[np.float64]
Bytes = npt.NDArray[np.uint8]
Ints = npt.NDArray[np.int32]

_SOURCES = [path.stat() for path in sorted(Path(__file__).parent.glob("*.py"))]
_STAMP = (max(source.st_mtime_ns for source in _SOURCES), sum(source.st_size for source in _SOURCES))
"""Modification stamp of the whole package. Numba checks only a kernel's own file, but inlines kernels of others."""

_Function = TypeVar("_Function", bound=Callable[..., Any])


def kernel(function: _Function) -> _Function:
    """Compile a function on first use; without a writable cache folder it is compiled anew in each process."""
    options: dict[str, Any] = {
        "nogil": True,
        "fastmath": {"nsz"},  # sums in their written order, so that every machine draws the same frames
        "error_model": "numpy",
    }
    try:
        compiled = numba.njit(cache=True, **options)(function)
        compiled._cache._cache_file._source_stamp = _STAMP
        return cast(_Function, compiled)
    except (RuntimeError, AttributeError) as error:
        log.info("%s is compiled anew in each process: %s", function.__name__, error)
        return cast(_Function, numba.njit(**options)(function))
