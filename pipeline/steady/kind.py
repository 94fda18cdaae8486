"""The steady job as everybody else knows it: what it takes, what its stages are called, what its results hold."""

from collections.abc import Mapping, Sequence
from typing import Any

from pipeline.estimate import Estimate, FinishedRun, Memory, Price, without_presets
from pipeline.kind import Kind, Outcome, ResultFile, Role, ShowPart, Task
from pipeline.result.names import CLIP
from pipeline.settings import JobSettings
from pipeline.settings.groups import Encode, Stabilise, Trim
from pipeline.stage import RunContext
from pipeline.stage_texts import StageText

STAGES = {
    "probe": StageText("Reading the clip", 2, 0),
    "track": StageText("Following the camera", 38, 1),
    "stabilise": StageText("Calming the camera", 1, 2),
    "steady copy": StageText("Writing the calm clip", 44, 3),
    "web copy": StageText("Making copies to watch", 15, 4),
}
FILES = {
    CLIP: ResultFile("Steady clip", "steady"),
    "camera.json": ResultFile("Camera path, as it was measured", "camera"),
    "stable.json": ResultFile("Calm camera path", "calm camera"),
}
PRICE = Price(1.5, 0.0052, 0.042)
MEMORY = Memory(268.0, 120.0)


class SteadySettings(JobSettings):
    """The settings of the steady job."""

    trim: Trim = Trim()
    stabilise: Stabilise = Stabilise()
    encode: Encode = Encode(crf=16, x264_preset="veryfast")


def _run(task: Task, context: RunContext, show: ShowPart) -> Outcome:
    from pipeline.see.open_clip import open_clip
    from pipeline.steady.outcome import outcome
    from pipeline.steady.story import steady

    return outcome(steady(open_clip(task.inputs["clip"], context), context), context)


def estimates(
    facts: Mapping[str, Any], history: Sequence[FinishedRun] = (), settings: Mapping[str, Any] | None = None
) -> dict[str, Estimate]:
    """What a steady job takes; it has no presets."""
    return {"": without_presets(PRICE, MEMORY, facts, history)}


def _summary(settings: Mapping[str, Any]) -> str:
    return f"{settings['stabilise.method']}, {settings['stabilise.window_s']:g} s"


KIND = Kind(
    name="steady",
    title="Steady",
    about="Take the operator's shake out and change nothing else; no part of the picture is lost.",
    roles={"clip": Role("Clip", "clip")},
    settings=SteadySettings,
    front=("stabilise.window_s", "stabilise.strength", "stabilise.method"),
    stages=STAGES,
    files=FILES,
    measures=(),
    run=_run,
    estimate=estimates,
    summary=_summary,
    quick=("stabilise.window_s",),
)
