"""Frame samples: a few frames spread over a clip with the person in them, found without tracking, as a cached stage."""

import json
from bisect import bisect_right
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from dataclasses import dataclass, field, replace
from functools import cached_property, lru_cache
from itertools import pairwise
from pathlib import Path

import numpy as np

from pipeline.engines.base import View
from pipeline.plan.stable_picture import MARGIN_SHARE
from pipeline.see.who import SUBJECT_SETTINGS, subject_rule
from pipeline.stage import RunContext, Stage, Work
from utils.camera.tracking import Mask
from utils.image import RGB, Box, Size, bounding_box
from utils.media.chunk import read_strip, write_strip
from utils.media.clip import Clip
from utils.media.video import ClipFrames, Frame, FrameSource
from utils.people.matte import refined
from utils.people.matte_files import read_mattes, write_mattes
from utils.people.model import Body, PoseModel
from utils.people.pose import LANDMARKS, Keypoints
from utils.people.subject import SAMPLE_WORKERS, Pointed, Rule, choose_subject, mask_covers_trunk, sample_indices

LONGEST_PX = 1280
"""The longer side of sampled frames; larger clips are reduced to it."""
DECODED_PIXELS = 400_000_000
"""The most that is decoded to reach evenly spread frames; beyond it, key frames near them are taken instead."""
ROOM_SHARE = 0.3
"""The margin around a person, in shares of their size, when the pose model looks at them alone."""
STRIP = "samples"


@dataclass(frozen=True)
class Sample:
    """A reduced frame with its person: a matte (0 where nobody is) and 33 x 2 joints (NaN where missing)."""

    index: int
    rgb: RGB = field(repr=False)
    matte: Mask = field(repr=False)
    keypoints: Keypoints = field(repr=False)

    @property
    def size(self) -> Size:
        """The size of the reduced frame."""
        return Size.of(self.rgb)

    @cached_property
    def box(self) -> Box | None:
        """The bounding box of the person; None where nobody is."""
        return bounding_box(self.matte)

    def view(self, *, whole: bool) -> View | None:
        """The sample as an engine sees it: cut to the person and a margin, or `whole`; None where nobody is."""
        box = Box(0, 0, *self.size) if whole else self.box
        if box is None:
            return None
        if not whole:
            box = self.with_margin(box)
        return self.crop(box)

    def with_margin(self, box: Box) -> Box:
        """A box around the person with what an engine sees around them."""
        return box.grown(round(MARGIN_SHARE * self.size.height_px) + 8, self.size)

    def crop(self, box: Box) -> View:
        """A part of the sample as an engine sees it."""
        keypoints = (self.keypoints - (box.left, box.top)).astype(np.float32)
        return View(self.index, self.rgb[box.slices], self.matte[box.slices], keypoints, (box.left, box.top))


@dataclass(frozen=True)
class FrameSamples:
    """The samples of a clip, in the order of their frames; equal where their digest is."""

    digest: str
    all: tuple[Sample, ...] = field(repr=False, compare=False)

    @property
    def with_person(self) -> tuple[Sample, ...]:
        """The samples in which the person was found."""
        return tuple(sample for sample in self.all if sample.box)


def frame_samples(clip: Clip, context: RunContext) -> FrameSamples:
    """The samples of a clip, from the cache, or measured; those of the latest clip are kept in memory."""
    entry = SAMPLE_FRAMES.result(context, clip=clip)
    return _read(entry.digest, entry.folder)


@lru_cache(maxsize=1)
def _read(digest: str, folder: Path) -> FrameSamples:
    facts = json.loads((folder / "facts.json").read_bytes())
    count, joints = len(facts["indices"]), np.load(folder / "joints.npy", allow_pickle=False)
    pictures = read_strip(folder, STRIP, count, range(count))
    mattes = read_mattes(folder, Size(*facts["size"]), range(count))
    return FrameSamples(digest, tuple(map(Sample, facts["indices"], pictures, mattes, joints)))


def preview_size(clip: Clip) -> Size:
    """The size of previews and samples: that of the clip, at most LONGEST_PX long."""
    shrink = min(1.0, LONGEST_PX / max(clip.size))
    return Size(*(max(1, round(side * shrink)) for side in clip.size))


def _sample(work: Work) -> None:
    clip: Clip = work.inputs["clip"]
    rule, indices = subject_rule(work.settings, clip), _sample_indices(clip)
    if isinstance(rule, Pointed):
        indices = sorted({*indices, rule.index})
        shrink = preview_size(clip).width_px / clip.size.width_px
        rule = Pointed(rule.x_px * shrink, rule.y_px * shrink, indices.index(rule.index))
    few = _FewFrames(ClipFrames.of(clip, preview_size(clip)), tuple(indices))
    samples = _samples(few, rule)
    work.report(1, 2)
    write_strip(work.folder, STRIP, (sample.rgb for sample in samples))
    write_mattes(work.folder, (sample.matte for sample in samples))
    np.save(work.folder / "joints.npy", np.array([sample.keypoints for sample in samples]))
    (work.folder / "facts.json").write_text(json.dumps({"indices": few.indices, "size": list(preview_size(clip))}))


SAMPLE_FRAMES = Stage(
    "frame samples",
    version=3,
    run=_sample,
    settings=SUBJECT_SETTINGS,
    tools=("mediapipe", "opencv-contrib-python", "av", "numpy"),
)


def _sample_indices(clip: Clip) -> list[int]:
    """Evenly spread frames, or key frames near them where decoding would take too long."""
    even = sample_indices(len(clip))
    keys = tuple(sorted({0, *clip.keys})) if clip.seekable and len(clip.keys) > 1 else (0,)
    steps = sum(index - max(before, keys[bisect_right(keys, index) - 1]) for before, index in pairwise([0, *even]))
    if steps * clip.size.area_px <= DECODED_PIXELS:
        return even
    slot = len(clip) / (2 * len(even))
    near = (min(keys, key=lambda key: abs(key - index)) for index in even)
    return sorted({key if abs(key - index) <= slot else index for key, index in zip(near, even, strict=True)})


@dataclass
class _FewFrames:
    """A frame source of a few frames of a clip, counted from 0; it keeps the frames that are read."""

    source: FrameSource
    indices: tuple[int, ...]
    kept: list[Frame] = field(default_factory=list)

    @property
    def size(self) -> Size:
        return self.source.size

    def __len__(self) -> int:
        return len(self.indices)

    def read(self, wanted: Iterable[int]) -> Iterator[Frame]:
        """The wanted frames, by their number among the few."""
        numbers = list(wanted)
        frames = self.source.read(self.indices[number] for number in numbers)
        for number, frame in zip(numbers, frames, strict=True):
            self.kept.append(frame)
            yield replace(frame, index=number)


def _samples(few: _FewFrames, rule: Rule | Pointed) -> list[Sample]:
    """The samples, with one and the same person in all of them."""
    subject = choose_subject(few, rule, range(len(few)))
    boxes = {few.indices[place.index]: place.box for place in subject.places} if subject else {}
    with ExitStack() as models, ThreadPoolExecutor(SAMPLE_WORKERS) as pool:
        idle = [models.enter_context(closing(PoseModel(alone=True))) for _ in range(SAMPLE_WORKERS)]

        def found_closely(frame: Frame) -> Sample:
            model = idle.pop()
            try:
                box = boxes.get(frame.index)
                return sampled(frame, closely(model, frame.rgb, box) if box else None)
            finally:
                idle.append(model)

        return list(pool.map(found_closely, few.kept))


def closely(model: PoseModel, rgb: RGB, box: Box) -> Body | None:
    """The person in a box, found again in a crop of it, where the pose model sees them largest."""
    part = box.grown(round(ROOM_SHARE * max(box.size)), Size.of(rgb)) & Box.of(rgb)
    body = model.detect(rgb[part.slices]) if all(part.size) else None
    if body is None or not mask_covers_trunk(body):
        return None
    mask = np.zeros(rgb.shape[:2], np.uint8)
    mask[part.slices] = body.mask
    return Body(body.keypoints + np.array([part.left, part.top], np.float32), body.confidence, mask)


def sampled(frame: Frame, body: Body | None) -> Sample:
    """A sample of a frame: the body's matte refined, or nobody."""
    if body is None:
        nobody = np.zeros(frame.rgb.shape[:2], np.uint8), np.full((LANDMARKS, 2), np.nan, np.float32)
        return Sample(frame.index, frame.rgb, *nobody)
    return Sample(frame.index, frame.rgb, refined(body.mask, frame.rgb), body.keypoints)
