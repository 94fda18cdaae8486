"""Pictures as arrays: their sizes and places, how they move, blend and differ."""

from utils.image.arrays import RGB, Box, Orientation, Size, Values, placed

__all__ = ["RGB", "Box", "Orientation", "Size", "Values", "placed"]
