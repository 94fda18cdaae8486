"""Engines, which fill the pixels of a window. Each is imported on first use.

session = engine("restyle").open(settings, device, tell)
"""

from importlib import import_module

from pipeline.engines.base import Engine, EngineError

_MODULES = {
    "restyle": "restyle",
    "keyframe": "keyframe",
    "vace": "vace",
    "controlnet": "controlnet",
    "edit": "edit",
    "bernini": "bernini",
}
"""Engine name -> the module whose `ENGINE` it is."""


def engines() -> tuple[Engine, ...]:
    """All engines; the first one runs on any machine."""
    return tuple(engine(name) for name in _MODULES)


def engine(name: str) -> Engine:
    """The engine of this name; EngineError if there is none."""
    if name not in _MODULES:
        known = ", ".join(f"'{other}'" for other in _MODULES)
        raise EngineError(f"There is no engine called {name!r}.", f"Choose one of: {known}.")
    loaded: Engine = import_module(f"{__name__}.{_MODULES[name]}").ENGINE
    return loaded


def ready(chosen: Engine) -> Engine:
    """The engine itself if it can run on this machine; otherwise raises EngineError with the reason."""
    readiness = chosen.probe()
    if not readiness.ready:
        raise EngineError(f"{chosen.label} cannot run here: {readiness.reason}", readiness.remedy)
    return chosen


__all__ = ["Engine", "EngineError", "engine", "engines", "ready"]
