"""The settings of the finish job: its plan, and how the film is encoded."""

from typing import Self

from pydantic import model_validator

from pipeline.finish.film.plan import Plan, parsed
from pipeline.settings import JobSettings
from pipeline.settings.field import setting
from pipeline.settings.group import Group
from pipeline.settings.groups import Encode, Trim


class Film(Group):
    """What is done to the clip."""

    plan: str = setting(
        "",
        "Plan",
        "What is cut, shown and heard, as `python -m pipeline finish plan` writes it. Its files are clips and pictures "
        "that were added here, by their digests; subtitles can stand in the plan itself.",
        most_characters=200_000,
    )

    @property
    def read(self) -> Plan:
        """The plan."""
        return parsed(self.plan) if self.plan.strip() else Plan()


class FinishSettings(JobSettings):
    """The settings of the finish job."""

    trim: Trim = Trim()
    film: Film = Film()
    encode: Encode = Encode(crf=18, x264_preset="veryfast")

    @model_validator(mode="after")
    def _plan_can_be_read(self) -> Self:
        _ = self.film.read
        return self
