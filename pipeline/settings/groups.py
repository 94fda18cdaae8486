"""The declarations of the settings of all stages but MAKE, in their order: default, title, help and limits of each."""

from typing import Literal

from pipeline.settings.field import setting
from pipeline.settings.group import Group


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
