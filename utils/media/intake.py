"""Probes an untrusted video file in a child process with limits, so that a malicious file cannot harm this process.

The child is `python -m utils.media.intake FILE LIMITS`; it answers one line of JSON, a Clip or a ClipError.
"""

import json
import os
import re
import resource
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path

from utils import errors
from utils.errors import ClipError, RefusedClip, StoreError, UnreadableClip
from utils.media.clip import Clip
from utils.media.probe import Limits, scan
from utils.project import PROJECT_ROOT

PLAYLISTS = {
    b"#EXTM3U": "an HLS playlist",
    b"ffconcat": "an ffconcat list",
    b"<?xml": "an XML document",
    b"#!": "a script",
}
FRUGAL = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "MALLOC_ARENA_MAX": "4"}
"""Environment of the child, which computes little: BLAS, OpenMP and malloc would reserve gigabytes on many cores."""


def probe(path: Path, limits: Limits | None = None) -> Clip:
    """The Clip in a file; raises ClipError with a reason for people. Bounded in time and memory."""
    limits = limits or Limits()
    if re.match(r"[a-z]{3,8}:/+\w", str(path)):
        raise RefusedClip("Links are not read.", "Download the video first and give the file.")
    path = Path(path).absolute()
    try:
        _refuse_playlist(path)
        child = subprocess.run(
            [sys.executable, "-m", "utils.media.intake", str(path), json.dumps(asdict(limits))],
            cwd=PROJECT_ROOT,
            env={**os.environ, **FRUGAL},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=limits.wall_s,
        )
    except subprocess.TimeoutExpired as error:
        raise RefusedClip(
            f"{path.name!r} was still being read after {limits.wall_s:.0f} s.",
            "Cut it into shorter clips, or convert it to MP4 and try again.",
        ) from error
    except (OSError, ValueError) as error:
        raise UnreadableClip(
            f"{path.name[:80]!r} cannot be opened ({getattr(error, 'strerror', None) or error}).",
            "Check its name and its permissions.",
        ) from error
    return _answer(path, child)


def _answer(path: Path, child: subprocess.CompletedProcess[bytes]) -> Clip:
    """The Clip or the error that the child reported; a crash of the child counts as a refused file."""
    lines = child.stdout.splitlines()
    if child.returncode != 0 or not lines:
        raise RefusedClip(
            f"{path.name!r} could not be read safely: the reader ran out of its limits or crashed on it.",
            "Convert it to MP4 with a video editor and try again.",
        )
    answer = json.loads(lines[-1])
    if "clip" in answer:
        return Clip.from_json(answer["clip"])
    kind: type[ClipError] = getattr(errors, answer["error"])
    raise kind(answer["problem"], answer["remedy"])


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
    """Entry point of the child: set the limits, scan the file, and print the answer."""
    resource.setrlimit(resource.RLIMIT_AS, (limits.memory_bytes, limits.memory_bytes))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
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
