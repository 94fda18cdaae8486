"""Scan: which frame of a background shows what a frame of the foreground shows, wherever that lies in the picture.

Frames that were filmed at other moments have features in common, too, which under a moving camera show a wrong place;
how large the foreground is they show all the same. With that known, a small template is looked for in all frames.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

from utils.align.proxies import Luma, Proxies

WIDTH_PX, BETWEEN_S, MOST_SHARE = 96, 0.1, 0.9
"""How wide the background is looked at, how much time may lie between two frames of it, and how much of its picture a
template covers at most, so that it can be moved."""


def scanned(background: Proxies, foreground: Proxies, scale: float, indices: list[int]) -> list[int]:
    """For each of these frames of the foreground, of this scale, the frame of the background that is most like it."""
    step = max(1, round(BETWEEN_S * background.rate))
    templates = [_template(background, foreground, scale, index) for index in indices]
    best, found = [-np.inf] * len(indices), [0] * len(indices)
    for place in range(0, len(background), step):
        picture = _small(background.luma[place], WIDTH_PX / background.small.width_px)
        for number, template in enumerate(templates):
            if (likeness := float(cv2.matchTemplate(picture, template, cv2.TM_CCOEFF_NORMED).max())) > best[number]:
                best[number], found[number] = likeness, place
    return found


def _template(background: Proxies, foreground: Proxies, scale: float, index: int) -> NDArray[np.float32]:
    """The middle of a frame of the foreground, as large as the background would show it."""
    reduced = WIDTH_PX / background.size.width_px * scale / foreground.reduction[0]
    whole = _small(foreground.luma[index], reduced)
    room = (WIDTH_PX * background.size.height_px / background.size.width_px, WIDTH_PX)
    cut = [max(0, int(np.ceil((side - MOST_SHARE * most) / 2))) for side, most in zip(whole.shape, room, strict=True)]
    return whole[cut[0] : whole.shape[0] - cut[0], cut[1] : whole.shape[1] - cut[1]]


def _small(luma: Luma, reduced: float) -> NDArray[np.float32]:
    size = [max(4, round(reduced * side)) for side in (luma.shape[1], luma.shape[0])]
    kind = cv2.INTER_AREA if reduced < 1 else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(luma, size, interpolation=kind), np.float32)
