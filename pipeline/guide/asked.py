"""What a guide is asked to be: written on the command line or in a YAML file, and read into a plan with its clips.

A structure is written as FILE[,at=0:81][,from=10:91][,treatment=clip][,type=edge][,strength=0.5]; ranges end after
their last frame, and either end may be left out.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from pathlib import Path
from typing import Any, Literal, cast, get_args

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from pipeline.guide.plan import GuidePlan, Structure, filled, sources_of
from pipeline.guide.terms import LEAST_SIDE_PX, MOST_FRAMES, MOST_SIDE_PX, Fit, GuideType, Treatment
from pipeline.types import Reference
from utils.address.address import is_address
from utils.errors import SettingsError
from utils.media.clip import Clip
from utils.media.timebase import STANDARD_RATES, Span
from utils.size import Size

Range = tuple[int | None, int | None]
KEYS = ("at", "from", "treatment", "type", "strength")
FORM = "FILE,at=0:81,from=10:91,treatment=adjust,type=flow,strength=1"
ROUNDED_HZ = Fraction(1, 200)
"""By how much people round a rate: 23.98 and 23.976 are 24000/1001."""
CHOICES: Mapping[str, tuple[str, ...]] = {"treatment": get_args(Treatment), "type": get_args(GuideType)}
"""The keys that take one of several words."""


@dataclass(frozen=True)
class AskedStructure:
    """A structure video as it was asked for; what is None is left to the rest of the guide."""

    file: str
    """Its path, or its http(s) address."""
    at: Range = (None, None)
    source: Range = (None, None)
    treatment: Treatment = "adjust"
    type: GuideType = "flow"
    strength: float = 1.0


@dataclass(frozen=True)
class AskedGuide:
    """A guide as it was asked for."""

    structures: Sequence[AskedStructure]
    anchors: Mapping[int, Path] = field(default_factory=dict)
    size: Size | None = None
    rate: Fraction | None = None
    frames: int | None = None
    fit: Fit = "crop"

    def shaped(self, size: str | None, fps: str | None, frames: int | None, fit: str | None) -> "AskedGuide":
        """This guide in the shape that a command line gives; what it leaves out stays."""
        if fit not in (None, *get_args(Fit)):
            raise SettingsError(f"--fit {fit!r:.40} is unknown.", "Choose crop or pad.")
        return replace(
            self,
            size=read_size(size) if size else self.size,
            rate=read_rate(fps) if fps else self.rate,
            frames=frames or self.frames,
            fit=cast(Fit, fit or self.fit),
        )

    def with_files(self, local_file: Callable[[str], Path]) -> "AskedGuide":
        """This guide with its structure videos on this machine: those at addresses are fetched."""
        return replace(self, structures=[replace(each, file=str(local_file(each.file))) for each in self.structures])

    def plan(self, open_clip: Callable[[Path], Clip], settings: Mapping[str, Any]) -> GuidePlan:
        """The plan; what was left out follows from the first structure video, and how it is drawn from the settings."""
        if not self.structures:
            raise SettingsError("A guide needs a structure video.", f"Name one: --structure {FORM}.")
        clips = [open_clip(Path(each.file)) for each in self.structures]
        rate = self.rate or clips[0].rate
        sources = [sources_of(clip, *each.source) for clip, each in zip(clips, self.structures, strict=True)]
        frames = self.frames or self._frames(clips, sources, rate)
        structures = tuple(
            Structure(clip, _span(each.at, frames), source, each.treatment, each.type, each.strength)
            for clip, each, source in zip(clips, self.structures, sources, strict=True)
        )
        anchors = {index: Reference(path) for index, path in self.anchors.items()}
        size = self.size or Size(*(side - side % 2 for side in clips[0].size))
        drawn = settings["guide.fade_frames"], settings["guide.floor_px"]
        return GuidePlan(size, rate, frames, structures, anchors, self.fit, *drawn)

    def _frames(self, clips: Sequence[Clip], sources: Sequence[Span], rate: Fraction) -> int:
        """As many frames as the structures reach at their own pace, and no anchor left out."""
        ends = [index + 1 for index in self.anchors]
        for clip, each, source in zip(clips, self.structures, sources, strict=True):
            own = (each.at[0] or 0) + filled(clip, source, rate)
            ends.append(own if each.at[1] is None else each.at[1])
        return max(ends)


def read_structure(text: str, usual: AskedStructure | None = None) -> AskedStructure:
    """A structure from the command line; file names may have commas. `usual` holds what other options say."""
    parts = text.split(",")
    first = len(parts)
    while first > 1 and parts[first - 1].partition("=")[0].strip() in KEYS:
        first -= 1
    given = dict(part.split("=", 1) for part in parts[first:])
    values = {name.strip(): value.strip() for name, value in given.items()}
    return _structure(",".join(parts[:first]), values, usual or AskedStructure(""))


def read_anchor(text: str) -> tuple[int, Path]:
    """An anchor from the command line: INDEX:IMAGE."""
    index, colon, path = text.partition(":")
    if not colon or not path or not re.fullmatch(r"\d{1,6}", index):
        raise SettingsError(f"{text!r:.80} is no anchor.", "Write 0:first.png: the frame's index, and the picture.")
    return int(index), Path(path)


def read_size(text: str) -> Size:
    """A size from the command line: 832x480."""
    match = re.fullmatch(r"(\d{1,5})\s*[x×]\s*(\d{1,5})", text.strip())
    size = Size(*map(int, match.groups())) if match else Size(0, 0)
    if not all(LEAST_SIDE_PX <= side <= MOST_SIDE_PX and side % 2 == 0 for side in size):
        raise SettingsError(
            f"{text!r:.40} is no size of a guide.",
            f"Write 832x480: two even numbers from {LEAST_SIDE_PX} to {MOST_SIDE_PX}.",
        )
    return size


def read_rate(text: str) -> Fraction:
    """A frame rate from the command line or a file: 24, 23.976 or 30000/1001."""
    try:
        rate = Fraction(text.strip())
    except (ValueError, ZeroDivisionError):
        rate = Fraction(0)
    if not 1 <= rate <= 240:
        raise SettingsError(f"{text!r:.40} is no frame rate.", "Write 24, 23.976 or 30000/1001; from 1 to 240.")
    near = min(STANDARD_RATES, key=lambda standard: abs(standard - rate))
    return near if abs(near - rate) < ROUNDED_HZ and "." in text else rate


class _StructureEntry(BaseModel):
    model_config = ConfigDict(extra="forbid")
    file: str
    at: str = ""
    source: str = Field("", alias="from")
    treatment: str = ""
    type: str = ""
    strength: float | None = None


class _PlanFile(BaseModel):
    model_config = ConfigDict(extra="forbid")
    structures: list[_StructureEntry]
    anchors: dict[int, str] = {}
    size: str = ""
    fps: str | int | float = ""
    frames: int | None = Field(None, ge=1, le=MOST_FRAMES)
    fit: Literal["crop", "pad"] = "crop"


def read_plan(path: Path, usual: AskedStructure | None = None) -> AskedGuide:
    """A guide from a YAML file; the files that it names lie relative to it."""
    try:
        values = _PlanFile.model_validate(yaml.safe_load(path.read_text("utf-8")) or {})
    except OSError as error:
        raise SettingsError(f"{str(path)!r} cannot be read ({error.strerror}).", "Check its path.") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        problem = " ".join(str(error).split())[:200]
        raise SettingsError(f"{path.name!r} is no YAML: {problem}.", "docs/guide.md shows a plan.") from error
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"])) or "the plan"
        raise SettingsError(f"{path.name!r}: {where}: {first['msg']}.", "docs/guide.md shows a plan.") from error
    folder = path.absolute().parent
    return AskedGuide(
        [
            _structure(_beside(folder, each.file), _texts(each), usual or AskedStructure(""))
            for each in values.structures
        ],
        {index: folder / name for index, name in values.anchors.items()},
        read_size(values.size) if values.size else None,
        read_rate(str(values.fps)) if values.fps else None,
        values.frames,
        values.fit,
    )


def _texts(entry: _StructureEntry) -> dict[str, str]:
    said = {"at": entry.at, "from": entry.source, "treatment": entry.treatment, "type": entry.type,
            "strength": "" if entry.strength is None else f"{entry.strength:g}"}  # fmt: skip
    return {name: value for name, value in said.items() if value}


def _beside(folder: Path, file: str) -> str:
    """A file of a plan, which lies relative to it, or an address as it is."""
    return file if is_address(file) else str(folder / file)


def _structure(file: str, values: Mapping[str, str], usual: AskedStructure) -> AskedStructure:
    for name, choices in CHOICES.items():
        if values.get(name, choices[0]) not in choices:
            raise SettingsError(f"{name}={values[name]!r:.40} is unknown.", f"Choose {', '.join(choices)}.")
    return AskedStructure(
        file,
        _range(values.get("at", ":")),
        _range(values.get("from", ":")),
        cast(Any, values.get("treatment", usual.treatment)),
        cast(Any, values.get("type", usual.type)),
        _strength(values["strength"]) if "strength" in values else usual.strength,
    )


def _range(text: str) -> Range:
    match = re.fullmatch(r"(\d{0,6}):(\d{0,6})", text.replace(" ", ""))
    if match is None:
        raise SettingsError(f"{text!r:.40} is no range of frames.", "Write 0:81: the first, and after the last.")
    begin, end = (int(number) if number else None for number in match.groups())
    return begin, end


def _strength(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise SettingsError(f"strength={text!r:.40} is no number.", "Write strength=0.5; 0 is no motion.") from None


def _span(at: Range, frames: int) -> Span:
    begin, end = at[0] or 0, frames if at[1] is None else at[1]
    if begin >= end:
        raise SettingsError(f"The range {begin}:{end} has no frame.", "A range ends after its last frame, as 0:81.")
    return Span(begin, end)
