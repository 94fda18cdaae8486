"""The weights of an engine: whether they are here, where, and their digests, by the names of their checkpoints.

probe:   return readiness("wan-vace-1.3b")
models:  return digests("wan-vace-1.3b")
open:    folder = weights("wan-vace-1.3b").path
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from pipeline.engines.base import EngineError, Readiness
from pipeline.engines.effort import CHECKPOINTS, effort_of
from pipeline.models.family import Checkpoint
from pipeline.models.finding import Found, Missing, find
from pipeline.models.places import Places
from pipeline.models.registry import Model, Registry
from utils.errors import ModelError
from utils.untrusted_json import UntrustedJson, read_object

MOST_CONFIG_BYTES = 1 << 20


def readiness(*names: str, places: Places | None = None) -> Readiness:
    """Whether all of these weights are here and may be used; never asks the network."""
    try:
        for name in names:
            found = _look(name, places)
            if isinstance(found, Missing):
                return Readiness(False, found.sentence, found.remedy)
    except ModelError as error:
        return Readiness(False, error.problem, error.remedy)
    return Readiness(True)


def checkpoint(engine: str, settings: Mapping[str, Any], places: Places | None = None) -> str:
    """The checkpoint that settings mean: the one they name, else that of their effort, or another if only that is here.

    Settings that are missing have their defaults.
    """
    if named := settings.get("generate.model"):
        return str(named)
    places, wanted = places or Places.usual(), CHECKPOINTS[engine]
    with suppress(ModelError):
        known = {model.name: model for model in Registry.load(places.home).choices(engine)}
        order = dict.fromkeys((*wanted[effort_of(settings)], *wanted["usual"], *known))
        for name in filter(known.__contains__, order):
            if isinstance(_find(known[name], places), Found):
                return name
    return wanted["usual"][0]


def named(engine: str, settings: Mapping[str, Any]) -> dict[str, str]:
    """The setting that names the checkpoint that settings mean; none for an engine without a model.

    With it a run keeps to its checkpoint, whatever is fetched meanwhile.
    """
    return {"generate.model": checkpoint(engine, settings)} if engine in CHECKPOINTS else {}


def digests(*names: str, places: Places | None = None) -> Mapping[str, str]:
    """The digest of each of these weights, for the cache key of what is made with them."""
    return {name: weights(name, places).digest for name in names}


def weights(name: str, places: Places | None = None) -> Found:
    """Weights that are here; EngineError with what to do if they are not."""
    found = _look(name, places)
    if isinstance(found, Missing):
        raise EngineError(found.sentence, found.remedy)
    return found


def options(name: str, places: Places | None = None) -> Mapping[str, float]:
    """What the registry says of a checkpoint for its engine; nothing of one that it does not know."""
    known = described(name, places)
    return known.options if known else {}


def described(name: str, places: Places | None = None) -> Checkpoint | None:
    """What the registry says of a checkpoint; None of one that it does not know."""
    with suppress(ModelError):
        return Registry.load((places or Places.usual()).home).model(name).checkpoint
    return None


def family(name: str, places: Places | None = None) -> str:
    """The family of a checkpoint; empty for one that the registry does not know."""
    with suppress(ModelError):
        return Registry.load((places or Places.usual()).home).model(name).family.family
    return ""


def configuration(name: str, path: str, places: Places | None = None) -> Mapping[str, Any] | None:
    """A JSON file of weights that are here, or of a part of them; None if they are not, or if it is none."""
    try:
        found = _look(name, places)
        if isinstance(found, Missing):
            return None
        folder = next((each.path for each in reversed(found.whole) if (each.path / path).is_file()), found.path)
        return read_object((folder / path).read_bytes(), MOST_CONFIG_BYTES)
    except (ModelError, OSError, UntrustedJson):
        return None


def _look(name: str, places: Places | None) -> Found | Missing:
    places = places or Places.usual()
    return _find(Registry.load(places.home).model(name), places)


def _find(model: Model, places: Places) -> Found | Missing:
    model.check_allowed()
    return find(model, places)
