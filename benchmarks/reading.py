"""python -m benchmarks.reading: compares our reader with decord, OpenCV and MoviePy: wrong frames, speed, colours.

Needs benchmarks/requirements.txt.
"""

import random
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable, Sequence
from contextlib import redirect_stdout
from fractions import Fraction
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from benchmarks.measure import side_by_side, table
from tests.forms import FFMPEG, FORMS, Form, index_of, make
from utils.image import RGB, Size
from utils.media.clip import Clip
from utils.media.intake import probe
from utils.media.video import ClipFrames
from utils.media.write import ClipWriter, Encoding, Shape

SECONDS = 20
"""The length of the clip on which speed is measured."""
Reader = Callable[[Path, Sequence[int]], Iterable[RGB]]


@cache
def known(path: Path) -> Clip:
    """The probed clip; a clip is probed only once, and that time is printed apart."""
    return probe(path)


def ours(path: Path, indices: Sequence[int]) -> Iterable[RGB]:
    return (frame.rgb for frame in ClipFrames.of(known(path)).read(indices))


def decord(path: Path, indices: Sequence[int]) -> Iterable[RGB]:
    from decord import VideoReader

    reader: Any = VideoReader(str(path))
    return (
        batch
        for start in range(0, len(indices), 16)
        for batch in reader.get_batch(indices[start : start + 16]).asnumpy()
    )


def opencv(path: Path, indices: Sequence[int]) -> Iterable[RGB]:
    capture = cv2.VideoCapture(str(path))
    position = 0
    for index in indices:
        while position < index:
            capture.grab()
            position += 1
        _, picture = capture.read()
        position += 1
        yield cv2.cvtColor(picture, cv2.COLOR_BGR2RGB)


def opencv_seek(path: Path, indices: Sequence[int]) -> Iterable[RGB]:
    capture = cv2.VideoCapture(str(path))
    for index in indices:
        capture.set(cv2.CAP_PROP_POS_FRAMES, index)
        _, picture = capture.read()
        yield cv2.cvtColor(picture, cv2.COLOR_BGR2RGB)


def moviepy(path: Path, indices: Sequence[int]) -> Iterable[RGB]:
    from moviepy import VideoFileClip

    with redirect_stdout(None), VideoFileClip(str(path), audio=False) as clip:  # it prints what it finds
        for index in indices:
            yield clip.get_frame((index + 0.5) / clip.fps)


READERS: dict[str, Reader] = {
    "ours": ours, "decord": decord, "OpenCV grab": opencv, "OpenCV seek": opencv_seek, "MoviePy": moviepy,
}  # fmt: skip


def wrong_frames(folder: Path) -> None:
    """Print how many of 20 random frames of each form of file show another moment than asked for."""
    print(f"\nwrong frames of 20 random ones\n  {'':<22}" + "".join(f"{name:>13}" for name in READERS))
    for form in FORMS:
        path = make(form, folder)
        wanted = sorted(random.Random(form.name).sample(range(form.frames), 20))
        counts = [_wrong(reader, path, form, wanted) for reader in READERS.values()]
        print(f"  {form.name:<22}" + "".join(f"{count:>13}" for count in counts))


def _wrong(reader: Reader, path: Path, form: Form, wanted: Sequence[int]) -> str:
    try:
        found = [index_of(np.asarray(picture)) - form.first_index for picture in reader(path, wanted)]
    except Exception as error:  # noqa: BLE001 - whatever another library raises is its result here
        return type(error).__name__[:12]
    return str(sum(a != b for a, b in zip(found, wanted, strict=True)))


def speed(folder: Path) -> None:
    """Print the times of reading grainy 720p with a key frame every 250 frames."""
    path = folder / "grainy.mp4"
    source = ["-f", "lavfi", "-i", f"testsrc2=s=1280x720:r=30:d={SECONDS},noise=alls=6:allf=t"]
    subprocess.run([FFMPEG, "-v", "error", *source, "-c:v", "libx264", "-preset", "veryfast", str(path)], check=True)
    frames = len(probe(path))
    for title, wanted in {
        f"every frame of {SECONDS} s of 720p, to RGB": range(frames),
        "one frame a second of it": range(0, frames, 30),
        "eight frames far apart": range(37, frames, frames // 8),
    }.items():
        every = len(wanted) == frames  # to seek to every single frame would take OpenCV minutes
        readers = {name: reader for name, reader in READERS.items() if not (every and name == "OpenCV seek")}
        runs = {name: _drain(reader, path, list(wanted)) for name, reader in readers.items()}
        table(title, side_by_side(runs, rounds=2), of="ours")
    looked = side_by_side({"look": lambda: probe(path)})["look"]
    print(f"\n  looking at the file first, once, decoding all of it: {looked:.3f} s")


def _drain(reader: Reader, path: Path, wanted: Sequence[int]) -> Callable[[], int]:
    return lambda: sum(1 for _ in reader(path, wanted))


def colour_error(folder: Path) -> None:
    """Print the error of each reader's colours, on a smooth coloured picture."""
    path = folder / "colours.mp4"
    row, column = np.mgrid[0:1:720j, 0:1:1280j]
    picture = (40 + 170 * np.stack([row, column, 1 - row * column], -1)).round().astype(np.uint8)
    with ClipWriter(path, Shape.steady(Size(1280, 720), Fraction(30)), Encoding(crf=1)) as writer:
        for index in range(5):
            writer.write(picture, index)
    print("\ncolour error in levels of 255, BT.709 picture written with CRF 1")
    for name, reader in READERS.items():
        error = np.abs(next(iter(reader(path, [0]))).astype(int) - picture)
        print(f"  {name:<28} mean {error.mean():.2f}   worst {error.max()}")


def check_others() -> None:
    """Stop unless the packages to compare with are installed."""
    for name in ("decord", "moviepy"):
        if find_spec(name) is None:
            sys.exit(f"{name} is not installed: pip install -r benchmarks/requirements.txt -c constraints.txt")


if __name__ == "__main__":
    check_others()
    with tempfile.TemporaryDirectory() as name:
        wrong_frames(Path(name))
        colour_error(Path(name))
        speed(Path(name))
