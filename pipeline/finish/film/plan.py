"""The plan of a film: what people read and edit before it is rendered, as YAML. All times are seconds of the clip.

A time stays where it is said in the clip, whatever is cut before it. Files are named relative to the plan.
"""

import re
from contextlib import suppress
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from pipeline.engines.looks import LOOKS
from utils.atomic_file import explained, write_atomically
from utils.errors import SettingsError
from utils.untrusted_json import UntrustedJson, read_json

if TYPE_CHECKING:
    from utils.media.clip import Clip

MOST_BYTES = 4 << 20
HEADER = """\
# What is done to the clip. Times are seconds of the clip, also where parts before them are cut out.
# Any part can be switched off with `on: false`, or taken out.
"""
TRUTH = "tag:yaml.org,2002:bool"
Seconds = Annotated[float, Field(ge=0, le=86_400)]
Share = Annotated[float, Field(ge=0, le=1)]
Colour = Annotated[str, Field(pattern=r"^#[0-9a-fA-F]{6}$")]


class _Loader(yaml.SafeLoader):
    """YAML 1.2 in one thing: `on` is a name, and only true and false are truth values."""


class _Dumper(yaml.SafeDumper):
    """Writes what `_Loader` reads; short parts stand on one line."""


for _each in (_Loader, _Dumper):
    _each.yaml_implicit_resolvers = {
        first: [(tag, form) for tag, form in forms if tag != TRUTH]
        for first, forms in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }
    _each.add_implicit_resolver(TRUTH, re.compile("^(true|True|TRUE|false|False|FALSE)$"), list("tTfF"))


class Part(BaseModel):
    """Base of all parts: unknown names are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Layer(Part):
    """Base of what can be switched off."""

    on: bool = True


class Between(Part):
    """Something between two times."""

    from_s: Seconds
    to_s: Seconds

    @model_validator(mode="after")
    def _runs_forward(self) -> Self:
        if self.to_s <= self.from_s:
            raise ValueError(f"it ends at {self.to_s:g} s and begins at {self.from_s:g} s")
        return self


class About(Part):
    """The clip that a plan was made for."""

    name: str
    digest: str
    seconds: float
    frames: int


class Cut(Between):
    """A part of the clip that is left out."""

    why: str = ""


class Punch(Between):
    """A stretch that is shown larger."""

    scale: Annotated[float, Field(ge=1, le=4)] = 1.15
    ease_s: Annotated[float, Field(ge=0, le=10)] = 0.2


class Face(Part):
    """Where a face is at a time; zooming looks there, calmly."""

    at_s: Seconds
    x: Share
    y: Share


class ZoomPlan(Layer):
    """A slow zoom in and out over all of the film, and stretches that are shown larger."""

    most: Annotated[float, Field(ge=1, le=2)] = 1.06
    cycle_s: Annotated[float, Field(ge=0.5, le=600)] = 6.0
    punches: tuple[Punch, ...] = ()
    faces: tuple[Face, ...] = ()
    """The middle of the picture where none is given."""


class Broll(Part):
    """A clip that is seen in place of the speaker for a while."""

    file: str
    at_s: Seconds
    seconds: Annotated[float, Field(gt=0, le=3600)] = 3.0
    from_s: Seconds = 0.0
    fade_s: Annotated[float, Field(ge=0, le=10)] = 0.25
    sound: Literal["mute", "duck"] = "mute"
    fit: Literal["cover", "contain"] = "cover"
    left: Share = 0.0
    top: Share = 0.0
    width: Share = 1.0
    height: Share = 1.0


class LookPlan(Between):
    """A look of the engine `restyle`, drawn on the picture. Without a time, on all of the film."""

    look: str
    from_s: Seconds = 0.0
    to_s: Seconds = 86_400.0
    strength: Share = 1.0
    fade_s: Annotated[float, Field(ge=0, le=10)] = 0.0
    seed: Annotated[int, Field(ge=0, le=2**32 - 1)] = 0

    @field_validator("look")
    @classmethod
    def _is_one(cls, name: str) -> str:
        if name not in LOOKS:
            raise ValueError(f"there is no look {name!r:.40}; they are {', '.join(LOOKS)}")
        return name


class MadeWith(Part):
    """Settings of the engine that makes a picture, where they are not as usual."""

    model: str = ""
    seed: Annotated[int, Field(ge=0, le=2**32 - 1)] = 0
    steps: Annotated[int, Field(ge=0, le=200)] = 0
    guidance: Annotated[float, Field(ge=0, le=30)] = 0.0
    strength: Annotated[float, Field(ge=0, le=1)] = 0.9
    negative_prompt: Annotated[str, Field(max_length=2000)] = ""

    @property
    def set_values(self) -> dict[str, Any]:
        """The values that are not as usual, by the names of their settings."""
        return {name: value for name, value in self if value != type(self).model_fields[name].default}


class Picture(Between):
    """A picture over the film, such as a logo. Without a time it stays from the first frame to the last.

    It is a file, or what an engine makes of a frame by a prompt: of that at `of_s`, or else that at `from_s`.
    """

    file: str = ""
    prompt: Annotated[str, Field(max_length=2000)] = ""
    engine: str = "edit"
    made_with: MadeWith = MadeWith()
    of_s: Seconds | None = None
    from_s: Seconds = 0.0
    to_s: Seconds = 86_400.0
    left: Share = 0.0
    top: Share = 0.0
    width: Annotated[float, Field(gt=0, le=1)] = 0.15
    opacity: Share = 1.0
    fade_s: Annotated[float, Field(ge=0, le=10)] = 0.0

    @model_validator(mode="after")
    def _has_one_source(self) -> Self:
        if bool(self.file) == bool(self.prompt.strip()):
            raise ValueError("name a file, or give a prompt")
        return self

    @property
    def named(self) -> str:
        """What people know it by."""
        return f"{self.file or self.prompt!r:.60}"


class Style(Part):
    """What text looks like."""

    font: Annotated[str, Field(pattern=r"^[^\n\r,{}]{1,400}$")] = "Sans"
    bold: bool = True
    height: Annotated[float, Field(gt=0.005, le=0.5)] = 0.05
    colour: Colour = "#ffffff"
    spoken_colour: Colour = "#ffd640"
    outline: Annotated[float, Field(ge=0, le=0.5)] = 0.08
    outline_colour: Colour = "#000000"
    box: Share = 0.0
    place: Literal["bottom", "middle", "top"] = "bottom"
    margin: Annotated[float, Field(ge=0, le=0.45)] = 0.08


class Subtitles(Layer):
    """What is said, as text: cues of an SRT or JSON file, or of a text in the plan, with times of the clip."""

    file: str = ""
    cues: Annotated[str, Field(max_length=16_000_000)] = ""
    """The text of such a file, in place of its name."""
    style: Style = Style()
    karaoke: bool = False
    """Whether the word that is being said has a colour of its own, where the file has times of words."""

    @model_validator(mode="after")
    def _has_one_source(self) -> Self:
        if bool(self.file) == bool(self.cues):
            raise ValueError("name a file, or give cues")
        return self


class Title(Between):
    """A text of its own."""

    text: Annotated[str, Field(min_length=1, max_length=2000)]
    style: Style = Style(height=0.09, place="middle")
    fade_s: Annotated[float, Field(ge=0, le=10)] = 0.3


class MusicPlan(Layer):
    """Music under all of the film, over and over; it is lower while somebody speaks."""

    file: str
    loudness_lufs: Annotated[float, Field(ge=-60, le=-5)] = -26.0
    duck_db: Annotated[float, Field(ge=0, le=60)] = 10.0
    fade_out_s: Annotated[float, Field(ge=0, le=60)] = 2.0


class Effect(Part):
    """A sound that is heard once."""

    file: str
    at_s: Seconds
    gain_db: Annotated[float, Field(ge=-60, le=20)] = 0.0


class Fades(Layer):
    """The picture comes out of black, and goes into it."""

    in_s: Annotated[float, Field(ge=0, le=60)] = 0.0
    out_s: Annotated[float, Field(ge=0, le=60)] = 0.0


class Plan(Part):
    """All of a film."""

    clip: About | None = None
    rate: Annotated[str, Field(pattern=r"^\d{1,9}(/[1-9]\d{0,6})?$")] | None = None
    cut: tuple[Cut, ...] = ()
    speech: tuple[Between, ...] | None = None
    """Where somebody speaks, for music to be lower there; the times of subtitles where this is not given."""
    zoom: ZoomPlan | None = None
    broll: tuple[Broll, ...] = ()
    looks: tuple[LookPlan, ...] = ()
    pictures: tuple[Picture, ...] = ()
    subtitles: Subtitles | None = None
    titles: tuple[Title, ...] = ()
    music: MusicPlan | None = None
    effects: tuple[Effect, ...] = ()
    fades: Fades | None = None
    loudness_lufs: Annotated[float | None, Field(ge=-60, le=-5)] = None
    """How loud the film is as a whole; its own loudness stays where this is not given."""

    @model_validator(mode="after")
    def _rate_is_sensible(self) -> Self:
        if self.rate is not None and not 1 <= Fraction(self.rate) <= 240:
            raise ValueError("rate: from 1 to 240 frames a second are possible")
        return self

    def check_for(self, clip: "Clip") -> None:
        """Refuse a plan that was made for another clip."""
        if self.clip is not None and self.clip.digest != clip.digest:
            raise SettingsError(
                f"The plan was made for another clip, {self.clip.name!r:.60} of {self.clip.seconds:.1f} s.",
                "Write one for this clip with `finish plan`; or take `clip` out of the plan, if its times fit.",
            )

    def to_yaml(self) -> str:
        """The plan as people edit it. What is as usual is left out in lists, and shown elsewhere."""
        told = yaml.dump(
            _shown(self), Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=110, default_flow_style=None
        )
        return HEADER + str(told)


def _shown(part: BaseModel, *, whole: bool = True) -> dict[str, Any]:
    """The values of a part: nothing that is empty, and of one in a list nothing that is as usual."""
    fields, told = type(part).model_fields, dict[str, Any]()
    for name, value in part:
        is_usual = value == fields[name].default
        if is_usual and (not whole or name == "on" or value in (None, "", ())):
            continue
        if isinstance(value, BaseModel):
            told[name] = _shown(value, whole=whole)
        elif isinstance(value, tuple):
            told[name] = [_shown(each, whole=False) for each in value]
        else:
            told[name] = value
    return told


def about(clip: "Clip") -> About:
    """What a plan says of its clip."""
    return About(name=clip.path.name, digest=clip.digest, seconds=round(float(clip.duration_s), 3), frames=len(clip))


def read_plan(path: Path) -> Plan:
    """The plan in a file; what is wrong with it is said in one sentence."""
    try:
        if path.stat().st_size > MOST_BYTES:
            raise SettingsError(f"{path.name!r} is too large for a plan.", "Choose the file that `finish plan` wrote.")
        text = path.read_text("utf-8")
    except UnicodeDecodeError as error:
        raise SettingsError(f"{path.name!r} is no text.", "Choose the file that `finish plan` wrote.") from error
    except OSError as error:
        remedy = "Write one with `finish plan`, or leave --plan out."
        raise SettingsError(f"There is no plan {str(path)!r}: {error.strerror}.", remedy) from error
    return parsed(text, path.name)


def parsed(text: str, name: str = "the plan") -> Plan:
    """The plan in a YAML text, or in one of JSON, which is read a hundred times as fast."""
    if text.lstrip().startswith("{"):
        with suppress(UntrustedJson):
            return plan_of(read_json(text, MOST_BYTES), name)
    try:
        if text.count("&") and any(isinstance(each, yaml.AliasToken) for each in yaml.scan(text)):
            raise SettingsError(f"In {name}, `*` refers to another part.", "Write the part again instead.")
        told = yaml.load(text, _Loader)
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        mark = getattr(error, "problem_mark", None)
        where = f" in line {mark.line + 1}" if mark else ""
        raise SettingsError(f"{name} is no YAML{where}.", "Correct it, or write a new one.") from error
    return plan_of(told, name)


def plan_of(told: Any, name: str = "the plan") -> Plan:
    """The plan that YAML or JSON values say."""
    if not isinstance(told, dict):
        raise SettingsError(f"{name} holds no plan.", "Choose the file that `finish plan` wrote.")
    try:
        return Plan.model_validate(told)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(each) for each in first["loc"]) or "it"
        if first["type"] == "extra_forbidden":
            known = "Names are those that `finish plan` writes."
            raise SettingsError(f"In {name}, nothing is called {where!r:.80}.", known) from None
        message = first["msg"].removeprefix("Value error, ")
        raise SettingsError(
            f"In {name}, {where} cannot be used: {message[:1].lower()}{message[1:]:.200}.", "Correct it there."
        ) from None


def write_plan(path: Path, plan: Plan) -> None:
    """Write a plan for people to edit."""
    with explained(path):
        write_atomically(path, plan.to_yaml())
