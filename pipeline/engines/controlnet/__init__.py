"""ControlNet with Stable Diffusion 1.5 or SDXL: keys, and frames made from the keys around them."""

from pipeline.engines.controlnet.engine import ENGINE

__all__ = ["ENGINE"]
