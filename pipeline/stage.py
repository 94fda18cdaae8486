"""Stage: a cached step of the pipeline. Its key covers all of its inputs, and it sees only the settings it declared.

A stage is declared once, and its result requested wherever it is needed:

    CAMERA = Stage("camera", version=3, run=find_camera, settings=("stabilise.window_s",), tools=("numpy",))

    def find_camera(work: Work) -> None:
        window_s = work.settings["stabilise.window_s"]
        for index, frame in enumerate(frames(work.inputs["clip"])):
            work.report(index, total)                   # reports progress; raises Cancelled if the run is cancelled
        np.save(work.folder / "path.npy", path)

    with CAMERA.result(context, clip=clip) as camera:   # from a cache, or computed now
        SMOOTH.result(context, camera=camera)           # an entry is an input, keyed by the digest of its content
"""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Protocol

from pipeline.engines.sessions import Sessions
from pipeline.lasting import Lasting, lasting_of
from utils.digest import canonical_json
from utils.errors import SettingsError, StoreError, UndeclaredSetting
from utils.graphics_card import CardWatch
from utils.key import Key
from utils.progress import Cancel, Listener, Progress
from utils.store import Entry, Store


class Digested(Protocol):
    """An input of a stage: a clip, a cache entry, or anything else with the digest of its content."""

    @property
    def digest(self) -> str: ...


class DeclaredSettings(Mapping[str, Any]):
    """The settings that a stage declared, as copies; reading any other raises UndeclaredSetting."""

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


class Spread(Protocol):
    """Who else makes parts of a run: windows of a clip, chunks of a film."""

    def offer(self, parts: Mapping[int, Key], settings: Mapping[str, Any], /, needs: str = "") -> None:
        """Let parts be made, each by whoever is free, so that its key is in the store's shared cache.

        `settings` are what this run has found out and others need not; `needs` is the engine or checkpoint that makes
        them, without which nothing but the processor does.
        """

    def wait(self, part: int, /) -> None:
        """Return when a part was made, or will not be by others; raises Cancelled if the run is cancelled."""


@dataclass(frozen=True)
class RunContext:
    """What all stages of a run share: cache, settings, progress listener, cancellation, and engine sessions."""

    store: Store
    settings: Mapping[str, Any] = field(default_factory=dict)
    listener: Listener = lambda progress: None
    cancel: Cancel = field(default_factory=Cancel)
    sessions: Sessions = field(default_factory=Sessions)
    """Open engine sessions, shared between the jobs of a worker."""
    card: CardWatch = field(default_factory=CardWatch)
    """Watches the graphics card while an engine works."""
    spread: Spread | None = None
    """None: this run makes all of its parts itself."""


@dataclass(frozen=True)
class Work:
    """Everything that a running stage sees, and the empty folder for its files."""

    stage: str
    folder: Path
    inputs: Mapping[str, Any]
    settings: DeclaredSettings
    listener: Listener
    cancel: Cancel

    def report(self, done: int, total: int | None = None, note: str = "") -> None:
        """Report progress; raises Cancelled if the run was cancelled."""
        self.cancel.check()
        self.listener(Progress(self.stage, done, total, note))


@dataclass(frozen=True)
class Stage:
    """A stage: its name, its version (to be raised whenever results may change), its function, and what it depends on.

    `settings` are dotted names, `tools` installed packages whose versions become part of the key, and `machine`
    identifies the machine where results depend on it. `unkeyed` are further settings that it reads, which change how
    the work is done and nothing of its result, and so are no part of the key.
    """

    name: str
    version: int
    run: Callable[[Work], object]
    settings: tuple[str, ...] = ()
    tools: tuple[str, ...] = ()
    machine: tuple[str, ...] = ()
    unkeyed: tuple[str, ...] = ()

    @property
    def lasting(self) -> Lasting:
        """What its results depend on, as `pipeline.lasting` declares it."""
        return lasting_of(self.name)

    def key(self, settings: Mapping[str, Any], inputs: Mapping[str, Digested], models: Mapping[str, str]) -> Key:
        """The cache key of the result for these inputs."""
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
        """Whether the result for these inputs is in the cache."""
        return context.store.holds(self.key(context.settings, inputs, models or {}))

    def result(self, context: RunContext, /, *, models: Mapping[str, str] | None = None, **inputs: Digested) -> Entry:
        """The result for these inputs and models (name -> digest), from the cache or computed now."""
        context.cancel.check()
        chosen = DeclaredSettings(self.name, (*self.settings, *self.unkeyed), context.settings)

        def make(folder: Path) -> None:
            work = Work(self.name, folder, inputs, chosen, context.listener, context.cancel)
            work.report(0)
            self.run(work)
            context.cancel.check()

        entry = context.store.get_or_make(self.key(context.settings, inputs, models or {}), make, context.cancel)
        context.listener(Progress(self.name, 1, 1, _origin(entry), ended=True))
        return entry


def _origin(entry: Entry) -> str:
    """Where a result came from, for the progress note, and what was wrong with the one that it replaces."""
    again = " again" if entry.mended else ""
    why = f", because in the cached result {entry.mended}" if entry.mended else ""
    return f"{entry.origin}{again}{why}"


@cache
def _installed(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError as error:
        raise StoreError(f"{name} is not installed.", "Run `pip install -r requirements.txt`.") from error
