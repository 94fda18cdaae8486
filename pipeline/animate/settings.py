"""The settings of the animate job: the picture that is brought to life, how it is painted, and what moves it."""

from typing import Any, Literal

from pipeline.engines.effort import Effort
from pipeline.engines.looks import LookName
from pipeline.guide.settings import Flow, Guide, StructureVideo, Timeline
from pipeline.guide.terms import MOST_FRAMES
from pipeline.settings import JobSettings
from pipeline.settings.field import setting
from pipeline.settings.group import Group
from pipeline.settings.groups import Analysis, Encode, Trim
from pipeline.settings.making import Generate, Memory

CARRIED = "carried"
"""The engine that is none: pixels of the pictures are carried along."""


class Leading(StructureVideo):
    """The structure video of a clip that a model makes, or along which pictures are carried."""

    type: Literal["flow", "pose", "edge", "depth", "raw"] = setting(
        "flow",
        "Leads by",
        "What of the structure video leads a model: its motion as colours, the person's pose, edges, depth, or itself. "
        "Without a model it is always its motion.",
    )

    strength: float = setting(
        1.0,
        "Strength of the motion",
        "How far things move, or how clearly the lines and pictures that lead a model are drawn; 0 means that nothing "
        "moves.",
        least=0,
        most=4,
    )
    treatment: Literal["adjust", "clip"] = setting(
        "adjust",
        "Fit in time",
        "adjust stretches or squeezes the structure video to the length of the clip; clip keeps its pace, and what it "
        "does not reach stands still, or is left to the model.",
    )


class Shape(Guide):
    """The shape of the clip, which is that of its guide."""

    frames: int = setting(
        0,
        "Frames",
        "How many frames the clip has; 0 is as many as the structure video fills at its own pace.",
        least=0,
        most=MOST_FRAMES,
    )


class Animate(Group):
    """The picture that is brought to life, the look that it gets before it moves, and what makes the frames."""

    anchor: str | None = setting(
        None,
        "Picture",
        "What moves: a picture that shows things where the structure video has them in its first frame, such as a "
        "painting of that frame.",
    )
    engine: Literal["carried", "vace"] = setting(
        "carried",
        "Made by",
        "What makes the frames: carried takes the picture's own pixels along and runs on any CPU; vace makes all "
        "frames anew from the picture, what leads and a prompt, and needs a graphics card and weights.",
    )
    look: Literal["none", LookName] = setting(
        "none",
        "Look",
        "How the picture is painted before it moves, so that strokes move with what they are painted on; none leaves "
        "it as it is.",
    )
    strength: float = setting(
        1.0, "Strength of the look", "How much of the look the picture gets; 0 is none of it.", least=0, most=1
    )


def _of_generate(name: str) -> Any:
    """A setting as it is declared for engines."""
    return Generate.model_fields[name]


class Making(Group):
    """What engines read of a job that brings a picture to life."""

    model: str = _of_generate("model")
    effort: Effort = _of_generate("effort")
    prompt: str = _of_generate("prompt")
    negative_prompt: str = _of_generate("negative_prompt")
    loras: str = _of_generate("loras")
    steps: int = _of_generate("steps")
    guidance: float = _of_generate("guidance")
    control_strength: float = _of_generate("control_strength")
    attention: Literal["native", "flash", "sage"] = _of_generate("attention")
    compile: Literal["off", "on"] = _of_generate("compile")
    seed: int = _of_generate("seed")


class AnimateSettings(JobSettings):
    """The settings of the animate job."""

    trim: Trim = Trim()
    timeline: Timeline = Timeline()
    structure: Leading = Leading()
    animate: Animate = Animate()
    generate: Making = Making()
    memory: Memory = Memory()
    analysis: Analysis = Analysis()
    flow: Flow = Flow()
    guide: Shape = Shape()
    encode: Encode = Encode(crf=16, x264_preset="veryfast")
