"""Frame preview: one finished frame before a job, made as the job would make it, from a few frames of the clip.

No camera path is measured: the frame itself takes the place of the stable picture. The frame samples are a cached stage
of their own, so that another style of the same clip is quick.
"""

from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass, field, replace
from functools import lru_cache, partial
from typing import Any

import numpy as np

from pipeline.compose.compositor import feathered, over
from pipeline.engines import engine as find_engine
from pipeline.engines import ready
from pipeline.engines.base import Engine, EngineFrame, Style, View, Window
from pipeline.engines.clearing import Clearing
from pipeline.engines.weights import named
from pipeline.make.controls import leads
from pipeline.make.fitting import Fitting
from pipeline.make.given_guide import GivenGuide, given_guide
from pipeline.make.given_keys import GivenKeys, given_keys
from pipeline.preview.frame_samples import FrameSamples, Sample, closely, preview_size, sampled
from pipeline.preview.mended import MendedSamples
from pipeline.preview.moment import clearest
from pipeline.preview.painted import between_painted
from pipeline.stage import RunContext, Stage
from pipeline.types import References
from utils.digest import canonical_json, digest_bytes
from utils.image import RGB, Box, Size
from utils.media.clip import Clip
from utils.media.video import ClipFrames
from utils.people.model import Body, PoseModel
from utils.people.pose import LANDMARKS
from utils.people.subject import SAME_COLOURS, colour_histogram, find_people, likeness
from utils.store import Entry


@dataclass(frozen=True)
class FramePreview:
    """One frame before and after, and in how many of the sampled frames a person was found."""

    index: int
    """In the whole clip, also where only a part of it is used."""
    before: RGB = field(repr=False)
    after: RGB = field(repr=False)
    looked_at: int
    found_in: int
    events: tuple[str, ...]
    box: Box | None = None
    """Where the person is in this frame; None where nobody is."""

    @property
    def person_share(self) -> float:
        """The share of sampled frames with a person."""
        return self.found_in / self.looked_at

    def to_json(self) -> dict[str, Any]:
        """All but the pictures, as plain values."""
        size = Size.of(self.after)
        return {
            "at": self.index,
            "person_share": round(self.person_share, 4),
            "looked_at": self.looked_at,
            "found_in": self.found_in,
            "width": size.width_px,
            "height": size.height_px,
            "box": list(self.box) if self.box else None,
            "events": list(self.events),
        }


def preview_frame(clip: Clip, context: RunContext, at: float | None = None) -> FramePreview:
    """One frame as the job would finish it: the clearest one, or the one `at` a share (0 to 1) of the clip."""
    engine = ready(find_engine(context.settings["generate.engine"]))
    context = replace(context, settings={**context.settings, **named(engine.name, context.settings)})
    references = References.of(context.settings, engine.caps.most_references(context.settings))
    engine.models(context.settings)  # weights that are missing are told before anything is computed
    given = _Given.of(clip, context, engine)
    meant = MendedSamples.of(clip, context)
    samples = meant.samples
    settings, events = _scaled(context.settings, clip), [*filter(None, [references.note(engine.name)]), *given.told]
    looked_at, found_in = len(samples.all), len(samples.with_person)
    if not found_in and settings["generate.apply_to"] == "person":
        settings["generate.apply_to"] = "both"
        events.append(f"Nobody was found in the {looked_at} frames looked at, so the whole picture is restyled.")
    sample = sample_at(clip, meant, at)
    whole = settings["generate.apply_to"] != "person"
    if not whole and sample.box is None:
        events.append("The person was not found in this frame: there it stays as it is.")
    if settings["composite.background"] == "plate":
        events.append("The clean background is only made in the job; here the person stands before this frame's own.")
    if note := meant.note(sample.index):
        events.append(note)
    view = sample.view(whole=whole)
    after = sample.rgb
    if view is not None:
        style = _style(samples, view, references, whole=whole)
        window = Window.single(view, settings, style, clip.rate)
        lead = given.guide.frame(view, sample.size) if given.guide else None
        window = replace(window, controls=leads(engine.caps.controls, window.views, lead))
        if given.keys:
            window = between_painted(window, given.keys, sample, partial(at_index, clip, meant), clip.size)
            view = next(each for each in window.views() if each.index == sample.index)
        after = _composited(sample, view, generated(engine, window, context), settings)
    return FramePreview(clip.start + sample.index, sample.rgb, after, looked_at, found_in, tuple(events), sample.box)


@dataclass(frozen=True)
class _Given:
    """The guide and the painted frames of the settings, and what is to be told of them."""

    guide: GivenGuide | None
    keys: GivenKeys | None
    told: list[str]

    @classmethod
    def of(cls, clip: Clip, context: RunContext, engine: Engine) -> "_Given":
        """Those that the engine has a use for."""

        def take(stage: Stage, **inputs: Any) -> Entry:
            return stage.result(context, **inputs)

        guide, of_guide = given_guide(take, clip, context, engine)
        keys, of_keys = given_keys(take, clip, context, engine)
        notes = [event.sentence for event in keys.events] if keys else []
        return cls(guide, keys, [*filter(None, [of_guide, of_keys]), *notes])


def _scaled(settings: Mapping[str, Any], clip: Clip) -> dict[str, Any]:
    """The settings, with lengths in px scaled to the size of the preview."""
    shrink = max(preview_size(clip)) / max(clip.size)
    feathers = ("generate.feather_px", "composite.feather_px")
    return {**settings, **{name: round(settings[name] * shrink) for name in feathers}}


def _style(samples: FrameSamples, view: View, references: References, *, whole: bool) -> Style:
    """The style of the whole clip, from the sampled frames."""
    views = [seen for sample in samples.all if (seen := sample.view(whole=whole)) is not None]
    parts = [samples.digest, whole, None if views else view.index, references.digest]
    return Style(digest_bytes(canonical_json(parts)), views or [view], references.read())


def generated(engine: Engine, window: Window, context: RunContext) -> RGB:
    """The picture that an engine makes of a window of a single view."""
    fitting = Fitting.of(window, engine.caps)
    with context.sessions.use(engine, window.settings, lambda share, note: context.cancel.check()) as session:
        frame = EngineFrame(session.preview(fitting.padded(window), window.span.start))
        Clearing.of(window.settings, engine.caps).clear()
    return next(fitting.cut([frame], window)).rgb


def _composited(sample: Sample, view: View, made: RGB, settings: Mapping[str, Any]) -> RGB:
    """The sampled frame with the engine's picture of its view laid over."""
    alpha = {
        "person": feathered(view.matte, settings["composite.feather_px"]),
        "background": np.asarray(255 - view.matte),
        "both": np.full_like(view.matte, 255),
    }[settings["generate.apply_to"]]
    after, (left, top) = sample.rgb.copy(), view.corner
    part = Box(left, top, left + view.size.width_px, top + view.size.height_px).slices
    after[part] = over(view.rgb, made, alpha)
    return after


def sample_at(clip: Clip, meant: MendedSamples, at: float | None) -> Sample:
    """The clearest of the samples, or the frame `at` a share of the clip, which is searched for the same person."""
    plain = meant.plain
    if at is None:
        return meant.mended(clearest(plain.all)) if plain.with_person else clearest(meant.samples.all)
    return at_index(clip, meant, round(at * (len(clip) - 1)))


def at_index(clip: Clip, meant: MendedSamples, index: int) -> Sample:
    """A frame, which is searched for the same person unless it is one of the samples."""
    plain = meant.plain
    there = next((sample for sample in plain.all if sample.index == index), None)
    return meant.mended(there or _searched(_Moment(clip.digest, plain, index, clip)))


@dataclass(frozen=True)
class _Moment:
    """A frame of a clip, and the samples that show who is meant."""

    digest: str
    samples: FrameSamples
    index: int
    clip: Clip = field(compare=False)


@lru_cache(maxsize=4)
def _searched(moment: _Moment) -> Sample:
    """The frame with the person recognised by their colours; the latest ones are kept for other looks at them."""
    (frame,) = ClipFrames.of(moment.clip, preview_size(moment.clip)).read([moment.index])
    if not moment.samples.with_person:
        return sampled(frame, None)
    person = clearest(moment.samples.with_person)
    colours = colour_histogram(Body(person.keypoints, np.ones(LANDMARKS, np.float32), person.matte), person.rgb)
    with closing(PoseModel(alone=True)) as model:
        alike = [(likeness(colour_histogram(body, frame.rgb), colours), body) for body in find_people(model, frame.rgb)]
        best = max(alike, key=lambda pair: pair[0], default=None)
        return sampled(frame, closely(model, frame.rgb, best[1].box) if best and best[0] >= SAME_COLOURS else None)
