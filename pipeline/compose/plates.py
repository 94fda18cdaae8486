"""Plates: a clean background of every place, without the person, computed from the frames in which it can be seen."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass

import numpy as np

from pipeline.see.analysis import Analysis
from pipeline.stage import Stage, Work
from pipeline.types import Event
from utils.camera.tracking import Mask
from utils.digest import canonical_json, digest_bytes
from utils.image import RGB, Box, Size
from utils.media.clip import Clip
from utils.media.video import ClipFrames, Frame
from utils.place.background import Plate, build_plate
from utils.place.samples import Mattes
from utils.store import Entry

LINGER_S = 0.5
"""For so long before a person is first found, and after they were last, part of them may still be in the picture."""
LINGER_SHARE = 0.05
"""Of the picture's height: the margin around their nearest box that is not trusted meanwhile."""


@dataclass(frozen=True)
class Place:
    """Frames that share one background picture."""

    start: int
    stop: int

    @property
    def digest(self) -> str:
        return digest_bytes(canonical_json(asdict(self)))


@dataclass(frozen=True)
class PersonCover:
    """Mattes of everything that may hide the place: the person, and where they may linger though nobody was found.

    Somebody who enters or leaves is for a moment a strip at the edge of the picture, which no detector recognises.
    `boxes` are those of the frames in which the person was recognised whole.
    """

    person: Mattes
    boxes: Sequence[Box | None]
    linger_frames: int

    def mattes(self, wanted: Sequence[int]) -> Iterator[Mask]:
        """The mattes of the wanted frames, ascending."""
        for index, matte in zip(wanted, self.person(wanted), strict=True):
            box = None if self.boxes[index] else self._nearest(index)
            yield _filled(matte, box) if box else matte

    def _nearest(self, index: int) -> Box | None:
        """The box of the person in the nearest frame in which they were found."""
        start, stop = max(0, index - self.linger_frames), index + self.linger_frames + 1
        near = sorted(range(start, min(stop, len(self.boxes))), key=lambda each: abs(each - index))
        return next((box for each in near if (box := self.boxes[each])), None)


def _filled(matte: Mask, box: Box) -> Mask:
    """A matte with a box and a margin around it added."""
    filled = matte.copy()
    size = Size.of(matte)
    filled[box.grown(round(LINGER_SHARE * size.height_px), size).slices] = 255
    return filled


def _build(work: Work) -> None:
    clip: Clip = work.inputs["clip"]
    analysis: Analysis = work.inputs["analysis"]
    place: Place = work.inputs["place"]
    whole = np.isfinite(analysis.poses.keypoints).any(axis=(1, 2))
    boxes = [
        box if place.start <= index < place.stop and whole[index] else None for index, box in enumerate(analysis.boxes)
    ]
    covered = PersonCover(analysis.mattes, boxes, round(LINGER_S * clip.rate))
    plate = build_plate(ClipFrames.of(clip), covered.mattes, analysis.camera, range(place.start, place.stop))
    plate.save(work.folder)
    (work.folder / "facts.json").write_text(json.dumps({"seen": 1 - plate.unseen_share, "notes": plate.notes}))


PLATE = Stage("plate", version=4, run=_build, tools=("numpy", "opencv-contrib-python", "av"))


class Plates:
    """The plates of all places of a clip, read from the cache one at a time."""

    def __init__(self, analysis: Analysis, entries: Mapping[Place, Entry]) -> None:
        self._analysis, self._entries = analysis, dict(entries)
        self._place: Place | None = None
        self._plate: Plate | None = None

    @property
    def digest(self) -> str:
        return digest_bytes(canonical_json([entry.digest for entry in self._entries.values()]))

    def behind(self, frame: Frame, matte: Mask) -> RGB:
        """The plate as this frame's camera saw it, exposed like the frame."""
        plate, matrix = self._at(frame.index), self._analysis.camera.matrices[frame.index]
        size = Size.of(frame.rgb)
        return plate.view(matrix, size, plate.gain(frame.rgb, matte, matrix))

    @property
    def seen_fraction(self) -> float:
        """The share of the plate that some frame saw, averaged over all places."""
        shares = [json.loads(entry.read_bytes("facts.json"))["seen"] for entry in self._entries.values()]
        return float(np.average(shares, weights=[place.stop - place.start for place in self._entries]))

    @property
    def events(self) -> list[Event]:
        notes = [
            note for entry in self._entries.values() for note in json.loads(entry.read_bytes("facts.json"))["notes"]
        ]
        return [Event("plate", note) for note in notes]

    def _at(self, index: int) -> Plate:
        place = next(each for each in self._entries if each.start <= index < each.stop)
        if self._plate is None or place != self._place:
            self._place, self._plate = place, Plate.load(self._entries[place].folder)
        return self._plate
