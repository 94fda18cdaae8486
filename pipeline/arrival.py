"""A clip's arrival: it is looked at, or the example is filmed, in a process of its own that goes when its parent goes.

`python -m pipeline.arrival look HOME CLIP TITLE POSTER` answers a line of JSON: facts and settings, or a problem and
its remedy; then it leaves a picture. `python -m pipeline.arrival film CLIP` renders the example. What this file imports
at its top is light, because the web process starts these children.
"""

import json
import logging
import os
import resource
import signal
import subprocess
import sys
import threading
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

from utils.errors import ClipError, ReshootError, StoreError

if TYPE_CHECKING:
    from utils.clip import Clip

log = logging.getLogger(__name__)

HOUSE = Path(__file__).resolve().parents[1]
FRUGAL = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
MEMORY_BYTES = 6 << 30
LOOK_S, FILM_S = 360.0, 180.0
"""How long a child may take; the clip's own limits in `utils.intake` end sooner."""
POSTER_WIDE_PX = 480
EXAMPLE_SIZE, EXAMPLE_RATE, EXAMPLE_FRAMES = (640, 360), Fraction(25), 150


def look(home: Path, file: Path, title: str, poster: Path) -> dict[str, Any]:
    """What is known of a file: {facts, settings} or {problem, remedy}."""
    told = _child(["look", str(home), str(file), title, str(poster)], LOOK_S, FRUGAL)
    if told is None:
        return {
            "problem": f"{title!r} could not be read safely: the reader ran out of its limits or crashed on it.",
            "remedy": "Convert it to MP4 with a video editor and try again.",
        }
    answer: dict[str, Any] = json.loads(told)
    return answer


def film_example(file: Path) -> None:
    """Render the walker into a file."""
    if _child(["film", str(file)], FILM_S, {}) is None:
        raise ReshootError(
            "The example could not be rendered.", "Try again; if it stays so, `python -m pipeline doctor` may say why."
        )


def command(arguments: list[str]) -> list[str]:
    """What a child is started with."""
    return [sys.executable, "-m", "pipeline.arrival", *arguments]


def _child(arguments: list[str], limit_s: float, more: dict[str, str]) -> str | None:
    """The first line that a child says; None when it says nothing. One that takes too long ends with all it started."""
    hears, held = os.pipe()
    with os.fdopen(held, "wb"), _started(arguments, hears, more) as child:
        try:
            said, why = child.communicate(timeout=limit_s)
        except subprocess.TimeoutExpired:
            said, why = "", f"It took longer than {limit_s:.0f} s."
        finally:
            if child.poll() is None:
                os.killpg(child.pid, signal.SIGKILL)
    if not said:
        log.warning("A child that was to %s ended without a word: %s", arguments[0], why[-2000:])
    return said.partition("\n")[0] or None


def _started(arguments: list[str], hears: int, more: dict[str, str]) -> "subprocess.Popen[str]":
    """A child in a session of its own, which hears when its parent goes and is told no secrets."""
    from pipeline.jobs.keeper import KEPT_FROM_WORKERS

    told = {name: value for name, value in os.environ.items() if name not in KEPT_FROM_WORKERS}
    try:
        return subprocess.Popen(
            command(arguments),
            cwd=HOUSE,
            env={**told, **more},
            stdin=hears,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
    finally:
        os.close(hears)


def go_with_parent() -> None:
    """End this session's processes when nobody holds the other end of standard input any more."""

    def wait() -> None:
        sys.stdin.buffer.read()
        os.killpg(os.getpgrp(), signal.SIGKILL)

    threading.Thread(target=wait, daemon=True).start()


def _look(home: Path, file: Path, title: str, poster: Path) -> None:
    """Inside the child."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    from utils.xmp import read_settings

    try:
        clip = _opened(home, file)
        answer: dict[str, Any] = {"facts": _facts(clip), "settings": read_settings(file)}
    except ClipError as error:
        problem, remedy = (said.replace(repr(file.name), repr(title)) for said in (error.problem, error.remedy))
        answer = {"problem": problem, "remedy": remedy}
    sys.stdout.write(json.dumps(answer) + "\n")
    sys.stdout.flush()
    if "facts" in answer:
        _draw(clip, poster)


def _opened(home: Path, file: Path) -> "Clip":
    """Through the cache, so that the job that comes need not look again; a full cache is no reason to refuse a clip."""
    from pipeline.opening import open_clip
    from pipeline.stage import Bench
    from utils.home import cache_folder
    from utils.intake import probe
    from utils.store import Store

    try:
        return open_clip(file, Bench(Store(cache_folder(home))))
    except StoreError:
        return probe(file)


def _facts(clip: "Clip") -> dict[str, Any]:
    """What a person wants to know of a clip."""
    sound = clip.audio
    return {
        "width": clip.size.width_px,
        "height": clip.size.height_px,
        "fps": round(float(clip.rate), 3),
        "rate": str(clip.rate),
        "constant_rate": clip.constant_rate,
        "seconds": round(float(clip.duration_s), 3),
        "frames": len(clip),
        "codec": clip.codec,
        "container": clip.container,
        "rotation": 90 * clip.orientation.quarter_turns,
        "sound": sound and {"codec": sound.codec, "rate_hz": sound.rate_hz, "channels": sound.channels},
        "notes": list(clip.notes),
        "bytes": clip.path.stat().st_size,
        "digest": clip.digest,
    }


def _draw(clip: "Clip", poster: Path) -> None:
    """A small picture from its middle."""
    import cv2

    from utils.image import Size
    from utils.video import ClipFrames

    wide = min(POSTER_WIDE_PX, clip.size.width_px)
    size = Size(wide, max(1, round(wide * clip.size.height_px / clip.size.width_px)))
    frame = next(iter(ClipFrames.of(clip, size).read([len(clip) // 2])))
    coded = cv2.imencode(".jpg", frame.rgb[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 82])[1]
    part = poster.with_suffix(".part")
    part.write_bytes(coded.tobytes())
    part.replace(poster)


def _film(file: Path) -> None:
    """Inside the child."""
    from utils.walker.reels import Reels, film
    from utils.walker.shot import Shot

    film(Shot(EXAMPLE_SIZE, EXAMPLE_RATE, EXAMPLE_FRAMES), Reels(file))
    sys.stdout.write("filmed\n")


def main() -> None:
    """What the child does."""
    go_with_parent()
    what, *rest = sys.argv[1:]
    if what == "look":
        _look(Path(rest[0]), Path(rest[1]), rest[2], Path(rest[3]))
    else:
        _film(Path(rest[0]))


if __name__ == "__main__":
    main()
