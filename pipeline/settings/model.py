"""`Settings`, all settings of a run as one frozen value, layered from defaults, preset, file and overrides.

`read_assignments` reads such overrides from the command line.
"""

import json
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any, Self

from pydantic import ValidationError, model_validator

from pipeline.settings.field import Field, Value, describe, present, shown
from pipeline.settings.groups import (
    Analysis,
    Composite,
    Consistency,
    Encode,
    FootLock,
    Generate,
    Group,
    Reshake,
    Segments,
    Stabilise,
)
from pipeline.settings.names import nearest, unknown
from pipeline.settings.presets import preset_file
from pipeline.settings.reading import Assignment, from_file, from_json, from_mapping
from utils.errors import SettingsError


class Settings(Group):
    """Every setting of a run; `Settings()` holds the defaults, which are the preset 'balanced'.

    >>> Settings.load("fast", {"stabilise.window_s": 2}).stabilise.window_s
    2.0
    """

    analysis: Analysis = Analysis()
    stabilise: Stabilise = Stabilise()
    segments: Segments = Segments()
    generate: Generate = Generate()
    consistency: Consistency = Consistency()
    foot_lock: FootLock = FootLock()
    composite: Composite = Composite()
    reshake: Reshake = Reshake()
    encode: Encode = Encode()

    @classmethod
    def load(
        cls,
        preset: str = "balanced",
        overrides: Mapping[str, Any] | None = None,
        file: Path | str | None = None,
    ) -> Self:
        """The settings of a preset, with those of a file and then the overrides on top."""
        assignments = from_file(preset_file(preset))
        assignments += from_file(Path(file)) if file is not None else []
        return cls._from(assignments + from_mapping(overrides or {}))

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Settings from the text of `to_json` or `diff`; those that are missing have their defaults."""
        return cls._from(from_json(text))

    @classmethod
    def fields(cls) -> tuple[Field, ...]:
        """The description of every setting, in the order of the stages."""
        return tuple(_fields().values())

    @classmethod
    def field(cls, name: str) -> Field:
        """The description of one setting; the error for a wrong name suggests the nearest right ones."""
        if name not in _fields():
            raise unknown(name, _fields(), {field.name: field.default for field in cls.fields()})
        return _fields()[name]

    def flat(self) -> dict[str, Value]:
        """Dotted name -> JSON value, in a fixed order and exact, so that cache keys can be made from it."""
        return {name: _exact(getattr(getattr(self, field.group), field.key)) for name, field in _fields().items()}

    def diff(self) -> dict[str, Value]:
        """The settings that differ from the defaults."""
        return {name: value for name, value in self.flat().items() if value != _fields()[name].default}

    def to_json(self) -> str:
        """All settings as a JSON object of dotted names."""
        return json.dumps(self.flat(), indent=2, allow_nan=False)

    @classmethod
    def _from(cls, assignments: Iterable[Assignment]) -> Self:
        """The defaults, changed by one assignment after the other; each is validated with the place it came from."""
        values = {field.name: field.default for field in cls.fields()}
        for assignment in assignments:
            if assignment.name not in values:
                raise unknown(assignment.name, _fields(), values, assignment.where)
            values[assignment.name] = _validated(assignment, values[assignment.name])
        return cls.model_validate(_grouped(values))

    @model_validator(mode="after")
    def _lift_is_not_below_plant(self) -> Self:
        plant, lift = self.foot_lock.plant_leg_per_s, self.foot_lock.lift_leg_per_s
        if lift < plant:
            raise SettingsError(
                f"foot_lock.lift_leg_per_s ({lift}) is below foot_lock.plant_leg_per_s ({plant}).",
                f"Set foot_lock.lift_leg_per_s to {plant} or more; 1.5 times as much is usual.",
            )
        return self


def read_assignments(texts: Iterable[str]) -> dict[str, Value]:
    """Typed overrides from the `group.key=value` strings of `--set`; ranges are validated by `Settings.load`."""
    overrides: dict[str, Value] = {}
    for text in texts:
        name, equals, value = (part.strip() for part in text.partition("="))
        if not equals or not name:
            raise SettingsError(
                f"{shown(text)} does not say which setting gets which value.",
                "Write it as stabilise.window_s=2.",
            )
        typed = Settings.field(name).read(value)
        if overrides.get(name, typed) != typed:
            raise SettingsError(f"{name} is set twice, to {overrides[name]} and to {typed}.", "Set it once.")
        overrides[name] = typed
    return overrides


@cache
def _fields() -> dict[str, Field]:
    return {
        f"{group}.{key}": describe(f"{group}.{key}", info)
        for group, model in _models().items()
        for key, info in model.model_fields.items()
    }


@cache
def _models() -> dict[str, type[Group]]:
    return {group: type(info.default) for group, info in Settings.model_fields.items()}


def _validated(assignment: Assignment, now: Value) -> Value:
    """The value in its own type; raises an error that says which values are accepted."""
    field = _fields()[assignment.name]
    value = _from_a_form(assignment.typed(field), field)
    try:
        group = _models()[field.group].model_validate({field.key: value})
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
    near = nearest(value, map(str, field.choices)) if isinstance(value, str) else None
    remedy = f"Did you mean '{near}'? " if near else ""
    return SettingsError(
        f"{where}{field.name} cannot be {shown(value)}: it takes {field.takes}.",
        f"{remedy}It is {present(now)} now; leave it out to keep that.",
    )


def _grouped(values: Mapping[str, Value]) -> dict[str, dict[str, Value]]:
    groups: dict[str, dict[str, Value]] = {group: {} for group in _models()}
    for name, value in values.items():
        groups[_fields()[name].group][_fields()[name].key] = value
    return groups


def _exact(value: Value) -> Value:
    """Minus zero as zero: the two are equal, and so must be their text in a cache key."""
    return value + 0.0 if isinstance(value, float) else value
