"""A structure video as it leads a timeline: its picture, its motion and its joints at each index, framed alike."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cached_property
from math import floor
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from pipeline.engines.base import View
from pipeline.guide.framing import Framing
from pipeline.guide.plan import GuidePlan, Structure
from pipeline.make.depth import WindowDepth
from utils.digest import canonical_json, digest_bytes
from utils.flow import Flow, Vectors, warped
from utils.flow.moments import Moments
from utils.image import RGB
from utils.image.geometry import resize
from utils.media.timebase import Span
from utils.media.video import ClipFrames, Frame, Rolling
from utils.people.pose import LANDMARKS, Keypoints


class KnownFlow(Protocol):
    """The flow of some frames of a clip."""

    @property
    def digest(self) -> str:
        """Digest of all of it."""
        ...

    def moments(self, framing: Framing) -> Moments:
        """The motion of the clip as it is framed."""
        ...


class KnownJoints(Protocol):
    """Joints of some frames of a clip."""

    @property
    def digest(self) -> str:
        """Digest of all of them."""
        ...

    def at(self, frame: int) -> Keypoints:
        """Those of a frame, in px of the clip."""
        ...


@dataclass(frozen=True)
class Led:
    """A structure of a plan, with what was found in its clip: its flow, and its joints if a pose is drawn."""

    plan: GuidePlan
    structure: Structure
    flow: KnownFlow | None = None
    joints: KnownJoints | None = None
    depth_weights: str = ""
    """Digest of the weights that depth is found with, where that is drawn."""
    seen: Span | None = None
    """Which frames of the timeline are looked at for the scale of depth; None is all that the structure leads."""
    framing: Framing = field(init=False)

    def __post_init__(self) -> None:
        framing = Framing.of(self.structure.clip.size, self.plan.size, self.plan.fit)
        object.__setattr__(self, "framing", framing)

    @property
    def digest(self) -> str:
        """Digest of everything that its pictures depend on, but for the plan."""
        found = [each.digest for each in (self.flow, self.joints) if each is not None]
        return digest_bytes(canonical_json([self.structure.facts(), *found, self.depth_weights]))

    @cached_property
    def moments(self) -> Moments:
        """The motion of the clip inside the framed box."""
        assert self.flow is not None, "motion is known where `needs_flow` says so"
        return self.flow.moments(self.framing)

    @cached_property
    def _frames(self) -> Rolling[Frame]:
        return Rolling(ClipFrames.of(self.structure.clip), keep=3)

    def moment(self, index: int) -> Fraction:
        """The moment of the clip at an index of the timeline."""
        return self.plan.moment(self.structure, index)

    def motion(self, index: int) -> Vectors:
        """The displacement per frame of what is seen at an index: from the index before, at first to the one after.

        What moves less than the plan's floor does not move, so that noise does not.
        """
        here = self.moment(index)
        if index == self.structure.at.start:
            vectors = self.moments.between(here, self.moment(index + 1)).vectors
        else:
            vectors = -self.moments.between(here, self.moment(index - 1)).vectors
        return stilled(vectors, self.plan.floor_px)

    def picture(self, index: int) -> RGB:
        """The framed picture at an index; between two frames, both are brought there along the flow and mixed."""
        at = self.moment(index)
        before = floor(at)
        if at == before:
            return self._picture(before)
        pair = [self._picture(before), self._picture(before + 1)]
        flows = [self.moments.between(at, Fraction(before + number)) for number in (0, 1)]
        return _mixed(pair, flows, float(at - before))

    def depth(self, index: int) -> RGB:
        """How near everything is at an index, near is white, in one scale for all that the structure leads."""
        return self._depth(self._view(index))

    def clip_pictures(self, frames: Span) -> Iterator[RGB]:
        """The framed pictures of the clip's own frames."""
        for frame in ClipFrames.of(self.structure.clip).read(frames):
            yield self.framing.picture(frame.rgb)

    def keypoints(self, index: int) -> Keypoints:
        """The subject's joints at an index, in px of the framed box; between two frames, in between."""
        assert self.joints is not None, "a pose is drawn from joints"
        at = self.moment(index)
        before = floor(at)
        share, joints = np.float32(at - before), self.joints.at(before)
        if share:
            joints = (1 - share) * joints + share * self.joints.at(before + 1)
        matrix = resize(self.framing.crop.size, self.framing.inside.size)
        corner = np.array(self.framing.crop[:2], np.float32)
        framed: Keypoints = np.asarray((joints - corner) * np.diag(matrix)[:2] + matrix[:2, 2], np.float32)
        return framed

    @cached_property
    def _depth(self) -> WindowDepth:
        return WindowDepth(lambda: map(self._view, self.seen or self.structure.led(self.plan.rate)))

    def _view(self, index: int) -> View:
        led = self.structure.led(self.plan.rate)
        index = min(max(index, led.start), led.stop - 1)
        rgb = self.picture(index)
        nobody = np.full((LANDMARKS, 2), np.nan, np.float32)
        return View(index, rgb, np.zeros(rgb.shape[:2], np.uint8), nobody)

    def _picture(self, frame: int) -> RGB:
        return self.framing.picture(next(self._frames.read([frame])).rgb)


def needs_flow(plan: GuidePlan, structure: Structure) -> bool:
    """Whether a structure's part of a guide is made from its flow: to show it, to carry anchors, or between frames."""
    led = structure.led(plan.rate)
    moments = (plan.moment(structure, index) for index in led)
    return structure.type == "flow" or bool(plan.anchors) or any(moment.denominator != 1 for moment in moments)


def stilled(vectors: Vectors, floor_px: float) -> Vectors:
    """Vectors without those shorter than a floor; up to twice the floor they fade in, so that no edge appears."""
    if not floor_px:
        return vectors
    length = np.hypot(vectors[..., 0], vectors[..., 1])
    share = np.clip(length / np.float32(floor_px) - 1, 0, 1)[..., None]
    return np.asarray(vectors * share, np.float32)


def _mixed(pair: list[RGB], flows: list[Flow], share: float) -> RGB:
    """Two neighbours brought to a moment between them; what only one of them shows comes from that one."""
    carried = [warped(picture, flow).astype(np.float32) for picture, flow in zip(pair, flows, strict=True)]
    weights = [weight * (flow.valid + np.float32(0.01)) for weight, flow in zip((1 - share, share), flows, strict=True)]
    later: NDArray[np.float32] = (weights[1] / (weights[0] + weights[1]))[..., None]
    return np.asarray(np.rint(carried[0] + later * (carried[1] - carried[0])), np.uint8)
