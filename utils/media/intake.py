"""Probes an untrusted video file in a child process with limits, so that a malicious file cannot harm this process.

The child is `python -m utils.media.intake FILE LIMITS`; it answers one line of JSON, a Clip or a ClipError.
"""

import json
import re
import sys
from dataclasses import asdict
from pathlib import Path

from utils import errors
from utils.errors import ClipError, RefusedClip, StoreError, UnreadableClip
from utils.guarded_child import FRUGAL, Answer, go_with_parent, limit, listen
from utils.media.clip import Clip
from utils.media.probe import Limits, scan

PLAYLISTS = {
    b"#EXTM3U": "an HLS playlist",
    b"ffconcat": "an ffconcat list",
    b"<?xml": "an XML document",
    b"#!": "a script",
}
FEW_ARENAS = {"MALLOC_ARENA_MAX": "4"}
"""Each reserves address space, which the limit on memory counts."""
MOST_BYTES = 64 << 20
"""Of an answer: it lists the times of all frames."""


def probe(path: Path, limits: Limits | None = None) -> Clip:
    """The Clip in a file; raises ClipError with a reason for people. Bounded in time and memory."""
    limits = limits or Limits()
    if re.match(r"[a-z]{3,8}:/+\w", str(path)):
        raise RefusedClip("Links are not read.", "Download the video first and give the file.")
    path = Path(path).absolute()
    try:
        _refuse_playlist(path)
        command = [sys.executable, "-m", "utils.media.intake", str(path), json.dumps(asdict(limits))]
        answer = listen(command, limits.wall_s, FRUGAL | FEW_ARENAS, MOST_BYTES)
    except (OSError, ValueError) as error:
        raise UnreadableClip(
            f"{path.name[:80]!r} cannot be opened ({getattr(error, 'strerror', None) or error}).",
            "Check its name and its permissions.",
        ) from error
    if answer.late:
        raise RefusedClip(
            f"{path.name!r} was still being read after {limits.wall_s:.0f} s.",
            "Cut it into shorter clips, or convert it to MP4 and try again.",
        )
    return _understood(path, answer)


def _understood(path: Path, answer: Answer) -> Clip:
    """What the child said; that it died is an answer too."""
    lines = answer.said.splitlines()
    if answer.code != 0 or not lines:
        raise RefusedClip(
            f"{path.name!r} could not be read safely: the reader ran out of its limits or crashed on it.",
            "Convert it to MP4 with a video editor and try again.",
        )
    told = json.loads(lines[-1])
    if "clip" in told:
        return Clip.from_json(told["clip"])
    kind: type[ClipError] = getattr(errors, told["error"])
    raise kind(told["problem"], told["remedy"])


def _refuse_playlist(path: Path) -> None:
    """Refuse playlists and other texts: FFmpeg would open the files that they name."""
    if not path.is_file():
        return
    with path.open("rb") as file:
        start = file.read(64).lstrip(b"\xef\xbb\xbf \r\n\t")
    for magic, name in PLAYLISTS.items():
        if start.startswith(magic):
            raise RefusedClip(
                f"{path.name!r} is {name}, not a video.", "Give the video file itself, not a list of files."
            )


def _child(path: Path, limits: Limits) -> None:
    """Inside the limits: scan, and answer on standard output."""
    go_with_parent()
    limit(limits.memory_bytes, writes=False)
    try:
        answer: dict[str, object] = {"clip": scan(path, limits).to_json()}
    except ClipError as error:
        answer = _to_json(error)
    except StoreError as error:
        answer = _to_json(UnreadableClip(error.problem, error.remedy))
    except MemoryError:
        problem = f"{path.name!r} needs more memory than {limits.memory_bytes >> 20} MB to be read."
        answer = _to_json(RefusedClip(problem, "Scale it down or convert it to MP4 and try again."))
    sys.stdout.write(json.dumps(answer) + "\n")


def _to_json(error: ClipError) -> dict[str, object]:
    return {"error": type(error).__name__, "problem": error.problem, "remedy": error.remedy}


if __name__ == "__main__":
    _child(Path(sys.argv[1]), Limits(**json.loads(sys.argv[2])))
