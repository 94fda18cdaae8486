"""The strips of a home: frames of a clip to paint, as the app shows and gives them out. Light, for the web process.

strips/<id>/strip.json       what is known of the clip, and which frames are proposed; it is there once all of these are
            000014.json      what keys.json says of a frame, but for its reach, which depends on the others
            000014.png       the picture to paint on
            000014.jpg       a small one to look at
"""

import json
import re
import shutil
import time
from collections.abc import Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline.keys.reaches import reaches
from pipeline.keys.words import README, words
from utils.atomic_file import write_atomically
from utils.digest import canonical_json, digest_bytes

FOLDER, FACTS, TABLE = "strips", "strip.json", "keys.json"
ID = re.compile(r"[0-9a-f]{64}")
PICTURE = re.compile(r"\d{6}\.(png|jpg)")
DECIDING = ("analysis.", "stabilise.", "trim.", "generate.apply_to")
"""How the names of the settings begin on which the frames and their pictures depend."""
VERSION = 1
KEPT_S = 7 * 24 * 3600.0
"""How long a strip is kept that nobody looks at."""


@dataclass(frozen=True)
class Strip:
    """A strip of a home, which may not be there yet."""

    folder: Path

    @classmethod
    def of(cls, home: Path, id: str) -> "Strip":
        """The strip of an id, which must look like one."""
        return cls(home.absolute() / FOLDER / id)

    def facts(self) -> dict[str, Any] | None:
        """What is known of the clip and its frames; None while the strip is not there. It is kept for longer now."""
        try:
            known = dict(json.loads((self.folder / FACTS).read_bytes()))
            (self.folder / FACTS).touch()
        except (OSError, ValueError):
            return None
        return known | {"keys": [self._key(path) for path in sorted(self.folder.glob("[0-9]*.json"))]}

    def has(self, frame: int) -> bool:
        """Whether the picture of a frame is there."""
        return self._about(frame).is_file()

    def add(self, key: Mapping[str, Any], picture: bytes, small: bytes) -> None:
        """Add a frame to paint; what is said of it is written last."""
        frame = int(key["frame"])
        write_atomically(self.picture(frame), picture, durable=False)
        write_atomically(self.picture(frame, "jpg"), small, durable=False)
        rest = {name: value for name, value in key.items() if name != "reaches"}
        write_atomically(self._about(frame), json.dumps(rest), durable=False)

    def finish(self, facts: Mapping[str, Any]) -> None:
        """Say that all proposed frames are there."""
        write_atomically(self.folder / FACTS, json.dumps(facts), durable=False)

    def picture(self, frame: int, suffix: str = "png") -> Path:
        """The file of a frame's picture."""
        return self.folder / file_of(frame, suffix)

    def archive(self, frames: Collection[int], clip: str, folder: str) -> dict[str, Path | bytes]:
        """What is given out of some frames: a picture of each, what to do, and the table of them."""
        table, known = self.table(frames), self.facts()
        if table is None or known is None:
            return {}
        files = {file_of(frame): self.picture(frame) for frame in sorted(frames) if self.has(frame)}
        return {**files, README: words(clip, folder, known["apply_to"], TABLE).encode(), TABLE: table}

    def table(self, frames: Collection[int]) -> bytes | None:
        """What keys.json says of some frames; None while the strip is not there."""
        known = self.facts()
        if known is None:
            return None
        keys = [key for key in known["keys"] if key["frame"] in frames]
        within = reaches([(start, stop) for start, stop in known["shots"]], [key["frame"] for key in keys])
        told = [{**key, "reaches": [start, stop - 1]} for key, (start, stop) in zip(keys, within, strict=True)]
        about = {"version": 1, **{name: known[name] for name in ("clip", "size", "canvas")}, "keys": told}
        return json.dumps(about, indent=1).encode()

    def _key(self, path: Path) -> dict[str, Any]:
        return dict(json.loads(path.read_bytes()))

    def _about(self, frame: int) -> Path:
        return self.folder / file_of(frame, "json")


def file_of(frame: int, suffix: str = "png") -> str:
    """The name of a file of a frame."""
    return f"{frame:06}.{suffix}"


def id_of(clip: str, settings: Mapping[str, Any]) -> str:
    """The id of the strip of a clip, by its digest, with all settings of a job."""
    chosen = {name: value for name, value in settings.items() if name.startswith(DECIDING)}
    return digest_bytes(canonical_json([VERSION, clip, chosen]))


def trim_of(settings: Mapping[str, Any]) -> list[float]:
    """The part of a clip that settings choose, in seconds."""
    return [float(settings[name]) for name in ("trim.from_s", "trim.to_s")]


def sweep(home: Path, older_than_s: float = KEPT_S) -> int:
    """Delete strips that nobody looked at lately, and what was begun and never finished; returns how many."""
    before, swept = time.time() - older_than_s, 0
    for folder in (home.absolute() / FOLDER).glob("*"):
        with suppress(FileNotFoundError):
            known = folder / FACTS
            if (known if known.exists() else folder).stat().st_mtime < before:
                shutil.rmtree(folder, ignore_errors=True)
                swept += 1
    return swept
