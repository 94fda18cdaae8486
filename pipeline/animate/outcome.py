"""What an animate job leaves behind: the clip, beside the structure video as it leads."""

from pathlib import Path

from pipeline.animate.story import LED, LED_CLIP, Animated
from pipeline.kind import Outcome, Published
from pipeline.kinds import find_kind
from pipeline.result.document import deliver
from pipeline.result.names import CLIP
from pipeline.result.views import clip_facts, clip_figures, write_views
from pipeline.run import Run
from pipeline.stage import RunContext
from utils.media.probe import Limits, scan
from utils.process_resources import peak_mb


def outcome(made: Animated, context: RunContext) -> Outcome:
    """The outcome of a run."""
    return Outcome(made.entry.manifest.bytes, lambda folder: _publish(made, context, folder))


def _publish(made: Animated, context: RunContext, folder: Path) -> Published:
    """Write all files of the result into a folder; its page shows the clip beside what leads it."""
    run = Run(context)
    structure, still = made.plan.structures[0].clip, made.plan.frames // 2
    deliver(made.path, folder / CLIP, find_kind("animate"), structure, "", made.settings)
    entry = run.take(LED_CLIP, led=made.leading)
    led = scan(entry.path(LED), Limits())
    copied = write_views(led, still, context, folder)
    unled = sum(len(span) for span in made.tracker.unguided())
    numbers = {"frames_in": len(led), "frames_out": made.plan.frames, "unguided": unled}
    seconds = made.seconds + sum(stage.seconds for stage in (*run.done, *copied))
    figures = clip_figures(led, (*made.done, *run.done, *copied), seconds, made.events)
    facts = clip_facts(led, still, made.events, folder) | {"numbers": numbers}
    card = made.making.card_figures() if made.making else {}
    return Published(facts, figures | {"peak_rss_mb": round(peak_mb(), 1)} | card)
