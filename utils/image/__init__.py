"""Pictures as arrays: sizes and boxes, geometry, blending, temporal consistency and quality metrics."""

from utils.image.arrays import RGB, Box, Orientation, Values, at_size, bounding_box, placed
from utils.size import Size

__all__ = ["RGB", "Box", "Orientation", "Size", "Values", "at_size", "bounding_box", "placed"]
