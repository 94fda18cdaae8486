"""Painted frames dropped on a clip in the app: recognised, joined, replaced, taken away, and refused in a sentence."""

import http.client
import io
import json
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from pipeline.keys import dropped
from pipeline.library import given
from pipeline.library.clips import Clips
from tests.journeys import filmed, pictures
from tests.studios import App, app
from utils.image import RGB
from utils.media.intake import probe
from utils.paintings.painted import Painted
from utils.walker import Shot

pytestmark = pytest.mark.slow

SHOT = Shot(size=(160, 96), frames=40)
Files = Mapping[str, bytes]


@dataclass(frozen=True)
class Easel:
    """An app without a worker, a clip in it, and its frames."""

    app: App
    clip: str
    source: list[RGB]

    def drop(self, files: Files, keys: str | None = "", **query: str) -> dict[str, Any]:
        status, told = self.answered(files, keys, **query)
        assert status == 201, told
        return told

    def answered(self, files: Files, keys: str | None = "", **query: str) -> tuple[int, dict[str, Any]]:
        listed = json.dumps([{"name": name, "bytes": len(content)} for name, content in files.items()]).encode()
        more = "".join(f"&{name}={value}" for name, value in query.items())
        path = f"/studio/clips/{self.clip}/paintings?keys={keys or ''}{more}"
        status, content = self.app.answer(path, b"\n".join([listed, b"".join(files.values())]))
        return status, json.loads(content)

    def painted(self, frame: int, darker: int = 0, kind: str = "PNG") -> bytes:
        """A frame with red and blue changed, and a little darker."""
        picture = self.source[frame][..., ::-1].astype(int) * 4 // 5 - darker
        buffer = io.BytesIO()
        Image.fromarray(np.clip(picture, 0, 255).astype(np.uint8)).save(buffer, kind)
        return buffer.getvalue()

    def stored(self, digest: str | None) -> Painted:
        path = given.find(self.app.home, "keys", digest)
        assert path
        return Painted(path)


@pytest.fixture(scope="module")
def easel(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Easel]:
    file = filmed(tmp_path_factory.mktemp("film"), SHOT)
    with app(tmp_path_factory.mktemp("paintings") / "home", "--no-worker") as studio:
        yield Easel(studio, studio.upload(file), pictures(probe(file)))


def frames(told: Mapping[str, Any]) -> list[int]:
    return [each["frame"] for each in told["frames"]]


def zipped(files: Files) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as file:
        for name, content in files.items():
            file.writestr(name, content)
    return buffer.getvalue()


def test_pictures_find_their_frames_and_join_those_that_are_there(easel: Easel) -> None:
    first = easel.drop({"000013.png": easel.painted(13), "from my program.jpg": easel.painted(30, kind="JPEG")})
    assert frames(first) == [13, 30] and not first["refused"]
    assert first["taken"] == [["000013.png", 13], ["from my program.jpg", 30]]
    second = easel.drop({"000000.png": easel.painted(0)}, first["digest"])
    assert frames(second) == [0, 13, 30] and second["taken"] == [["000000.png", 0]]
    painted = easel.stored(second["digest"])
    assert painted.names == ("000000.png", "000013.png", "000030.png")
    assert np.array_equal(painted.picture("000013.png")[..., :3], np.array(Image.open(io.BytesIO(easel.painted(13)))))
    shown = easel.app.ask(f"/studio/clips/{easel.clip}/paintings/{second['digest']}")
    assert shown["frames"] == second["frames"] and shown["digest"] == second["digest"]
    status, sheet = easel.app.answer(f"/studio/paintings/{second['digest']}.jpg")
    assert status == 200 and Image.open(io.BytesIO(sheet)).size == (10 * 160, 96)
    assert not list(easel.app.home.glob("strips/*")), "nothing of the work stays"


def test_the_small_pictures_are_the_paintings_over_their_frames(easel: Easel) -> None:
    half = np.dstack([easel.source[13][..., ::-1], np.full(easel.source[13].shape[:2], 255, np.uint8)])
    half[:, 80:, 3] = 0
    buffer = io.BytesIO()
    Image.fromarray(half).save(buffer, "PNG")
    told = easel.drop({"000013.png": buffer.getvalue()})
    sheet = np.array(Image.open(io.BytesIO(easel.app.answer(f"/studio/paintings/{told['digest']}.jpg")[1])))[:, :160]
    away = [np.abs(sheet.astype(int) - each).mean(axis=(0, 2)) for each in (half[..., :3], easel.source[13])]
    assert away[0][:72].mean() < 8 < away[1][:72].mean() and away[1][88:].mean() < 8 < away[0][88:].mean()


def test_one_dropped_again_takes_the_place_of_its_frame(easel: Easel) -> None:
    first = easel.drop({"000013.png": easel.painted(13), "000026.png": easel.painted(26)})
    again = easel.drop({"000013.png": easel.painted(13, darker=30)}, first["digest"])
    before, after = easel.stored(first["digest"]), easel.stored(again["digest"])
    assert frames(again) == [13, 26] and after.content("000026.png") == before.content("000026.png")
    assert after.picture("000013.png").mean() < before.picture("000013.png").mean() - 5
    place = f"/studio/clips/{easel.clip}/paintings"
    told = easel.app.ask(f"{place}/{again['digest']}/13", method="DELETE")
    assert frames(told) == [26], "it is taken away"
    told = easel.app.ask(f"{place}/{told['digest']}/26", method="DELETE")
    assert told["digest"] is None and told["frames"] == []


def test_a_zip_and_loose_pictures_come_together(easel: Easel) -> None:
    """Folders in a zip are only names."""
    packed = zipped({"../../out/000005.png": easel.painted(5), "/etc/000026.png": easel.painted(26)})
    told = easel.drop({"frames.zip": packed, "000013.png": easel.painted(13), "README.txt": b"what to do"})
    assert frames(told) == [5, 13, 26] and not told["refused"]
    assert not list(easel.app.home.parent.rglob("000005.png"))


def test_what_is_refused_says_why_and_loses_nothing(easel: Easel, tmp_path: Path) -> None:
    kept = easel.drop({"000013.png": easel.painted(13)})
    strange = np.random.default_rng(1).integers(0, 255, (96, 160, 3), dtype=np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(strange).save(buffer, "PNG")
    bad: dict[str, tuple[bytes, str]] = {
        "holiday.png": (buffer.getvalue(), "shows no frame of this clip"),
        "notes.txt": (b"no picture", "'notes.txt' is no picture"),
        "000030.png": (b"\x89PNG\r\n\x1a\n" + b"0" * 100, "not a picture that can be read"),
        "broken.zip": (b"PK\x03\x04 and no more", "a zip that cannot be read"),
        "table.zip": (zipped({"keys.json": b"{}", "0.png": easel.painted(0)}), "cannot be read"),
        "empty.zip": (zipped({"notes.txt": b"?"}), "holds no pictures"),
        "a.png": (easel.painted(26), "'a.png' and 'b.png' show frame 26 alike"),
    }
    files = {**{name: content for name, (content, _) in bad.items()}, "b.png": easel.painted(26, 9)}
    told = easel.drop(files, kept["digest"])
    assert told["digest"] == kept["digest"] and frames(told) == [13] and not told["taken"]
    refused = dict(told["refused"])
    assert refused.keys() == bad.keys() and all(words in refused[name] for name, (_, words) in bad.items()), refused
    mixed = easel.drop({"000026.png": easel.painted(26), "notes.txt": b"?"}, kept["digest"])
    assert frames(mixed) == [13, 26] and len(mixed["refused"]) == 1


def test_what_nobody_painted_on_does_not_count(easel: Easel) -> None:
    from utils.digest import digest_bytes
    from utils.paintings.key_set import Key, KeySet

    content = easel.painted(13)
    key = Key(frame=13, file="000013.png", given_out=digest_bytes(content))
    table = KeySet(clip=easel.clip, size=SHOT.size, keys=(key,)).to_json()
    told = easel.drop({"keys.json": table, "000013.png": content})
    assert told["digest"] is None and "nobody painted on it" in told["refused"][0][1]
    other = KeySet(clip="0" * 64, size=SHOT.size, keys=(key,)).to_json()
    told = easel.drop({"frames.zip": zipped({"keys.json": other, "000013.png": content})})
    assert told["refused"][0][0] == "frames.zip" and "of another clip" in told["refused"][0][1]


def test_any_stored_set_is_recognised_when_it_is_looked_at(easel: Easel) -> None:
    """Such as one that a job of the command line brought."""
    path = easel.app.home / "plain.zip"
    path.write_bytes(zipped({"000013.png": easel.painted(13)}))
    digest = given.moved_in(easel.app.home, "keys", path, ".zip")
    told = easel.app.ask(f"/studio/clips/{easel.clip}/paintings/{digest}")
    assert frames(told) == [13] and told["digest"] != digest
    assert frames(easel.app.ask(f"/studio/clips/{easel.clip}/paintings/{told['digest']}")) == [13]


def test_what_has_no_room_is_refused(easel: Easel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "000013.png").write_bytes(easel.painted(13))
    for name, value, words in (("MOST_BYTES", 10, "too large together"), ("SPARE_BYTES", 1 << 60, "too little room")):
        with monkeypatch.context() as patch:
            patch.setattr(dropped, name, value)
            (work := tmp_path / name).mkdir()
            found = dropped.Dropped(probe(Clips(easel.app.home).path(easel.clip)), work)
            found.add(Painted(tmp_path), None, "keys.json")
        assert not found.paintings and words in found.refused[0][1] and not list(work.iterdir())


def test_uploads_have_limits(easel: Easel) -> None:
    line = http.client.HTTPConnection("127.0.0.1", easel.app.port, timeout=30)
    line.putrequest("POST", f"/studio/clips/{easel.clip}/paintings")
    for name, value in {"X-Reshoot": "1", "Content-Length": str(3 << 30)}.items():
        line.putheader(name, value)
    line.endheaders(b"[]\n")
    answer = line.getresponse()
    assert answer.status == 413 and "1000 MB at most" in answer.read().decode()
    line.close()
    for body in (b"", b"[]\n", b'[{"name": "a", "bytes": -1}]\n'):
        status, _ = easel.app.answer(f"/studio/clips/{easel.clip}/paintings", body, "POST")
        assert status == 400, body
    assert easel.answered({"a.png": b""}, "0" * 64)[0] == 400
    for path in ("../x", "0" * 64, "x"):
        assert easel.app.status(f"/studio/paintings/{path}.jpg") == 404
    assert easel.app.status(f"/studio/clips/{'1' * 64}/paintings/{'0' * 64}") == 404


def test_a_job_runs_with_what_was_dropped(easel: Easel) -> None:
    digest = easel.drop({"000013.png": easel.painted(13)})["digest"]
    body = {"clips": [easel.clip], "settings": {"generate.engine": "keyframe", "generate.keys": digest}}
    [job] = easel.app.ask("/studio/jobs", body)["jobs"]
    assert easel.app.ask(f"/studio/jobs/{job}")["settings"]["generate.keys"] == digest
