"""What people read by eye from real clips: when feet stand, and outlines of persons; and how to score against it.

The clips themselves are not part of the project: what needs them is skipped without them.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import binary_dilation

from utils.feet.contacts import PARTS, SIDES, Contact, Part, Side
from utils.image import Size

HERE = Path(__file__).parent
Flags = NDArray[np.bool_]
Claims = dict[tuple[Side, Part], Flags]
"""For heel and toe of both feet, the frames in which they stand."""


@dataclass(frozen=True)
class Readings:
    """One reader's contacts in a clip of so many frames."""

    count: int
    ranges: list[list[int]]
    feet: dict[str, Any]

    def read(self, side: Side, name: str) -> Flags:
        """The frames of the spans that are listed for a foot under a name: heel, toe, hidden or outside."""
        return self._flags(self.feet[side][name])

    def claims(self) -> Claims:
        """All contacts."""
        return {(side, part): self.read(side, part) for side in SIDES for part in PARTS}

    def judged(self, side: Side) -> Flags:
        """The frames in which the reader could judge a foot."""
        return self._flags(self.ranges) & ~self.read(side, "hidden") & ~self.read(side, "outside")

    def _flags(self, spans: list[list[int]]) -> Flags:
        flags = np.zeros(self.count, bool)
        for start, stop in spans:
            flags[start:stop] = True
        return flags


def contact_labels(clip: str, count: int, reader: str = "first") -> Readings:
    """The readings of a clip, by its file name."""
    label = json.loads((HERE / "contacts.json").read_text())["clips"][clip][reader]
    return Readings(count, label["ranges"], label["feet"])


def labelled_contacts() -> list[str]:
    """The clips with readings of contacts."""
    return list(json.loads((HERE / "contacts.json").read_text())["clips"])


def claims_of(contacts: tuple[Contact, ...], count: int) -> Claims:
    """Contacts as the program found them."""
    claims: Claims = {(side, part): np.zeros(count, bool) for side in SIDES for part in PARTS}
    for contact in contacts:
        claims[contact.foot, contact.part][contact.span.start : contact.span.stop] = True
    return claims


def f1(claims: Claims, truth: Readings, within: slice = slice(None), tolerance: int = 2) -> float:
    """F1 over the judged frames; one is right if the other side says the same within the tolerance."""
    near, counts = np.ones(2 * tolerance + 1, bool), np.zeros(4)
    part_of = np.zeros(truth.count, bool)
    part_of[within] = True
    for key, claim in claims.items():
        real, judged = truth.claims()[key], truth.judged(key[0]) & part_of
        counts += [
            (claim & judged & binary_dilation(real, near)).sum(), (claim & judged).sum(),
            (real & judged & binary_dilation(claim, near)).sum(), (real & judged).sum(),
        ]  # fmt: skip
    precision, recall = counts[0] / max(1, counts[1]), counts[2] / max(1, counts[3])
    return float(2 * precision * recall / max(1e-9, precision + recall))


def outside_share(claims: Claims, truth: Readings) -> float:
    """The share of claims made where the foot is not in the picture, of all such frames."""
    outside = {side: truth.read(side, "outside") for side in SIDES}
    total = sum(2 * int(flags.sum()) for flags in outside.values())
    return sum(int((claim & outside[side]).sum()) for (side, _), claim in claims.items()) / max(1, total)


def mask_labels(clip: str, size: Size, reader: str = "first") -> dict[int, Flags]:
    """The outlines of a clip as masks, by frame."""
    drawn = json.loads((HERE / "masks.json").read_text())["clips"][clip][reader]
    return {int(index): _filled(outline, size) for index, outline in drawn.items()}


def labelled_masks() -> list[str]:
    """The clips with outlines."""
    return list(json.loads((HERE / "masks.json").read_text())["clips"])


def _filled(outline: dict[str, list[list[int]]], size: Size) -> Flags:
    mask = np.zeros(size[::-1], np.uint8)
    for name, value in (("outer", 255), ("holes", 0)):
        for polygon in outline.get(name, []):
            cv2.fillPoly(mask, [8 * np.array(polygon, np.int32).reshape(-1, 2)], value, shift=4)
    return np.asarray(mask > 0)


def overlap(one: Flags, other: Flags) -> float:
    """Intersection over union."""
    return float((one & other).sum() / max(1, (one | other).sum()))


def boundary_f(one: Flags, other: Flags, within_px: float = 3.0) -> float:
    """The F measure of two outlines: points of one that lie near to the other."""
    inner = [cv2.erode(mask.astype(np.uint8), np.ones((3, 3), np.uint8), borderValue=1) for mask in (one, other)]
    edges = [mask & (inside == 0) for mask, inside in zip((one, other), inner, strict=True)]
    away = [cv2.distanceTransform((~edge).astype(np.uint8), cv2.DIST_L2, 5) for edge in edges]
    if not (edges[0].any() and edges[1].any()):
        return 0.0
    shares = [float((away[0][edges[1]] <= within_px).mean()), float((away[1][edges[0]] <= within_px).mean())]
    return 2 * shares[0] * shares[1] / max(1e-9, sum(shares))
