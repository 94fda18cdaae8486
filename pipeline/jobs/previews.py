"""Previews: what can be watched of a job while it runs, a small clip for each finished window."""

from __future__ import annotations

import json
import logging
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from utils.errors import Cancelled, ReshootError

if TYPE_CHECKING:
    from pipeline.compose.steady_window import SteadyWindow
    from pipeline.plan.stable_picture import StablePicture
    from pipeline.preview.window_clips import WindowClips
    from utils.progress import Cancel

log = logging.getLogger(__name__)

TABLE = "windows.json"


@dataclass(frozen=True)
class Previews:
    """The folder of one job's previews."""

    folder: Path

    @classmethod
    def of(cls, home: Path, job: str) -> Previews:
        """Those of a job."""
        return cls(home.absolute() / "previews" / job)

    def windows(self) -> list[dict[str, Any]]:
        """What there is to watch: index, segment, start and stop in frames, digest of what it shows."""
        try:
            told = json.loads((self.folder / TABLE).read_bytes())
        except (OSError, ValueError):
            return []
        return list(told)

    def clip(self, index: int) -> Path:
        """Where the preview of a window lies when it is there."""
        return self.folder / f"{index}.mp4"

    def note(self, windows: Sequence[Mapping[str, Any]]) -> None:
        """What there is now."""
        part = self.folder / f"{TABLE}.part"
        part.write_text(json.dumps(windows))
        part.replace(self.folder / TABLE)

    def remove(self) -> None:
        """All of them."""
        shutil.rmtree(self.folder, ignore_errors=True)


@dataclass
class Previewer:
    """Makes the previews of a job, window by window. What goes wrong is logged; it is never the job's problem."""

    previews: Previews
    cancel: Cancel
    _due: list[SteadyWindow] = field(default_factory=list)
    _clips: WindowClips | None = None

    def show(self, stable: StablePicture, window: SteadyWindow, restyled: str) -> None:
        """A window is there. Those that lay in the cache wait for one that is new: only then there is time to watch."""
        self._due.append(window)
        if window.entry.hit:
            return
        try:
            for each in self._due:
                self._show(stable, each, restyled)
        except Cancelled:
            raise
        except (ReshootError, OSError) as error:
            log.warning("There is no preview of window %d: %s", window.plan.index, error)
        self._due.clear()

    def _show(self, stable: StablePicture, window: SteadyWindow, restyled: str) -> None:
        from pipeline.preview.window_clips import WindowClips

        plan = window.plan
        told = {
            "index": plan.index,
            "segment": plan.segment,
            "start": plan.span.start,
            "stop": plan.span.stop,
            "digest": window.digest,
        }
        kept = self.previews.windows()
        if told in kept:
            return
        if any(each["index"] == plan.index for each in kept):  # of other settings: none of them is of this run
            self.previews.remove()
            kept = []
        self.previews.folder.mkdir(parents=True, exist_ok=True)
        self._clips = self._clips or WindowClips(stable)
        self._clips.write(self.previews.clip(plan.index), window, restyled, self.cancel)
        self.previews.note([*kept, told])
