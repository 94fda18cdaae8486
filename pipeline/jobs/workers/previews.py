"""Previews of a running job: a small clip for each finished part, and the list of them."""

from __future__ import annotations

import json
import logging
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pipeline.kind import PartPreview
from utils.atomic_file import write_atomically
from utils.errors import Cancelled, ReshootError
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
        """The finished parts: index, segment, start and stop in frames, and the digest of their content."""
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
    """Makes the previews of a job, part by part. Errors are logged, and never fail the job."""

    previews: Previews
    cancel: Cancel
    _due: list[PartPreview] = field(default_factory=list)

    def show(self, part: PartPreview) -> None:
        """Add the preview of a finished part.

        Parts from the cache are only collected until one is computed: a run that takes all from the cache ends before
        anybody could watch.
        """
        self._due.append(part)
        if part.cached:
            return
        try:
            for due in self._due:
                self._show(due)
        except Cancelled:
            raise
        except (ReshootError, OSError) as error:
            log.warning("There is no preview of part %d: %s", part.index, error)
        self._due.clear()

    def _show(self, part: PartPreview) -> None:
        span = {"start": part.span.start, "stop": part.span.stop}
        entry = {"index": part.index, "segment": part.name, **span, "digest": part.digest}
        windows = self.previews.windows()
        if entry in windows:
            return
        if any(other["index"] == part.index for other in windows):  # the list is of a run with other settings
            self.previews.remove()
            windows = []
        self.previews.folder.mkdir(parents=True, exist_ok=True)
        part.write(self.previews.clip(part.index), self.cancel)
        self.previews.note([*windows, entry])
