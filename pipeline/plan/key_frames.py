"""The stage that proposes which frames of a clip people paint, shot by shot, and its cached result."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property

import cv2
import numpy as np

from pipeline.see.analysis import Analysis
from pipeline.see.joints import Joints
from pipeline.stage import Stage, Work
from utils.camera.tracking import Mask
from utils.image import Size
from utils.keyframes.offering import Offer, Run, Seen, offers, seen_runs
from utils.media.clip import Clip
from utils.media.timebase import Span
from utils.media.video import ClipFrames
from utils.people.facing import facing
from utils.store import Entry

AREA_PX = 400 * 225
"""Frames are compared at this size."""


@dataclass(frozen=True)
class KeyFrames:
    """The proposed frames of a clip, read from the cache."""

    entry: Entry

    @cached_property
    def offers(self) -> tuple[Offer, ...]:
        """Each frame and its reason, in order."""
        return tuple(Offer(**each) for each in json.loads(self.entry.read_bytes("keys.json")))


def part_to_paint(matte: Mask, apply_to: str) -> Mask:
    """What of a picture is made anew, 0 to 255."""
    return {"person": matte, "background": np.bitwise_not(matte), "both": np.full_like(matte, 255)}[apply_to]


def _propose(work: Work) -> None:
    clip: Clip = work.inputs["clip"]
    found = list[Offer]()
    for span in _runs(work):
        for offer in offers(_run(work, span), _seen(work, clip, span), work.cancel.check):
            found.append(Offer(span.start + offer.frame, offer.reason))
    (work.folder / "keys.json").write_text(json.dumps([{"frame": each.frame, "reason": each.reason} for each in found]))


def _runs(work: Work) -> Iterator[Span]:
    """The frames of each shot that have something to paint."""
    analysis: Analysis = work.inputs["analysis"]
    for shot in analysis.camera.shots:
        if work.settings["generate.apply_to"] != "person":
            yield Span(shot.start, shot.stop)
            continue
        for start, stop in seen_runs(_heights_px(analysis, shot)):
            yield Span(shot.start + start, shot.start + stop)


def _run(work: Work, span: Span) -> Run:
    analysis: Analysis = work.inputs["analysis"]
    joints: Joints = work.inputs["joints"]
    return Run(_heights_px(analysis, span), [facing(joints.poses.keypoints[index]) for index in span])


def _heights_px(analysis: Analysis, frames: Iterable[int]) -> list[float]:
    """How tall the person is in frames of the clip; 0 where nobody is seen."""
    return [box.size.height_px if (box := analysis.boxes[index]) else 0 for index in frames]


def _seen(work: Work, clip: Clip, span: Span) -> Iterator[Seen]:
    """The frames of a run, small, with what is painted of each."""
    analysis: Analysis = work.inputs["analysis"]
    small = clip.size.scaled(min(1.0, (AREA_PX / clip.size.area_px) ** 0.5), 16)
    for frame, matte in zip(ClipFrames.of(clip, small).read(span), analysis.mattes(span), strict=True):
        work.report(frame.index + 1, len(clip))
        part = part_to_paint(matte, work.settings["generate.apply_to"])
        yield cv2.cvtColor(frame.rgb, cv2.COLOR_RGB2GRAY), _reduced(part, small)


def _reduced(matte: Mask, size: Size) -> Mask:
    return np.asarray(cv2.resize(matte, size, interpolation=cv2.INTER_AREA))


PROPOSE = Stage(
    "key frames",
    version=2,
    run=_propose,
    settings=("generate.apply_to",),
    tools=("av", "numpy", "opencv-contrib-python"),
)
"""Inputs: clip, analysis and joints."""
