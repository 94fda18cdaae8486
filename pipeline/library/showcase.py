"""Showcase: what a new home shows before the first clip: the example clip, and a short loop of it before and after.

    python -m pipeline.library.showcase FOLDER           makes both in a folder, at set-up and in the image
    python -m pipeline.library.showcase loop CLIP HOME   makes the loop of a home from its example, as a guarded child

Heavy imports are inside the functions, because the web process imports this module.
"""

import logging
import math
import os
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.library.clips import EXAMPLE_TITLE, Clips
from utils.errors import ReshootError
from utils.guarded_child import ask, go_with_parent
from utils.project import PROJECT_ROOT

if TYPE_CHECKING:
    from utils.image import RGB
    from utils.media.video import Frame

log = logging.getLogger(__name__)

READY_MADE = PROJECT_ROOT / ".showcase"
"""Where set-up and the image put it; a home takes it from there."""
LOOP = "before-after.mp4"
LOOK, PRESET = "ink", "balanced"
LOOP_S = 900.0
"""The most time that the loop may take, beside whatever else runs."""
SWEEPS, SWEEP_SHARE = 2, 0.34
"""How often the divider goes left and right, and how far, as a share of the width."""
LINE_PX = 2
LOWEST_PRIORITY = 19


def loop_of(home: Path) -> Path | None:
    """The loop that a home shows; None while there is none."""
    return next((path for path in (home / "showcase" / LOOP, READY_MADE / LOOP) if path.is_file()), None)


def prepare(home: Path) -> None:
    """Make what a home lacks of it; blocks for as long as that takes, and only logs what goes wrong."""
    clips = Clips(home)
    try:
        clip = clips.example(READY_MADE / EXAMPLE_TITLE)
        clips.look(clip)
        if loop_of(home) is None:
            command = [sys.executable, "-m", __name__, "loop", str(clips.path(clip)), str(home)]
            ask(command, LOOP_S)
    except (ReshootError, OSError) as error:
        log.warning("The example could not be made ready: %s", error)


def make_loop(clip: Path, cache: Path, loop: Path) -> None:
    """Restyle a clip and write its loop: the source on the left, the result on the right of a divider that moves."""
    from pipeline.processor import restyle
    from pipeline.restyle.outcome import write_clip
    from pipeline.see.open_clip import open_clip
    from pipeline.settings import Settings
    from pipeline.stage import RunContext
    from utils.media.intake import probe
    from utils.media.video import ClipFrames
    from utils.media.write import ClipWriter, Encoding, Shape
    from utils.store import Store

    context = RunContext(Store(cache), Settings.load(PRESET, {"generate.look": LOOK}).flat())
    source = open_clip(clip, context)
    with tempfile.TemporaryDirectory() as folder:
        result = Path(folder) / "result.mp4"
        write_clip(restyle(source, context), result, PRESET)
        pairs = zip(ClipFrames.of(source).read(range(len(source))), ClipFrames.of(probe(result)), strict=True)
        with ClipWriter(loop, Shape.steady(source.size, source.rate), Encoding(27, "slow")) as writer:
            for index, picture in enumerate(_divided(pairs, len(source))):
                writer.write(picture, index)


def _divided(pairs: "Iterator[tuple[Frame, Frame]]", count: int) -> "Iterator[RGB]":
    """The frames before and after in one picture; the divider is in the middle at the start and at the end."""
    for index, (before, after) in enumerate(pairs):
        width_px = before.rgb.shape[1]
        place = 0.5 + SWEEP_SHARE * math.sin(2 * math.pi * SWEEPS * index / count)
        middle = round(place * width_px)
        picture = after.rgb.copy()
        picture[:, :middle] = before.rgb[:, :middle]
        picture[:, middle - LINE_PX // 2 : middle + LINE_PX // 2] = 255
        yield picture


def make(folder: Path) -> None:
    """Make the example and its loop in a folder, unless they are there."""
    from pipeline.library.inspection import render_example

    folder.mkdir(parents=True, exist_ok=True)
    if not (folder / EXAMPLE_TITLE).exists():
        render_example(folder / EXAMPLE_TITLE)
    if not (folder / LOOP).exists():
        with tempfile.TemporaryDirectory() as cache:
            make_loop(folder / EXAMPLE_TITLE, Path(cache), folder / LOOP)


def main() -> None:
    """Entry point at set-up, and of the child."""
    if sys.argv[1] != "loop":
        return make(Path(sys.argv[1]))
    from utils.home import cache_folder

    go_with_parent()
    os.nice(LOWEST_PRIORITY)
    clip, home = Path(sys.argv[2]), Path(sys.argv[3])
    (home / "showcase").mkdir(exist_ok=True)
    make_loop(clip, cache_folder(home), home / "showcase" / LOOP)
    sys.stdout.write("made\n")
    return None


if __name__ == "__main__":
    main()
