"""A cache of one opened engine session, because opening an engine with a model takes long."""

import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from pipeline.engines.base import Engine, Session, Tell
from pipeline.engines.device import Device, this_device
from utils.digest import canonical_json, digest_bytes
from utils.errors import Cancelled
from utils.memory import settle, unsettle


class Sessions:
    """Keeps at most one session open, because another engine, or other weights, may need its memory."""

    def __init__(self, device: Device | None = None) -> None:
        self._device = device
        self._in_use = threading.Lock()
        self._kept: Session | None = None
        self._kept_for = ""
        self._used_at = 0.0

    @property
    def device(self) -> Device:
        """The device that engines compute on."""
        return self._device or this_device()

    @contextmanager
    def use(self, engine: Engine, settings: Mapping[str, Any], tell: Tell) -> Iterator[Session]:
        """An open session of this engine, for one user at a time.

        While it is in use others wait; for an engine without a model a second session is opened, which costs nothing.
        """
        models = dict(engine.models(_opening(engine, settings)))
        free = self._in_use.acquire(blocking=bool(models))
        if not free:
            session = engine.open(settings, self.device, tell)
            try:
                yield session
            finally:
                session.close()
            return
        try:
            yield self._opened(engine, settings, models, tell)
        except Cancelled:
            raise  # the session stopped cleanly between two steps, and stays usable
        except BaseException:
            self._close_kept()
            raise
        finally:
            self._used_at = time.monotonic()
            self._in_use.release()

    def close(self) -> None:
        """Close the kept session, after waiting for its user."""
        with self._in_use:
            self._close_kept()

    def close_idle(self, idle_s: float) -> bool:
        """Close the kept session if it was unused for so long; returns whether it was closed. Never waits."""
        if not self._in_use.acquire(blocking=False):
            return False
        try:
            if self._kept is None or time.monotonic() - self._used_at < idle_s:
                return False
            self._close_kept()
            return True
        finally:
            self._in_use.release()

    def _opened(self, engine: Engine, settings: Mapping[str, Any], models: Mapping[str, str], tell: Tell) -> Session:
        key = digest_bytes(canonical_json([engine.name, engine.version, _opening(engine, settings), models]))
        if self._kept is None or self._kept_for != key:
            self._close_kept()
            self._kept, self._kept_for = engine.open(settings, self.device, tell), key
            if models:
                settle()
        return self._kept

    def _close_kept(self) -> None:
        """Close the kept session; the caller must hold the lock."""
        if self._kept is not None:
            unsettle()
            self._kept.close()
        self._kept, self._kept_for = None, ""


def _opening(engine: Engine, settings: Mapping[str, Any]) -> dict[str, Any]:
    """The settings that a session of an engine depends on."""
    return {name: settings[name] for name in engine.opening}
