"""Frame preview of a guide: one of its pictures before the job, made as the job makes it, from a few frames."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from math import ceil, floor
from typing import Any

import numpy as np

from pipeline.guide.drawn import Drawing
from pipeline.guide.flows import FLOW, ClipFlow, Range, flow_models, shared_slice
from pipeline.guide.led import KnownFlow, Led
from pipeline.guide.plan import GuidePlan, Structure
from pipeline.guide.story import depth_weights, extents
from pipeline.preview.frame import sample_at
from pipeline.preview.mended import MendedSamples
from pipeline.stage import Digested, RunContext
from utils.digest import canonical_json, digest_bytes
from utils.image import RGB, Size
from utils.media.clip import Clip
from utils.media.timebase import Span
from utils.people.pose import Keypoints

SCALE_SAMPLES = 12
"""In so many frames of the timeline the strongest motion is looked for, where all flow is known already."""
OWN_SCALE = "Here {} is scaled to this frame alone, in the guide to all frames; it may be paler there."


@dataclass(frozen=True)
class GuidePreview:
    """One frame of a guide, the frame of the structure video that leads there, and what leads it."""

    index: int
    """On the guide's timeline."""
    frames: int
    before: RGB = field(repr=False)
    after: RGB = field(repr=False)
    led_by: str
    """What leads this frame: the title of a file, or nothing."""
    events: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """All but the pictures, as plain values."""
        size = Size.of(self.after)
        return {"at": self.index, "frames": self.frames, "width": size.width_px, "height": size.height_px,
                "led_by": self.led_by, "events": list(self.events)}  # fmt: skip


@dataclass(frozen=True)
class _SampledJoints:
    """The joints of a few frames, found in each by itself."""

    frames: Mapping[int, Keypoints]

    @property
    def digest(self) -> str:
        """Digest of all of them."""
        return digest_bytes(canonical_json({str(frame): str(joints) for frame, joints in self.frames.items()}))

    def at(self, frame: int) -> Keypoints:
        """Those of a frame."""
        return self.frames[frame]


def preview_guide(plan: GuidePlan, context: RunContext, at: float | None = None) -> GuidePreview:
    """The picture of a guide `at` a share (0 to 1) of its timeline; by default in the middle of what is led."""
    index = _led_index(plan) if at is None else round(at * (plan.frames - 1))
    known, share = _known_flows(plan, index, context), Drawing(plan, ()).share
    here = [each for each in plan.structures if share(each, index) > 0]
    scaling = [each for each in plan.structures if each.type == "flow" and each.clip.digest in known]
    wanted = dict.fromkeys([*here, *scaling])
    led = tuple(_led(plan, each, index, context, known.get(each.clip.digest)) for each in wanted)
    scale = (*_samples(plan), index) if known else (index,)
    drawing = Drawing(plan, led, scale=scale, check=context.cancel.check)
    before = Drawing(plan, led, type="raw").picture(index)
    events = tuple(_events(plan, led[: len(here)], index, is_known=bool(known)))
    return GuidePreview(index, plan.frames, before, drawing.picture(index), _name(plan, index), events)


def _led_index(plan: GuidePlan) -> int:
    span = plan.structures[0].led(plan.rate)
    return (span.start + span.stop) // 2


def _known_flows(plan: GuidePlan, index: int, context: RunContext) -> dict[str, KnownFlow]:
    """The flow of all structures that show theirs, by clip, if a job found it before; nothing otherwise."""
    showing = {each.clip.digest: each.clip for each in plan.structures if each.type == "flow"}
    whole, flows = extents(plan.structures), dict[str, KnownFlow]()
    for digest, clip in showing.items():
        parts = [
            _around(_moments(plan, each, seen), clip)
            for each in plan.structures
            if each.clip.digest == digest
            for seen in [*_samples(plan), index]
        ]
        if not (flow := _known_flow(clip, whole[digest], parts, context)):
            return {}
        flows[digest] = flow
    return flows


def _known_flow(clip: Clip, whole: Span, parts: list[Span], context: RunContext) -> KnownFlow | None:
    """The flow of a span of a clip, or of the parts of it that are needed, from this cache or from the shared one."""
    models = flow_models(context.settings)
    inputs: dict[str, Digested] = {"clip": clip, "range": Range(whole)}
    if FLOW.known(context, models=models, **inputs):
        return ClipFlow(FLOW.result(context, models=models, **inputs))
    return shared_slice(clip, whole, parts, context)


def _samples(plan: GuidePlan) -> Iterator[int]:
    for number in range(SCALE_SAMPLES):
        yield number * (plan.frames - 1) // (SCALE_SAMPLES - 1)


def _led(plan: GuidePlan, structure: Structure, index: int, context: RunContext, known: KnownFlow | None) -> Led:
    """A structure with what is needed at one index alone."""
    moments = _moments(plan, structure, index)
    flow, joints, here = known, None, moments[1]
    if flow is None and (structure.type == "flow" or here.denominator != 1):
        extent = Range(_around(moments, structure.clip))
        models = flow_models(context.settings)
        flow = ClipFlow(FLOW.result(context, models=models, clip=structure.clip, range=extent))
    if structure.type == "pose":
        joints = _joints(structure.clip, here, context)
    return Led(plan, structure, flow, joints, depth_weights(structure), seen=Span(index, index + 1))


def _moments(plan: GuidePlan, structure: Structure, index: int) -> list[Fraction]:
    """The moments of a structure's clip at an index and on both sides of it."""
    return [plan.moment(structure, index + step) for step in (-1, 0, 1)]


def _around(moments: list[Fraction], clip: Clip) -> Span:
    """The frames of a clip that hold some moments, two at least."""
    first, last = floor(min(moments)), min(ceil(max(moments)), len(clip) - 1)
    if first == last:
        first, last = max(0, first - 1), min(len(clip) - 1, last + 1)
    return Span(first, last + 1)


def _joints(clip: Clip, moment: Fraction, context: RunContext) -> _SampledJoints:
    """The joints of the person in the one or two frames at a moment, in px of the clip."""
    meant = MendedSamples.of(clip, context)
    found: dict[int, Keypoints] = {}
    for frame in {floor(moment), ceil(moment)}:
        sample = sample_at(clip, meant, frame / max(1, len(clip) - 1))
        scale = np.array([own / small for own, small in zip(clip.size, sample.size, strict=True)], np.float32)
        found[frame] = np.asarray(sample.keypoints * scale, np.float32)
    return _SampledJoints(found)


def _name(plan: GuidePlan, index: int) -> str:
    if index in plan.anchors:
        return plan.anchors[index].path.name
    leading = plan.leading(index)
    return leading.clip.path.name if leading else ""


def _events(plan: GuidePlan, led: tuple[Led, ...], index: int, *, is_known: bool) -> Iterator[str]:
    """What people should know of the picture."""
    if index in plan.anchors:
        yield "This frame is given: it is an anchor."
        return
    if not led:
        yield "Nothing leads this frame: a generator is free there."
    types = {each.structure.type for each in led}
    if "flow" in types and not is_known:
        yield OWN_SCALE.format("motion")
    if "depth" in types:
        yield OWN_SCALE.format("depth")
    if any(each.joints and not np.isfinite(each.keypoints(index)).any() for each in led):
        yield "Nobody was found in this frame, so no pose is drawn."
