"""First look: one finished frame before a job is started, made as the journey would make it, from a few frames alone.

No camera path is measured: the frame itself takes the place of the stable picture. What is seen in the few frames is a
stage of its own, so that another style of the same clip is there at once.
"""

import json
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from pipeline.compositor import _feathered as feathered
from pipeline.compositor import over
from pipeline.engines import engine as find_engine
from pipeline.engines.base import EngineError, View
from pipeline.engines.reference import read_reference
from pipeline.stable import MARGIN_SHARE
from pipeline.stage import Bench, Stage, Work
from utils.clip import Clip
from utils.image import RGB, Box, Size
from utils.people.matte import extent, refined
from utils.people.mattes import read_mattes, write_mattes
from utils.people.model import Body, PoseModel
from utils.people.pose import LANDMARKS, Keypoints
from utils.people.subject import (
    GLIMPSES,
    SAME_COLOURS,
    area,
    bodily,
    choose_subject,
    colours_of,
    likeness,
    people,
)
from utils.store import Entry
from utils.strip import read_strip, write_strip
from utils.tracking import Mask
from utils.video import ClipFrames, Frame, FrameSource

LONGEST_PX = 1280
"""The longer side of what is looked at and shown: larger clips are made smaller."""
DECODED_PIXELS = 400_000_000
"""What may be decoded to see the very frames that the analysis looks at first; beyond it, key frames near them do."""
ROOM_SHARE, SAME_PLACE = 0.3, 0.2
"""Around a person, of their size, when they are looked at closely; and how much of two boxes is one person's."""
CUT_OFF = 0.3
"""What a person counts for who reaches the picture's edge."""
STRIP = "glance"


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
        return Size(self.rgb.shape[1], self.rgb.shape[0])

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
class Glance:
    """A few frames spread over a clip, and the person in them, read from the cache."""

    entry: Entry

    @cached_property
    def samples(self) -> tuple[Sample, ...]:
        """In order."""
        facts = json.loads(self.entry.read_bytes("facts.json"))
        count, joints = len(facts["indices"]), np.array(self.entry.load_array("joints.npy"))
        pictures = read_strip(self.entry.folder, STRIP, count, range(count))
        mattes = read_mattes(self.entry.folder, Size(*facts["size"]), range(count))
        return tuple(map(Sample, facts["indices"], pictures, mattes, joints))

    @property
    def with_person(self) -> tuple[Sample, ...]:
        """Those in which the person was found."""
        return tuple(each for each in self.samples if each.box)


@dataclass(frozen=True)
class FirstLook:
    """One frame before and after, and in how many of the frames looked at there was a person."""

    index: int
    before: RGB = field(repr=False)
    after: RGB = field(repr=False)
    looked_at: int
    found_in: int
    events: tuple[str, ...]

    @property
    def person_share(self) -> float:
        """Of the frames looked at."""
        return self.found_in / self.looked_at


def first_look(clip: Clip, bench: Bench, at: float | None = None) -> FirstLook:
    """One frame as the journey would finish it; `at` (0 to 1, of the clip) chooses another than the clearest one."""
    path = bench.settings["generate.reference"]
    reference = read_reference(Path(path)) if path else None
    glance = Glance(GLANCE.result(bench, clip=clip))
    settings, events = _scaled(bench.settings, clip), list[str]()
    count, found = len(glance.samples), len(glance.with_person)
    if not found and settings["generate.apply_to"] == "person":
        settings["generate.apply_to"] = "both"
        events.append(f"Nobody was found in the {count} frames looked at, so the whole picture is restyled.")
    sample = _clearest(glance.samples) if at is None else _moment(clip, glance, at)
    whole = settings["generate.apply_to"] != "person"
    if not whole and sample.box is None:
        events.append("The person was not found in this frame: there it stays as it is.")
    if settings["composite.background"] == "plate":
        events.append("The clean background is only made in the job; here the person stands before this frame's own.")
    view = sample.view(whole=whole)
    after = sample.rgb if view is None else _finished(sample, view, _made(view, glance, settings, reference), settings)
    return FirstLook(sample.index, sample.rgb, after, count, found, tuple(events))


def _scaled(settings: Mapping[str, Any], clip: Clip) -> dict[str, Any]:
    """The settings, with what is measured in pixels as large as it will seem."""
    shrink = max(_size(clip)) / max(clip.size)
    feathers = ("generate.feather_px", "composite.feather_px")
    return {**settings, **{name: round(settings[name] * shrink) for name in feathers}}


def _made(view: View, glance: Glance, settings: Mapping[str, Any], reference: RGB | None) -> RGB:
    """What the engine makes of a view."""
    engine = find_engine(settings["generate.engine"])
    readiness = engine.probe()
    if not readiness.ready:
        raise EngineError(f"{engine.label} cannot run here: {readiness.reason}", readiness.remedy)
    whole = settings["generate.apply_to"] != "person"
    survey = [seen for each in glance.samples if (seen := each.view(whole=whole)) is not None]
    with closing(engine.open(settings, survey or [view], reference)) as session:
        return session.preview(view)


def _finished(sample: Sample, view: View, made: RGB, settings: Mapping[str, Any]) -> RGB:
    """The frame with what the engine made of a view of it laid over."""
    alpha = {
        "person": feathered(view.matte, settings["composite.feather_px"]),
        "background": np.asarray(255 - view.matte),
        "both": np.full_like(view.matte, 255),
    }[settings["generate.apply_to"]]
    after, (left, top) = sample.rgb.copy(), view.corner
    part = Box(left, top, left + view.size.width_px, top + view.size.height_px).slices
    after[part] = over(view.rgb, made, alpha)
    return after


def _clearest(samples: Sequence[Sample]) -> Sample:
    """The one that shows the person best; where nobody is found, the one in the middle."""
    best = max(samples, key=lambda each: each.worth)
    return best if best.box else samples[len(samples) // 2]


def _moment(clip: Clip, glance: Glance, at: float) -> Sample:
    """Any frame of the clip, with the person who is in the others."""
    index = round(at * (len(clip) - 1))
    if known := [each for each in glance.samples if each.index == index]:
        return known[0]
    (frame,) = ClipFrames.of(clip, _size(clip)).read([index])
    if not glance.with_person:
        return _sample(frame, None)
    person = _clearest(glance.with_person)
    colours = colours_of(Body(person.keypoints, np.ones(LANDMARKS, np.float32), person.matte), person.rgb)
    with closing(PoseModel(alone=True)) as model:
        alike = [(likeness(colours_of(body, frame.rgb), colours), body) for body in people(model, frame.rgb)]
        best = max(alike, key=lambda each: each[0], default=None)
        return _sample(frame, _closely(model, frame.rgb, best[1].box) if best and best[0] >= SAME_COLOURS else None)


def _size(clip: Clip) -> Size:
    """Of the look."""
    shrink = min(1.0, LONGEST_PX / max(clip.size))
    return Size(*(max(1, round(side * shrink)) for side in clip.size))


def _glance(work: Work) -> None:
    clip: Clip = work.inputs["clip"]
    few = _Few(ClipFrames.of(clip, _size(clip)), tuple(_wanted(clip)))
    samples = _seen(few, work.chosen["analysis.subject"])
    work.report(1, 2)
    write_strip(work.folder, STRIP, (each.rgb for each in samples))
    write_mattes(work.folder, (each.matte for each in samples))
    np.save(work.folder / "joints.npy", np.array([each.keypoints for each in samples]))
    (work.folder / "facts.json").write_text(json.dumps({"indices": few.indices, "size": list(_size(clip))}))


GLANCE = Stage(
    "glance",
    version=1,
    run=_glance,
    settings=("analysis.subject",),
    tools=("mediapipe", "opencv-contrib-python", "av", "numpy"),
)


def _wanted(clip: Clip) -> list[int]:
    """The frames that the analysis looks at first, or key frames near them where those are much sooner reached."""
    even = sorted({round(each) for each in np.linspace(0, len(clip) - 1, GLIMPSES)})
    keys = clip.keys if clip.seekable and len(clip.keys) > 1 else (0,)
    steps = sum(index - max(before, keys[bisect_right(keys, index) - 1]) for before, index in pairwise([0, *even]))
    if steps * clip.size.width_px * clip.size.height_px <= DECODED_PIXELS:
        return even
    slot = len(clip) / (2 * GLIMPSES)
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
        bodies = [_closely(model, each.rgb, boxes[each.index]) if each.index in boxes else None for each in few.kept]
    return [_sample(frame, body) for frame, body in zip(few.kept, bodies, strict=True)]


def _closely(model: PoseModel, rgb: RGB, box: Box) -> Body | None:
    """The person at a place, seen as large as the model sees anybody."""
    height, width = rgb.shape[:2]
    part = box.grown(round(ROOM_SHARE * max(box.size)), Size(width, height)) & Box(0, 0, width, height)
    body = model.look(rgb[part.slices]) if all(part.size) else None
    if body is None or not bodily(body):
        return None
    mask = np.zeros((height, width), np.uint8)
    mask[part.slices] = body.mask
    return Body(body.keypoints + np.array([part.left, part.top], np.float32), body.confidence, mask)


def _sample(frame: Frame, body: Body | None) -> Sample:
    """A frame with the matte of its person."""
    if body is None:
        nobody = np.zeros(frame.rgb.shape[:2], np.uint8), np.full((LANDMARKS, 2), np.nan, np.float32)
        return Sample(frame.index, frame.rgb, *nobody)
    return Sample(frame.index, frame.rgb, refined(body.mask, frame.rgb), body.keypoints)


def write_jpeg(path: Path, rgb: RGB) -> None:
    """A picture as people look at it."""
    coded = cv2.imencode(".jpg", rgb[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 92])[1]
    path.write_bytes(coded.tobytes())
