"""What is seen in a clip, computed once for all tests of a process; those of what comes afterwards begin with it."""

import shutil
import tempfile
from functools import cache
from pathlib import Path

from pipeline.run import Run
from pipeline.see.mended_matte import analysed
from pipeline.see.open_clip import open_clip
from tests.journeys import bench
from utils.digest import digest_file


def seen(clip: Path, folder: Path) -> Path:
    """A cache in which an earlier run has probed and analysed a clip with preset fast, and nothing more."""
    kept = _analysed(digest_file(clip), clip)
    shutil.copytree(kept / "entries", folder / "entries", dirs_exist_ok=True)
    return folder


@cache
def _analysed(digest: str, clip: Path) -> Path:
    folder = Path(_kept().name) / digest
    on = bench(folder)
    analysed(Run(on).take, open_clip(clip, on), on.settings)
    return folder


@cache
def _kept() -> "tempfile.TemporaryDirectory[str]":
    """A folder that goes with this process."""
    return tempfile.TemporaryDirectory(prefix="seen-")
