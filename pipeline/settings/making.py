"""The declarations of the settings of engines: what is made, and how the graphics card's memory is used."""

from typing import Literal

from pydantic import field_validator

from pipeline.engines.effort import Effort
from pipeline.engines.looks import LOOKS, LookName
from pipeline.engines.looks.styles import read_weights
from pipeline.settings.field import setting
from pipeline.settings.group import Group

FURTHER = "Another picture, for engines that take several; of restyle, the look picture alone mixes them."
"""What reference pictures after the first are for."""


class Generate(Group):
    """Generation: the engine, the look, and what of the picture is restyled."""

    engine: Literal["restyle", "keyframe", "vace", "controlnet", "edit", "bernini"] = setting(
        "restyle",
        "Engine",
        "What makes the new pixels: restyle needs no model and runs on any CPU; so does keyframe, which carries frames "
        "that you painted through the clip; the others need a graphics card and weights: vace makes what a prompt "
        "says, all frames of a window together, controlnet a few at a time from those around them, edit changes a few "
        "frames by an instruction and carries them through the clip, and bernini changes all frames of a window "
        "together by an instruction.",
    )
    model: str = setting(
        "",
        "Model",
        "The checkpoint to use, as `models list` names it; leave it empty for the one that the effort means.",
        most_characters=60,
    )
    effort: Effort = setting(
        "usual",
        "Effort",
        "What is meant where model and steps are left open: low the checkpoint for few steps, or half the steps of "
        "another, usual the engine's usual checkpoint, high the best one in all its steps.",
    )
    prompt: str = setting(
        "",
        "Prompt",
        "What is to be seen, in a few sentences: the person, the clothes, the light, the kind of picture. For the "
        "engines edit and bernini, what is to be changed: dress the person in a red raincoat, in heavy rain.",
        most_characters=2000,
    )
    negative_prompt: str = setting(
        "",
        "Not wanted",
        "What is not to be seen; only read where the guidance is above 1.",
        most_characters=2000,
    )
    loras: str = setting(
        "",
        "LoRAs",
        "Small files that change the model, each with a weight: rain, style:0.6. They are looked for in models/loras "
        "of the home folder.",
        most_characters=500,
    )
    steps: int = setting(
        0, "Steps", "How many steps the model takes; 0 means as many as it was made for.", least=0, most=200
    )
    guidance: float = setting(
        0.0,
        "Guidance",
        "How closely the model keeps to the prompt; 0 means as it was made for, and 1 switches it off, which halves "
        "the time.",
        least=0,
        most=30,
    )
    control: Literal["pose", "edges", "soft_edges", "depth", "none"] = setting(
        "pose",
        "Led by",
        "What leads the model inside the person: pose keeps the movement and frees the outline, edges keep the outline "
        "too, soft edges only the strong ones, depth keeps the shape, none leaves it all to the prompt. Soft edges and "
        "depth need weights of their own. With a guide this says what it shows, which controlnet has to know.",
    )
    guide: str | None = setting(
        None,
        "Guide",
        "A clip that leads the model in place of what is drawn from the source: one picture for each frame, as a "
        "guide job makes them. Where they are grey, nothing leads. For vace and controlnet.",
    )
    keys: str | None = setting(
        None,
        "Painted frames",
        "Frames of the clip that people painted, which the engine keyframe goes between, and edit beside its own: a "
        "folder, a zip or a picture. `python -m pipeline keys` writes the frames to paint.",
    )
    control_strength: float = setting(
        1.0, "Strength of the lead", "How closely the model keeps to what leads it.", least=0, most=2
    )
    carry: Literal["pixels", "latents"] = setting(
        "pixels",
        "Goes on from",
        "What a window continues from: pixels of the one before, with their colours corrected, or its latents, which "
        "are not decoded and encoded in between; latents only where both windows show the same part of the picture.",
    )
    windows: Literal["in turn", "at once"] = setting(
        "in turn",
        "Windows are made",
        "In turn: each goes on from the one before. At once: a frame where each two meet is made first, all of these "
        "together, and windows go through these, so that several machines can make one clip.",
    )
    attention: Literal["native", "flash", "sage"] = setting(
        "native",
        "Attention",
        "What computes the model's attention: native is torch itself; flash and sage are quicker on some cards, and "
        "need a package that Reshoot does not bring (flash-attn, sageattention).",
    )
    compile: Literal["off", "on"] = setting(
        "off",
        "Compiled model",
        "Whether the model is compiled for the card, which takes a minute or more at first and pays in long runs.",
    )
    look: LookName = setting(
        "paint",
        "Look",
        " ".join(("What the picture is made into.", *(f"{name}: {line}" for name, line in LOOKS.items()))),
    )
    reference: str | None = setting(
        None,
        "Reference picture",
        "A picture that the result takes after: restyle takes on its colours, contrast and texture, and in the look "
        "picture also its strokes, an engine with a model what it shows; leave it empty to use the look's own colours.",
    )
    reference_2: str | None = setting(None, "Second reference picture", FURTHER)
    reference_3: str | None = setting(None, "Third reference picture", FURTHER)
    reference_4: str | None = setting(None, "Fourth reference picture", FURTHER)
    reference_weights: str = setting(
        "",
        "Weights of the pictures",
        "How much each reference picture counts where the look picture mixes them, in their order: 2, 1 takes twice as "
        "much of the first one as of the second; leave it empty to let all count alike.",
        most_characters=60,
    )
    reference_strength: float = setting(
        0.5,
        "Strength of the pictures",
        "How closely the result takes after the reference pictures, against the prompt; 0 leaves them out.",
        least=0,
        most=1,
    )
    strength: float = setting(
        1.0,
        "Strength",
        "How far the result may move away from the source: 0 leaves the source exactly as it is, "
        "1 gives the look in full.",
        least=0,
        most=1,
    )
    feather_px: int = setting(
        4,
        "Edge of the change",
        "How far inside the edge of what is restyled the change fades out; raise it when that edge shows, "
        "0 changes all up to the edge.",
        unit="px",
        least=0,
        most=64,
    )
    apply_to: Literal["person", "background", "both"] = setting(
        "person",
        "Apply to",
        "What is restyled: the person, the background, or both.",
    )
    seed: int = setting(
        0,
        "Seed",
        "The same seed gives the same frames; another one gives a variation: other paper, "
        "the light from the other side, signs of other colours, another part of a style picture.",
        least=0,
        most=2**32 - 1,
    )

    @field_validator("reference_weights")
    @classmethod
    def _weights_are_numbers(cls, text: str) -> str:
        read_weights(text)
        return text


class Memory(Group):
    """Memory of the graphics card: how much is used, and what waits outside it. None of it changes what is made."""

    clear: Literal["auto", "frame", "window", "never"] = setting(
        "auto",
        "Give memory back",
        "When memory that is free again goes back to the card: auto means after each frame for engines that make them "
        "one by one, and after each window for the others; never is quickest where nothing else needs the card.",
    )
    offload: Literal["auto", "none", "model", "blocks"] = setting(
        "auto",
        "Parts outside the card",
        "Which parts of a model wait in the machine's memory: auto follows the card's size; none keeps all of them on "
        "the card, model each until it is used, blocks every block until it is used, which is slowest and smallest.",
    )
    budget_gb: float = setting(
        0.0,
        "At most",
        "How much of the card's memory may be used; 0 means 45 GB, or 94 % of a smaller card.",
        unit="GB",
        least=0,
        most=1024,
    )
