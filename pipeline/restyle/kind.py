"""The restyle job as everybody else knows it: what it takes, what its stages are called, what its results hold."""

from collections.abc import Mapping
from typing import Any

from pipeline.kind import Kind, Outcome, ResultFile, Role, ShowPart, Task, in_short
from pipeline.report.quality import RESTYLED
from pipeline.restyle.estimate import estimates
from pipeline.result.names import CLIP
from pipeline.settings import Settings
from pipeline.stage import RunContext
from pipeline.stage_texts import StageText

STAGES = {
    "probe": StageText("Reading the clip", 1, 0),
    "given guide": StageText("Reading the guide", 0.2, 1, counts=False),
    "given keys": StageText("Recognising the painted frames", 0.2, 1, counts=False),
    "given matte": StageText("Reading the given matte", 0.2, 1, counts=False),
    "analyse": StageText("Finding the person and the camera's movement", 43, 1),
    "matte": StageText("Mending the matte", 0.8, 1, counts=False),
    "ground": StageText("Following the ground", 0.5, 2, counts=False),
    "joints": StageText("Following the joints", 0.5, 2),
    "contacts": StageText("Finding where the feet stand", 0.5, 3),
    "segments": StageText("Finding where they walk up, hold and walk off", 0.5, 4),
    "stabilise": StageText("Calming the camera", 0.5, 5),
    "samples": StageText("Looking at colours and light", 3, 6),
    "make anchors": StageText("Making the frames where windows meet", 0, 7),
    "make": StageText("Restyling", 12, 7),
    "steady": StageText("Taking out flicker", 9, 7, counts=False),
    "feet": StageText("Holding the feet where they stand", 1, 8),
    "plate": StageText("Building the clean background", 2, 9),
    "encode": StageText("Putting it all together", 20.5, 10),
    "measure": StageText("Measuring the result", 1, 11),
    "web copy": StageText("Making copies to watch", 4, 12),
}
FILES = {
    CLIP: ResultFile("Restyled clip", "restyled"),
    "report.html": ResultFile("Report", "report"),
    "report.json": ResultFile("Report, for programs", "report"),
    "camera.json": ResultFile("Camera path, as it was measured", "camera"),
    "stable.json": ResultFile("Calm camera path, in which the look was made", "calm camera"),
    "sheet.jpg": ResultFile("Contact sheet, before and after", "contact sheet"),
}


def _run(task: Task, context: RunContext, show: ShowPart) -> Outcome:
    from pipeline.processor import restyle
    from pipeline.restyle.outcome import outcome
    from pipeline.restyle.parts import WindowParts
    from pipeline.see.open_clip import open_clip

    clip = open_clip(task.inputs["clip"], context)
    return outcome(restyle(clip, context, shown=WindowParts(show).on_window), context, task.preset)


def _window(task: Task, context: RunContext, index: int) -> str:
    from pipeline.processor import make_window
    from pipeline.see.open_clip import open_clip

    return make_window(open_clip(task.inputs["clip"], context), context, index).entry.key.digest


def _preview(task: Task, context: RunContext, at: float | None) -> Any:
    from pipeline.preview.frame import preview_frame
    from pipeline.see.open_clip import open_clip

    return preview_frame(open_clip(task.inputs["clip"], context), context, at)


def _summary(settings: Mapping[str, Any]) -> str:
    """The look; for an engine that makes what a prompt says, the beginning of that."""
    if settings["generate.engine"] == "restyle":
        return str(settings["generate.look"])
    if settings["generate.engine"] == "keyframe":
        return "painted frames"
    return in_short(str(settings["generate.prompt"]))


KIND = Kind(
    name="restyle",
    title="Restyle",
    about="Give the person, the background or both another look; camera, feet and timing stay as they were.",
    roles={
        "clip": Role("Clip", "clip"),
        "reference": Role("Reference picture", "picture", required=False),
        **{f"reference_{number}": Role(f"Reference picture {number}", "picture", False) for number in (2, 3, 4)},
        "guide": Role("Guide", "clip", required=False),
        "keys": Role("Painted frames", "keys", required=False),
        "matte": Role("Matte", "matte", required=False),
        "strokes": Role("Brush strokes", "strokes", required=False),
    },
    settings=Settings,
    front=("generate.engine", "generate.model", "generate.effort", "generate.prompt", "generate.negative_prompt",
           "generate.look", "generate.strength", "generate.control", "generate.control_strength", "generate.guide",
           "generate.reference", "generate.seed", "generate.apply_to", "composite.background", "segments.count"),
    stages=STAGES,
    files=FILES,
    measures=tuple(measure.name for measure in RESTYLED),
    run=_run,
    estimate=estimates,
    summary=_summary,
    preview=_preview,
    part=_window,
    engine="generate.engine",
    quick=("generate.look",),
)  # fmt: skip
