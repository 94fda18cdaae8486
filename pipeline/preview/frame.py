"""Frame preview: one finished frame before a job, made as the journey would make it, from a few frames of the clip.

No camera path is measured: the frame itself takes the place of the stable picture. What is seen in the few frames is a
stage of its own, so that another style of the same clip is there at once.
"""

from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from pipeline.compose.compositor import feathered, over
from pipeline.engines import engine as find_engine
from pipeline.engines import ready
from pipeline.engines.base import EngineFrame, Style, View, Window
from pipeline.make.controls import controls
from pipeline.make.fitting import Fitting
from pipeline.preview.frame_samples import SAMPLE_FRAMES, FrameSamples, Sample, closely, preview_size, sampled
from pipeline.stage import Bench
from pipeline.types import Reference
from utils.digest import canonical_json, digest_bytes
from utils.image import RGB, Box, Size
from utils.media.clip import Clip
from utils.media.video import ClipFrames
from utils.people.model import Body, PoseModel
from utils.people.pose import LANDMARKS
from utils.people.subject import SAME_COLOURS, colour_histogram, find_people, likeness


@dataclass(frozen=True)
class FramePreview:
    """One frame before and after, and in how many of the frames looked at there was a person."""

    index: int
    before: RGB = field(repr=False)
    after: RGB = field(repr=False)
    looked_at: int
    found_in: int
    events: tuple[str, ...]

    @property
    def person_share(self) -> float:
        """The share of the frames looked at in which there was a person."""
        return self.found_in / self.looked_at

    def told(self) -> dict[str, Any]:
        """All but the pictures, as plain values."""
        size = Size.of(self.after)
        return {
            "at": self.index,
            "person_share": round(self.person_share, 4),
            "looked_at": self.looked_at,
            "found_in": self.found_in,
            "width": size.width_px,
            "height": size.height_px,
            "events": list(self.events),
        }


def preview_frame(clip: Clip, bench: Bench, at: float | None = None) -> FramePreview:
    """One frame as the journey would finish it; `at` (0 to 1, of the clip) chooses another than the clearest one."""
    reference = Reference.of(bench.settings["generate.reference"])
    samples = FrameSamples(SAMPLE_FRAMES.result(bench, clip=clip))
    settings, events = _scaled(bench.settings, clip), list[str]()
    count, found = len(samples.all), len(samples.with_person)
    if not found and settings["generate.apply_to"] == "person":
        settings["generate.apply_to"] = "both"
        events.append(f"Nobody was found in the {count} frames looked at, so the whole picture is restyled.")
    sample = _clearest(samples.all) if at is None else _moment(clip, samples, at)
    whole = settings["generate.apply_to"] != "person"
    if not whole and sample.box is None:
        events.append("The person was not found in this frame: there it stays as it is.")
    if settings["composite.background"] == "plate":
        events.append("The clean background is only made in the job; here the person stands before this frame's own.")
    view = sample.view(whole=whole)
    after = sample.rgb
    if view is not None:
        style = _style(samples, view, reference, whole=whole)
        after = _finished(sample, view, _made(view, style, clip, replace(bench, settings=settings)), settings)
    return FramePreview(sample.index, sample.rgb, after, count, found, tuple(events))


def _scaled(settings: Mapping[str, Any], clip: Clip) -> dict[str, Any]:
    """The settings, with what is measured in pixels as large as it will seem."""
    shrink = max(preview_size(clip)) / max(clip.size)
    feathers = ("generate.feather_px", "composite.feather_px")
    return {**settings, **{name: round(settings[name] * shrink) for name in feathers}}


def _style(samples: FrameSamples, view: View, reference: Reference | None, *, whole: bool) -> Style:
    """What the whole clip is to look like, known from the frames that were looked at."""
    views = [seen for each in samples.all if (seen := each.view(whole=whole)) is not None]
    parts = [samples.digest, whole, None if views else view.index, reference and reference.digest]
    return Style(digest_bytes(canonical_json(parts)), views or [view], reference.read() if reference else None)


def _made(view: View, style: Style, clip: Clip, bench: Bench) -> RGB:
    """What the engine makes of a view, as a window of a single frame."""
    engine = ready(find_engine(bench.settings["generate.engine"]))
    window = Window.single(view, bench.settings, style, clip.rate)
    window = replace(window, controls=controls(engine.caps.controls))
    fitting = Fitting.of(window, engine.caps)
    with bench.sessions.use(engine, bench.settings, lambda share, note: bench.cancel.check()) as session:
        made = EngineFrame(session.preview(fitting.padded(window), view.index))
    return next(fitting.cut([made], window)).rgb


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


def _moment(clip: Clip, samples: FrameSamples, at: float) -> Sample:
    """Any frame of the clip, with the person who is in the others."""
    index = round(at * (len(clip) - 1))
    if known := [each for each in samples.all if each.index == index]:
        return known[0]
    (frame,) = ClipFrames.of(clip, preview_size(clip)).read([index])
    if not samples.with_person:
        return sampled(frame, None)
    person = _clearest(samples.with_person)
    colours = colour_histogram(Body(person.keypoints, np.ones(LANDMARKS, np.float32), person.matte), person.rgb)
    with closing(PoseModel(alone=True)) as model:
        alike = [(likeness(colour_histogram(body, frame.rgb), colours), body) for body in find_people(model, frame.rgb)]
        best = max(alike, key=lambda each: each[0], default=None)
        return sampled(frame, closely(model, frame.rgb, best[1].box) if best and best[0] >= SAME_COLOURS else None)
