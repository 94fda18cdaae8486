"""The walker in clothes of other colours: a restyle that is known for every frame, for what carries painted keys."""

from collections.abc import Sequence
from dataclasses import replace

import cv2
import numpy as np

from utils.flow import fetched
from utils.image import RGB, Size
from utils.image.metrics import psnr_db
from utils.keyframes.motion import Motion
from utils.walker import Scene, Shot


class Walk:
    """Frames of the walker, the same ones in clothes of other colours, and the mattes."""

    def __init__(self, shot: Shot, span: tuple[int, int]) -> None:
        scene, restyled = Scene(shot), Scene(shot)
        palette = restyled.walker.palette[[0, 1, 5, 6, 7, 2, 3, 8, 4]]
        restyled.walker = replace(restyled.walker, palette=np.ascontiguousarray(palette))
        pairs = [(scene.frame(index), restyled.frame(index)[0]) for index in range(*span)]
        self.source: list[RGB] = [frame for (frame, _), _ in pairs]
        self.mattes = [truth.matte for (_, truth), _ in pairs]
        self.restyled: list[RGB] = [picture for _, picture in pairs]
        self.greys = [cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY) for frame in self.source]

    def psnr_db(self, made: Sequence[RGB], but: Sequence[int]) -> list[float]:
        """PSNR inside the matte of the frames that were carried."""
        return [
            psnr_db(picture, truth, matte > 127)
            for frame, (picture, truth, matte) in enumerate(zip(made, self.restyled, self.mattes, strict=True))
            if frame not in but and (matte > 127).sum() > 100
        ]


def from_one_side(walk: Walk, keys: Sequence[int]) -> list[RGB]:
    """Each frame from the key before it alone."""
    motion, made = Motion(walk.greys), list(walk.restyled)
    for key, stop in zip(keys, [*keys[1:], len(made)], strict=True):
        for frame, match in motion.away(key, stop):
            made[frame] = fetched(walk.restyled[key], match.resized(Size.of(walk.source[0])).vectors, sharp=True)
    return made
