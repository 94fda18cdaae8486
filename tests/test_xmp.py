"""Settings inside a clip: every player still plays it, nothing else of it changes, and no file can fool the reader."""

import json
import subprocess
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from pipeline.settings import Settings
from tests.forms import FFMPEG
from tests.journeys import written
from utils.errors import ReshootError, SettingsError, UnreadableClip, WriteError
from utils.media.probe import Limits, scan
from utils.media.xmp import MOST_BYTES, UUID, read_settings, write_settings

DOCUMENT: dict[str, Any] = {
    "preset": "fast",
    "settings": {"generate.look": "ink", "encode.crf": 12, "stabilise.window_s": 0.5},
    "clip": "ab" * 32,
    "odd": "<&>\"' ]]> \u0000 Füße 足 \U0001f9b6 &amp;",
}
BOMB = b"""<?xml version="1.0"?><!DOCTYPE l [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]>
<x xmlns:r="urn:reshoot:xmp:1.0/"><r:document>{"x": "&b;"}</r:document></x>"""


def boxes(data: bytes) -> list[tuple[bytes, int, int]]:
    """Kind, start and size of a plain file's outermost boxes."""
    found, start = [], 0
    while start < len(data):
        size = int.from_bytes(data[start : start + 4], "big")
        found.append((data[start + 4 : start + 8], start, size))
        start += size
    return found


def boxed(packet: bytes, kind: bytes = UUID) -> bytes:
    return (24 + len(packet)).to_bytes(4, "big") + b"uuid" + kind + packet


def document(text: str) -> bytes:
    return f'<x xmlns:r="urn:reshoot:xmp:1.0/"><r:document>{text}</r:document></x>'.encode()


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Path:
    noise = np.random.default_rng(0).integers(0, 255, (12, 36, 64, 3), dtype=np.uint8)
    return written(tmp_path_factory.mktemp("film") / "clip.mp4", list(noise))


@pytest.fixture
def clip(plain: Path, tmp_path: Path) -> Path:
    path = tmp_path / "clip.mp4"
    path.write_bytes(plain.read_bytes())
    return path


def test_what_was_written_is_read_and_nothing_else_changes(clip: Path, plain: Path) -> None:
    assert read_settings(clip) is None
    write_settings(clip, DOCUMENT)
    assert read_settings(clip) == DOCUMENT
    assert clip.read_bytes().startswith(plain.read_bytes())
    kinds = [kind for kind, _, _ in boxes(clip.read_bytes())]
    assert kinds[-1] == b"uuid" and kinds.index(b"moov") < kinds.index(b"mdat"), "it still starts at once"


def test_players_show_the_same_and_say_nothing(clip: Path, plain: Path) -> None:
    write_settings(clip, DOCUMENT)
    one, other = scan(plain, Limits()), scan(clip, Limits())
    assert (one.pts, one.rate, one.notes) == (other.pts, other.rate, other.notes)
    hashes = [
        subprocess.run(
            [FFMPEG, "-v", "warning", "-xerror", "-i", str(each), "-f", "framemd5", "-"],
            capture_output=True,
            check=True,
        )
        for each in (plain, clip)
    ]
    assert hashes[0].stdout == hashes[1].stdout and hashes[1].stderr == b""
    with av.open(str(clip)) as container:
        assert container.streams.video[0].average_rate == Fraction(30)


def test_writing_again_replaces_also_when_something_came_after(clip: Path, plain: Path) -> None:
    write_settings(clip, {"settings": {"a": "x" * 1000}})
    write_settings(clip, DOCUMENT)
    once = clip.read_bytes()
    write_settings(clip, DOCUMENT)
    assert clip.read_bytes() == once and read_settings(clip) == DOCUMENT
    clip.write_bytes(once + b"\x00\x00\x00\x08free")
    write_settings(clip, {"again": 1})
    assert read_settings(clip) == {"again": 1}
    assert clip.read_bytes().startswith(plain.read_bytes())
    assert [kind for kind, _, _ in boxes(clip.read_bytes())][-3:] == [b"free", b"free", b"uuid"]


def test_the_packet_of_another_program_stays(clip: Path) -> None:
    foreign = boxed(b'<x:xmpmeta xmlns:x="adobe:ns:meta/"/>')
    clip.write_bytes(clip.read_bytes() + foreign)
    write_settings(clip, DOCUMENT)
    assert foreign in clip.read_bytes() and read_settings(clip) == DOCUMENT


def test_other_programs_find_who_made_it(clip: Path) -> None:
    write_settings(clip, DOCUMENT, "Made <by> hand & foot.")
    text = clip.read_bytes().decode("utf-8", "ignore")
    assert "<xmp:CreatorTool>Reshoot</xmp:CreatorTool>" in text
    assert '<rdf:li xml:lang="x-default">Made &lt;by&gt; hand &amp; foot.</rdf:li>' in text


@pytest.mark.parametrize(
    "tail",
    [
        boxed(BOMB),
        boxed(b'<!DOCTYPE x SYSTEM "file:///etc/passwd">' + document("{}")),
        boxed(b'<?xml version="1.0" encoding="utf-7"?>' + document("{")),
        boxed(document("[1, 2]")),
        boxed(document('{"a": NaN}')),
        boxed(document('{"a": 1e999}')),
        boxed(document('{"a": 1, "a": 2}')),
        boxed(document('{"a": "\\ud800"}')),
        boxed(document('{"a":' * 900 + "1" + "}" * 900)),
        boxed(document('{"a":' + "[" * 200_000)),
        boxed(document('{"a":' + "9" * 5000 + "}")),
        boxed(b"<a>" * 300_000),
        boxed(document("{}")[:-1]),
        boxed(document("{}"), kind=bytes(16)),
        boxed(document('{"a": "' + "x" * MOST_BYTES + '"}')),
        boxed(document("{}"))[:-4],
        b"\xff\xff\xff\xffuuid" + UUID + document("{}"),
        b"\x00\x00\x00\x01uuid" + b"\xff" * 8 + UUID + document("{}"),
        b"\x00\x00\x00\x00uuid" + UUID + document("{}"),
        b"\x00\x00\x00\x04uuid" + UUID + document("{}"),
        b"\x00\x00\x00\x17uuid" + UUID[:15],
        b"\x00\x00\x00\x08free" * 5000 + boxed(document("{}")),
        b"\x00\x00\x00",
    ],
)
def test_a_hostile_end_gives_nothing(clip: Path, tail: bytes) -> None:
    clip.write_bytes(clip.read_bytes() + tail)
    assert read_settings(clip) is None


@pytest.mark.parametrize("cut", [0, 3, 8, 20, 500])
def test_a_piece_of_a_file_gives_nothing_and_takes_nothing(clip: Path, cut: int) -> None:
    write_settings(clip, DOCUMENT)
    clip.write_bytes(clip.read_bytes()[:cut])
    assert read_settings(clip) is None
    with pytest.raises(WriteError, match="not a whole MP4"):
        write_settings(clip, DOCUMENT)
    assert clip.stat().st_size == cut


def test_what_is_no_file_is_said_so(tmp_path: Path) -> None:
    with pytest.raises(UnreadableClip):
        read_settings(tmp_path / "absent.mp4")
    with pytest.raises(WriteError):
        write_settings(tmp_path / "absent.mp4", {})


def test_more_than_fits_is_refused(clip: Path, plain: Path) -> None:
    with pytest.raises(WriteError, match="do not fit"):
        write_settings(clip, {"a": "x" * MOST_BYTES})
    assert clip.read_bytes() == plain.read_bytes()


def test_a_clip_is_a_file_of_settings(clip: Path) -> None:
    write_settings(clip, DOCUMENT)
    loaded = Settings.load("quality", file=clip)
    assert loaded.generate.look == "ink" and loaded.encode.crf == 12
    assert loaded.segments.overlap_frames == Settings.load("quality").segments.overlap_frames


@pytest.mark.parametrize(
    ("made", "says"),
    [
        (None, "carries no settings"),
        ({"settings": 3}, "carries no settings"),
        ({"settings": {"generate.lok": "ink"}}, "clip.mp4: "),
        ({"settings": {"encode.crf": {"deep": []}}}, "clip.mp4: "),
        ({"settings": {"encode.crf": "x" * 9000}}, "clip.mp4: "),
    ],
)
def test_a_clip_with_other_settings_is_refused_in_a_sentence(clip: Path, made: Any, says: str) -> None:
    if made:
        write_settings(clip, made)
    with pytest.raises(SettingsError, match=says) as refused:
        Settings.load(file=clip)
    assert isinstance(refused.value, ReshootError) and len(str(refused.value)) < 600


def test_the_document_is_plain_json_in_the_file(clip: Path) -> None:
    write_settings(clip, {"settings": {"a": 1}})
    text = clip.read_bytes()
    start = text.index(b"<reshoot:document>") + len(b"<reshoot:document>")
    assert json.loads(text[start : text.index(b"</reshoot:document>")]) == {"settings": {"a": 1}}
