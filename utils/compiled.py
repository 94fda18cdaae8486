"""The numba decorator for inner loops outside of the walker, which needs other options of its own."""

from collections.abc import Callable
from typing import Any, TypeVar, cast

import numba

_Function = TypeVar("_Function", bound=Callable[..., Any])


def kernel(function: _Function) -> _Function:
    """Compile a function with numba on first use, without the GIL; cached on disk where a folder is writable."""
    options: dict[str, Any] = {"nogil": True, "error_model": "numpy"}
    try:
        return cast(_Function, numba.njit(cache=True, **options)(function))
    except RuntimeError:
        return cast(_Function, numba.njit(**options)(function))
