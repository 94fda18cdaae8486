"""The finish job as everybody else knows it: what it takes, what its stages are called, what its results hold."""

from collections.abc import Mapping, Sequence
from dataclasses import astuple, replace
from typing import TYPE_CHECKING, Any

from pipeline.estimate import Estimate, FinishedRun, Memory, Price, without_presets
from pipeline.finish.known import stages as known
from pipeline.finish.settings import LISTS, ROLES, WANTED, Film, FinishSettings
from pipeline.kind import Kind, Outcome, ResultFile, ShowPart, Task
from pipeline.report.quality import FINISHED
from pipeline.result.names import CLIP
from pipeline.stage import RunContext
from pipeline.stage_texts import StageText

if TYPE_CHECKING:
    from pipeline.finish.film.plan import Plan

PLAN, SRT, ASS = "plan.yaml", "result.srt", "result.ass"
STAGES = {
    "probe": StageText("Reading the clip", 2, 0),
    **known.stages(25),
    "sound file": StageText("Listening to music and sounds", 1, 2),
    "film tone": StageText("Measuring light for looks", 1, 3),
    "painted picture": StageText("Making pictures by prompts", 1, 4),
    "film sound": StageText("Mixing the sound", 4, 5),
    "film": StageText("Drawing and encoding the film", 58, 6),
    "web copy": StageText("Making copies to watch", 8, 7),
}
FILES = {
    CLIP: ResultFile("Film", "film"),
    SRT: ResultFile("Subtitles", "subtitles"),
    ASS: ResultFile("Subtitles with their style", "styled subtitles"),
    PLAN: ResultFile("Plan", "plan"),
}
UNPLANNED = "The plan is drafted when the job runs: here the picture is shown without its cuts and subtitles."
PRICE = Price(1.5, 0.006, 0.045)
MEMORY = Memory(290.0, 130.0)


def _preview(task: Task, context: RunContext, at: float | None) -> Any:
    from pipeline.finish.film.kept import kept_here
    from pipeline.finish.film.plan import Plan, ZoomPlan
    from pipeline.finish.moment import moment
    from pipeline.see.open_clip import open_clip

    clip, plan = open_clip(task.inputs["clip"], context), _plan(context)
    if plan is not None:
        return moment(clip, plan, kept_here, context, at)
    shown = moment(clip, Plan(zoom=ZoomPlan()), kept_here, context, at)  # to find out what is said takes too long
    return replace(shown, events=(UNPLANNED, *shown.events))


def _plan(context: RunContext) -> "Plan | None":
    """The plan of a job; None for one that has to be drafted."""
    return Film(plan=context.settings["film.plan"]).read


def _run(task: Task, context: RunContext, show: ShowPart) -> Outcome:
    from pipeline.finish.film.kept import kept_here
    from pipeline.finish.outcome import outcome
    from pipeline.finish.story import finish, planned
    from pipeline.see.open_clip import open_clip

    clip, plan = open_clip(task.inputs["clip"], context), _plan(context)
    if plan is not None:
        return outcome(finish(clip, plan, kept_here, context), context)
    return outcome(planned(clip, task.inputs, kept_here, context), context)


def estimates(
    facts: Mapping[str, Any], history: Sequence[FinishedRun] = (), settings: Mapping[str, Any] | None = None
) -> dict[str, Estimate]:
    """What a finish job takes; it has no presets."""
    whole, memory = PRICE, MEMORY
    if not (settings or {}).get("film.plan", "").strip():
        found = known.price(facts, settings)
        whole = Price(*(one + other for one, other in zip(astuple(PRICE), astuple(found), strict=True)))
        memory = known.MEMORY
    return {"": without_presets(whole, memory, facts, history)}


def _summary(settings: Mapping[str, Any]) -> str:
    return "by a plan" if settings["film.plan"].strip() else "by a drafted plan"


def _chunk(task: Task, context: RunContext, index: int) -> str:
    from pipeline.finish.film.kept import kept_here
    from pipeline.finish.story import make_chunk
    from pipeline.see.open_clip import open_clip

    plan = _plan(context)
    assert plan is not None, "who offers chunks has the plan"
    return make_chunk(open_clip(task.inputs["clip"], context), plan, kept_here, context, index).key.digest


KIND = Kind(
    name="finish",
    title="Finish",
    about="Cut, zoom, b-roll, pictures, subtitles, music and sounds by a plan, with one encode.",
    roles=ROLES,
    settings=FinishSettings,
    front=(*WANTED, "encode.crf"),
    stages=STAGES,
    files=FILES,
    measures=tuple(measure.name for measure in FINISHED),
    run=_run,
    estimate=estimates,
    summary=_summary,
    listed=LISTS,
    preview=_preview,
    part=_chunk,
)
