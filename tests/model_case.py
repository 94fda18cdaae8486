"""An engine with a tiny model in real files, for tests of what every engine with a model keeps."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import cache
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pipeline.engines.base import EngineFrame, View, Window
from pipeline.make.controls import controls
from pipeline.make.fitting import Fitting
from pipeline.make.made_window import checked
from pipeline.settings import Settings
from tests.engines import opened, style_of, window_of
from tests.tiny_models import engine_of, tiny_model, tiny_settings
from utils.image import RGB, Size
from utils.progress import Cancel
from utils.walker import Shot, walk

FRAMES = 85
LANDSCAPE, PORTRAIT, LARGE = Size(97, 67), Size(51, 90), Size(96, 64)
SMALLEST = Size(37, 33)
"""For long windows, whose size does not matter."""
DRAWN = {LANDSCAPE: 25, PORTRAIT: 6, LARGE: 1, SMALLEST: FRAMES}
"""How many frames of the walk are needed at a size."""


class Case:
    """A kind of tiny model and no other, its engine, the folder of the model, and sessions that stay open."""

    def __init__(self, kind: str, models: Path, sessions: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
        self.kind, self.engine, self._sessions = kind, engine_of(kind), sessions
        self.quick, self.folder = tiny_settings(kind), tiny_model(kind, models / kind)
        monkeypatch.setenv("RESHOOT_MODELS", str(self.folder.parent))
        monkeypatch.setenv("HF_HUB_OFFLINE", "1")

    def settings(self, **generate: Any) -> dict[str, Any]:
        more = {f"generate.{key}": value for key, value in generate.items()}
        return Settings.load(overrides={**self.quick, **more}).flat()

    def window(self, views: list[View], **generate: Any) -> Window:
        asked = self._asked(views, **generate)
        return Fitting.of(asked, self.engine.caps).padded(asked)

    def made(self, session: Any, views: list[View], **generate: Any) -> tuple[list[EngineFrame], list[str]]:
        """The frames of a window, cut to it, and the fallbacks."""
        asked = self._asked(views, **generate)
        fitting = Fitting.of(asked, self.engine.caps)
        fitted = fitting.padded(asked)
        output = session.run(fitted, Cancel(), lambda share, note: None)
        return list(fitting.cut(checked(output.frames, fitted, self.engine.name), asked)), output.fallbacks

    def open(self, **generate: Any) -> Any:
        return opened(self.engine, self.settings(**generate))

    @property
    def session(self) -> Any:
        """A session that other tests use as well."""
        if self.kind not in self._sessions:
            self._sessions[self.kind] = self.open()
        return self._sessions[self.kind]

    def _asked(self, views: list[View], references: tuple[RGB, ...] = (), **generate: Any) -> Window:
        drawn = controls(self.engine.caps.controls, lambda: iter(views))
        window = window_of(views, self.settings(**generate), style_of(views, *references))
        return replace(window, controls=drawn)


@contextmanager
def open_sessions() -> Iterator[dict[str, Any]]:
    """Sessions by their kinds, for tests that do not change them."""
    kept: dict[str, Any] = {}
    yield kept
    for session in kept.values():
        session.close()


@cache
def walked(size: Size) -> list[View]:
    """The walker at a size."""
    return [
        View(truth.index, rgb, truth.matte, truth.keypoints.astype(np.float32))
        for rgb, truth in islice(walk(Shot(size=size, frames=FRAMES)), DRAWN[size])
    ]


def rgb(frames: list[EngineFrame]) -> list[RGB]:
    return [frame.rgb for frame in frames]


def alike(some: list[EngineFrame], others: list[EngineFrame]) -> bool:
    return all(np.array_equal(a, b) for a, b in zip(rgb(some), rgb(others), strict=True))
