"""The disk takes no more: a clear error, nothing lost, and on as soon as there is room. Real disks, real limits."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.store_child import finish, start

SMALL = 1 << 20
OWN_MOUNTS = ("unshare", "-m") if os.geteuid() == 0 else ("unshare", "-rm")


def check_met_the_end(said: list[str]) -> None:
    found = re.search(r"needs more than (\d+) bytes, (\d+) are free", said[0])
    assert found and int(found[1]) > 0
    assert "cache prune --to" in said[0]
    assert said[1:5] == ["0 left behind", "still right", "then made right", "still right"]


def test_files_that_may_not_grow(tmp_path: Path) -> None:
    """The real refusal that any user can have: RLIMIT_FSIZE."""
    check_met_the_end(finish(start("fill_limit", tmp_path, SMALL)).splitlines())


def test_a_small_disk(tmp_path: Path) -> None:
    """A file system of one megabyte, mounted where only the child sees it."""
    if not shutil.which("unshare") or subprocess.run([*OWN_MOUNTS, "mount", "-t", "tmpfs", "t", tmp_path]).returncode:
        pytest.skip("this user may not mount")
    said = finish(start("fill_disk", tmp_path / "disk", SMALL, under=OWN_MOUNTS)).splitlines()
    check_met_the_end(said)
    assert said[5:] == ["0 free", "still right"], "on a disk without a free byte the cache still answers"
