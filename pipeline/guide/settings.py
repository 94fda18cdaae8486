"""The settings of the guide job: the timeline, the structure videos, their flow, and the guide's shape and encoding."""

from typing import Literal

from pipeline.guide.terms import MOST_FRAMES, MOST_SIDE_PX
from pipeline.kind import Role
from pipeline.settings import JobSettings
from pipeline.settings.field import setting
from pipeline.settings.group import Group
from pipeline.settings.groups import Analysis, Encode, Trim

CLIP, ANCHOR = "clip", "anchor"
"""The roles of the first structure video, which every job has, and of the first picture."""
FURTHER = "Another structure video that the timeline names."
ANOTHER = "A picture that the timeline places at a frame."


class Timeline(Group):
    """Which structure video leads which frames, and which are given as pictures; the first picture stands elsewhere."""

    structures: str = setting(
        "",
        "Structure videos",
        "One in each line, by its role, with the frames that it leads, and its own: clip,at=0:40,from=10:50,type=edge. "
        "Left empty, the clip leads all frames.",
        most_characters=2000,
    )
    anchors: str = setting(
        "", "Anchors", "Frames that are given as pictures: 0:anchor 40:anchor_2.", most_characters=500
    )
    clip_2: str | None = setting(None, "Second structure video", FURTHER)
    clip_3: str | None = setting(None, "Third structure video", FURTHER)
    clip_4: str | None = setting(None, "Fourth structure video", FURTHER)
    anchor_2: str | None = setting(None, "Second anchor", ANOTHER)
    anchor_3: str | None = setting(None, "Third anchor", ANOTHER)
    anchor_4: str | None = setting(None, "Fourth anchor", ANOTHER)
    anchor_5: str | None = setting(None, "Fifth anchor", ANOTHER)
    anchor_6: str | None = setting(None, "Sixth anchor", ANOTHER)


class GuideTimeline(Timeline):
    """That of a guide, which needs no picture at all."""

    anchor: str | None = setting(None, "Anchor", ANOTHER)


CLIPS = (CLIP, "clip_2", "clip_3", "clip_4")
ANCHORS = (ANCHOR, "anchor_2", "anchor_3", "anchor_4", "anchor_5", "anchor_6")
TIMELINE = tuple(f"timeline.{name}" for name in GuideTimeline.model_fields)
"""The settings of a timeline, by their dotted names."""
ROLES = {
    **{name: Role("Structure video", "clip", required=name == CLIP) for name in CLIPS},
    **{name: Role("Anchor", "picture", required=False) for name in ANCHORS},
}


class StructureVideo(Group):
    """Structure videos: what of them is drawn, how strongly, and how they are fitted in time, where no line says so."""

    type: Literal["flow", "pose", "edge", "depth", "raw"] = setting(
        "flow",
        "Shows",
        "What is drawn of the structure video: its motion as colours, the person's pose, edges, depth, or itself.",
    )
    strength: float = setting(
        1.0,
        "Strength",
        "How strong the motion is, or how clearly lines and pictures are drawn; 0 means that nothing moves.",
        least=0,
        most=4,
    )
    treatment: Literal["adjust", "clip"] = setting(
        "adjust",
        "Fit in time",
        "adjust stretches or squeezes the structure video to the length of the guide; clip keeps its pace and leaves "
        "what it does not reach unguided.",
    )


class Flow(Group):
    """Optical flow of structure videos, which is extracted once and kept."""

    method: Literal["dis", "raft"] = setting(
        "dis",
        "Method",
        "How flow is found: dis needs no model; raft is more exact, wants a graphics card, and its weights (raft-large "
        "or raft-small) have to be fetched.",
    )
    most_px: int = setting(
        1280 * 720,
        "Largest size",
        "How many pixels the pictures have at most in which flow is searched; larger ones are reduced. 0 is no limit.",
        unit="px",
        least=0,
        most=64_000_000,
    )
    steps: Literal[16, 32, 64] = setting(
        32,
        "Steps per pixel",
        "How exactly flow is kept: 16 keeps it to within 0.032 px, 32 to 0.016 px, 64 to 0.008 px in twice the room.",
    )


class Guide(Group):
    """The guide's own shape, and how it is drawn."""

    width: int = setting(
        0, "Width", "The guide's width, even; 0 is that of the structure video.", unit="px", least=0, most=MOST_SIDE_PX
    )
    height: int = setting(
        0,
        "Height",
        "The guide's height, even; 0 is that of the structure video.",
        unit="px",
        least=0,
        most=MOST_SIDE_PX,
    )
    fps: float = setting(
        0.0, "Frames per second", "The guide's frame rate; 0 is that of the structure video.", least=0, most=240
    )
    frames: int = setting(
        0,
        "Frames",
        "How many frames the guide has; 0 is as many as the structure video fills at its own pace.",
        least=0,
        most=MOST_FRAMES,
    )
    fit: Literal["crop", "pad"] = setting(
        "crop", "Other shapes", "What is done with another shape of picture: crop cuts its edges off, pad leaves bars."
    )
    fade_frames: int = setting(
        0,
        "Cross-fade",
        "Over how many frames one structure video turns into the next where their ranges meet.",
        unit="frames",
        least=0,
        most=48,
    )
    floor_px: float = setting(
        0.1,
        "Still below",
        "Motion of less than this in a frame counts as noise, and as none; raise it where a still scene trembles.",
        unit="px",
        least=0,
        most=4,
    )


class GuideSettings(JobSettings):
    """The settings of the guide job."""

    trim: Trim = Trim()
    timeline: GuideTimeline = GuideTimeline()
    structure: StructureVideo = StructureVideo()
    analysis: Analysis = Analysis()
    flow: Flow = Flow()
    guide: Guide = Guide()
    encode: Encode = Encode(crf=10, x264_preset="veryfast")
