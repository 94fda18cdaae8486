"""ControlNet with Stable Diffusion 1.5 or SDXL: frames made one by one, each from those that are finished around it."""

from pipeline.engines.controlnet.engine import ENGINE

__all__ = ["ENGINE"]
