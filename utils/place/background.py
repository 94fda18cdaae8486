"""The clean background of a shot: one picture of the place without the person, and where it was never seen.

Frames that see different parts of the place are laid over one another; at each pixel those that see past the person and
the shadow agree on a colour. What no frame saw is filled in once and marked. As it is one picture, what is shown of it
cannot flicker.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from utils.camera.path import CameraPath
from utils.errors import ClipError, WriteError
from utils.image import RGB, Size
from utils.image.geometry import Matrix, resize
from utils.media.video import FrameSource
from utils.place.inpainting import fill
from utils.place.masked_median import Mask, merge
from utils.place.mosaic import Mosaic, candidates, choose, lay_out, visible
from utils.place.samples import LEVELS, SMALL, Mattes, Sample, even_out, gather, log_ratio, without
from utils.place.shadow_mask import shadow_mask

VERSION = 1
FIRST_ENOUGH, ENOUGH = 5, 12
"""Samples that are taken from afar, where there are so many, for the first look and for the plate itself."""
PICTURE, SEEN, FACTS = "plate.png", "seen.png", "plate.json"


@dataclass(frozen=True)
class Plate:
    """A shot's place without the person: H x W x 3, and how many of the compared frames saw each pixel, H x W.

    `to_plate` moves pixels of the background picture to it. Where `seen` is 0 the picture is made up.
    """

    image: RGB
    seen: Mask
    to_plate: Matrix
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.seen.shape != self.image.shape[:2] or self.to_plate.shape != (3, 3):
            raise ValueError(f"a plate of {self.image.shape} with a seen map of {self.seen.shape}")

    @property
    def size(self) -> Size:
        return Size.of(self.image)

    @property
    def unseen_share(self) -> float:
        """How much of the picture is made up, 0 to 1."""
        return float((self.seen == 0).mean())

    def view(self, matrix: Matrix, size: Size, gain: NDArray[np.float64] | float = 1.0) -> RGB:
        """As a picture sees it whose pixels `matrix` moves into the background picture, times one gain or three."""
        picture: RGB = cv2.warpPerspective(
            self.image, self.to_plate @ matrix, size, flags=cv2.INTER_LANCZOS4 | cv2.WARP_INVERSE_MAP,
            borderMode=cv2.BORDER_REPLICATE,
        )  # fmt: skip
        if np.ndim(gain) == 0 and gain == 1.0:
            return picture
        levels = np.clip(np.arange(256)[:, None] * np.broadcast_to(gain, 3) + 0.5, 0, 255).astype(np.uint8)
        shown: RGB = cv2.LUT(picture, levels[None])
        return shown

    def unseen(self, matrix: Matrix, size: Size) -> Mask:
        """255 where such a picture would show what was made up or lies beyond the plate."""
        known = np.where(self.seen > 0, 255, 0).astype(np.uint8)
        there = cv2.warpPerspective(known, self.to_plate @ matrix, size, flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP)
        return np.where(there >= 128, 0, 255).astype(np.uint8)

    def gain(self, picture: RGB, matte: Mask, matrix: Matrix) -> NDArray[np.float64]:
        """What red, green and blue of the plate are multiplied by to be exposed like a frame: judged past the person.

        Ones where too little of the place is seen.
        """
        size = Size.of(picture)
        small = Size(max(1, size.width_px // SMALL), max(1, size.height_px // SMALL))
        back = matrix @ resize(small, size)
        person = cv2.dilate(cv2.resize(matte, small, interpolation=cv2.INTER_AREA), np.ones((5, 5), np.uint8)) > 8
        clear = ~person & (self.unseen(back, small) == 0)
        mine = cv2.resize(self.view(matrix, size), small, interpolation=cv2.INTER_AREA)
        theirs = cv2.resize(picture, small, interpolation=cv2.INTER_AREA)
        found = log_ratio(mine[clear], theirs[clear])
        return np.ones(3) if found is None else np.exp(found)

    def save(self, folder: Path) -> None:
        """As two PNG files and a JSON file in a folder that is there."""
        facts = {"version": VERSION, "to_plate": self.to_plate.tolist(), "notes": self.notes}
        try:
            for name, picture in ((PICTURE, self.image[..., ::-1]), (SEEN, self.seen)):
                (folder / name).write_bytes(cv2.imencode(".png", picture)[1].tobytes())
            (folder / FACTS).write_text(json.dumps(facts))
        except OSError as error:
            raise WriteError(
                f"The background plate could not be written: {error.strerror or error}.",
                f"Make room on the disk that holds {str(folder)!r} and run it again.",
            ) from error

    @classmethod
    def load(cls, folder: Path) -> "Plate":
        """What `save` wrote."""
        try:
            facts: dict[str, Any] = json.loads((folder / FACTS).read_text())
            if facts["version"] != VERSION:
                raise ValueError(facts["version"])
            image, seen = (
                cv2.imdecode(np.frombuffer((folder / name).read_bytes(), np.uint8), flag)
                for name, flag in ((PICTURE, cv2.IMREAD_COLOR), (SEEN, cv2.IMREAD_GRAYSCALE))
            )
            if image is None or seen is None:
                raise ValueError("no picture")
            picture = np.ascontiguousarray(image[..., ::-1])
            return cls(picture, seen, np.array(facts["to_plate"], float), tuple(facts["notes"]))
        except (OSError, KeyError, TypeError, ValueError, cv2.error) as error:
            raise ClipError(
                f"{str(folder)!r} holds no background plate that can be read.", "Make it again with this version."
            ) from error


def build_plate(frames: FrameSource, mattes: Mattes, camera: CameraPath, shot: range) -> Plate:
    """The plate of one shot, `frames` being of the size of the camera's path.

    `mattes` is asked twice, both times for frames in ascending order: coarsely over the whole shot, then for those
    whose pictures are compared. Memory follows the size of the picture, not the length of the shot.
    """
    mosaic = lay_out(camera, shot)
    possible = candidates(mosaic)
    seen = [visible(mosaic, index, matte) for index, matte in zip(possible, mattes(possible), strict=True)]
    wanted = [possible[each] for each in choose(seen, mosaic.samples)]
    samples = list(gather(mosaic, wanted, frames, mattes))
    gains = even_out(samples)
    samples = _without_shadows(mosaic, samples, gains)
    image, often = merge([each.full for each in samples], gains, mosaic.size, LEVELS, ENOUGH)
    picture = np.rint(image).clip(0, 255).astype(np.uint8)
    notes = mosaic.notes
    left_out = len(shot) - len(mosaic.matrices)
    if left_out:
        notes += (f"{left_out} frames look too far away from the others to share their background plate.",)
    return Plate(fill(picture, often == 0, mosaic.reached(camera.size)), often, mosaic.to_plate, notes)


def _without_shadows(mosaic: Mosaic, samples: list[Sample], gains: NDArray[np.float32]) -> list[Sample]:
    """The samples, not to be used where the person's shadow falls, judged against a first look at the place."""
    size = Size(mosaic.size.width_px // SMALL, mosaic.size.height_px // SMALL)
    clean, often = merge([each.small for each in samples], gains, size, LEVELS, FIRST_ENOUGH)
    freed = []
    for sample, gain in zip(samples, gains, strict=True):
        layer = sample.small
        part = layer.box.slices
        freed.append(without(sample, shadow_mask(layer.picture * gain, clean[part], layer.away == 0, often[part] > 0)))
    return freed
