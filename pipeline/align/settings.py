"""The settings of the align job: where the foreground lies, how it is laid over, and how the result is encoded."""

from typing import Literal, Self

from pydantic import model_validator

from pipeline.align.anchors import read_anchors
from pipeline.settings import JobSettings
from pipeline.settings.field import setting
from pipeline.settings.group import Group
from pipeline.settings.groups import Encode, Trim


class Pair(Group):
    """The other clip of the pair."""

    background: str | None = setting(
        None, "Background", "The clip that the foreground was made of, and over which it is laid."
    )


class Space(Group):
    """The foreground's place in the background."""

    match: Literal["precise", "auto", "scale", "fixed"] = setting(
        "precise",
        "Placement",
        "precise finds where the foreground lies, together with its times; auto finds it in a few frames, and refines "
        "it only where matched frames show that it is off; scale finds place and scale in a few frames and takes them "
        "as they are, without a turn; fixed takes what is given.",
    )
    max_keyframes: int = setting(
        200,
        "Looked at",
        "In how many frames of each clip the placement is looked for; in all where these do not show it clearly.",
        unit="frames",
        least=5,
        most=1_000_000,
    )
    x_px: float = setting(
        0.0, "Left", "The left edge of the foreground in the background.", unit="px", least=-8192, most=8192
    )
    y_px: float = setting(
        0.0, "Top", "The upper edge of the foreground in the background.", unit="px", least=-8192, most=8192
    )
    scale: float = setting(
        1.0, "Scale", "How many px of the background one of the foreground covers.", least=0.05, most=20
    )


class Match(Group):
    """How times are found."""

    quality: Literal["fast", "balanced", "precise"] = setting(
        "balanced",
        "Care",
        "fast compares smaller pictures and refines once; precise compares larger ones, which helps where only a small "
        "part of the picture moves, and refines three times.",
    )
    time: Literal["full", "border"] = setting(
        "full",
        "Compared",
        "full compares all of the picture; border only its edges, for foregrounds whose middle was replaced.",
    )
    border_px: int = setting(8, "Border", "How much along the edges border compares.", unit="px", least=2, most=512)
    order: Literal["forward", "any"] = setting(
        "forward",
        "Order",
        "forward expects stretches in the background's order; any also finds those that were put into another one.",
    )
    shown: Literal["whole", "progressive"] = setting(
        "whole",
        "Shown",
        "whole shows the map once it is found; progressive also shows coarser ones before it, which takes a little "
        "longer in all and changes nothing of it.",
    )
    anchors: str = setting(
        "",
        "Held frames",
        "Frames of the foreground that are held at frames of the background, as FG:BG, such as 12:40, 30:61.",
        most_characters=10_000,
    )


class Laid(Group):
    """How the foreground is laid over the background, and what is written."""

    length: Literal["matched", "whole"] = setting(
        "matched",
        "Length",
        "matched runs from the foreground's first frame that is found to its last one, in its own times; whole is all "
        "of the background in its times, with the foreground where it is found.",
    )
    blend_px: int = setting(
        0,
        "Soft edge",
        "Over how many px the foreground's edges turn into the background; edges at the picture's border stay.",
        unit="px",
        least=0,
        most=256,
    )
    behind: Literal["nearest", "blended"] = setting(
        "nearest",
        "Behind a frame",
        "What stands behind a frame whose moment lies between two of the background: the nearest of them, or both "
        "mixed, which is smoother for what moves slowly and doubles outlines of what moves quickly.",
    )
    sound: Literal["auto", "foreground", "background", "none"] = setting(
        "auto",
        "Sound",
        "auto is that of the clip whose times the result has, and the other's where that has none. The other's follows "
        "the pictures: it is cut where they jump, and its pitch changes where they run faster or slower.",
    )


class AlignSettings(JobSettings):
    """The settings of the align job."""

    trim: Trim = Trim()
    pair: Pair = Pair()
    space: Space = Space()
    match: Match = Match()
    laid: Laid = Laid()
    encode: Encode = Encode(crf=16, x264_preset="veryfast")

    @model_validator(mode="after")
    def _anchors_can_be_read(self) -> Self:
        read_anchors(self.match.anchors)
        return self
