"""The align job as everybody else knows it: what it takes, what its stages are called, what its results hold."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from pipeline.align.settings import AlignSettings
from pipeline.estimate import Estimate, FinishedRun, Memory, Price, without_presets
from pipeline.kind import Kind, Outcome, ResultFile, Role, ShowPart, Task
from pipeline.report.quality import ALIGNED
from pipeline.result.names import CLIP
from pipeline.stage import RunContext
from pipeline.stage_texts import StageText
from utils.errors import SettingsError

STAGES = {
    "probe": StageText("Reading the clip", 1, 0),
    "proxies": StageText("Looking at both clips in small", 8, 1),
    "draft": StageText("Finding a first map", 0, 2, counts=False, notes=True),
    "place": StageText("Finding the foreground's place", 11, 2, notes=True),
    "align": StageText("Finding the time of each frame", 4, 3, notes=True),
    "listen": StageText("Listening whether the sound agrees", 0.5, 3, counts=False),
    "lay over": StageText("Laying the foreground over", 35, 4),
    "check pictures": StageText("Drawing pictures to check it by", 8, 5),
    "background in time": StageText("Writing the background in the foreground's time", 17, 6),
    "web copy": StageText("Making copies to watch", 16, 7),
}
FILES = {
    CLIP: ResultFile("Foreground over the background", "aligned"),
    "map.json": ResultFile("The time of every frame", "map"),
    "index.html": ResultFile("Report, as one page", "report"),
    "sheet.png": ResultFile("Check sheet", "check sheet"),
    "drift.svg": ResultFile("Drift plot", "drift"),
    "strip.jpg": ResultFile("Pictures, for the page", "strip", listed=False),
}
PLACE_IT = "Check that the foreground was made of this background; set Placement to fixed to say where it lies."
REORDER_IT = "Set Order to any if stretches of the foreground were put into another order."
PRICE = Price(1.9, 0.009, 0.093)
MEMORY = Memory(310.0, 290.0)


def _run(task: Task, context: RunContext, show: ShowPart) -> Outcome:
    from pipeline.align.outcome import outcome
    from pipeline.align.pair import open_pair
    from pipeline.align.story import align_clips

    background, foreground = open_pair(task.inputs["background"], task.inputs["clip"], context)
    with _in_settings():
        return outcome(align_clips(background, foreground, context), context)


def _preview(task: Task, context: RunContext, at: float | None) -> Any:
    from pipeline.align.pair import open_pair
    from pipeline.align.preview import preview_pair

    if "background" not in task.inputs:
        raise SettingsError("pair.background is missing, and without it there is no preview.", "Give a file for it.")
    background, foreground = open_pair(task.inputs["background"], task.inputs["clip"], context)
    with _in_settings():
        return preview_pair(background, foreground, context, at)


@contextmanager
def _in_settings() -> Iterator[None]:
    """Let a refusal name the settings of a job where it names options of the command line."""
    from utils.align.placing import NEXT, REORDER, Refusal

    said = {NEXT: PLACE_IT, REORDER: REORDER_IT}
    try:
        yield
    except Refusal as refusal:
        raise Refusal(refusal.problem, said.get(refusal.remedy, refusal.remedy)) from None


def estimates(
    facts: Mapping[str, Any], history: Sequence[FinishedRun] = (), settings: Mapping[str, Any] | None = None
) -> dict[str, Estimate]:
    """What an align job takes, by its foreground; it has no presets."""
    return {"": without_presets(PRICE, MEMORY, facts, history)}


def _summary(settings: Mapping[str, Any]) -> str:
    match = settings["space.match"]
    return str(match) if match != "fixed" else f"placed at {settings['space.x_px']:g}, {settings['space.y_px']:g}"


KIND = Kind(
    name="align",
    title="Align",
    about="Lay your clip, the foreground, where and when it belongs over the background that it was made of.",
    roles={"clip": Role("Foreground", "clip"), "background": Role("Background", "clip")},
    settings=AlignSettings,
    front=("pair.background", "space.match", "laid.blend_px"),
    stages=STAGES,
    files=FILES,
    measures=tuple(measure.name for measure in ALIGNED),
    run=_run,
    estimate=estimates,
    summary=_summary,
    preview=_preview,
)
