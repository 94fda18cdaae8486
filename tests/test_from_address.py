"""Clips from addresses: a guarded child fetches them into a home; commands, libraries and logs see no query of one."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from pipeline.__main__ import app
from pipeline.commands.fetching import local_file
from pipeline.library.clips import Clips
from pipeline.library.from_address import Fetch
from tests.journeys import written
from tests.origin import Origin, Served, serving
from utils.address.address import Address
from utils.address.checked import VARIABLE
from utils.address.transfer import COMMIT_BYTES
from utils.digest import digest_bytes
from utils.errors import AddressError, Cancelled, ClipError
from utils.progress import Cancel, Progress
from utils.project import PROJECT_ROOT
from utils.uploads import KEPT_S, Uploads

pytestmark = pytest.mark.slow

DATA = bytes(range(256)) * 16_384


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    ground = np.random.default_rng(0).integers(0, 256, (80, 140, 3), dtype=np.uint8)
    pictures = [ground[each : each + 72, each : each + 128] for each in range(6)]
    return written(tmp_path_factory.mktemp("film") / "film.mp4", pictures).read_bytes()


@pytest.fixture
def origin(film: bytes, monkeypatch: pytest.MonkeyPatch) -> Iterator[Origin]:
    monkeypatch.setenv(VARIABLE, "1")
    with serving(Origin({"/a/Walk%201.mp4": Served(film), "/data": Served(DATA)})) as origin:
        yield origin


def fetched(home: Path, address: str, cancel: Cancel | None = None, heard: list[Progress] | None = None) -> str:
    told = heard if heard is not None else []
    return Fetch.begin(home, Address.read(address)).run(told.append, cancel or Cancel())


def everything(home: Path) -> bytes:
    """All bytes of all files of a home."""
    return b"".join(path.read_bytes() for path in home.rglob("*") if path.is_file())


def test_a_clip_at_an_address_is_stored_by_its_content_and_named_by_its_path(
    origin: Origin, film: bytes, tmp_path: Path
) -> None:
    heard = list[Progress]()
    clip = fetched(tmp_path, origin.at("/a/Walk%201.mp4?key=s3cret"), heard=heard)
    stored = Clips(tmp_path).get(clip)
    assert clip == digest_bytes(film) and Clips(tmp_path).path(clip).read_bytes() == film
    assert (stored.title, stored.file) == ("Walk 1.mp4", "clip.mp4")
    assert stored.address == origin.at("/a/Walk%201.mp4")
    assert heard[-1].done == heard[-1].total == len(film)
    assert b"s3cret" not in everything(tmp_path)
    assert fetched(tmp_path, origin.at("/a/Walk%201.mp4?key=s3cret")) == clip
    assert origin.requests[1][1]["if-none-match"] == '"one"', "it was asked for only if it has changed"
    origin.files["/copy.mp4"] = Served(film)
    assert fetched(tmp_path, origin.at("/copy.mp4")) == clip, "the same content is the same clip"
    Clips(tmp_path).remove(clip, used=tuple)
    assert fetched(tmp_path, origin.at("/copy.mp4")) == clip and "if-none-match" not in origin.requests[-1][1]


def test_a_private_address_is_refused_unless_it_is_allowed_on_purpose(
    origin: Origin, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(VARIABLE)
    with pytest.raises(AddressError, match="private network") as caught:
        fetched(tmp_path, origin.at("/data"))
    assert f"{VARIABLE}=1" in caught.value.remedy and not origin.requests


def test_a_cancelled_fetch_stops_and_the_next_one_goes_on(origin: Origin, tmp_path: Path) -> None:
    hold, cancel = threading.Event(), Cancel()
    origin.files["/data"] = Served(DATA * 5, hold=hold)
    upload, uploads = Fetch.begin(tmp_path, Address.read(origin.at("/data"))).upload, Uploads(tmp_path / "uploads")

    def cancel_later() -> None:
        while not uploads.get(upload).have:
            time.sleep(0.02)
        cancel.ask()

    thread = threading.Thread(target=cancel_later)
    thread.start()
    with pytest.raises(Cancelled):
        fetched(tmp_path, origin.at("/data"), cancel)
    thread.join()
    have = uploads.get(upload).have
    assert have >= COMMIT_BYTES
    hold.set()
    clip = fetched(tmp_path, origin.at("/data"))
    assert clip == digest_bytes(DATA * 5) and origin.starts() == ["", f"bytes={have}-"]


def test_what_was_left_is_swept_after_a_day(origin: Origin, tmp_path: Path) -> None:
    left = tmp_path / "uploads" / Fetch.begin(tmp_path, Address.read(origin.at("/other"))).upload
    before = time.time() - KEPT_S - 60
    for path in left.iterdir():
        os.utime(path, (before, before))
    fetched(tmp_path, origin.at("/data"))
    assert not left.exists()


def test_what_was_left_is_gone_on_with_also_when_nobody_swept_it(origin: Origin, tmp_path: Path) -> None:
    old = Fetch.begin(tmp_path, Address.read(origin.at("/data")))
    for path in (tmp_path / "uploads" / old.upload).iterdir():
        os.utime(path, (time.time() - KEPT_S - 60,) * 2)
    assert fetched(tmp_path, origin.at("/data")) == digest_bytes(DATA)


def test_two_fetches_of_one_address_at_once_ask_for_it_once(origin: Origin, tmp_path: Path) -> None:
    hold, clips = threading.Event(), list[str]()
    origin.files["/data"] = Served(DATA, hold=hold)
    both = [threading.Thread(target=lambda: clips.append(fetched(tmp_path, origin.at("/data")))) for _ in range(2)]
    for each in both:
        each.start()
    while not origin.requests:
        time.sleep(0.02)
    hold.set()
    for each in both:
        each.join()
    assert clips == [digest_bytes(DATA)] * 2
    assert sum(not headers.keys() & {"range", "if-none-match"} for _, headers in origin.requests) == 1


def test_a_command_takes_an_address_where_it_takes_a_file(origin: Origin, film: bytes, tmp_path: Path) -> None:
    assert local_file("clips/walk.mp4", tmp_path) == Path("clips/walk.mp4")
    file = local_file(origin.at("/a/Walk%201.mp4?key=s3cret"), tmp_path)
    assert file.read_bytes() == film and file.is_relative_to(tmp_path)
    with pytest.raises(ClipError, match="'data' cannot be opened as a video"):
        local_file(origin.at("/data"), tmp_path)
    with pytest.raises(AddressError, match="a name or a password"):
        local_file("https://ada:word@example.org/x", tmp_path)


@pytest.mark.parametrize(
    "words",
    ["generate AT -o out.mp4", "steady AT -o out.mp4", "matte AT -o out.mkv", "preview AT -o out.jpg", "probe AT",
     "jobs submit AT"],
)  # fmt: skip
def test_every_command_reads_addresses_strictly(words: str, tmp_path: Path) -> None:
    line = words.replace("AT", "https://ada:word@example.org/walk.mp4").split()
    result = CliRunner().invoke(app, [*line, "--home", str(tmp_path)])
    assert isinstance(result.exception, AddressError) and "a name or a password" in result.exception.problem


def test_commands_use_the_clip_and_say_nothing_of_a_query(origin: Origin, tmp_path: Path) -> None:
    home, address, calm = tmp_path / "home", origin.at("/a/Walk%201.mp4?key=s3cret"), tmp_path / "calm.mp4"
    lines = (
        ["probe", address],
        ["steady", address, "-o", str(calm)],
        ["jobs", "submit", address],
        ["jobs", "list", "--json"],
    )
    results = [CliRunner().invoke(app, [*line, "--home", str(home)]) for line in lines]
    probed, steadied, submitted, listed = (result.stdout for result in results)
    assert probed.startswith("Walk 1.mp4") and "128x72" in probed
    assert calm.is_file() and "6 frames" in steadied
    [job] = json.loads(listed)
    assert job["order"]["title"] == "Walk 1.mp4" and job["id"] == submitted.strip()
    assert "s3cret" not in "".join(result.output for result in results) and b"s3cret" not in everything(home)
    assert sum("if-none-match" not in headers for _, headers in origin.requests) == 1


def test_ctrl_c_ends_a_fetch_at_once(origin: Origin, tmp_path: Path) -> None:
    origin.files["/data"] = Served(DATA, hold=threading.Event())
    words = [sys.executable, "-m", "pipeline", "probe", origin.at("/data?key=s3cret"), "--home", str(tmp_path)]
    with subprocess.Popen(words, cwd=PROJECT_ROOT, text=True, stderr=subprocess.PIPE) as child:
        while not origin.requests:
            time.sleep(0.02)
        child.send_signal(signal.SIGINT)
        _, said = child.communicate()
    assert child.returncode == 130 and "Stopped. What has arrived is kept" in said
    origin.files["/data"].hold = None
    assert fetched(tmp_path, origin.at("/data?key=s3cret")) == digest_bytes(DATA)
