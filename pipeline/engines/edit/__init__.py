"""Key frames painted by a model that edits pictures by instruction (FLUX.2 klein), carried through the window."""

from pipeline.engines.edit.engine import ENGINE

__all__ = ["ENGINE"]
