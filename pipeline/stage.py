"""Stage: a step whose result is cached by all that it was shown, and that is shown only what it declared.

Declared once and asked for wherever it is needed:

    CAMERA = Stage("camera", version=3, run=find_camera, settings=("stabilise.window_s",), tools=("numpy",))

    def find_camera(work: Work) -> None:
        window_s = work.settings["stabilise.window_s"]
        for index, frame in enumerate(frames(work.inputs["clip"])):
            work.report(index, total)                   # says how far it is, and stops when it is asked to
        np.save(work.folder / "path.npy", path)

    with CAMERA.result(bench, clip=clip) as camera:     # computed once, for whoever asks
        SMOOTH.result(bench, camera=camera)             # an entry is an input by its content
"""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Protocol

from pipeline.engines.sessions import Sessions
from utils.digest import canonical_json
from utils.errors import SettingsError, StoreError, UndeclaredSetting
from utils.key import Key
from utils.progress import Cancel, Listener, Progress
from utils.store import Entry, Store


class Digested(Protocol):
    """What can be an input: a clip, an entry, anything that knows the digest of its content."""

    @property
    def digest(self) -> str: ...


class DeclaredSettings(Mapping[str, Any]):
    """The declared settings, as exact copies; asking for any other raises UndeclaredSetting."""

    def __init__(self, stage: str, declared: tuple[str, ...], settings: Mapping[str, Any]) -> None:
        if unknown := [name for name in declared if name not in settings]:
            raise SettingsError(
                f"The stage {stage!r} declares {unknown[0]!r}, which no setting has.", "Correct its name."
            )
        self._stage = stage
        self._values: dict[str, Any] = json.loads(canonical_json({name: settings[name] for name in declared}))

    def __getitem__(self, name: str) -> Any:
        if name not in self._values:
            raise UndeclaredSetting(
                f"The stage {self._stage!r} asked for the setting {name!r}, which it did not declare.",
                f"Add it to the stage's settings, so that it is part of the cache key. They are: {self._named()}.",
            )
        return self._values[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def _named(self) -> str:
        return ", ".join(self._values) or "none"


@dataclass(frozen=True)
class RunContext:
    """What all stages of a run share: the cache, the settings, who listens, and how it is stopped."""

    store: Store
    settings: Mapping[str, Any] = field(default_factory=dict)
    listener: Listener = lambda progress: None
    cancel: Cancel = field(default_factory=Cancel)
    sessions: Sessions = field(default_factory=Sessions)
    """Engines that are open; whoever runs many jobs shares them among these."""


@dataclass(frozen=True)
class Work:
    """All that a running stage sees, and the empty folder that its files go into."""

    stage: str
    folder: Path
    inputs: Mapping[str, Any]
    settings: DeclaredSettings
    listener: Listener
    cancel: Cancel

    def report(self, done: int, total: int | None = None, note: str = "") -> None:
        """Say how far it is; raises Cancelled when it should stop."""
        self.cancel.check()
        self.listener(Progress(self.stage, done, total, note))


@dataclass(frozen=True)
class Stage:
    """A name, a version that grows whenever results may change, and what it may see of settings and tools.

    `tools` are installed distributions, whose versions become part of the key; so does `machine`, for results that
    only this kind of machine gives.
    """

    name: str
    version: int
    run: Callable[[Work], object]
    settings: tuple[str, ...] = ()
    tools: tuple[str, ...] = ()
    machine: tuple[str, ...] = ()

    def key(self, settings: Mapping[str, Any], inputs: Mapping[str, Digested], models: Mapping[str, str]) -> Key:
        """The key under which the result of these inputs lies."""
        return Key(
            stage=self.name,
            version=self.version,
            settings=dict(DeclaredSettings(self.name, self.settings, settings)),
            inputs={name: value.digest for name, value in inputs.items()},
            tools={
                **{name: _installed(name) for name in self.tools},
                **{f"model {name}": digest for name, digest in models.items()},
                **{f"machine {number}": name for number, name in enumerate(self.machine)},
            },
        )

    def known(self, context: RunContext, /, *, models: Mapping[str, str] | None = None, **inputs: Digested) -> bool:
        """Whether the result for these inputs lies in the cache."""
        return context.store.holds(self.key(context.settings, inputs, models or {}))

    def result(self, context: RunContext, /, *, models: Mapping[str, str] | None = None, **inputs: Digested) -> Entry:
        """The result for these inputs and models (name -> digest), from the cache or computed now."""
        context.cancel.check()
        chosen = DeclaredSettings(self.name, self.settings, context.settings)

        def make(folder: Path) -> None:
            work = Work(self.name, folder, inputs, chosen, context.listener, context.cancel)
            work.report(0)
            self.run(work)
            context.cancel.check()

        entry = context.store.get_or_make(self.key(context.settings, inputs, models or {}), make, context.cancel)
        context.listener(Progress(self.name, 1, 1, _told(entry), ended=True))
        return entry


def _told(entry: Entry) -> str:
    """How the result came about: nothing the cache did is silent."""
    if entry.mended:
        return f"computed again, because in the cached result {entry.mended}"
    return "from the cache" if entry.hit else "computed"


def _installed(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError as error:
        raise StoreError(f"{name} is not installed.", "Run `pip install -r requirements.txt`.") from error
