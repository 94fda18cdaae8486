"""The settings of the finish job: its plan, or what is wanted of a drafted one, and how the film is encoded."""

from typing import Literal, Self

from pydantic import model_validator

from pipeline.finish.film.plan import Plan, parsed
from pipeline.finish.known.settings import KnownSettings
from pipeline.kind import Role
from pipeline.settings.field import setting
from pipeline.settings.group import Group
from pipeline.settings.groups import Encode

ROLES = {
    "clip": Role("Clip", "clip"),
    "transcript": Role("Transcript", "transcript", required=False),
    "changes": Role("Changes", "changes", required=False),
}
"""The inputs of both jobs."""


class Wanted(Group):
    """What of a film is wanted, where its plan is drafted."""

    silences: Literal["cut", "keep"] = setting("cut", "Pauses", "Whether pauses go, but for a breath.")
    takes: Literal["cut", "keep"] = setting(
        "cut", "Said again", "Whether the earlier of two takes of the same sentence goes."
    )
    fillers: Literal["cut", "keep"] = setting("cut", "Filler words", "Whether words such as um go.")
    subtitles: Literal["plain", "marked", "none"] = setting(
        "plain",
        "Subtitles",
        "What is said, as text; marked gives the word that is being said a colour of its own.",
    )
    zoom: Literal["slow", "none"] = setting("slow", "Zoom", "A slow zoom in and out that looks at faces.")
    highlights: Literal["larger", "same"] = setting(
        "larger", "Highlights", "Whether what stands out is shown larger for a moment."
    )


WANTED = tuple(f"wanted.{name}" for name in Wanted.model_fields)
"""What forms of both jobs show first."""


class Given(Group):
    """What people bring of a clip themselves."""

    transcript: str | None = setting(
        None, "Transcript", "What is said, as SRT, VTT or Whisper JSON, in place of having it written down."
    )
    changes: str | None = setting(
        None, "Changes", "Words, cuts and focal points that you changed, as JSON; they always count."
    )


class Film(Group):
    """What is done to the clip."""

    plan: str = setting(
        "",
        "Plan",
        "What is cut, shown and heard, as the Finish tab and `python -m pipeline finish plan` write it. Its files are "
        "those that were added here, by their digests. Leave it empty to have one drafted.",
        most_characters=500_000,
    )

    @property
    def read(self) -> Plan | None:
        """The plan; None where one has to be drafted."""
        return parsed(self.plan) if self.plan.strip() else None


class FilmEncode(Encode):
    """How the film is encoded, and by what."""

    encoder: Literal["x264", "auto", "nvenc", "qsv", "vaapi", "videotoolbox"] = setting(
        "x264",
        "Encoder",
        "What encodes the film: x264 on the processor, or a hardware encoder, which is quicker and makes larger files; "
        "auto takes the first one that works here. Where it does not work, x264 does it.",
    )


class AnalyseSettings(KnownSettings):
    """The settings of the analyse job: those of what is known, and of the plan that is drafted from it."""

    wanted: Wanted = Wanted()
    given: Given = Given()


class FinishSettings(AnalyseSettings):
    """The settings of the finish job."""

    film: Film = Film()
    encode: FilmEncode = FilmEncode(crf=18, x264_preset="veryfast")

    @model_validator(mode="after")
    def _plan_can_be_read(self) -> Self:
        _ = self.film.read
        return self
