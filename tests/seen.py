"""What is seen in a clip, computed once in a run of the tests; those of what comes afterwards begin with it."""

import shutil
from pathlib import Path

from pipeline.run import Run
from pipeline.see.mended_matte import analysed
from pipeline.see.open_clip import open_clip
from tests.journeys import bench
from tests.shared_folder import once
from utils.digest import digest_file


def seen(clip: Path, folder: Path) -> Path:
    """A cache in which an earlier run has probed and analysed a clip with preset fast, and nothing more."""
    kept = once(f"seen-{digest_file(clip)[:16]}", lambda made: _analyse(clip, made))
    shutil.copytree(kept / "entries", folder / "entries", dirs_exist_ok=True)
    return folder


def _analyse(clip: Path, folder: Path) -> None:
    on = bench(folder)
    analysed(Run(on).take, open_clip(clip, on), on.settings)
