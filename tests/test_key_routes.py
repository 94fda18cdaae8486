"""Frames to paint in the app: found by its worker, kept, and given out as the command line writes them."""

import io
import json
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from pipeline.engines.keyframe.unshown import Unshown
from pipeline.jobs.frame_requests import (
    MOST_WAITING,
    PREVIEW,
    STRIP,
    FrameRequest,
    FrameRequestError,
    FrameRequests,
    Standing,
)
from pipeline.jobs.job import State
from pipeline.jobs.ledger import Ledger
from pipeline.jobs.locations import database_url
from pipeline.jobs.results import Results
from pipeline.jobs.tables import jobs
from pipeline.keys.folder import Folder
from pipeline.keys.reaches import reaches
from pipeline.keys.story import propose
from pipeline.library.strips import Strip, sweep
from pipeline.result.names import FACTS
from pipeline.see.open_clip import open_clip
from pipeline.settings import Settings
from pipeline.stage import RunContext
from tests.journeys import filmed
from tests.orders import restyle_order
from tests.studios import App, app
from ui.routes.keys import unreached
from ui.studio import Studio
from utils.home import cache_folder
from utils.media.timebase import Span
from utils.store import Store
from utils.walker import Shot

pytestmark = pytest.mark.slow

FRAMES = 44


@dataclass(frozen=True)
class Desk:
    """An app with its worker, and a clip in it whose strip is there."""

    app: App
    file: Path
    clip: str
    strip: Mapping[str, Any]

    def asked(self, **body: Any) -> dict[str, Any]:
        return dict(self.app.ask(f"/studio/clips/{self.clip}/keys", body))

    def ready(self, **body: Any) -> dict[str, Any]:
        """The strip, once it is there."""
        self.app.until(lambda: self.asked(**body)["state"] == "ready", "strip")
        return self.asked(**body)

    def archive(self, frames: str) -> dict[str, bytes]:
        status, content = self.app.answer(f"{self.strip['archive']}?frames={frames}")
        assert status == 200, content
        with zipfile.ZipFile(io.BytesIO(content)) as file:
            assert file.testzip() is None
            return {name: file.read(name) for name in file.namelist()}


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    file = filmed(tmp_path_factory.mktemp("film"), Shot(size=(256, 144), frames=FRAMES))
    with app(tmp_path_factory.mktemp("keys") / "home") as studio:
        desk = Desk(studio, file, studio.upload(file), {})
        first = desk.asked()
        assert first["state"] == "working" and 0 <= first["share"] < 1 and first["stage"]
        yield Desk(studio, file, desk.clip, desk.ready())


def numbers(strip: Mapping[str, Any]) -> list[int]:
    return [each["frame"] for each in strip["frames"]]


def test_each_frame_has_its_reason_and_pictures(desk: Desk) -> None:
    strip = desk.strip
    assert numbers(strip) == strip["proposed"] and 2 <= len(strip["proposed"]) <= 10
    assert strip["span"] == [0, FRAMES] and strip["shots"] == [[0, FRAMES]] and strip["seen"]
    for each in strip["frames"]:
        assert each["reason"]
        status, small = desk.app.answer(each["small"])
        assert status == 200 and Image.open(io.BytesIO(small)).size == (240, 135)


def test_a_second_visit_is_answered_at_once(desk: Desk) -> None:
    assert desk.asked() == {"state": "ready", **desk.strip}
    assert desk.asked(settings={"generate.look": "ink"})["id"] == desk.strip["id"], "looks change nothing of it"
    other = desk.asked(settings={"generate.apply_to": "both"})
    assert other["state"] == "working" and other["id"] != desk.strip["id"]


def test_what_is_given_out_is_what_the_command_writes(desk: Desk, tmp_path: Path) -> None:
    context = RunContext(Store(cache_folder(desk.app.home)), Settings.load("balanced").flat())
    folder = tmp_path / "walk - frames to paint"
    Folder(folder, "stable").write(propose(open_clip(desk.file, context), context))
    given = desk.archive(",".join(map(str, desk.strip["proposed"])))
    assert given == {path.name: path.read_bytes() for path in folder.iterdir()}
    for each in desk.strip["frames"]:
        assert desk.app.answer(each["url"])[1] == given[each["url"].rpartition("/")[2]]


def test_a_frame_of_ones_own_is_drawn_and_one_can_be_left_out(desk: Desk) -> None:
    proposed = desk.strip["proposed"]
    own = next(frame for frame in range(1, FRAMES) if frame not in proposed)
    strip = desk.ready(frames=[own, 5000])
    assert numbers(strip) == sorted([*proposed, own]) and strip["proposed"] == proposed
    (mine,) = [each for each in strip["frames"] if each["frame"] == own]
    assert mine["reason"] == "you asked for it"
    given = desk.archive(f"{own},{proposed[-1]}")
    keys = json.loads(given["keys.json"])["keys"]
    assert [key["frame"] for key in keys] == sorted([own, proposed[-1]]) and len(given) == 4
    assert [key["reaches"] for key in keys] == [[0, proposed[-1] - 1], [own + 1, FRAMES - 1]]


def test_a_picture_that_was_only_saved_again_is_not_painted(desk: Desk) -> None:
    frame, buffer = desk.strip["proposed"][1], io.BytesIO()
    Image.open(io.BytesIO(desk.archive(str(frame))[f"{frame:06}.png"])).save(buffer, "PNG", compress_level=9)
    content, listed = buffer.getvalue(), ",".join(map(str, desk.strip["proposed"]))
    line = json.dumps([{"name": f"{frame:06}.png", "bytes": len(content)}]).encode()
    path = f"/studio/clips/{desk.clip}/paintings?strip={desk.strip['id']}&frames={listed}"
    status, told = desk.app.answer(path, line + b"\n" + content)
    assert status == 201 and json.loads(told)["digest"] is None
    assert "saved again, and nobody painted on it" in json.loads(told)["refused"][0][1]


def test_downloads_are_attachments_and_nothing_else_is_given_out(desk: Desk) -> None:
    place = desk.strip["archive"].removesuffix("/frames.zip")
    for path in (
        f"{place}/strip.json", f"{place}/../{desk.strip['id']}", f"{place}/..%2fstrip.json",
        f"/studio/clips/{desk.clip}/keys/{'0' * 64}/000000.png", f"/studio/clips/{desk.clip}/keys/x/000000.png",
        f"/studio/clips/{desk.clip}/keys/{'0' * 64}/frames.zip?frames=0",
    ):  # fmt: skip
        assert desk.app.status(path) == 404, path
    assert desk.app.status(f"{place}/frames.zip?frames=0;1") == 422


@pytest.mark.parametrize("frames", ["all", [1.5], [True], ["1"], [0] * 1001])
def test_frames_that_are_none_are_refused(desk: Desk, frames: object) -> None:
    status, told = desk.app.answer(f"/studio/clips/{desk.clip}/keys", {"frames": frames})
    assert status == 400 and "cannot be read" in json.loads(told)["problem"]


def test_reaches_end_at_neighbours_and_at_cuts() -> None:
    assert reaches([(0, 10), (10, 30)], [3, 12, 20]) == [(0, 10), (10, 20), (13, 30)]
    assert reaches([(0, 10)], []) == []


def test_a_request_lives_until_it_is_made_or_given_up(tmp_path: Path) -> None:
    requests = FrameRequests(Ledger(database_url(tmp_path, None)), STRIP)
    order = restyle_order("0" * 64, "Walk", {}, "fast")
    requests.ask("a" * 64, FrameRequest(order, frames=(3,)))
    requests.ask("a" * 64, FrameRequest(order))
    assert requests.claim("one") == ("a" * 64, FrameRequest(order, frames=(3,)))
    assert requests.claim("two") is None
    assert requests.report("a" * 64, Standing(share=0.5, stage="analyse"))
    known = requests.standing("a" * 64)
    assert known and (known.worker, known.share, known.stage) == ("one", 0.5, "analyse")
    requests.let_go("one")
    assert (known := requests.standing("a" * 64)) and (known.worker, known.share, known.stage) == ("", 0.0, "")
    assert requests.claim("two")
    died = {"problem": "It died.", "remedy": "Again."}
    requests.recover("two", died)
    assert requests.answer("a" * 64) == died and requests.claim("two") is None
    requests.take_back("a" * 64)
    assert requests.standing("a" * 64) is None and not requests.report("a" * 64, Standing())


def test_requests_of_two_sorts_are_apart_and_not_too_many(tmp_path: Path) -> None:
    ledger, order = Ledger(database_url(tmp_path, None)), restyle_order("0" * 64, "Walk", {}, "fast")
    strips, previews = FrameRequests(ledger, STRIP), FrameRequests(ledger, PREVIEW)
    for number in range(MOST_WAITING):
        strips.ask(f"{number}", FrameRequest(order))
    with pytest.raises(FrameRequestError, match="Many frames"):
        strips.ask("one more", FrameRequest(order))
    previews.ask("0", FrameRequest(order, 0.5))
    assert previews.claim("one") == ("0", FrameRequest(order, 0.5)) and previews.claim("one") is None
    previews.take_back("0")
    assert strips.claim("one") == ("0", FrameRequest(order))


def test_a_finished_job_says_which_frames_no_painting_reaches(tmp_path: Path) -> None:
    """In frames of the file, though the job has used a part of it."""
    ledger, keys, told = Ledger(database_url(tmp_path, None)), "b" * 64, Unshown(Span(5, 9), 0.31, 7)
    order = restyle_order("a" * 64, "Walk", {"generate.keys": keys, "trim.from_s": 1.0})
    job = ledger.submit(order).id

    def write(folder: Path) -> dict[str, Any]:
        facts = {"warnings": [f"{told.sentence} (frames 0-20)", "Something else."]}
        (folder / FACTS).write_text(json.dumps(facts))
        return facts

    Results.of(tmp_path).appear(job, 1, write)
    studio, strip = Studio(tmp_path, ledger), {"clip": "a" * 64, "span": [30, 60], "trim": [1.0, 0.0]}
    assert list(unreached(studio, strip, keys)) == [], "it has not ended"
    with ledger.engine.begin() as connection:
        connection.execute(jobs.update().values(state=State.DONE, finished_at=1.0))
    assert list(unreached(studio, strip, keys)) == [{"start": 35, "stop": 39, "share": 0.31, "frame": 37}]
    for other in ({**strip, "trim": [0.0, 0.0]}, {**strip, "clip": "b" * 64}):
        assert list(unreached(studio, other, keys)) == []
    assert list(unreached(studio, strip, "c" * 64)) == []


def test_strips_that_nobody_looks_at_are_thrown_away(tmp_path: Path) -> None:
    strip = Strip.of(tmp_path, "a" * 64)
    strip.folder.mkdir(parents=True)
    strip.finish({"span": [0, 1]})
    assert sweep(tmp_path) == 0 and strip.facts()
    assert sweep(tmp_path, older_than_s=-1) == 1 and strip.facts() is None
