"""Key frames painted by a model that edits pictures by instruction, and carried through the window."""

from pipeline.engines.edit.engine import ENGINE

__all__ = ["ENGINE"]
