"""Files of orders on their way between homes that share a place: believed for their digests alone."""

from pathlib import Path

import pytest

from pipeline.library import given, shared_files
from pipeline.library.clips import Clips
from utils.digest import digest_file
from utils.errors import ClipError
from utils.progress import Cancel

NEVER = Cancel()


@pytest.fixture
def shared(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    place = tmp_path / "shared"
    place.mkdir()
    monkeypatch.setenv("RESHOOT_SHARED", str(place))
    return place


def scratch(tmp_path: Path) -> Path:
    folder = tmp_path / "scratch"
    folder.mkdir(exist_ok=True)
    return folder


def clip_of(home: Path, content: bytes = b"a clip") -> str:
    """A clip of a home."""
    file = home.parent / "walk.mp4"
    file.write_bytes(content)
    return Clips(home).take(file, "walk.mp4")


def picture_of(home: Path) -> str:
    """A reference picture of a home."""
    with given.arriving(home, "reference") as part:
        part.write_bytes(b"a picture")
        return given.moved_in(home, "reference", part, ".png")


def test_files_of_an_order_arrive_where_they_belong(tmp_path: Path, shared: Path) -> None:
    here, there = tmp_path / "here", tmp_path / "there"
    clip, picture = clip_of(here), picture_of(here)
    shared_files.offer(here, [clip, picture, "0" * 64], scratch(tmp_path), NEVER)
    shared_files.fetch(there, [clip, picture], scratch(tmp_path), NEVER)
    assert digest_file(Clips(there).path(clip)) == clip and Clips(there).path(clip).suffix == ".mp4"
    assert (path := given.find(there, "reference", picture)) and digest_file(path) == picture
    assert not list(scratch(tmp_path).iterdir())


def test_what_a_home_has_is_not_asked_for(tmp_path: Path, shared: Path) -> None:
    home = tmp_path / "here"
    shared_files.fetch(home, [clip_of(home), picture_of(home)], scratch(tmp_path), NEVER)
    assert not list(shared.rglob("*"))


def test_what_is_not_there_is_said(tmp_path: Path, shared: Path) -> None:
    with pytest.raises(ClipError, match=r"A file of this job, 00000000, did not come from .*: it is not there\."):
        shared_files.fetch(tmp_path / "there", ["0" * 64], scratch(tmp_path), NEVER)


@pytest.mark.parametrize("content", [b"b clip", b"longer than before", b""])
def test_a_file_that_was_changed_on_its_way_is_not_kept(tmp_path: Path, shared: Path, content: bytes) -> None:
    here, there = tmp_path / "here", tmp_path / "there"
    clip = clip_of(here)
    shared_files.offer(here, [clip], scratch(tmp_path), NEVER)
    (shared / "blobs" / clip).write_bytes(content)
    with pytest.raises(ClipError, match=f"A file of this job, {clip[:8]}, did not come"):
        shared_files.fetch(there, [clip], scratch(tmp_path), NEVER)
    assert not Clips(there).all()
