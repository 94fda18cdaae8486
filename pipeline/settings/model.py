"""`JobSettings`, the settings of a job as one frozen value, layered from defaults, preset, file and overrides.

Each kind of job derives its own class from it, with the groups of settings that it has; `Settings` is that of the
restyle job. `read_assignments` reads overrides from the command line.
"""

import json
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any, ClassVar, Self

from pydantic import ValidationError, model_validator

from pipeline.settings.field import Field, Value, describe, present, shown
from pipeline.settings.group import Group
from pipeline.settings.groups import (
    Analysis,
    Composite,
    Consistency,
    Encode,
    FootLock,
    Reshake,
    Segments,
    Stabilise,
    Trim,
)
from pipeline.settings.making import Generate, Memory
from pipeline.settings.names import nearest, unknown
from pipeline.settings.presets import preset_file, presets
from pipeline.settings.reading import Assignment, from_file, from_json, from_mapping
from utils.errors import SettingsError


class JobSettings(Group):
    """Base class of the settings of a kind of job; its fields are groups, each with its defaults."""

    USUAL_PRESET: ClassVar[str] = ""
    """The preset that is meant when none is named; empty for a kind of job without presets."""

    @classmethod
    def load(
        cls,
        preset: str | None = None,
        overrides: Mapping[str, Any] | None = None,
        file: Path | str | None = None,
        saved: Mapping[str, Any] | None = None,
    ) -> Self:
        """The settings of a preset (the usual one if None), with those of a file and then the overrides on top.

        `saved` are the settings of a preset that somebody saved on top of the built-in one; the others go over them.
        """
        assignments = cls._of_preset(cls.USUAL_PRESET if preset is None else preset)
        assignments += from_mapping(saved or {})
        assignments += from_file(Path(file)) if file is not None else []
        return cls._from(assignments + from_mapping(overrides or {}))

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Settings from the text of `to_json` or `diff`; those that are missing have their defaults."""
        return cls._from(from_json(text))

    @classmethod
    def presets(cls) -> dict[str, str]:
        """The names of the presets, each with its summary; empty if this kind of job has none."""
        return presets() if cls.USUAL_PRESET else {}

    @classmethod
    def fields(cls) -> tuple[Field, ...]:
        """The description of every setting, in the order of the stages."""
        return tuple(_fields(cls).values())

    @classmethod
    def field(cls, name: str) -> Field:
        """The description of one setting; the error for a wrong name suggests the nearest right ones."""
        if name not in _fields(cls):
            raise unknown(name, _fields(cls), {field.name: field.default for field in cls.fields()})
        return _fields(cls)[name]

    def flat(self) -> dict[str, Value]:
        """Dotted name -> JSON value, in a fixed order and exact, so that cache keys can be made from it."""
        fields = _fields(type(self)).items()
        return {name: _exact(getattr(getattr(self, field.group), field.key)) for name, field in fields}

    def diff(self) -> dict[str, Value]:
        """The settings that differ from the defaults."""
        return {name: value for name, value in self.flat().items() if value != _fields(type(self))[name].default}

    def to_json(self) -> str:
        """All settings as a JSON object of dotted names."""
        return json.dumps(self.flat(), indent=2, allow_nan=False)

    @classmethod
    def _of_preset(cls, name: str) -> list[Assignment]:
        """The assignments of a preset; none for the empty name where there are no presets."""
        if not name and not cls.USUAL_PRESET:
            return []
        if not cls.USUAL_PRESET:
            raise SettingsError(f"This kind of job has no presets, so none is called {shown(name)}.", "Name none.")
        return from_file(preset_file(name))

    @classmethod
    def _from(cls, assignments: Iterable[Assignment]) -> Self:
        """The defaults, changed by one assignment after the other; each is validated with the place it came from."""
        values = {field.name: field.default for field in cls.fields()}
        for assignment in assignments:
            if assignment.name not in values:
                raise unknown(assignment.name, _fields(cls), values, assignment.where)
            values[assignment.name] = _validated(cls, assignment, values[assignment.name])
        return cls.model_validate(_grouped(cls, values))


class Settings(JobSettings):
    """The settings of the restyle job; `Settings()` holds the defaults, which are the preset 'balanced'.

    >>> Settings.load("fast", {"stabilise.window_s": 2}).stabilise.window_s
    2.0
    """

    USUAL_PRESET: ClassVar[str] = "balanced"

    trim: Trim = Trim()
    analysis: Analysis = Analysis()
    stabilise: Stabilise = Stabilise()
    segments: Segments = Segments()
    generate: Generate = Generate()
    memory: Memory = Memory()
    consistency: Consistency = Consistency()
    foot_lock: FootLock = FootLock()
    composite: Composite = Composite()
    reshake: Reshake = Reshake()
    encode: Encode = Encode()

    @model_validator(mode="after")
    def _lift_is_not_below_plant(self) -> Self:
        plant, lift = self.foot_lock.plant_leg_per_s, self.foot_lock.lift_leg_per_s
        if lift < plant:
            raise SettingsError(
                f"foot_lock.lift_leg_per_s ({lift}) is below foot_lock.plant_leg_per_s ({plant}).",
                f"Set foot_lock.lift_leg_per_s to {plant} or more; 1.5 times as much is usual.",
            )
        return self


def read_assignments(texts: Iterable[str], of: type[JobSettings] = Settings) -> dict[str, Value]:
    """Typed overrides from the `group.key=value` strings of `--set`; ranges are validated by `load`."""
    overrides: dict[str, Value] = {}
    for text in texts:
        name, equals, value = (part.strip() for part in text.partition("="))
        if not equals or not name:
            raise SettingsError(
                f"{shown(text)} does not say which setting gets which value.",
                "Write it as stabilise.window_s=2.",
            )
        typed = of.field(name).read(value)
        if name in overrides and overrides[name] != typed:
            raise SettingsError(f"{name} is set twice, to {overrides[name]} and to {typed}.", "Set it once.")
        overrides[name] = typed
    return overrides


@cache
def _fields(of: type[JobSettings]) -> dict[str, Field]:
    return {
        f"{group}.{key}": describe(f"{group}.{key}", info, getattr(of.model_fields[group].default, key))
        for group, model in _models(of).items()
        for key, info in model.model_fields.items()
    }


@cache
def _models(of: type[JobSettings]) -> dict[str, type[Group]]:
    return {group: type(info.default) for group, info in of.model_fields.items()}


def _validated(of: type[JobSettings], assignment: Assignment, now: Value) -> Value:
    """The value in its own type; raises an error that says which values are accepted."""
    field = _fields(of)[assignment.name]
    value = _from_a_form(assignment.typed(field), field)
    try:
        group = _models(of)[field.group].model_validate({field.key: value})
    except ValidationError as error:
        raise _refusal(field, value, now, assignment.where) from error
    validated: Value = getattr(group, field.key)
    return validated


def _from_a_form(value: Any, field: Field) -> Any:
    """A value from a browser's form in its own type: a form has only floats, and hands choices over as text."""
    if field.kind == "whole number" and isinstance(value, float) and value.is_integer():
        return int(value)
    return field.read(value) if field.kind == "choice" and isinstance(value, str) else value


def _refusal(field: Field, value: object, now: Value, where: str) -> SettingsError:
    if field.kind == "text" and isinstance(value, str) and field.maximum and len(value) > field.maximum:
        beyond, most = len(value) - int(field.maximum), int(field.maximum)
        return SettingsError(
            f"{where}{field.name} has {len(value):,} characters; {most:,} are the most.", f"Shorten it by {beyond:,}."
        )
    near = nearest(value, map(str, field.choices)) if isinstance(value, str) else None
    remedy = f"Did you mean '{near}'? " if near else ""
    return SettingsError(
        f"{where}{field.name} cannot be {shown(value)}: it takes {field.takes}.",
        f"{remedy}It is {present(now)} now; leave it out to keep that.",
    )


def _grouped(of: type[JobSettings], values: Mapping[str, Value]) -> dict[str, dict[str, Value]]:
    groups: dict[str, dict[str, Value]] = {group: {} for group in _models(of)}
    for name, value in values.items():
        groups[_fields(of)[name].group][_fields(of)[name].key] = value
    return groups


def _exact(value: Value) -> Value:
    """Minus zero as zero: the two are equal, and so must be their text in a cache key."""
    return value + 0.0 if isinstance(value, float) else value
