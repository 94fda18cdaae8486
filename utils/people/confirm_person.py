"""Whether who is found somewhere for the first time is a person at all, and not the foot of a table or a dog."""

import cv2

from utils.image import RGB, Box, Size
from utils.people.model import Body, PoseModel
from utils.people.subject import overlap

CLOSER = (1.5, 2.2, 3.0)
"""How much is shown when looking closely, times the person's size."""
CLOSE_PX = 256
"""The person's size in these pictures is at most this."""
SAME = 0.4
"""Overlap with what was found at first."""


def confirmed(model: PoseModel, rgb: RGB, body: Body) -> bool:
    """Whether most of a few closer looks find them too. The model looks at something new afterwards."""
    return sum(_found_again(model, rgb, body.box, closer) for closer in CLOSER) * 2 > len(CLOSER)


def _found_again(model: PoseModel, rgb: RGB, box: Box, closer: float) -> bool:
    """Whether they are found in a part of the picture around them."""
    height, width = rgb.shape[:2]
    side = closer * max(box.size)
    left, top = round((box.left + box.right - side) / 2), round((box.top + box.bottom - side) / 2)
    part = Box(left, top, left + round(side), top + round(side)) & Box(0, 0, width, height)
    scale = CLOSE_PX / side
    size = Size(*(max(1, round(scale * each)) for each in part.size))
    model.forget()
    found = model.look(cv2.resize(rgb[part.slices], size, interpolation=cv2.INTER_LINEAR))
    model.forget()
    if found is None:
        return False
    there = Box(*(round(edge / scale) for edge in found.box))
    return overlap(there, box.within(part)) > SAME
