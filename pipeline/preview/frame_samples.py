"""Frame samples: a few frames spread over a clip, with the person in them, found without following anything."""

import json
from bisect import bisect_right
from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import pairwise
from typing import Any

import numpy as np

from pipeline.engines.base import View
from pipeline.plan.stable_picture import MARGIN_SHARE
from pipeline.stage import Stage, Work
from utils.camera.tracking import Mask
from utils.image import RGB, Box, Size
from utils.media.chunk import read_strip, write_strip
from utils.media.clip import Clip
from utils.media.video import ClipFrames, Frame, FrameSource
from utils.people.matte import extent, refined
from utils.people.matte_files import read_mattes, write_mattes
from utils.people.model import Body, PoseModel
from utils.people.pose import LANDMARKS, Keypoints
from utils.people.subject import SAMPLE_COUNT, area, choose_subject, mask_covers_trunk
from utils.store import Entry

LONGEST_PX = 1280
"""The longer side of what is looked at and shown: larger clips are made smaller."""
DECODED_PIXELS = 400_000_000
"""What may be decoded to see the very frames that the analysis looks at first; beyond it, key frames near them do."""
ROOM_SHARE = 0.3
"""Around a person, of their size, when they are looked at closely."""
CUT_OFF = 0.3
"""What a person counts for who reaches the picture's edge."""
STRIP = "samples"


@dataclass(frozen=True)
class Sample:
    """A frame in the size of the look, with its person: a matte (0 where nobody) and 33 x 2 joints (NaN missing)."""

    index: int
    rgb: RGB = field(repr=False)
    matte: Mask = field(repr=False)
    keypoints: Keypoints = field(repr=False)

    @property
    def size(self) -> Size:
        """Of the picture."""
        return Size.of(self.rgb)

    @cached_property
    def box(self) -> Box | None:
        """Around the person."""
        return extent(self.matte, 1)

    @property
    def worth(self) -> float:
        """How large and whole the person is: their area, less for every joint that is hidden or beyond an edge."""
        if self.box is None:
            return 0.0
        left, top, right, bottom = self.box
        inside = left > 1 and top > 1 and right < self.size.width_px - 1 and bottom < self.size.height_px - 1
        known = float(np.isfinite(self.keypoints[:, 0]).mean())
        return area(self.box) * known**2 * (1.0 if inside else CUT_OFF)

    def view(self, *, whole: bool) -> View | None:
        """As an engine sees it: the person and a little around them, or all; None where nobody is."""
        box = Box(0, 0, *self.size) if whole else self.box
        if box is None:
            return None
        if not whole:
            box = box.grown(round(MARGIN_SHARE * self.size.height_px) + 8, self.size)
        keypoints = (self.keypoints - (box.left, box.top)).astype(np.float32)
        return View(self.index, self.rgb[box.slices], self.matte[box.slices], keypoints, (box.left, box.top))


@dataclass(frozen=True)
class FrameSamples:
    """A few frames spread over a clip, and the person in them, read from the cache."""

    entry: Entry

    @property
    def digest(self) -> str:
        return self.entry.digest

    @cached_property
    def all(self) -> tuple[Sample, ...]:
        """In order."""
        facts = json.loads(self.entry.read_bytes("facts.json"))
        count, joints = len(facts["indices"]), np.array(self.entry.load_array("joints.npy"))
        pictures = read_strip(self.entry.folder, STRIP, count, range(count))
        mattes = read_mattes(self.entry.folder, Size(*facts["size"]), range(count))
        return tuple(map(Sample, facts["indices"], pictures, mattes, joints))

    @property
    def with_person(self) -> tuple[Sample, ...]:
        """Those in which the person was found."""
        return tuple(each for each in self.all if each.box)


def preview_size(clip: Clip) -> Size:
    """Of the look."""
    shrink = min(1.0, LONGEST_PX / max(clip.size))
    return Size(*(max(1, round(side * shrink)) for side in clip.size))


def _look(work: Work) -> None:
    clip: Clip = work.inputs["clip"]
    few = _Few(ClipFrames.of(clip, preview_size(clip)), tuple(_wanted(clip)))
    samples = _seen(few, work.settings["analysis.subject"])
    work.report(1, 2)
    write_strip(work.folder, STRIP, (each.rgb for each in samples))
    write_mattes(work.folder, (each.matte for each in samples))
    np.save(work.folder / "joints.npy", np.array([each.keypoints for each in samples]))
    (work.folder / "facts.json").write_text(json.dumps({"indices": few.indices, "size": list(preview_size(clip))}))


SAMPLE_FRAMES = Stage(
    "frame samples",
    version=1,
    run=_look,
    settings=("analysis.subject",),
    tools=("mediapipe", "opencv-contrib-python", "av", "numpy"),
)


def _wanted(clip: Clip) -> list[int]:
    """The frames that the analysis looks at first, or key frames near them where those are much sooner reached."""
    even = sorted({round(each) for each in np.linspace(0, len(clip) - 1, SAMPLE_COUNT)})
    keys = clip.keys if clip.seekable and len(clip.keys) > 1 else (0,)
    steps = sum(index - max(before, keys[bisect_right(keys, index) - 1]) for before, index in pairwise([0, *even]))
    if steps * clip.size.area_px <= DECODED_PIXELS:
        return even
    slot = len(clip) / (2 * SAMPLE_COUNT)
    near = (min(keys, key=lambda key: abs(key - index)) for index in even)
    return sorted({key if abs(key - index) <= slot else index for key, index in zip(near, even, strict=True)})


@dataclass
class _Few:
    """A few frames of a clip, counted from 0, as a source; they are kept on their way."""

    source: FrameSource
    indices: tuple[int, ...]
    kept: list[Frame] = field(default_factory=list)

    @property
    def size(self) -> Size:
        return self.source.size

    def __len__(self) -> int:
        return len(self.indices)

    def read(self, wanted: Iterable[int]) -> Iterator[Frame]:
        """The wanted ones."""
        numbers = list(wanted)
        frames = self.source.read(self.indices[number] for number in numbers)
        for number, frame in zip(numbers, frames, strict=True):
            self.kept.append(frame)
            yield replace(frame, index=number)


def _seen(few: _Few, rule: Any) -> list[Sample]:
    """The frames and the one person that they are about."""
    subject = choose_subject(few, rule)
    boxes = {few.indices[place.index]: place.box for place in subject.places} if subject else {}
    with closing(PoseModel(alone=True)) as model:
        bodies = [closely(model, each.rgb, boxes[each.index]) if each.index in boxes else None for each in few.kept]
    return [sampled(frame, body) for frame, body in zip(few.kept, bodies, strict=True)]


def closely(model: PoseModel, rgb: RGB, box: Box) -> Body | None:
    """The person at a place, seen as large as the model sees anybody."""
    height, width = rgb.shape[:2]
    part = box.grown(round(ROOM_SHARE * max(box.size)), Size(width, height)) & Box(0, 0, width, height)
    body = model.detect(rgb[part.slices]) if all(part.size) else None
    if body is None or not mask_covers_trunk(body):
        return None
    mask = np.zeros((height, width), np.uint8)
    mask[part.slices] = body.mask
    return Body(body.keypoints + np.array([part.left, part.top], np.float32), body.confidence, mask)


def sampled(frame: Frame, body: Body | None) -> Sample:
    """A frame with the matte of its person."""
    if body is None:
        nobody = np.zeros(frame.rgb.shape[:2], np.uint8), np.full((LANDMARKS, 2), np.nan, np.float32)
        return Sample(frame.index, frame.rgb, *nobody)
    return Sample(frame.index, frame.rgb, refined(body.mask, frame.rgb), body.keypoints)
