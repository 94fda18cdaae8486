"""Whether an encoder works here: a guarded child encodes some frames of the size that is wanted, and reads them back.

    found = probed("nvenc", Size(1920, 1080))     # in the parent; what was found holds for a day on this machine

The child is `python -m utils.media.encoder_probe NAME WIDTH HEIGHT`. An encoder that is listed may still not work:
FFmpeg lists NVENC wherever it was built with it, and data centre cards have none.
"""

import json
import os
import platform
import resource
import sys
import tempfile
import time
from contextlib import suppress
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av

from utils.atomic_file import write_atomically
from utils.errors import ReshootError
from utils.guarded_child import go_with_parent, listen
from utils.home import home
from utils.media.encoders import ENCODERS
from utils.media.write import PIXEL_FORMAT, ClipWriter, Encoding, Shape
from utils.size import Size
from utils.untrusted_json import UntrustedJson, read_object

FRAMES, LIMIT_S, DAY_S = 5, 30.0, 24 * 3600
FILE = "encoders.json"


@dataclass(frozen=True)
class Probed:
    """What was found of an encoder; `why` says why it does not work."""

    name: str
    usable: bool
    why: str = ""


def probed(name: str, size: Size, limit_s: float = LIMIT_S) -> Probed:
    """What was found within the last day, or else is found now."""
    file, key = home() / FILE, f"{name} {size} {PIXEL_FORMAT}, PyAV {av.__version__}, {_machine()}"
    known = _read(file)
    found = known.get(key)
    if isinstance(found, dict) and 0 <= time.time() - found.get("at_s", 0) < DAY_S:
        return Probed(name, found["usable"], found["why"])
    now = probed_now(name, size, limit_s)
    with suppress(OSError):  # a home that cannot be written to costs another look the next time
        file.parent.mkdir(parents=True, exist_ok=True)
        told = {"at_s": time.time(), "usable": now.usable, "why": now.why}
        write_atomically(file, json.dumps(_fresh(known) | {key: told}, indent=1), durable=False)
    return now


def probed_now(name: str, size: Size, limit_s: float = LIMIT_S) -> Probed:
    """What a child finds, which may crash or hang without harm."""
    command = [sys.executable, "-m", "utils.media.encoder_probe", name, *map(str, size)]
    answer = listen(command, limit_s)
    if answer.late:
        return Probed(name, False, f"it did not answer within {limit_s:g} s")
    try:
        said = read_object(answer.said.splitlines()[-1] if answer.code == 0 else b"")
        return Probed(name, bool(said["usable"]), str(said["why"]))
    except (UntrustedJson, IndexError, KeyError):
        return Probed(name, False, f"it crashed (code {answer.code})")


def _read(file: Path) -> dict[str, object]:
    try:
        return read_object(file.read_bytes())
    except (OSError, UntrustedJson):
        return {}


def _fresh(known: dict[str, object]) -> dict[str, object]:
    """What is not older than a day."""
    now_s = time.time()
    return {key: each for key, each in known.items() if isinstance(each, dict) and now_s - each.get("at_s", 0) < DAY_S}


def _machine() -> str:
    """This machine since it was started; a home may be seen from several."""
    with suppress(OSError):
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    return platform.node()


def _encoded(name: str, size: Size, folder: Path) -> str:
    """Why an encoder cannot be used for a size; empty if it can."""
    if not ENCODERS[name].is_built_in:
        return f"this FFmpeg has no {ENCODERS[name].codec}"
    path, shape = folder / "probe.mp4", Shape.steady(size, Fraction(25))
    try:
        with ClipWriter(path, shape, Encoding(23, encoder=name), index_first=False) as writer:
            for index in range(FRAMES):
                picture = av.VideoFrame(*shape.even_size, PIXEL_FORMAT)
                for plane in picture.planes:
                    plane.update(bytes([100 + 10 * index]) * plane.buffer_size)
                writer.write(picture, index)
        with av.open(str(path)) as container:
            stream = container.streams.video[0]
            times = [Fraction(each.pts or 0) * Fraction(each.time_base or 0) for each in container.decode(stream)]
    except ReshootError as error:
        return f"it cannot be opened ({getattr(error.__cause__, 'strerror', '') or error.problem})"
    except (av.FFmpegError, MemoryError) as error:
        return str(getattr(error, "strerror", error)).lower()
    return "" if times == [index / Fraction(25) for index in range(FRAMES)] else "what it encodes has other frames"


def main() -> None:
    """Entry point of the child. Its memory is not limited: drivers reserve addresses beyond any."""
    go_with_parent()
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    name, width, height = sys.argv[1:4]
    with tempfile.TemporaryDirectory() as folder:
        why = _encoded(name, Size(int(width), int(height)), Path(folder))
    sys.stdout.write(json.dumps({"usable": not why, "why": why}) + "\n")
    sys.stdout.flush()
    os._exit(0)  # a driver may hang or crash as it is unloaded


if __name__ == "__main__":
    main()
