"""Window previews of a running job: a small clip for each finished window, and the list of them."""

from __future__ import annotations

import json
import logging
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from utils.atomic_file import write_atomically
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
        """The previews of a job."""
        return cls(home.absolute() / "previews" / job)

    def windows(self) -> list[dict[str, Any]]:
        """The finished windows: index, segment, start and stop in frames, and the digest of their content."""
        try:
            windows = json.loads((self.folder / TABLE).read_bytes())
        except (OSError, ValueError):
            return []
        return list(windows)

    def clip(self, index: int) -> Path:
        """Path of a window's clip, which may not exist yet."""
        return self.folder / f"{index}.mp4"

    def note(self, windows: Sequence[Mapping[str, Any]]) -> None:
        """Replace the list of windows, by atomic rename."""
        write_atomically(self.folder / TABLE, json.dumps(windows), durable=False)

    def remove(self) -> None:
        """Delete the folder."""
        shutil.rmtree(self.folder, ignore_errors=True)


@dataclass
class Previewer:
    """Makes the previews of a job, window by window. Errors are logged, and never fail the job."""

    previews: Previews
    cancel: Cancel
    _due: list[SteadyWindow] = field(default_factory=list)
    _clips: WindowClips | None = None

    def show(self, stable: StablePicture, window: SteadyWindow, restyled: str) -> None:
        """Add the preview of a finished window.

        Windows from the cache are only collected until one is computed: a run that takes all from the cache ends before
        anybody could watch.
        """
        self._due.append(window)
        if window.entry.hit:
            return
        try:
            for due in self._due:
                self._show(stable, due, restyled)
        except Cancelled:
            raise
        except (ReshootError, OSError) as error:
            log.warning("There is no preview of window %d: %s", window.plan.index, error)
        self._due.clear()

    def _show(self, stable: StablePicture, window: SteadyWindow, restyled: str) -> None:
        from pipeline.preview.window_clips import WindowClips

        plan = window.plan
        entry = {
            "index": plan.index,
            "segment": plan.segment,
            "start": plan.span.start,
            "stop": plan.span.stop,
            "digest": window.digest,
        }
        windows = self.previews.windows()
        if entry in windows:
            return
        if any(other["index"] == plan.index for other in windows):  # the list is of a run with other settings
            self.previews.remove()
            windows = []
        self.previews.folder.mkdir(parents=True, exist_ok=True)
        self._clips = self._clips or WindowClips(stable)
        self._clips.write(self.previews.clip(plan.index), window, restyled, self.cancel)
        self.previews.note([*windows, entry])
