"""Gradio, imported in half the time: it does not write stub files for editors, as it would do at each import."""

import inspect
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


@contextmanager
def _without_stubs() -> Iterator[None]:
    """Gradio writes no stub for a class without a file, so meanwhile no class has one."""
    usual = inspect.getfile

    def of_functions(object: Any) -> str:
        if inspect.isclass(object):
            raise OSError(f"{object} is asked for its file only to write a stub")
        return usual(object)

    inspect.getfile = of_functions
    try:
        yield
    finally:
        inspect.getfile = usual


with _without_stubs():
    import gradio as gr

__all__ = ["gr"]
