"""Small disks for tests, in memory: what happens when they are full."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

BALLAST = "ballast"


@contextmanager
def small_disk(folder: Path, size_bytes: int) -> Iterator[Path]:
    """A disk of its own in a new folder; a test whose user may not mount one is skipped."""
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={size_bytes}", "test", str(folder)]
    if subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("this user may not mount")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", folder], check=True)


def resize(disk: Path, size_bytes: int) -> None:
    """Make it larger or smaller."""
    subprocess.run(["mount", "-o", f"remount,size={size_bytes}", str(disk)], check=True)


def fill(disk: Path) -> None:
    """To the last byte."""
    with (disk / BALLAST).open("ab", buffering=0) as file:
        for piece in (1 << 20, 1 << 12, 1):
            try:
                while True:
                    file.write(bytes(piece))
            except OSError:
                continue
