"""Background plate of a shot: one picture of the place without the person, and a map of what was never seen.

1. Sampled frames are warped into a mosaic. 2. At each pixel the samples that show neither the person nor their shadow
are merged by a robust median. 3. What no frame saw is inpainted once and marked. Since the plate is a single picture,
what is shown of it cannot flicker.
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
from utils.place.samples import LEVELS, SMALL, Mattes, Sample, excluding, exposure_gains, gather, log_ratio
from utils.place.shadow_mask import shadow_mask

VERSION = 1
FIRST_ENOUGH, ENOUGH = 5, 12
"""Number of samples far from the person that is enough: for the first estimate, and for the plate itself."""
PICTURE, SEEN, FACTS = "plate.png", "seen.png", "plate.json"
"""File names of a saved plate."""


@dataclass(frozen=True)
class Plate:
    """A shot's place without the person (H x W x 3), and the number of samples that saw each pixel (H x W).

    `to_plate` is the homography from the background picture to the plate. Where `seen` is 0 the picture is inpainted.
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
        """Share of the picture that is inpainted, 0 to 1."""
        return float((self.seen == 0).mean())

    def view(self, matrix: Matrix, size: Size, gain: NDArray[np.float64] | float = 1.0) -> RGB:
        """The plate warped into a frame (`matrix`: frame -> background picture), times one gain or one per channel."""
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
        """255 where a frame's view of the plate would show inpainted pixels or lies beyond the plate."""
        known = np.where(self.seen > 0, 255, 0).astype(np.uint8)
        there = cv2.warpPerspective(known, self.to_plate @ matrix, size, flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP)
        return np.where(there >= 128, 0, 255).astype(np.uint8)

    def gain(self, picture: RGB, matte: Mask, matrix: Matrix) -> NDArray[np.float64]:
        """Gains of red, green and blue that expose the plate like a frame, measured away from the person.

        They are 1 when too little of the place is seen.
        """
        size = Size.of(picture)
        small = Size(max(1, size.width_px // SMALL), max(1, size.height_px // SMALL))
        back = matrix @ resize(small, size)
        person = cv2.dilate(cv2.resize(matte, small, interpolation=cv2.INTER_AREA), np.ones((5, 5), np.uint8)) > 8
        clear = ~person & (self.unseen(back, small) == 0)
        plate = cv2.resize(self.view(matrix, size), small, interpolation=cv2.INTER_AREA)
        frame = cv2.resize(picture, small, interpolation=cv2.INTER_AREA)
        ratio = log_ratio(plate[clear], frame[clear])
        return np.ones(3) if ratio is None else np.exp(ratio)

    def save(self, folder: Path) -> None:
        """Write two PNG files and a JSON file into an existing folder."""
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
        """Read what `save` wrote."""
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
    """Build the plate of one shot; `frames` have the size of the camera's path.

    `mattes` is called twice, each time with ascending frames: coarsely over the whole shot, then for the samples that
    are merged. Memory depends on the size of the picture, not on the length of the shot.
    """
    mosaic = lay_out(camera, shot)
    possible = candidates(mosaic)
    seen = [visible(mosaic, index, matte) for index, matte in zip(possible, mattes(possible), strict=True)]
    chosen = [possible[each] for each in choose(seen, mosaic.samples)]
    samples = list(gather(mosaic, chosen, frames, mattes))
    gains = exposure_gains(samples)
    samples = _without_shadows(mosaic, samples, gains)
    image, counts = merge([each.full for each in samples], gains, mosaic.size, LEVELS, ENOUGH)
    picture = np.rint(image).clip(0, 255).astype(np.uint8)
    notes = mosaic.notes
    left_out = len(shot) - len(mosaic.matrices)
    if left_out:
        notes += (f"{left_out} frames look too far away from the others to share their background plate.",)
    return Plate(fill(picture, counts == 0, mosaic.reached(camera.size)), counts, mosaic.to_plate, notes)


def _without_shadows(mosaic: Mosaic, samples: list[Sample], gains: NDArray[np.float32]) -> list[Sample]:
    """Exclude the person's shadow from the samples, found by comparing with a first estimate of the background."""
    size = Size(mosaic.size.width_px // SMALL, mosaic.size.height_px // SMALL)
    clean, counts = merge([each.small for each in samples], gains, size, LEVELS, FIRST_ENOUGH)
    cleaned = []
    for sample, gain in zip(samples, gains, strict=True):
        layer = sample.small
        part = layer.box.slices
        cleaned.append(
            excluding(sample, shadow_mask(layer.picture * gain, clean[part], layer.away == 0, counts[part] > 0))
        )
    return cleaned
