"""The settings of the finish job: its plan, or what is wanted of a drafted one, and how the film is encoded."""

import re
from typing import Literal, Self

from pydantic import field_validator, model_validator

from pipeline.finish.film.plan import Plan, parsed
from pipeline.finish.known.settings import KnownSettings
from pipeline.kind import Content, Role
from pipeline.settings.field import setting
from pipeline.settings.group import Group
from pipeline.settings.groups import Encode
from utils.digest import is_digest
from utils.errors import SettingsError

ROLES = {
    "clip": Role("Clip", "clip"),
    "transcript": Role("Transcript", "transcript", required=False),
    "changes": Role("Changes", "changes", required=False),
    "music": Role("Music", "sound", required=False),
    "logo": Role("Logo", "picture", required=False),
}
"""The inputs of both jobs."""
LISTS: dict[str, Content] = {"given.broll": "clip", "given.pictures": "picture"}
"""Settings of both jobs that list files."""


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


LISTED = (
    "Each is its name, = and the digest under which it was added, with commas between; `jobs submit` takes a folder."
)


def listed(text: str) -> dict[str, str]:
    """The names and digests of a list of files, by digest."""
    found = dict[str, str]()
    for part in filter(str.strip, re.split(r"[,\n]", text)):
        name, _, digest = part.rpartition("=")
        if not is_digest(digest.strip()):
            said = "Give names and digests, as hills.mp4=<64 hex digits>; `jobs submit` takes a folder."
            raise SettingsError(f"In a list of files, {part.strip()!r:.60} is no NAME=DIGEST.", said)
        found[digest.strip()] = name.strip()
    return found


class Given(Group):
    """What people bring of a clip themselves."""

    transcript: str | None = setting(
        None, "Transcript", "What is said, as SRT, VTT or Whisper JSON, in place of having it written down."
    )
    changes: str | None = setting(
        None, "Changes", "Words, cuts and focal points that you changed, as JSON; they always count."
    )
    music: str | None = setting(None, "Music", "Music to be heard under a film that is drafted.")
    logo: str | None = setting(None, "Logo", "A picture for the upper right corner of a film that is drafted.")
    broll: str = setting("", "B-roll", f"Clips, matched by name with what is said. {LISTED}", most_characters=100_000)
    pictures: str = setting(
        "", "Pictures", f"Pictures, matched by name with what is said. {LISTED}", most_characters=100_000
    )

    @field_validator("broll", "pictures")
    @classmethod
    def _is_a_list(cls, text: str) -> str:
        listed(text)
        return text


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


class PlanSettings(KnownSettings):
    """The settings of what is known, and of the plan that is drafted from it."""

    wanted: Wanted = Wanted()


class AnalyseSettings(PlanSettings):
    """The settings of the analyse job."""

    given: Given = Given()


class FinishSettings(AnalyseSettings):
    """The settings of the finish job."""

    film: Film = Film()
    encode: FilmEncode = FilmEncode(crf=18, x264_preset="veryfast")

    @model_validator(mode="after")
    def _plan_can_be_read(self) -> Self:
        _ = self.film.read
        return self
