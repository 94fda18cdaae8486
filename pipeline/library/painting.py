"""Painted frames of a clip in a home: what people drop is recognised by a guarded child, and joins what is there.

    python -m pipeline.library.painting HOME CLIP '{"given": PATH, "kept": PATH, ...}' FOLDER

The child is told what was dropped and what was there. It answers with a line of JSON, and leaves a key set and a sheet
of small pictures in FOLDER. Heavy imports are inside the functions, because the web process imports this module.
"""

import json
import secrets
import shutil
import sys
import zipfile
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pipeline.library import given, inspection
from pipeline.library.keys import ROLE
from pipeline.library.strips import TABLE, Strip
from utils.errors import PictureError, ReshootError
from utils.guarded_child import FRUGAL, MOST_ANSWER_BYTES, ask, go_with_parent, limit
from utils.untrusted_json import UntrustedJson, read_object

KEY_SET, SHEET = "keys.zip", "sheet.jpg"
COLUMNS = 10
"""How many small pictures a row of the sheet holds."""
UNREADABLE = {
    "problem": "The painted frames could not be read safely.",
    "remedy": "Save them again as PNG or JPEG, and drop them again.",
}


@dataclass(frozen=True)
class PaintedFrames:
    """The painted frames of a clip in a home, and what came of those that were dropped last."""

    digest: str | None
    """The digest of the key set; None if nothing is painted."""
    frames: list[dict[str, Any]]
    """The number of each painted frame, and a note, in the order of the sheet."""
    taken: list[Any] = field(default_factory=list)
    refused: list[Any] = field(default_factory=list)

    def to_json(self) -> dict[str, Any]:
        """As the page is told of them."""
        return {**vars(self), "columns": COLUMNS}


def known(home: Path, digest: str, clip: str) -> PaintedFrames | None:
    """The painted frames of a stored key set, if it was put together here for this clip, by its digest."""
    path = given.find(home, ROLE, digest)
    if path is None or not sheet(home, digest).is_file():
        return None
    try:
        with zipfile.ZipFile(path) as file, file.open(TABLE) as table:
            said = read_object(table.read(MOST_ANSWER_BYTES), MOST_ANSWER_BYTES)
        frames = [{"frame": int(key["frame"]), "note": str(key.get("reason", ""))} for key in said["keys"]]
        return PaintedFrames(digest, frames) if said["clip"] == clip else None
    except (OSError, zipfile.BadZipFile, UntrustedJson, KeyError, TypeError, ValueError):
        return None


def join(
    home: Path,
    clip: Path,
    digest: str,
    *,
    kept: str | None = None,
    dropped: Path | None = None,
    given_out: tuple[str, Collection[int]] | None = None,
    without: Collection[int] = (),
) -> PaintedFrames:
    """The painted frames of a clip with what was dropped, and without some; `kept` are those that were there.

    `given_out` are the id of a strip and its frames that whoever dropped something was shown.
    """
    path = given.find(home, ROLE, kept) if kept else None
    if kept and path is None:
        raise PictureError("The painted frames are not on this machine any more.", "Drop them again.")
    wanted = {
        "given": str(dropped) if dropped else None,
        "kept": str(path) if path else None,
        "strip": str(Strip.of(home, given_out[0]).folder) if given_out else None,
        "frames": sorted(given_out[1]) if given_out else [],
        "without": list(without),
    }
    with _folder(home) as folder:
        command = [sys.executable, "-m", "pipeline.library.painting", str(home), str(clip), json.dumps(wanted)]
        answer = _checked(ask([*command, str(folder)], inspection.LOOK_S, FRUGAL))
        if "problem" in answer:
            raise PictureError(answer["problem"], answer["remedy"])
        if not (folder / KEY_SET).is_file():
            return PaintedFrames(None, [], answer["taken"], answer["refused"])
        key_set = given.moved_in(home, ROLE, folder / KEY_SET, ".zip")
        place = sheet(home, key_set)
        place.parent.mkdir(exist_ok=True)
        (folder / SHEET).replace(place)
    found = known(home, key_set, digest)
    if found is None:
        raise PictureError(UNREADABLE["problem"], UNREADABLE["remedy"])
    return PaintedFrames(key_set, found.frames, answer["taken"], answer["refused"])


def sheet(home: Path, digest: str) -> Path:
    """The small pictures of a key set, which may not exist."""
    return home.absolute() / given.FOLDERS[ROLE] / given.PREVIEWS / f"{digest}.jpg"


@contextmanager
def _folder(home: Path) -> Iterator[Path]:
    """An empty folder on the file system of the home, which is gone afterwards; what a crash leaves is swept."""
    folder = Strip.of(home, f".{secrets.token_hex(12)}").folder
    folder.mkdir(parents=True)
    (home.absolute() / given.FOLDERS[ROLE]).mkdir(exist_ok=True)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _checked(line: str | None) -> dict[str, Any]:
    """The answer of the child; a sentence of ours if it has another form."""
    try:
        answer = read_object(line or "", MOST_ANSWER_BYTES)
    except UntrustedJson:
        return UNREADABLE
    texts = all(isinstance(answer.get(name), str) for name in ("problem", "remedy"))
    lists = all(isinstance(answer.get(name), list) for name in ("taken", "refused"))
    return answer if texts or lists else UNREADABLE


def _joined(home: Path, clip: Path, wanted: Mapping[str, Any], folder: Path) -> dict[str, Any]:
    """In the child: recognise what was dropped, and write all painted frames of the clip."""
    from pipeline.keys.dropped import Dropped, Unpacked
    from utils.paintings.key_set import KeySet
    from utils.paintings.painted import Painted

    work = folder / "work"
    work.mkdir()
    strip = Path(wanted["strip"]) if wanted["strip"] else None
    dropped = Dropped(inspection.opened(home, clip), work, strip)
    if wanted["kept"]:
        dropped.begin(Painted(Path(wanted["kept"])))
    dropped.without(wanted["without"])
    if wanted["given"]:
        table = Strip(strip).table(wanted["frames"]) if strip else None
        given_out = KeySet.read(table) if table else None
        unpacked = Unpacked.of(Path(wanted["given"]), folder / "given")
        for painted, title in unpacked.parts():
            dropped.add(painted, given_out, title)
        dropped.refused += unpacked.others
    if dropped.paintings:
        dropped.write(folder / KEY_SET, folder / SHEET)
    return {"taken": dropped.taken, "refused": dropped.refused}


def main() -> None:
    """Entry point of the child."""
    go_with_parent()
    limit(inspection.MEMORY_BYTES)
    home, clip, wanted, folder = sys.argv[1:]
    try:
        answer = _joined(Path(home), Path(clip), json.loads(wanted), Path(folder))
    except ReshootError as error:
        answer = {"problem": error.problem, "remedy": error.remedy}
    sys.stdout.write(json.dumps(answer) + "\n")


if __name__ == "__main__":
    main()
