"""The declarations of all settings, in the order of the stages: default, title, help text and limits of each."""

from typing import Literal

from pydantic import BaseModel, ConfigDict

from pipeline.engines.looks import LOOKS
from pipeline.settings.field import setting

FURTHER = "Another picture, for engines that take several; restyle takes the first one only."
"""What reference pictures after the first are for."""


class Group(BaseModel):
    """Base class of a group of settings; values are not coerced, and unknown names are refused."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid", allow_inf_nan=False)


class Trim(Group):
    """Trim: the part of the clip that is used. What is cached of one part serves every run of the same part."""

    from_s: float = setting(
        0.0, "From", "Where the part begins, counted from the first frame of the clip.", unit="s", least=0, most=86400
    )
    to_s: float = setting(0.0, "To", "Where the part ends; 0 means the end of the clip.", unit="s", least=0, most=86400)


class Analysis(Group):
    """Analysis of the clip: which person is followed, and how often the pose is measured."""

    pose_every: int = setting(
        1,
        "Pose every",
        "How often the pose is measured; raise it to analyse faster, at the price of foot contacts being less exact.",
        unit="frames",
        least=1,
        most=8,
    )
    subject: Literal["largest", "central", "pointed"] = setting(
        "largest",
        "Subject",
        "Which person is followed when there are several: the largest in the picture, the one nearest its middle, or "
        "the one at a point of a frame.",
    )
    point_x: float = setting(
        0.0, "Point, from the left", "Where the subject is, if it is pointed at.", unit="px", least=0, most=16384
    )
    point_y: float = setting(
        0.0, "Point, from the top", "Where the subject is, if it is pointed at.", unit="px", least=0, most=16384
    )
    point_frame: int = setting(
        0, "Point, in frame", "In which frame it is there; the first one is 0.", unit="", least=0, most=10_000_000
    )
    matte: str | None = setting(
        None,
        "Matte",
        "A matte that is used instead of the one that is found: a video in which the person is white, or a zip of "
        "PNG pictures, one for each frame.",
    )
    strokes: str | None = setting(
        None,
        "Brush strokes",
        "What was painted onto the matte or off it in some frames; it is carried through the clip.",
    )


class Stabilise(Group):
    """Stabilization: how the operator's shake is taken out before the engine works."""

    window_s: float = setting(
        1.0,
        "Smoothing time",
        "How long a stretch of camera movement is averaged; lengthen it for a "
        "calmer picture, shorten it when too much of the frame is cropped.",
        unit="s",
        least=0.2,
        most=10,
    )
    method: Literal["gaussian", "optimal"] = setting(
        "gaussian",
        "Method",
        "How the calm path is found: gaussian averages and is soft; "
        "optimal then holds still and pans at an even pace, like a tripod.",
    )
    model: Literal["similarity", "homography"] = setting(
        "homography",
        "Camera model",
        "What may be done to a frame to calm it: homography also takes out tilt, which is most of what shift, "
        "turn and zoom leave; choose similarity when a lens that bends makes the picture swim.",
    )
    strength: float = setting(
        1.0,
        "Strength",
        "How much of the shake is taken out; lower it to keep some of the hand-held feel while the engine works.",
        least=0,
        most=1,
    )


class Segments(Group):
    """Segmentation: how the clip is cut into the pieces that the engine works on."""

    count: Literal["auto", 3, 5, 7] = setting(
        "auto",
        "Segments",
        "How many pieces the clip is cut into; auto follows its length, "
        "more pieces need less memory and have more joins.",
    )
    split: Literal["phase", "uniform"] = setting(
        "phase",
        "Cut",
        "Where the cuts fall: by phase between approach, hold and exit, or uniform into "
        "equal lengths; choose uniform when the person does not walk up and off.",
    )
    least_s: float = setting(
        0.7,
        "Shortest",
        "How short a piece may be; what a person does for less than this belongs to what is around it.",
        unit="s",
        least=0.1,
        most=10,
    )
    overlap_frames: int = setting(
        5,
        "Overlap",
        "How many frames neighbouring pieces share and blend over; raise it when a join shows.",
        unit="frames",
        least=1,
        most=33,
    )


class Generate(Group):
    """Generation: the engine, the look, and what of the picture is restyled."""

    engine: Literal["restyle", "vace", "controlnet", "edit"] = setting(
        "restyle",
        "Engine",
        "What makes the new pixels: restyle needs no model and runs on any CPU; the others need a graphics card and "
        "weights: vace makes what a prompt says, all frames of a window together, controlnet a few at a time from "
        "those around them, and edit changes a few frames by an instruction and carries them through the clip.",
    )
    model: str = setting(
        "",
        "Model",
        "The checkpoint to use, as `models list` names it; leave it empty for the engine's usual one.",
        most_characters=60,
    )
    prompt: str = setting(
        "",
        "Prompt",
        "What is to be seen, in a few sentences: the person, the clothes, the light, the kind of picture. For FLUX.2 "
        "klein, what is to be changed: dress the person in a red raincoat, in heavy rain.",
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
    control: Literal["pose", "edges", "depth", "none"] = setting(
        "pose",
        "Led by",
        "What leads the model inside the person: pose keeps the movement and frees the outline, edges keep the outline "
        "too, depth keeps the shape and needs weights of its own, none leaves it all to the prompt.",
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
    look: Literal[
        "film", "bleach", "noir", "golden", "neon", "paint", "watercolour", "ink", "charcoal", "cel", "clay"
    ] = setting(
        "paint",
        "Look",
        " ".join(("What the picture is made into.", *(f"{name}: {line}" for name, line in LOOKS.items()))),
    )
    reference: str | None = setting(
        None,
        "Reference picture",
        "A picture that the result takes after: restyle takes on its colours, contrast and texture, an engine with a "
        "model what it shows; leave it empty to use the look's own colours.",
    )
    reference_2: str | None = setting(None, "Second reference picture", FURTHER)
    reference_3: str | None = setting(None, "Third reference picture", FURTHER)
    reference_4: str | None = setting(None, "Fourth reference picture", FURTHER)
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
        "the light from the other side, signs of other colours.",
        least=0,
        most=2**32 - 1,
    )


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


class Consistency(Group):
    """Temporal consistency: how far the result is kept from flickering."""

    strength: float = setting(
        0.9,
        "Strength",
        "How much each frame follows the one before it; raise it against flicker, lower it when movement smears.",
        least=0,
        most=1,
    )
    reanchor_frames: int = setting(
        16,
        "Memory",
        "After how many frames what was carried along has given way to fresh pixels; raise it "
        "against slow flicker, lower it when old detail hangs on.",
        unit="frames",
        least=1,
        most=60,
    )


class FootLock(Group):
    """Foot correction: when a foot counts as planted, and how far its slide is undone."""

    blend: float = setting(
        1.0,
        "Strength",
        "How much of a planted foot's slide is taken out: 1 pins it to the ground, 0 leaves it as generated.",
        least=0,
        most=1,
    )
    limit_percent: float = setting(
        15.0,
        "Largest correction",
        "A foot that slid further than this is left alone, for the measurement is more likely wrong than the foot.",
        unit="% of the leg",
        least=0,
        most=50,
    )
    extension_frames: int = setting(
        2,
        "Ease in and out",
        "Frames before and after each step over which the lock sets in; raise it when feet snap into place.",
        unit="frames",
        least=0,
        most=12,
    )
    plant_leg_per_s: float = setting(
        0.2,
        "Planted below",
        "A foot slower than this counts as planted; raise it when "
        "steps are missed, lower it when moving feet are held.",
        unit="leg lengths/s",
        least=0.01,
        most=2,
    )
    lift_leg_per_s: float = setting(
        0.3,
        "Lifted above",
        "A planted foot faster than this counts as lifted; it is at least "
        "'planted below', so that a foot does not flutter between the two.",
        unit="leg lengths/s",
        least=0.01,
        most=3,
    )


class Composite(Group):
    """Compositing: how the person is put back into the picture."""

    background: Literal["keep", "plate"] = setting(
        "keep",
        "Background",
        "What the person stands before: keep uses the source's own pixels; plate uses the clean "
        "background without the old outline, for looks that change the person's shape.",
    )
    feather_px: int = setting(
        2,
        "Edge of the person",
        "How softly the person's outline is laid over the background; raise it when the outline looks cut out.",
        unit="px",
        least=0,
        most=64,
    )


class Reshake(Group):
    """The result's camera: how much of the operator's movement is restored."""

    strength: float = setting(
        1.0,
        "Strength",
        "How much of the operator's movement is put back: 1 is the source's own camera, 0 stays stabilised.",
        least=0,
        most=1,
    )


class Encode(Group):
    """Encoding: quality and speed of the finished file."""

    crf: int = setting(
        18,
        "Compression (CRF)",
        "How hard the video is compressed: lower is better and larger, 18 looks like the "
        "original, 23 makes small previews, 0 is lossless and browsers do not play it.",
        least=0,
        most=51,
    )
    x264_preset: Literal["ultrafast", "veryfast", "faster", "fast", "medium", "slow", "slower", "veryslow"] = setting(
        "medium",
        "Encoder effort (x264)",
        "How long the encoder searches: slower makes a smaller file of the same quality.",
    )
