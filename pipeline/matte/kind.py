"""The matte job as everybody else knows it: what it takes, what its stages are called, what its results hold."""

from collections.abc import Mapping, Sequence
from typing import Any

from pipeline.engines.device import processor
from pipeline.estimate import Estimate, FinishedRun, Price, correction
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
MEMORY_MB, MEGAPIXEL_MB = 420.0, 120.0
"""Memory at the peak of a run: always, and for each million pixels of a frame."""


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


def estimates(facts: Mapping[str, Any], history: Sequence[FinishedRun] = ()) -> dict[str, Estimate]:
    """What it takes; there are no presets."""
    frames, pixels = int(facts["frames"]), int(facts["width"]) * int(facts["height"])

    def expected_s(preset: str, frames: int, pixels: int) -> float:
        return PRICE.seconds(frames, pixels)

    seconds = round(expected_s("", frames, pixels) * correction("", history, expected_s), 1)
    return {"": Estimate(seconds, round(MEMORY_MB + MEGAPIXEL_MB * pixels / 1e6), 0, str(processor()))}


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
