"""The registry of the kinds of jobs. Another kind is a folder of its own with a `kind.py`, and a line here."""

from functools import cache
from importlib import import_module

from pipeline.kind import Kind
from pipeline.stage_texts import OTHERS, kind_of
from utils.errors import SettingsError

MODULES = {
    "restyle": "pipeline.restyle.kind",
    "steady": "pipeline.steady.kind",
    "matte": "pipeline.matte.kind",
    "guide": "pipeline.guide.kind",
    "animate": "pipeline.animate.kind",
    "align": "pipeline.align.kind",
    "analyse": "pipeline.finish.analyse.kind",
    "finish": "pipeline.finish.kind",
}
"""Where each kind is described, as `KIND`; the first one is meant when none is named."""
USUAL = next(iter(MODULES))


def find_kind(name: str) -> Kind:
    """A kind of job by its name."""
    if name not in MODULES:
        raise SettingsError(f"There is no kind of job called {name!r:.60}.", f"There are {', '.join(MODULES)}.")
    return _load(MODULES[name])


def kinds() -> list[Kind]:
    """All kinds of jobs, the usual one first."""
    return [_load(module) for module in MODULES.values()]


def stage_sentence(stage: str, note: str = "") -> str:
    """What a stage of any kind of job does, in words, with its engine, or what it notes where that is for people."""
    name, _, engine = stage.partition(" with ")
    texts = [kind.stages[kind_of(name)] for kind in kinds() if kind_of(name) in kind.stages]
    text = texts[0] if texts else OTHERS.get(kind_of(name))
    words = text.sentence if text else name.capitalize()
    more = engine or (note if text and text.notes else "")
    return f"{words} ({more})" if more else words


@cache
def _load(module: str) -> Kind:
    kind: Kind = import_module(module).KIND
    return kind
