"""The matte job as everybody else knows it: what it takes, what its stages are called, what its results hold."""

from collections.abc import Mapping, Sequence
from typing import Any

from pipeline.estimate import Estimate, FinishedRun, Memory, Price, without_presets
from pipeline.kind import Kind, Outcome, ResultFile, Role, ShowPart, Task
from pipeline.result.names import CLIP
from pipeline.settings import JobSettings
from pipeline.settings.groups import Analysis, Encode, Trim
from pipeline.stage import RunContext
from pipeline.stage_texts import StageText

STAGES = {
    "probe": StageText("Reading the clip", 2, 0),
    "given matte": StageText("Reading the given matte", 1, 1, counts=False),
    "analyse": StageText("Finding the person and the camera's movement", 55, 1),
    "matte": StageText("Mending the matte", 5, 1, counts=False),
    "matte files": StageText("Writing the matte", 25, 2),
    "web copy": StageText("Making copies to watch", 12, 3),
}
FILES = {
    CLIP: ResultFile("The person shown over the clip", "person"),
    "matte.mkv": ResultFile("Matte, as lossless video", "matte"),
    "matte.zip": ResultFile("Matte, as PNG pictures", "matte"),
}
PRICE = Price(3.0, 0.03, 0.075)
MEMORY = Memory(420.0, 120.0)


class MatteSettings(JobSettings):
    """The settings of the matte job."""

    trim: Trim = Trim()
    analysis: Analysis = Analysis()
    encode: Encode = Encode(crf=20, x264_preset="veryfast")


def _run(task: Task, context: RunContext, show: ShowPart) -> Outcome:
    from pipeline.matte.outcome import outcome
    from pipeline.matte.story import find_matte
    from pipeline.see.open_clip import open_clip

    return outcome(find_matte(open_clip(task.inputs["clip"], context), context), context)


def _preview(task: Task, context: RunContext, at: float | None) -> Any:
    from pipeline.preview.matte import preview_matte
    from pipeline.see.open_clip import open_clip

    return preview_matte(open_clip(task.inputs["clip"], context), context, at)


def estimates(
    facts: Mapping[str, Any], history: Sequence[FinishedRun] = (), settings: Mapping[str, Any] | None = None
) -> dict[str, Estimate]:
    """What a matte job takes; it has no presets."""
    return {"": without_presets(PRICE, MEMORY, facts, history)}


def _summary(settings: Mapping[str, Any]) -> str:
    return "given matte" if settings["analysis.matte"] else f"{settings['analysis.subject']} person"


KIND = Kind(
    name="matte",
    title="Cut out",
    about="Find the person and write their outline as a matte: to check it, to mend it, or for other programs.",
    roles={
        "clip": Role("Clip", "clip"),
        "matte": Role("Matte", "matte", required=False),
        "strokes": Role("Brush strokes", "strokes", required=False),
    },
    settings=MatteSettings,
    front=("analysis.subject",),
    stages=STAGES,
    files=FILES,
    measures=(),
    run=_run,
    estimate=estimates,
    summary=_summary,
    preview=_preview,
)
