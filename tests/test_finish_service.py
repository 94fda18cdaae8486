"""B-roll of a service: searched for what stands out, fetched, looked at and credited; what goes wrong is one remark.

The service is a real server on this machine that answers as the documentation of Pexels says.
"""

import json
import logging
import os
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import pytest
from typer.testing import CliRunner

from pipeline.__main__ import app
from pipeline.finish.draft.drafting import Draft, Materials, Wishes, draft
from pipeline.finish.film.files import beside
from pipeline.finish.known.settings import KnownSettings
from pipeline.finish.known.story import Known, know
from pipeline.finish.known.transcript import GivenFile
from pipeline.finish.service.pexels import PEXELS
from pipeline.finish.service.service import ADDRESS, FETCHING, KEY, Client, Wanted, client_of
from pipeline.finish.settings import FinishSettings
from pipeline.finish.story import finish
from pipeline.stage import RunContext
from tests.films import clip
from tests.origin import Origin, Served, serving
from tests.spoken import sounding
from tests.test_finish_draft import TALK, heard
from utils.address.address import Address
from utils.address.checked import VARIABLE
from utils.address.transfer import Limits
from utils.errors import SettingsError
from utils.guarded_child import environment
from utils.size import Size
from utils.store import Store

SECRET = "k3y-of-a-test"
SEARCH = "/videos/search"
LATE = ("slowly", "never")
QUICK = Limits(total_s=3.0, silence_s=1.0, tries=1, tries_in_all=2)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A clip of the service, and the clip that a film is made of."""
    place = tmp_path_factory.mktemp("service")
    clip(place / "hello.mp4", 60, Fraction(30))
    sounding(place / "talk.mov", TALK.samples)
    (place / "talk.json").write_text(json.dumps(heard().to_json()))
    return place


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cache with what is known of the clip."""
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="module")
def known(made: Path, kept: Path) -> Known:
    from utils.media.intake import probe

    context = RunContext(Store(kept), KnownSettings().flat() | FinishSettings().flat())
    return know(probe(made / "talk.mov"), context, GivenFile.read(made / "talk.json"))


@pytest.fixture
def context(tmp_path: Path) -> RunContext:
    settings = KnownSettings().flat() | FinishSettings().flat() | {"encode.x264_preset": "ultrafast"}
    return RunContext(Store(tmp_path / "cache"), settings)


@pytest.fixture
def origin(made: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Origin]:
    """The service: one clip for 'hello', whose file lies on the same server."""
    monkeypatch.setenv(VARIABLE, "1")
    monkeypatch.setenv(KEY, SECRET)
    with serving(Origin()) as origin:
        monkeypatch.setenv(ADDRESS, origin.at(SEARCH))
        origin.files["/files/7.mp4"] = Served((made / "hello.mp4").read_bytes())
        origin.files[SEARCH] = Served(said(video(origin, 7)))
        yield origin


def video(origin: Origin, number: int, **other: Any) -> dict[str, Any]:
    """A video as the service tells of it: files of several sizes, the fitting one not the first."""
    sizes = ((1920, 1080, "huge"), (320, 180, str(number)), (32, 18, "tiny"))
    files = [
        {"id": at, "quality": "hd", "file_type": "video/mp4", "width": width, "height": height, "fps": 30.0,
         "link": origin.at(f"/files/{name}.mp4?s=1")}
        for at, (width, height, name) in enumerate(sizes)
    ]  # fmt: skip
    user = {"id": 3, "name": "Jane [D]oe", "url": "https://www.pexels.com/@jane"}
    page = f"https://www.pexels.com/video/hello-{number}/"
    return {"id": number, "duration": 2, "url": page, "user": user, "video_files": files} | other


def said(*videos: Any) -> bytes:
    return json.dumps({"page": 1, "per_page": 15, "total_results": len(videos), "videos": videos}).encode()


def client(**other: Any) -> Client:
    found = client_of("pexels")
    assert found is not None
    return replace(found, **{"patience_s": 60.0, **other})


def drafted(known: Known, context: RunContext, folder: Path, **other: Any) -> Draft:
    wishes = Wishes(subtitles=False, zoom=False)
    return draft(known, Materials(service=client(**other)), wishes, folder, context)


def told(made: Draft, known: Known) -> str:
    """The one remark beside those of the clip."""
    (remark,) = [each for each in made.remarks if each not in {event.sentence for event in known.events}]
    return remark


def searches(origin: Origin) -> list[dict[str, list[str]]]:
    return [parse_qs(path.partition("?")[2]) for path, _ in origin.requests if path.startswith(SEARCH)]


def test_a_highlight_gets_a_clip_that_is_fetched_credited_and_seen_in_the_film(
    origin: Origin, known: Known, context: RunContext, tmp_path: Path, made: Path
) -> None:
    plan = drafted(known, context, tmp_path)
    (shown,) = plan.plan.broll
    assert (shown.file, shown.at_s, shown.seconds) == ("broll/pexels-7.mp4", 0.81, 2.0)
    assert (tmp_path / shown.file).read_bytes() == (made / "hello.mp4").read_bytes()
    credits = (tmp_path / "broll" / "CREDITS.md").read_text()
    assert credits.splitlines()[-1] == (
        "- [pexels-7.mp4](pexels-7.mp4): by [Jane \\[D\\]oe](https://www.pexels.com/@jane) at "
        "[Pexels](https://www.pexels.com/video/hello-7/), [Pexels License](https://www.pexels.com/license/); "
        "found for 'hello'."
    )
    assert told(plan, known) == (
        "Pexels was asked for clips of 'hello', which were sent to 127.0.0.1: 1 found; broll/CREDITS.md names who "
        "made them."
    )
    (query,) = searches(origin)
    assert query == {"query": ["hello"], "per_page": ["15"], "orientation": ["landscape"], "locale": ["en-US"]}
    run = finish(known.clip, plan.plan, beside(tmp_path), context)
    assert any(map(run.film.is_hidden, range(len(run.film)))) and not run.events


def test_the_key_goes_to_the_search_alone_and_is_kept_nowhere(
    origin: Origin, known: Known, context: RunContext, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG):
        made = drafted(known, context, tmp_path)
    shown = [headers.get("authorization") for _, headers in origin.requests]
    assert shown == [SECRET, None] and origin.requests[1][0] == "/files/7.mp4?s=1"
    assert SECRET not in repr(client()) and SECRET not in caplog.text and SECRET not in str(made)
    assert not any(SECRET.encode() in path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    assert os.environ[KEY] == SECRET and KEY not in environment(), "no child is given it"


def test_the_same_search_is_asked_again_after_a_day_and_the_same_file_never(
    origin: Origin, known: Known, context: RunContext, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    day = 24 * 3600

    def asked_at(time_s: float, folder: str) -> int:
        monkeypatch.setattr("time.time", lambda: time_s)
        (tmp_path / folder).mkdir(exist_ok=True)
        assert len(drafted(known, context, tmp_path / folder).plan.broll) == 1
        return len(searches(origin))

    assert [asked_at(100.9 * day, "a"), asked_at(100.95 * day, "a"), asked_at(101.8 * day, "b")] == [1, 1, 1]
    origin.files[SEARCH] = Served(said(video(origin, 7)).replace(b"mp4?s=1", b"mp4?s=2"))
    assert asked_at(101.95 * day, "c") == 2
    assert sum(path.startswith("/files") for path, _ in origin.requests) == 1
    assert (tmp_path / "c" / "broll" / "pexels-7.mp4").exists()


def test_what_is_there_beside_the_plan_stays_as_people_left_it(
    origin: Origin, known: Known, context: RunContext, tmp_path: Path
) -> None:
    (folder := tmp_path / "broll").mkdir()
    (folder / "pexels-7.mp4").write_bytes(b"trimmed by hand")
    (folder / "CREDITS.md").write_text("My own words.\n")
    drafted(known, context, tmp_path)
    assert (folder / "pexels-7.mp4").read_bytes() == b"trimmed by hand"
    lines = (folder / "CREDITS.md").read_text().splitlines()
    assert lines[0] == "My own words." and lines[1].startswith("- [pexels-7.mp4]") and len(lines) == 2
    drafted(known, context, tmp_path)
    assert (folder / "CREDITS.md").read_text().splitlines() == lines


def refusing(status: int, **headers: str) -> Callable[[], Served]:
    return lambda: Served(b"{}", status, headers)


BAD_ANSWERS: dict[str, tuple[Callable[[], Served], str]] = {
    "a page": (lambda: Served(b"<!doctype html><title>Sign in</title>"), "What Pexels answered cannot be read"),
    "bad JSON": (lambda: Served(b'{"videos": [{"id": 7,'), "What Pexels answered cannot be read"),
    "deep JSON": (lambda: Served(b"[" * 9000), "What Pexels answered cannot be read"),
    "nothing": (lambda: Served(b""), "What Pexels answered cannot be read"),
    "a list": (lambda: Served(b"[]"), "What Pexels answered cannot be read: it is not an object"),
    "a wrong key": (refusing(401), "Pexels does not accept the key (401). Set RESHOOT_BROLL_KEY to one of its keys."),
    "too often": (refusing(429, **{"Retry-After": "90"}), "Pexels was asked too often (429). Try it again in 90 s."),
    "too often, for some time": (refusing(429), "Pexels was asked too often (429). Try it again later."),
    "an error": (refusing(503), "Pexels answered 503 and no clips."),
    "elsewhere": (refusing(302, Location="https://example.org/"), "Pexels answered 302 and no clips."),
    "too much": (lambda: Served(b" " * (600 << 10)), "answered with more than 512 KiB"),
    "without an end": (lambda: Served(b" " * 65_536, chunked=True, endless=True), "answered with more than 512 KiB"),
    "slowly": (lambda: Served(b" " * 600, pause_s=0.05), "127.0.0.1 did not answer within 2 s"),
    "never": (lambda: Served(b"{}" * 99, hold=threading.Event()), "127.0.0.1 did not answer within 2 s"),
}


@pytest.mark.parametrize("kind", BAD_ANSWERS)
def test_a_service_that_answers_badly_is_one_remark_and_the_plan_is_made(
    kind: str, origin: Origin, known: Known, context: RunContext, tmp_path: Path
) -> None:
    served, sentence = BAD_ANSWERS[kind]
    origin.files[SEARCH] = served()
    made = drafted(known, context, tmp_path, patience_s=2.0 if kind in LATE else 60.0)
    assert sentence in told(made, known) and told(made, known).endswith("The plan is made without b-roll of it.")
    assert made.plan.cut and not made.plan.broll and len(origin.requests) == 1
    assert not (tmp_path / "broll").exists()
    if hold := origin.files[SEARCH].hold:
        hold.set()
    origin.files[SEARCH] = Served(said(video(origin, 7)))
    assert drafted(known, context, tmp_path).plan.broll, "what went wrong is not kept"


def test_a_service_that_cannot_be_reached_is_one_remark(
    origin: Origin, known: Known, context: RunContext, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    nobody = replace(Address.read(origin.at(SEARCH)), port=9_999)
    assert "127.0.0.1 could not be reached" in told(drafted(known, context, tmp_path, address=nobody), known)
    monkeypatch.delenv(VARIABLE)
    assert "in a private network" in told(drafted(known, context, tmp_path), known) and not origin.requests


BAD_FILES: dict[str, tuple[Callable[[], Served], str]] = {
    "4 GB": (lambda: Served(b"x" * 99, headers={"Content-Length": str(4 << 30)}), "4294967296 bytes"),
    "without an end": (lambda: Served(os.urandom(1 << 16), chunked=True, endless=True), "may have 1000000 at most"),
    "a page": (lambda: Served(b"<html>Sign in</html>", headers={"Content-Type": "text/html"}), "is a web page"),
    "no video": (lambda: Served(b"no video at all" * 99), "cannot be opened as a video"),
    "gone": (lambda: Served(status=404), "There is no file at this address (404)"),
    "cut off": (lambda: Served(b"x" * 9000, cut_at=[100] * 9, ranges=False), "Only 100 of 9000 bytes came"),
    "never": (lambda: Served(b"x" * 9000, hold=threading.Event()), "did not answer, or stopped sending"),
    "slowly": (lambda: Served(b"x" * 9000, pause_s=0.3), "was still on its way after"),
}


@pytest.mark.parametrize("kind", BAD_FILES)
def test_a_file_that_cannot_be_used_is_one_remark_and_the_next_clip_is_taken(
    kind: str, origin: Origin, known: Known, context: RunContext, tmp_path: Path
) -> None:
    served, sentence = BAD_FILES[kind]
    origin.files["/files/8.mp4"] = bad = served()
    origin.files[SEARCH] = Served(said(video(origin, 8), video(origin, 7)))
    made = drafted(known, context, tmp_path, most_bytes=1_000_000, limits=QUICK if kind in LATE else FETCHING)
    (remark,) = [each for each in made.remarks if "pexels-8" in each]
    assert remark.startswith("pexels-8 of Pexels is no b-roll: ") and sentence in remark
    assert [each.file for each in made.plan.broll] == ["broll/pexels-7.mp4"]
    assert sorted(path.name for path in (tmp_path / "broll").iterdir()) == ["CREDITS.md", "pexels-7.mp4"]
    if bad.hold:
        bad.hold.set()


def test_what_an_answer_holds_of_nonsense_is_left_out(
    origin: Origin, known: Known, context: RunContext, tmp_path: Path
) -> None:
    plain = [{"file_type": "video/mp4", "width": 640, "height": 360, "link": "http://example.org/a.mp4"}]
    other = [
        "no video", None, 7, {}, video(origin, 0), video(origin, 1, duration="long"), video(origin, 2, user=None),
        video(origin, 3, video_files=plain), video(origin, 4, video_files=["none"]), video(origin, 5, video_files=[]),
        video(origin, 6, url="javascript:alert(1)"), video(origin, 9, duration=1e9), video(origin, "../../etc"),  # type: ignore[arg-type]
    ]  # fmt: skip
    origin.files[SEARCH] = Served(said(*other, video(origin, 7)))
    assert [each.file for each in drafted(known, context, tmp_path).plan.broll] == ["broll/pexels-7.mp4"]


def test_without_results_the_next_words_are_asked_for(
    origin: Origin, known: Known, context: RunContext, tmp_path: Path
) -> None:
    origin.files[SEARCH] = Served(said())
    made = drafted(known, context, tmp_path)
    assert [each["query"][0] for each in searches(origin)] == ["hello", "welcome", "short"]
    assert told(made, known).endswith("were sent to 127.0.0.1: none found.")


def test_a_word_that_the_folder_has_a_clip_for_is_not_asked_for(
    origin: Origin, known: Known, context: RunContext, tmp_path: Path
) -> None:
    (tmp_path / "clips").mkdir()
    (tmp_path / "clips" / "hello.mp4").write_bytes(b"no clip")
    materials = Materials(broll=tmp_path / "clips", service=client())
    draft(known, materials, Wishes(), tmp_path, context)
    assert [each["query"][0] for each in searches(origin)] == ["welcome"]


def test_the_best_file_is_the_smallest_that_fills_the_film(origin: Origin) -> None:
    def best(*size: int) -> str:
        (offer,) = PEXELS.offers(json.loads(said(video(origin, 7))), Wanted("hello", Size(*size)))
        return offer.file.rpartition("/")[2]

    assert [best(64, 48), best(320, 180), best(640, 360), best(4000, 2000)] == [
        "7.mp4?s=1", "7.mp4?s=1", "huge.mp4?s=1", "huge.mp4?s=1",
    ]  # fmt: skip


def test_without_a_key_it_is_off_and_a_name_or_address_that_cannot_be_is_refused(
    monkeypatch: pytest.MonkeyPatch, origin: Origin
) -> None:
    monkeypatch.delenv(KEY)
    assert client_of("pexels") is None
    with pytest.raises(SettingsError, match=r"no service of b-roll 'vimeo'"):
        client_of("vimeo")
    monkeypatch.setenv(KEY, SECRET)
    monkeypatch.setenv(ADDRESS, "http://example.org/search")
    with pytest.raises(SettingsError, match="cannot be used"):
        client_of("pexels")


def test_the_command_writes_a_plan_with_b_roll_and_without_a_key_one_without(
    origin: Origin, made: Path, kept: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def planned(name: str) -> str:
        command = [
            "finish", "plan", str(made / "talk.mov"), "--transcript", str(made / "talk.json"), "--broll-service",
            "pexels", "-o", str(tmp_path / name), "--home", str(tmp_path / "home"),
        ]  # fmt: skip
        result = CliRunner().invoke(app, command, catch_exceptions=False)
        assert result.exit_code == 0, result.output
        return result.output

    assert "Pexels was asked for clips of 'hello'" in planned("plan.yaml")
    assert "broll/pexels-7.mp4" in (tmp_path / "plan.yaml").read_text()
    monkeypatch.delenv(KEY)
    assert "pexels is not asked for b-roll: there is no key; set RESHOOT_BROLL_KEY" in planned("other.yaml")
    assert "pexels" not in (tmp_path / "other.yaml").read_text() and len(searches(origin)) == 1
