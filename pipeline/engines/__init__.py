"""Engines: what fills the pixels of a window. Each is loaded when it is asked for.

from pipeline.engines import engine

session = engine("restyle").open(settings, survey, reference=None)
"""

from importlib import import_module

from pipeline.engines.base import Engine, EngineError

_HOMES = {"restyle": "restyle"}
"""Engine -> the module whose `ENGINE` it is."""


def engines() -> tuple[Engine, ...]:
    """All engines, the one that runs anywhere first."""
    return tuple(engine(name) for name in _HOMES)


def engine(name: str) -> Engine:
    """The engine of this name."""
    if name not in _HOMES:
        known = ", ".join(f"'{each}'" for each in _HOMES)
        raise EngineError(f"There is no engine called {name!r}.", f"Choose one of: {known}.")
    found: Engine = import_module(f"{__name__}.{_HOMES[name]}").ENGINE
    return found


def ready(found: Engine) -> Engine:
    """An engine that can run here; otherwise the error says why it cannot."""
    readiness = found.probe()
    if not readiness.ready:
        raise EngineError(f"{found.label} cannot run here: {readiness.reason}", readiness.remedy)
    return found


__all__ = ["Engine", "EngineError", "engine", "engines", "ready"]
