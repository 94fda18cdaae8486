"""The engine `keyframe`: carries painted key frames through a clip, without a model or a graphics card."""

from pipeline.engines.keyframe.engine import ENGINE

__all__ = ["ENGINE"]
