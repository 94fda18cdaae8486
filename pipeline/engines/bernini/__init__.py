"""Bernini-R: a source video edited by an instruction, and by reference pictures; 1.3B, and 14B with two experts."""

from pipeline.engines.bernini.engine import ENGINE

__all__ = ["ENGINE"]
