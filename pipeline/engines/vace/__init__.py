"""Wan VACE: Wan 2.1 VACE 1.3B and 14B, and VACE-Fun 2.2 with its two experts, behind one adapter."""

from pipeline.engines.vace.engine import ENGINE

__all__ = ["ENGINE"]
