"""The guide job as everybody else knows it: what it takes, what its stages are called, what its results hold."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from pipeline.estimate import Estimate, FinishedRun, Memory, Price, without_presets
from pipeline.guide.settings import ROLES, GuideSettings
from pipeline.guide.terms import GUIDANCE
from pipeline.kind import Kind, Outcome, ResultFile, Role, ShowPart, Task
from pipeline.result.names import CLIP
from pipeline.stage import RunContext
from pipeline.stage_texts import StageText

if TYPE_CHECKING:
    from pipeline.guide.plan import GuidePlan

STAGES = {
    "probe": StageText("Reading the clip", 2, 0),
    "given matte": StageText("Reading the given matte", 0.2, 1, counts=False),
    "analyse": StageText("Finding the person and the camera's movement", 0.2, 1, counts=False),
    "matte": StageText("Mending the matte", 0.2, 1, counts=False),
    "ground": StageText("Following the ground", 0.2, 1, counts=False),
    "joints": StageText("Following the joints", 0.2, 1, counts=False),
    "flow": StageText("Finding the optical flow", 50, 1),
    "guide": StageText("Drawing the guide", 24, 2),
    "carry": StageText("Carrying the anchors", 10, 3, counts=False),
    "guide clips": StageText("Writing the guide", 8, 4),
    "web copy": StageText("Making copies to watch", 5, 5),
}
FILES = {
    CLIP: ResultFile("Guide", "guide"),
    "carried.mp4": ResultFile("Anchors carried along the motion", "carried"),
    "mask.mp4": ResultFile("Mask of what is to be made", "mask"),
    GUIDANCE: ResultFile("What guides which frame", "guidance"),
}
PRICE = Price(1.0, 0.0, 0.57)
MEMORY = Memory(180.0, 330.0)


def _run(task: Task, context: RunContext, show: ShowPart) -> Outcome:
    from pipeline.guide.outcome import outcome
    from pipeline.guide.story import make_guide

    return outcome(make_guide(_plan(task, context), context), context)


def _preview(task: Task, context: RunContext, at: float | None) -> Any:
    from pipeline.guide.preview import preview_guide

    return preview_guide(_plan(task, context), context, at)


def _plan(task: Task, context: RunContext) -> "GuidePlan":
    """The plan that the settings and the inputs of a job mean."""
    from pipeline.guide.timeline import asked_guide
    from pipeline.see.open_clip import open_clip

    asked = asked_guide(task.inputs, context.settings)
    return asked.plan(lambda path: open_clip(path, context), context.settings)


def estimates(
    facts: Mapping[str, Any], history: Sequence[FinishedRun] = (), settings: Mapping[str, Any] | None = None
) -> dict[str, Estimate]:
    """What a guide job takes; it has no presets."""
    return {"": without_presets(PRICE, MEMORY, facts, history)}


def _summary(settings: Mapping[str, Any]) -> str:
    return f"{settings['structure.type']}, strength {settings['structure.strength']:g}"


KIND = Kind(
    name="guide",
    title="Guide",
    about="Turn the motion of a structure video into pictures that lead a generator, frame by frame.",
    roles={
        **ROLES,
        "matte": Role("Matte", "matte", required=False),
        "strokes": Role("Brush strokes", "strokes", required=False),
    },
    settings=GuideSettings,
    front=("structure.type", "structure.strength", "structure.treatment", "guide.frames"),
    stages=STAGES,
    files=FILES,
    measures=(),
    run=_run,
    estimate=estimates,
    summary=_summary,
    preview=_preview,
)
