"""The films that people edit: for each clip its plan, what they changed of what is known, and the job that found it.

films/<clip>.json     small: texts of subtitles and changes lie beside it, by their digests, as those of orders do
"""

import json
import threading
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Any

from pipeline.finish.film.plan import Plan, plan_of
from pipeline.library.given import find
from pipeline.library.inputs import mentioned
from pipeline.library.said import keep_changes, keep_transcript
from utils.atomic_file import explained, write_atomically
from utils.digest import is_digest
from utils.errors import ReshootError

KEPT_S = 30 * 24 * 3600.0
"""For how long after the last change a film keeps its clip and its files from being thrown away."""
_writing = threading.Lock()


class ChangedElsewhere(ReshootError):
    """Somebody else saved the film since it was read."""


@dataclass(frozen=True)
class EditedFilm:
    """The film of a clip as it was saved; version 0 was never saved."""

    version: int = 0
    analysis: str | None = None
    """The job that found out about the clip."""
    plan: Mapping[str, Any] | None = None
    """With the digest of its subtitles in place of their text."""
    changes: str | None = None
    """The digest of what people changed."""

    @property
    def text(self) -> str:
        """The plan as an order's setting holds it."""
        return "" if self.plan is None else json.dumps(self.plan, ensure_ascii=False)


class Films:
    """The edited films of a home."""

    def __init__(self, home: Path) -> None:
        self._home = home.absolute()
        self._folder = self._home / "films"

    def get(self, clip: str) -> EditedFilm:
        """The film of a clip."""
        try:
            return EditedFilm(**json.loads(self._path(clip).read_bytes()))
        except (OSError, ValueError, TypeError):
            return EditedFilm()

    def save(self, clip: str, edited: EditedFilm, changes: Mapping[str, Any] | None) -> EditedFilm:
        """Keep a film of the version that it was read in; returns it as it is kept. SettingsError for a wrong plan."""
        plan = None if edited.plan is None else self._apart(plan_of(edited.plan))
        kept = None if not changes else keep_changes(self._home, json.dumps(changes).encode())
        with _writing:
            if self.get(clip).version != edited.version:
                raise ChangedElsewhere(
                    "This film was changed in another window.", "Reload the page to go on from there."
                )
            saved = replace(edited, version=edited.version + 1, plan=plan, changes=kept)
            path = self._path(clip)
            with explained(path):
                path.parent.mkdir(parents=True, exist_ok=True)
                write_atomically(path, json.dumps(asdict(saved), ensure_ascii=False))
        return saved

    def whole_plan(self, edited: EditedFilm) -> dict[str, Any] | None:
        """The plan with the text of its subtitles in it, for people to change."""
        if edited.plan is None:
            return None
        plan = dict(edited.plan)
        said: dict[str, Any] | None = plan.get("subtitles")
        path = find(self._home, "transcript", said["file"]) if said else None
        if said and path:
            plan["subtitles"] = {**said, "file": "", "cues": path.read_text("utf-8")}
        return plan

    def changes(self, edited: EditedFilm) -> dict[str, Any] | None:
        """What people changed."""
        path = find(self._home, "changes", edited.changes)
        return None if path is None else dict(json.loads(path.read_bytes()))

    def remove(self, clip: str) -> None:
        """Forget the film of a clip."""
        self._path(clip).unlink(missing_ok=True)

    def in_use(self, but: str = "") -> set[str]:
        """The digests of clips and files that films need which were changed lately, all but that of one clip."""
        since, used = time.time() - KEPT_S, set[str]()
        for path in self._folder.glob("*.json"):
            if path.stem != but and path.stat().st_mtime > since:
                used |= {path.stem, *mentioned({"film": path.read_text("utf-8")})}
        return used

    def music(self, most: int) -> list[str]:
        """The digests of the music of the films that were saved last, the last one first."""
        timed = sorted(self._folder.glob("*.json"), key=lambda path: path.stat().st_mtime, reverse=True)
        plans = (self.get(path.stem).plan or {} for path in timed if is_digest(path.stem))
        return [plan["music"]["file"] for plan in islice(filter(lambda plan: plan.get("music"), plans), most)]

    def _apart(self, plan: Plan) -> dict[str, Any]:
        """A plan as plain values, the text of its subtitles stored beside it."""
        told = plan.model_dump(mode="json")
        if plan.subtitles is not None and plan.subtitles.cues:
            suffix = "json" if plan.subtitles.cues.lstrip().startswith("{") else "srt"
            digest = keep_transcript(self._home, f"subtitles.{suffix}", plan.subtitles.cues.encode())
            told["subtitles"] |= {"file": digest, "cues": ""}
        return told

    def _path(self, clip: str) -> Path:
        assert is_digest(clip)
        return self._folder / f"{clip}.json"
