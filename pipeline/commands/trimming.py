"""--from and --to: the part of a clip that a command uses, in seconds or frames."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from pipeline.stage import RunContext
    from utils.media.clip import Clip

From = Annotated[
    str | None,
    typer.Option("--from", metavar="TIME", help="Where the part to use begins: 2.5 (seconds) or 75f (frame 75)."),
]
To = Annotated[
    str | None, typer.Option("--to", metavar="TIME", help="Where it ends, this moment not included: 5 or 150f.")
]


@dataclass(frozen=True)
class Moment:
    """A moment of a clip as a person wrote it."""

    seconds: float | None = None
    frame: int = 0

    @classmethod
    def read(cls, text: str, option: str) -> Moment:
        """The moment of an option's text."""
        from utils.errors import SettingsError

        match = re.fullmatch(r"(\d{1,8})f|(\d{1,6}(?:\.\d{1,9})?)s?", text.strip())
        if match is None:
            raise SettingsError(f"{option} cannot be {text!r:.40}.", "Write 2.5 for seconds, or 75f for a frame.")
        frame, seconds = match.groups()
        return cls(frame=int(frame)) if frame else cls(float(seconds))

    def seconds_in(self, clip: Clip) -> float:
        """Seconds from the first frame of a whole clip."""
        from utils.errors import ClipError

        if self.seconds is not None:
            return self.seconds
        if self.frame > len(clip):
            raise ClipError(
                f"Frame {self.frame} is beyond the end of the clip, which has {len(clip)} frames.", "Choose less."
            )
        return float(clip.duration_s if self.frame == len(clip) else clip.time_s(self.frame))


@dataclass(frozen=True)
class Part:
    """The part that --from and --to name; what is not given stays as the settings have it."""

    begin: Moment | None
    end: Moment | None

    @classmethod
    def read(cls, begin: str | None, end: str | None) -> Part:
        """The part of both options; a text that is no moment is refused at once."""
        return cls(Moment.read(begin, "--from") if begin else None, Moment.read(end, "--to") if end else None)

    def of(self, path: Path, context: RunContext) -> RunContext:
        """The context with this part among its settings."""
        from pipeline.see.open_clip import open_clip
        from utils.errors import ClipError

        if self.begin is None and self.end is None:
            return context
        clip = open_clip(path, replace(context, settings={}))
        given = {"trim.from_s": self.begin, "trim.to_s": self.end}
        chosen = {name: moment.seconds_in(clip) for name, moment in given.items() if moment}
        if self.end and not chosen["trim.to_s"]:
            raise ClipError("A part that ends where the clip begins has no frames.", "Let it end later.")
        return replace(context, settings={**context.settings, **chosen})
