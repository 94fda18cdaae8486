"""Replacing a file: readers find the old content or the new one, whatever happens to the one who writes."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from utils.atomic_file import ABANDONED_S, explained, replacing, write_atomically
from utils.errors import WriteError
from utils.project import PROJECT_ROOT

WRITES_AND_WAITS = """
import sys, time
from pathlib import Path
from utils.atomic_file import replacing
with replacing(Path(sys.argv[1])) as part:
    part.write_bytes(b"half of the new")
    print("written", flush=True)
    time.sleep(300)
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A file with something in it, alone in its folder."""
    path = tmp_path / "file.json"
    path.write_text("old")
    return path


def parts(path: Path) -> list[Path]:
    """What lies in the folder beside the file."""
    return [each for each in path.parent.iterdir() if each != path]


@pytest.mark.parametrize("durable", [True, False])
@pytest.mark.parametrize("content", ["neu: ü", "neu: ü".encode()])
def test_content_is_replaced(path: Path, content: str | bytes, durable: bool) -> None:
    write_atomically(path, content, durable=durable)
    assert path.read_bytes() == "neu: ü".encode() and not parts(path)


def test_the_old_content_is_there_until_the_new_one_is_whole(path: Path) -> None:
    with replacing(path) as part:
        part.write_text("new")
        assert path.read_text() == "old" and part.parent == path.parent and part.name.startswith(".")
    assert path.read_text() == "new" and not parts(path)


@pytest.mark.parametrize("error", [OSError("full"), KeyboardInterrupt()])
def test_no_part_is_left_after_an_exception(path: Path, error: BaseException) -> None:
    with pytest.raises(type(error)), replacing(path) as part:
        part.write_text("new")
        raise error
    assert path.read_text() == "old" and not parts(path)


def test_no_part_is_left_where_a_folder_is_in_the_way(tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    with pytest.raises(IsADirectoryError):
        write_atomically(tmp_path / "there", "new")
    assert not parts(tmp_path / "there")


def test_what_the_system_refuses_is_told_in_a_sentence_with_a_remedy(path: Path) -> None:
    problem = r"'x' could not be written: Not a directory. Check that '.*file.json' exists"
    with pytest.raises(WriteError, match=problem), explained(path / "x"):
        write_atomically(path / "x", "new")
    with pytest.raises(WriteError, match=r"Choose another place\."), explained(path, "Choose another place."):
        raise OSError(28, "No space left on device")


def test_permissions_are_those_asked_for_from_the_beginning(path: Path) -> None:
    before = os.umask(0o027)
    try:
        write_atomically(path, "for the group")
        assert path.stat().st_mode & 0o777 == 0o640
        with replacing(path, mode=0o600) as part:
            assert part.stat().st_mode & 0o777 == 0o600
    finally:
        os.umask(before)
    assert path.stat().st_mode & 0o777 == 0o600


def test_one_that_is_killed_leaves_the_old_content_and_a_part_that_goes_later(path: Path) -> None:
    child = subprocess.Popen(
        [sys.executable, "-c", WRITES_AND_WAITS, path], cwd=PROJECT_ROOT, stdout=subprocess.PIPE, text=True
    )
    assert child.stdout and child.stdout.readline() == "written\n"
    child.send_signal(signal.SIGKILL)
    child.communicate()
    assert path.read_text() == "old"

    write_atomically(path, "new")
    (part,) = parts(path)
    assert part.read_bytes() == b"half of the new", "somebody may still be writing to it"
    long_ago = time.time() - ABANDONED_S - 1
    os.utime(part, (long_ago, long_ago))
    write_atomically(path, "newer")
    assert path.read_text() == "newer" and not parts(path)
