"""What windows can be made with on this machine, in the names by which jobs ask for it."""

from contextlib import suppress

from pipeline.engines import engines
from pipeline.engines.effort import CHECKPOINTS
from pipeline.models.finding import Found, find
from pipeline.models.places import Places
from pipeline.models.registry import Registry
from utils.errors import ModelError


def makable() -> list[str]:
    """Engines without a model, and checkpoints that are here of the others; all can run on this machine."""
    able = [engine.name for engine in engines() if engine.probe().ready]
    with_model = [name for name in able if name in CHECKPOINTS]
    return [name for name in able if name not in CHECKPOINTS] + _checkpoints(with_model)


def _checkpoints(names: list[str]) -> list[str]:
    """The checkpoints of these engines that are here and may be used."""
    places, found = Places.usual(), list[str]()
    with suppress(ModelError):
        known = Registry.load(places.home)
        for model in (each for name in names for each in known.choices(name)):
            with suppress(ModelError):
                model.check_allowed()
                if isinstance(find(model, places), Found):
                    found.append(model.name)
    return found
