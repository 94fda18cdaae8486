"""The finish job as everybody else knows it: what it takes, what its stages are called, what its results hold."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from pipeline.estimate import Estimate, FinishedRun, Memory, Price, without_presets
from pipeline.finish.settings import FinishSettings
from pipeline.kind import Kind, Outcome, ResultFile, Role, ShowPart, Task
from pipeline.report.quality import FINISHED
from pipeline.result.names import CLIP
from pipeline.stage import RunContext
from pipeline.stage_texts import StageText

if TYPE_CHECKING:
    from pipeline.finish.film.plan import Plan

PLAN, SRT, ASS = "plan.yaml", "result.srt", "result.ass"
STAGES = {
    "probe": StageText("Reading the clip", 2, 0),
    "sound file": StageText("Listening to music and sounds", 1, 1),
    "film sound": StageText("Mixing the sound", 5, 2),
    "film": StageText("Drawing and encoding the film", 82, 3),
    "web copy": StageText("Making copies to watch", 10, 4),
}
FILES = {
    CLIP: ResultFile("Film", "film"),
    SRT: ResultFile("Subtitles", "subtitles"),
    ASS: ResultFile("Subtitles with their style", "styled subtitles"),
    PLAN: ResultFile("Plan", "plan"),
}
PRICE = Price(1.5, 0.006, 0.045)
MEMORY = Memory(290.0, 130.0)


def _preview(task: Task, context: RunContext, at: float | None) -> Any:
    from pipeline.finish.film.kept import kept_here
    from pipeline.finish.moment import moment
    from pipeline.see.open_clip import open_clip

    return moment(open_clip(task.inputs["clip"], context), _plan(context), kept_here, context, at)


def _plan(context: RunContext) -> "Plan":
    from pipeline.finish.film.plan import Plan, parsed

    text = context.settings["film.plan"]
    return parsed(text) if text.strip() else Plan()


def _run(task: Task, context: RunContext, show: ShowPart) -> Outcome:
    from pipeline.finish.film.kept import kept_here
    from pipeline.finish.outcome import outcome
    from pipeline.finish.story import finish
    from pipeline.see.open_clip import open_clip

    return outcome(finish(open_clip(task.inputs["clip"], context), _plan(context), kept_here, context), context)


def estimates(
    facts: Mapping[str, Any], history: Sequence[FinishedRun] = (), settings: Mapping[str, Any] | None = None
) -> dict[str, Estimate]:
    """What a finish job takes; it has no presets."""
    return {"": without_presets(PRICE, MEMORY, facts, history)}


def _summary(settings: Mapping[str, Any]) -> str:
    return "by a plan" if settings["film.plan"].strip() else "without a plan"


KIND = Kind(
    name="finish",
    title="Finish",
    about="Cut, zoom, b-roll, pictures, subtitles, music and sounds by a plan, with one encode.",
    roles={"clip": Role("Clip", "clip")},
    settings=FinishSettings,
    front=("film.plan", "encode.crf"),
    stages=STAGES,
    files=FILES,
    measures=tuple(measure.name for measure in FINISHED),
    run=_run,
    estimate=estimates,
    summary=_summary,
    preview=_preview,
)
