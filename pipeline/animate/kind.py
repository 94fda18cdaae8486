"""The animate job as everybody else knows it: what it takes, what its stages are called, what its results hold."""

from collections.abc import Mapping
from typing import Any

from pipeline.animate.estimate import engine_of, estimates
from pipeline.animate.settings import CARRIED, AnimateSettings
from pipeline.guide.settings import ROLES
from pipeline.kind import Kind, Outcome, ResultFile, Role, ShowPart, Task, in_short
from pipeline.result.names import CLIP
from pipeline.stage import RunContext
from pipeline.stage_texts import StageText

STAGES = {
    "probe": StageText("Reading the clip", 2, 0),
    "given matte": StageText("Reading the given matte", 0.2, 1, counts=False),
    "analyse": StageText("Finding the person and the camera's movement", 0.2, 1, counts=False),
    "matte": StageText("Mending the matte", 0.2, 1, counts=False),
    "ground": StageText("Following the ground", 0.2, 1, counts=False),
    "joints": StageText("Following the joints", 0.2, 1, counts=False),
    "flow": StageText("Finding the optical flow", 29, 1),
    "paint": StageText("Painting the picture", 2, 2, counts=False),
    "guide": StageText("Drawing the guide", 3, 3, counts=False),
    "animate": StageText("Bringing the picture to life", 52, 4),
    "animated clip": StageText("Putting the frames together", 2, 5, counts=False),
    "led clip": StageText("Writing the structure video as it leads", 4, 6),
    "web copy": StageText("Making copies to watch", 5, 7),
}
FILES = {CLIP: ResultFile("Animated clip", "animated")}


def _run(task: Task, context: RunContext, show: ShowPart) -> Outcome:
    from pipeline.animate.outcome import outcome
    from pipeline.animate.story import animate, asked_for
    from pipeline.see.open_clip import open_clip

    asked = asked_for(task.inputs, context.settings)
    plan = asked.plan(lambda path: open_clip(path, context), context.settings)
    return outcome(animate(plan, context), context)


def _summary(settings: Mapping[str, Any]) -> str:
    """The look; with a model the beginning of the prompt."""
    engine, look = engine_of(settings), str(settings["animate.look"])
    if engine != CARRIED:
        return in_short(str(settings["generate.prompt"])) or engine
    return "as the picture is" if look == "none" else look


KIND = Kind(
    name="animate",
    title="Animate",
    about="Bring a picture to life: it moves as a structure video does.",
    roles={
        **ROLES,
        "anchor": Role("Picture", "picture"),
        "matte": Role("Matte", "matte", required=False),
        "strokes": Role("Brush strokes", "strokes", required=False),
    },
    settings=AnimateSettings,
    front=("animate.anchor", "animate.engine", "generate.model", "generate.effort", "generate.prompt",
           "generate.negative_prompt", "structure.type", "animate.look", "animate.strength", "structure.strength",
           "generate.control_strength", "structure.treatment", "guide.frames", "generate.seed"),
    stages=STAGES,
    files=FILES,
    measures=(),
    run=_run,
    estimate=estimates,
    summary=_summary,
    engine="animate.engine",
)  # fmt: skip
