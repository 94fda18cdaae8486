"""The registry of model families: one YAML file each, from the project and from the user's home.

    registry = Registry.load(home)
    model = registry.model("wan-vace-1.3b")

A file in HOME/models/ is a family of its own, or adds checkpoints to a known one with `extends`; neither needs code.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import TypeVar

import yaml
from pydantic import ValidationError

from pipeline.models.family import Addition, Checkpoint, Family
from pipeline.settings.names import nearest
from utils.errors import ModelError

FAMILIES = Path(__file__).parent / "families"
MOST_BYTES = 1 << 18

Described = TypeVar("Described", Family, Addition)


@dataclass(frozen=True)
class Model:
    """A checkpoint, the family that it belongs to, and the models that are parts of it."""

    family: Family
    checkpoint: Checkpoint
    parts: Mapping[str, Model] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """The name of its checkpoint."""
        return self.checkpoint.name

    @property
    def whole(self) -> tuple[Model, ...]:
        """Its parts, and itself as the last one."""
        return (*{part.name: part for part in self.parts.values()}.values(), self)

    def check_allowed(self) -> None:
        """Raise ModelError if its family, or that of a part, is refused."""
        for each in self.whole:
            if each.family.refused:
                raise _refusal(each.name, each.family.refused)


@dataclass(frozen=True)
class Registry:
    """All known checkpoints, and the families that are known and refused."""

    models: tuple[Model, ...]
    refused: tuple[Family, ...] = ()

    @classmethod
    def load(cls, home: Path | None = None) -> Registry:
        """Those of the project, and those of a home."""
        families = dict(_shipped())
        own = sorted((home / "models").glob("*.yaml")) if home else []
        for path in own:
            _add(families, path)
        alone = [Model(family, checkpoint) for family in families.values() for checkpoint in family.checkpoints]
        models = [_with_parts(model, {each.name: each for each in alone}) for model in alone]
        counts = Counter(model.name for model in models)
        if twice := [name for name in counts if counts[name] > 1]:
            raise ModelError(f"Two checkpoints are called {twice[0]!r}.", f"Rename yours in {home}/models.")
        refused = tuple(family for family in families.values() if family.refused)
        return cls(tuple(sorted(models, key=lambda model: model.name)), refused)

    def __iter__(self) -> Iterator[Model]:
        return iter(self.models)

    def choices(self, engine: str) -> list[Model]:
        """The models of an engine that can be chosen: not those that are only parts of others, needed or optional."""
        parts = self.parts
        return [model for model in self.models if model.family.engine == engine and model.name not in parts]

    @property
    def parts(self) -> frozenset[str]:
        """The names of the models that are only parts of others: no engine makes anything with them alone."""
        named = {name for model in self.models for name in model.checkpoint.others}
        return frozenset(each.name for each in self.models if each.name in named and not each.checkpoint.is_whole)

    def offered_by(self, model: Model) -> frozenset[str]:
        """The engines whose choice of models offers one: to be used, or as an optional part of what they use."""
        users = [other for other in self.models if model.name in other.checkpoint.optional.values()]
        users += [] if model.name in self.parts else [model]
        return frozenset(user.family.engine for user in users if user.family.engine)

    def model(self, name: str) -> Model:
        """The model of a name; ModelError suggests the nearest if there is none."""
        found = next((model for model in self.models if model.name == name.lower()), None)
        if found is None:
            for family in self.refused:
                if family.family == name.lower():
                    raise _refusal(name, family.refused or "")
            near = nearest(name, (model.name for model in self.models))
            remedy = f"Did you mean '{near}'?" if near else "`python -m pipeline models list` shows all."
            raise ModelError(f"There is no model {name!r:.60}.", remedy)
        return found


def _with_parts(model: Model, known: Mapping[str, Model]) -> Model:
    """A model with the models that its checkpoint needs; ModelError for one that is unknown or has parts itself."""
    needed = model.checkpoint.parts.values()
    for name in model.checkpoint.others:
        is_needed, is_known = name in needed, name in known
        if not is_known or (is_needed and known[name].checkpoint.parts):
            why = "has parts of its own" if is_known else "is not known"
            remedy = f"Correct `{'parts' if is_needed else 'optional'}` in its model file."
            raise ModelError(f"{model.name} has the part {name!r}, which {why}.", remedy)
    return replace(model, parts={role: known[name] for role, name in model.checkpoint.parts.items()})


@cache
def _shipped() -> Mapping[str, Family]:
    """The families of the project by their names, read once: its files do not change while a process runs."""
    return {family.family: family for family in map(_family, sorted(FAMILIES.glob("*.yaml")))}


def _family(path: Path) -> Family:
    return _validated(path, Family)


def _add(families: dict[str, Family], path: Path) -> None:
    """Add what a file of the user's says to the families."""
    values = _values(path)
    if "extends" not in values:
        family = _validated(path, Family)
        if family.family in families:
            raise _wrong(path, f"there is a family {family.family!r} already; write `extends: {family.family}`")
        families[family.family] = family
        return
    addition = _validated(path, Addition)
    if addition.extends not in families:
        raise _wrong(path, f"there is no family {addition.extends!r}, only {', '.join(sorted(families))}")
    base = families[addition.extends]
    families[addition.extends] = base.model_copy(update={"checkpoints": base.checkpoints + addition.checkpoints})


def _values(path: Path) -> dict[str, object]:
    try:
        with path.open("rb") as file:
            text = file.read(MOST_BYTES + 1)
        values = yaml.safe_load(text) if len(text) <= MOST_BYTES else None
    except (OSError, yaml.YAMLError, UnicodeDecodeError) as error:
        raise _wrong(path, str(error).replace("\n", " ")) from error
    if not isinstance(values, dict):
        raise _wrong(path, "it is no YAML mapping")
    return values


def _validated(path: Path, kind: type[Described]) -> Described:
    try:
        return kind.model_validate(_values(path))
    except ValidationError as error:
        fault = error.errors()[0]
        where = ".".join(map(str, fault["loc"]))
        raise _wrong(path, f"{where + ': ' if where else ''}{fault['msg']}") from error


def _refusal(name: str, reason: str) -> ModelError:
    return ModelError(f"{name} is refused: {reason}", "`python -m pipeline models list` shows what may be used.")


def _wrong(path: Path, why: str) -> ModelError:
    return ModelError(f"The model file {path} cannot be used: {why}.", "Correct it, or take it away.")
