"""Pictures as arrays: their sizes and places, how they move, blend and differ."""

from utils.image.arrays import RGB, Box, Orientation, Values, placed
from utils.size import Size

__all__ = ["RGB", "Box", "Orientation", "Size", "Values", "placed"]
