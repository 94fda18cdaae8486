"""Plates: the clean background of every shot, for those who want the person before nothing but the place."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass

import numpy as np

from pipeline.analysis import Seen
from pipeline.stage import Stage, Work
from pipeline.types import Event
from utils.clip import Clip
from utils.digest import canonical_json, digest_bytes
from utils.image import RGB, Size
from utils.place.background import Plate, build_plate
from utils.store import Entry
from utils.tracking import Mask
from utils.video import ClipFrames, Frame


@dataclass(frozen=True)
class Shot:
    """Frames without a cut between them."""

    start: int
    stop: int

    @property
    def digest(self) -> str:
        return digest_bytes(canonical_json(asdict(self)))


def _build(work: Work) -> None:
    clip: Clip = work.inputs["clip"]
    seen: Seen = work.inputs["seen"]
    shot: Shot = work.inputs["shot"]
    plate = build_plate(ClipFrames.of(clip), seen.mattes, seen.camera, range(shot.start, shot.stop))
    plate.save(work.folder)
    (work.folder / "facts.json").write_text(json.dumps({"seen": 1 - plate.unseen_share, "notes": plate.notes}))


PLATE = Stage("plate", version=1, run=_build, tools=("numpy", "opencv-contrib-python", "av"))


class Backdrops:
    """The plates of all shots of a clip, read from the cache one at a time."""

    def __init__(self, seen: Seen, entries: Mapping[Shot, Entry]) -> None:
        self._seen, self._entries = seen, dict(entries)
        self._shot: Shot | None = None
        self._plate: Plate | None = None

    @property
    def digest(self) -> str:
        return digest_bytes(canonical_json([entry.digest for entry in self._entries.values()]))

    def behind(self, frame: Frame, matte: Mask) -> RGB:
        """The place as this frame's camera saw it, exposed like the frame."""
        plate, matrix = self._at(frame.index), self._seen.camera.matrices[frame.index]
        size = Size(frame.rgb.shape[1], frame.rgb.shape[0])
        return plate.view(matrix, size, plate.gain(frame.rgb, matte, matrix))

    @property
    def seen_fraction(self) -> float:
        """The share of the place that some frame saw, over all shots."""
        shares = [json.loads(entry.read_bytes("facts.json"))["seen"] for entry in self._entries.values()]
        return float(np.average(shares, weights=[shot.stop - shot.start for shot in self._entries]))

    @property
    def events(self) -> list[Event]:
        notes = [
            note for entry in self._entries.values() for note in json.loads(entry.read_bytes("facts.json"))["notes"]
        ]
        return [Event("plate", note) for note in notes]

    def _at(self, index: int) -> Plate:
        shot = next(each for each in self._entries if each.start <= index < each.stop)
        if self._plate is None or shot != self._shot:
            self._shot, self._plate = shot, Plate.load(self._entries[shot].folder)
        return self._plate
