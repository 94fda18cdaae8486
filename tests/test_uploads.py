"""Uploads: pieces become the file they were, whatever breaks, and nothing else is ever written."""

import hashlib
import json
import os
import shutil
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from utils.digest import digest_file
from utils.uploads import NoUpload, OffsetMismatch, UploadError, UploadFull, Uploads, UploadTooLarge, plain_title

PROJECT_ROOT = Path(__file__).resolve().parents[1]
OWN_MOUNTS = ("unshare", "-m") if os.geteuid() == 0 else ("unshare", "-rm")
DATA = bytes(range(256)) * 4096


@pytest.fixture
def uploads(tmp_path: Path) -> Uploads:
    return Uploads(tmp_path / "uploads", most_bytes=4 * len(DATA))


def send(uploads: Uploads, name: str, at: int, data: bytes, sha256: str | None = None) -> int:
    writer = uploads.chunk_writer(name, at, sha256)
    writer.write(data)
    writer.commit()
    return writer.have


def whole(uploads: Uploads, name: str, place: Path) -> bytes:
    with uploads.whole(name) as (part, digest):
        part.rename(place)
    assert digest == digest_file(place) == uploads.get(name).digest
    return place.read_bytes()


def test_pieces_become_the_file(uploads: Uploads, tmp_path: Path) -> None:
    name, at = uploads.begin("walk.mp4", len(DATA)), 0
    for size in (1, 300_000, 77, len(DATA)):
        piece = DATA[at : at + size]
        at = send(uploads, name, at, piece, hashlib.sha256(piece).hexdigest())
        assert Uploads(tmp_path / "uploads", 1).get(name).have == at, "another process knows it as well"
    assert whole(uploads, name, tmp_path / "walk") == DATA
    left = tmp_path / "uploads" / name
    assert sorted(each.name for each in left.iterdir()) == ["lock", "meta.json"], "what it has become can be asked for"
    assert uploads.sweep(0.0) == 1 and not left.exists()
    with pytest.raises(NoUpload):
        uploads.get(name)


def test_an_upload_of_an_earlier_version_can_be_resumed(uploads: Uploads, tmp_path: Path) -> None:
    name = uploads.begin("walk.mp4", len(DATA))
    folder = tmp_path / "uploads" / name
    (folder / "part").write_bytes(DATA[:1000])
    stored = {"title": "walk.mp4", "bytes": len(DATA), "have": 1000, "pen": "ab", "owner": "", "network": ""}
    (folder / "meta.json").write_text(json.dumps(stored))
    assert send(uploads, name, 1000, DATA[1000:]) == len(DATA)
    assert json.loads((folder / "meta.json").read_text()).keys() == stored.keys()
    assert whole(uploads, name, tmp_path / "walk") == DATA


def test_bytes_that_are_not_the_next_ones_are_refused_with_the_place_of_those(uploads: Uploads) -> None:
    name = uploads.begin("walk.mp4", len(DATA))
    send(uploads, name, 0, DATA[:1000])
    for wrong in (0, 999, 1001, len(DATA)):
        with pytest.raises(OffsetMismatch) as refused:
            uploads.chunk_writer(name, wrong)
        assert refused.value.have == 1000


def test_bytes_that_changed_on_the_way_do_not_count(uploads: Uploads, tmp_path: Path) -> None:
    name = uploads.begin("walk.mp4", len(DATA))
    send(uploads, name, 0, DATA[:1000])
    with pytest.raises(OffsetMismatch, match="changed") as refused:
        send(uploads, name, 1000, DATA[1001:2001], hashlib.sha256(DATA[1000:2000]).hexdigest())
    assert refused.value.have == uploads.get(name).have == 1000
    assert (tmp_path / "uploads" / name / "part").stat().st_size == 1000
    send(uploads, name, 1000, DATA[1000:], hashlib.sha256(DATA[1000:]).hexdigest().upper())
    assert whole(uploads, name, tmp_path / "walk") == DATA


def test_of_a_broken_request_counts_what_is_known_to_be_right(uploads: Uploads) -> None:
    name = uploads.begin("walk.mp4", len(DATA))
    plain = uploads.chunk_writer(name, 0)
    plain.write(DATA[:5000])
    plain.abandon()
    assert uploads.get(name).have == 5000
    hashed = uploads.chunk_writer(name, 5000, "0" * 64)
    hashed.write(DATA[5000:9000])
    hashed.abandon()
    assert uploads.get(name).have == 5000


def test_a_death_in_the_middle_of_a_piece_leaves_what_counted(uploads: Uploads, tmp_path: Path) -> None:
    name = uploads.begin("walk.mp4", len(DATA))
    send(uploads, name, 0, DATA[:1000])
    uploads.chunk_writer(name, 1000).write(b"never lifted" * 1000)
    again = Uploads(tmp_path / "uploads", len(DATA))
    assert again.get(name).have == 1000
    send(again, name, 1000, DATA[1000:])
    assert whole(again, name, tmp_path / "walk") == DATA


def test_the_newest_pen_writes(uploads: Uploads, tmp_path: Path) -> None:
    """A connection that died unnoticed must not keep its user from going on, nor spoil what comes after."""
    name = uploads.begin("walk.mp4", len(DATA))
    old = uploads.chunk_writer(name, 0)
    old.write(b"\0" * 5000)
    new = uploads.chunk_writer(name, 0)
    new.write(DATA[:2000])
    with pytest.raises(OffsetMismatch, match="Another request"):
        old.write(b"\0" * 5000)
    old.abandon()
    new.write(DATA[2000:])
    new.commit()
    assert whole(uploads, name, tmp_path / "walk") == DATA


def test_many_who_send_the_same_file_at_once_do_not_spoil_it(uploads: Uploads, tmp_path: Path) -> None:
    name, overtaken = uploads.begin("walk.mp4", len(DATA)), []

    def push(step: int) -> None:
        while (at := uploads.get(name).have) < len(DATA):
            try:
                writer = uploads.chunk_writer(name, at)
                for start in range(at, min(at + 4 * step, len(DATA)), step):
                    writer.write(DATA[start : start + step])
                writer.commit()
            except OffsetMismatch:
                overtaken.append(step)
                time.sleep(0.001 * (step % 7))

    threads = [threading.Thread(target=push, args=(step,)) for step in (11_003, 23_011, 31_019, 40_013)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert overtaken, "they met"
    assert whole(uploads, name, tmp_path / "walk") == DATA


def test_sizes_have_limits(uploads: Uploads, tmp_path: Path) -> None:
    with pytest.raises(UploadTooLarge, match=f"{4 * len(DATA)} at most"):
        uploads.begin("walk.mp4", 4 * len(DATA) + 1)
    for none in (0, -1):
        with pytest.raises(UploadError, match="is empty"):
            uploads.begin("walk.mp4", none)
    name = uploads.begin("walk.mp4", 1000)
    with pytest.raises(UploadTooLarge, match="More than the 1000 bytes"):
        send(uploads, name, 0, DATA[:1001])
    assert uploads.get(name).have == 0
    assert (tmp_path / "uploads" / name / "part").stat().st_size == 0
    with pytest.raises(OffsetMismatch, match="not whole"):
        whole(uploads, name, tmp_path / "walk")


def test_a_disk_without_room_is_seen_before_anything_is_sent(tmp_path: Path) -> None:
    free = shutil.disk_usage(tmp_path).free
    uploads = Uploads(tmp_path / "uploads", most_bytes=2 * free, spare_bytes=free // 2)
    with pytest.raises(UploadFull, match=rf"needs {free} more bytes, \d+ are free") as full:
        uploads.begin("walk.mp4", free)
    assert full.value.needs_bytes == free
    uploads.begin("walk.mp4", free // 3)
    with pytest.raises(UploadFull):
        uploads.begin("second.mp4", free // 3)
    assert len(list((tmp_path / "uploads").iterdir())) == 1


def test_no_owner_and_no_network_takes_all_the_room(uploads: Uploads, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each limit on its own, and the place of an upload that ended is free again."""
    for name, most in (("MOST_OF_OWNER", 3), ("MOST_OF_NETWORK", 5), ("MOST_OPEN", 7)):
        monkeypatch.setattr(f"utils.uploads.{name}", most)

    def refusal(owner: str, network: str) -> str:
        with pytest.raises(UploadError) as refused:
            uploads.begin("walk.mp4", 10, owner, network)
        assert "then try again" in refused.value.remedy
        return refused.value.problem

    mine = [uploads.begin("walk.mp4", 10, "me", "house") for _ in range(3)]
    assert refusal("me", "house") == refusal("me", "office") == "3 of your uploads are under way already."
    for owner in ("you", "them"):
        uploads.begin("walk.mp4", 10, owner, "house")
    assert refusal("who", "house") == "5 uploads from your network are under way already."
    for owner in ("who", "else"):
        uploads.begin("walk.mp4", 10, owner, "office")
    assert refusal("more", "abroad") == "7 uploads are under way already, as many as this server takes."
    uploads.drop(mine[0])
    uploads.begin("walk.mp4", 10, "me", "house")


def test_what_others_have_announced_keeps_only_a_share_of_the_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    uploads = Uploads(tmp_path / "uploads", most_bytes=1000)
    monkeypatch.setattr(Uploads, "_free_bytes", lambda self: 1000)
    uploads.begin("walk.mp4", 900, "greedy", "house")
    with pytest.raises(UploadFull):
        uploads.begin("walk.mp4", 101, "greedy", "house")
    with pytest.raises(UploadFull):
        uploads.begin("walk.mp4", 751, "neighbour", "house")
    assert uploads.get(uploads.begin("walk.mp4", 750, "neighbour", "house")).bytes == 750
    with pytest.raises(UploadFull):
        uploads.begin("walk.mp4", 501, "me", "abroad")
    uploads.begin("walk.mp4", 500, "me", "abroad")


FULL = """
import shutil, sys
from pathlib import Path
from utils.uploads import Uploads, UploadFull
folder = Path(sys.argv[1])
uploads = Uploads(folder / "uploads", 1 << 30, spare_bytes=0)
name = uploads.begin("walk.mp4", 3 << 20)
writer = uploads.chunk_writer(name, 0)
writer.write(b"a" * (1 << 20))
writer.commit()
ballast = folder / "ballast"
ballast.write_bytes(bytes(shutil.disk_usage(folder).free - (1 << 19)))
writer = uploads.chunk_writer(name, 1 << 20)
try:
    for _ in range(8):
        writer.write(b"b" * (1 << 18))
    print("it fitted")
except UploadFull as error:
    writer.abandon()
    print(error.needs_bytes == 2 << 20 and "needs 2097152 more bytes" in error.problem)
print(uploads.get(name).have == 1 << 20, (folder / "uploads" / name / "part").stat().st_size == 1 << 20)
ballast.unlink()
writer = uploads.chunk_writer(name, 1 << 20)
writer.write(b"c" * (2 << 20))
writer.commit()
with uploads.whole(name) as (part, digest):
    print(part.read_bytes() == b"a" * (1 << 20) + b"c" * (2 << 20))
"""


def test_a_disk_that_fills_up_says_what_it_needs_and_gets_its_room_back(tmp_path: Path) -> None:
    """On a file system of four megabytes, mounted where only the child sees it."""
    mount = ("mount", "-t", "tmpfs", "-o", "size=4m", "t", str(tmp_path))
    if not shutil.which("unshare") or subprocess.run([*OWN_MOUNTS, *mount]).returncode:
        pytest.skip("this user may not mount")
    script = f'{" ".join(mount)} && exec "$0" -c "$1" {tmp_path}'
    child = subprocess.run(
        [*OWN_MOUNTS, "sh", "-c", script, sys.executable, FULL], cwd=PROJECT_ROOT, capture_output=True, text=True
    )
    assert child.stdout.splitlines() == ["True", "True True", "True"], child.stderr


@pytest.mark.parametrize(
    "name", ["", "..", "../x", "x" * 24, "A" * 24, "a" * 23, "a" * 25, "a" * 23 + "\n", "a/" * 12, "\0" * 24]
)
def test_only_names_that_were_given_lead_anywhere(uploads: Uploads, tmp_path: Path, name: str) -> None:
    (tmp_path / "x").mkdir()
    for act in (
        uploads.get,
        uploads.drop,
        lambda each: uploads.chunk_writer(each, 0),
        lambda each: whole(uploads, each, tmp_path / "y"),
    ):
        with pytest.raises(NoUpload):
            act(name)
    assert [each.name for each in tmp_path.rglob("*")] == ["x"]


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("walk.mp4", "walk.mp4"),
        ("../../etc/passwd", "passwd"),
        ("C:\\films\\walk.mp4", "walk.mp4"),
        ("a\0b\nc\x1b[31m.mp4", "abc[31m.mp4"),
        ("\u202egpj.4pm", "gpj.4pm"),
        ("Gang  durch \u00fc\u4e2d.mp4", "Gang durch \u00fc\u4e2d.mp4"),
        ("\ud800", "clip"),
        ("../", "clip"),
        ("w" * 4096 + ".mp4", "w" * 120),
    ],
)
def test_titles_are_safe_to_show(said: str, shown: str) -> None:
    assert plain_title(said) == shown
    shown.encode("utf-8")


def test_abandoned_uploads_are_swept_and_others_stay(uploads: Uploads, tmp_path: Path) -> None:
    old, fresh = uploads.begin("old.mp4", 1000), uploads.begin("fresh.mp4", 1000)
    for each in (tmp_path / "uploads" / old).iterdir():
        os.utime(each, (time.time() - 7200,) * 2)
    assert uploads.sweep(3600) == 1
    assert uploads.get(fresh).have == 0
    with pytest.raises(NoUpload):
        uploads.get(old)
    assert [each.name for each in (tmp_path / "uploads").iterdir()] == [fresh]


def test_an_upload_that_is_dropped_while_it_comes_is_gone(uploads: Uploads, tmp_path: Path) -> None:
    name = uploads.begin("walk.mp4", len(DATA))
    writer = uploads.chunk_writer(name, 0)
    writer.write(DATA[:1000])
    uploads.drop(name)
    uploads.drop(name)
    with pytest.raises(NoUpload):
        writer.write(DATA[1000:])
    writer.abandon()
    assert list((tmp_path / "uploads").iterdir()) == []


def test_a_part_that_was_not_moved_away_in_good_order_stays(uploads: Uploads, tmp_path: Path) -> None:
    name = uploads.begin("walk.mp4", 1000)
    send(uploads, name, 0, DATA[:1000])
    with pytest.raises(RuntimeError), uploads.whole(name):
        raise RuntimeError("died here")
    assert whole(uploads, name, tmp_path / "walk") == DATA[:1000]
