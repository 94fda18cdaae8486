"""The animate job as one function that reads from top to bottom: `animate`."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.animate.filled import filled
from pipeline.animate.modelled import chosen_model, modelled
from pipeline.animate.painted import painted
from pipeline.guide.asked import AskedGuide
from pipeline.guide.carried import CarriedAnchors
from pipeline.guide.drawn import Drawing
from pipeline.guide.led import Led
from pipeline.guide.plan import GuidePlan
from pipeline.guide.settings import ANCHOR
from pipeline.guide.story import counted, found_structures, write_frames
from pipeline.guide.timeline import asked_guide
from pipeline.guide.tracker import GuidanceTracker
from pipeline.report.making import Making
from pipeline.run import Run
from pipeline.stage import RunContext, Stage, Work
from pipeline.types import NO_CONTROL, Done, Event
from utils.errors import SettingsError
from utils.flow import Flow
from utils.image import RGB
from utils.media.timebase import Span
from utils.media.write import Encoding
from utils.prefetch import prefetch
from utils.store import Entry

CLIP, LED = "animated.mp4", "led.mp4"


@dataclass(frozen=True)
class Animated:
    """Everything that a finished run produced."""

    plan: GuidePlan
    tracker: GuidanceTracker
    leading: Drawing
    """Draws the structure videos as they lead the clip."""
    entry: Entry
    settings: Mapping[str, Any]
    seconds: float
    done: tuple[Done, ...]
    events: tuple[Event, ...]
    making: Making | None = None
    """What the windows of a model took."""

    @property
    def path(self) -> Path:
        """The finished clip."""
        return self.entry.path(CLIP)


def asked_for(files: Mapping[str, Path], settings: Mapping[str, Any]) -> AskedGuide:
    """What the settings of a job ask for; a picture that is placed nowhere moves from the first frame on."""
    asked = asked_guide(files, settings)
    return asked if asked.anchors or ANCHOR not in files else replace(asked, anchors={0: files[ANCHOR]})


def animate(plan: GuidePlan, context: RunContext) -> Animated:
    """Make a clip from the anchors of a plan. Every stage is cached; flow is extracted once for all plans."""
    if not plan.anchors:
        raise SettingsError("There is no picture to bring to life.", "Give one: --anchor 0:first.png.")
    run, model = Run(context), chosen_model(context)
    if model is None:
        plan = replace(plan, structures=tuple(replace(each, type="flow") for each in plan.structures))
    unanchored = replace(plan, anchors={})

    # 1. Find how the structure videos move, or what else of them leads a model.
    led = found_structures(run, unanchored if model else plan)
    leading, tracker = Drawing(unanchored, led), Drawing(plan, led).tracker()

    # 2. Paint the anchors, if a look is asked for.
    drawing = Drawing(painted(run, plan), led)

    # 3. Carry them along and fill what none of them shows, or let a model make the frames; encode each once.
    if model is None:
        entry, making = run.take(ANIMATE, drawing=drawing), None
        run.events += [Event("animate", _held(span), "warning") for span in _unled(tracker, plan)]
    else:
        made = modelled(run, model, drawing, leading)
        entry, making = run.take(MODEL_CLIP, plan=unanchored, frames=made), made.making
        run.events += [*made.events(), *(Event("guide", sentence) for sentence in tracker.sentences())]
    leading = replace(leading, type="raw")
    return Animated(
        plan, tracker, leading, entry, context.settings, run.seconds, tuple(run.done), tuple(run.events), making
    )


def _unled(tracker: GuidanceTracker, plan: GuidePlan) -> list[Span]:
    """The stretches that no structure leads and that are no anchors."""
    return [span for span in tracker.unguided() if any(index not in plan.anchors for index in span)]


def _held(span: Span) -> str:
    frames = f"Frame {span.start} stands" if len(span) == 1 else f"Frames {span.start} to {span.stop - 1} stand"
    return f"{frames} still: no structure video leads there."


def _animate(work: Work) -> None:
    drawing: Drawing = replace(work.inputs["drawing"], check=work.cancel.check)
    plan, encoding = drawing.plan, Encoding(work.settings["encode.crf"], work.settings["encode.x264_preset"])
    pictures = counted(prefetch(frames(drawing)), work, plan.frames)
    write_frames(work.folder / CLIP, plan, pictures, encoding, work.cancel.check)


def frames(drawing: Drawing) -> Iterator[RGB]:
    """Every frame of the timeline. Where nothing leads, the last frame is held."""
    plan, reached = drawing.plan, 0
    last = drawing.anchors[min(plan.anchors)]
    for led in drawing.led:
        span = led.structure.led(plan.rate)
        for picture in _standing(drawing, range(reached, span.start), last):
            last = picture
            yield picture
        for picture in _carried(led, span, drawing, last):
            last = picture
            yield picture
        reached = span.stop
    yield from _standing(drawing, range(reached, plan.frames), last)


def _standing(drawing: Drawing, indices: range, last: RGB) -> Iterator[RGB]:
    """Frames that nothing leads: each anchor from its own index on."""
    shown = last
    for index in indices:
        shown = drawing.anchors.get(index, shown)
        yield shown


def _carried(led: Led, span: Span, drawing: Drawing, last: RGB) -> Iterator[RGB]:
    """The frames that a structure leads, from the anchors among them, or from the last frame before them."""
    box = led.framing.inside.slices
    anchors = {index: picture[box] for index, picture in drawing.anchors.items() if index in span}
    if not anchors or span.start > min(drawing.plan.anchors):
        anchors.setdefault(span.start, np.ascontiguousarray(last[box]))

    def back(index: int) -> Flow:
        flow = led.moments.between(led.moment(index), led.moment(index - 1), (index, index - 1))
        return replace(flow, vectors=np.asarray(np.float32(led.structure.strength) * flow.vectors, np.float32))

    for picture in filled(CarriedAnchors(led, anchors, drawing.check).frames(), back):
        yield led.framing.placed(picture, NO_CONTROL)


def _write_model_clip(work: Work) -> None:
    plan, frames = work.inputs["plan"], work.inputs["frames"]
    encoding = Encoding(work.settings["encode.crf"], work.settings["encode.x264_preset"])
    pictures = counted(prefetch(frames.pictures()), work, plan.frames)
    write_frames(work.folder / CLIP, plan, pictures, encoding, work.cancel.check)


def _write_led(work: Work) -> None:
    leading: Drawing = replace(work.inputs["led"], check=work.cancel.check)
    pictures = counted(prefetch(leading.pictures()), work, leading.plan.frames)
    write_frames(work.folder / LED, leading.plan, pictures, Encoding(), work.cancel.check)


ENCODING = ("encode.crf", "encode.x264_preset")
TOOLS = ("av", "numpy", "opencv-contrib-python")
ANIMATE = Stage("animate", version=1, run=_animate, settings=ENCODING, tools=TOOLS)
MODEL_CLIP = Stage("animated clip", version=1, run=_write_model_clip, settings=ENCODING, tools=TOOLS)
LED_CLIP = Stage("led clip", version=1, run=_write_led, tools=TOOLS)
