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
from pipeline.models.finding import Found, Missing, find
from pipeline.models.places import Places
from pipeline.models.registry import Registry
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


def usual(engine: str, first: str, places: Places | None = None) -> str:
    """The checkpoint of an engine that is meant if none is named: the `first`, or another one if only that is here."""
    places = places or Places.usual()
    with suppress(ModelError):
        names = [model.name for model in Registry.load(places.home).choices(engine)]
        for name in sorted(names, key=lambda name: name != first):
            if isinstance(_look(name, places), Found):
                return name
    return first


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
    with suppress(ModelError):
        return Registry.load((places or Places.usual()).home).model(name).checkpoint.options
    return {}


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
    model = Registry.load(places.home).model(name)
    model.check_allowed()
    return find(model, places)
