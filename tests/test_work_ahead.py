"""Work ahead: what finishing will ask is there before anybody asks; jobs and previews go first, and nothing is loud."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pipeline.finish.film.files import Files
from pipeline.finish.known.ahead import context_ahead, find_ahead
from pipeline.finish.known.settings import KnownSettings
from pipeline.finish.known.story import know
from pipeline.finish.settings import AnalyseSettings
from pipeline.jobs.frame_requests import PREVIEW, FrameRequest, FrameRequests
from pipeline.jobs.job import State
from pipeline.jobs.ledger import Ledger
from pipeline.jobs.locations import database_url
from pipeline.jobs.order import Order, make_order
from pipeline.jobs.workers import ahead
from pipeline.jobs.workers.ahead import Budget, WorkAhead
from pipeline.jobs.workers.ahead_log import RECENT_S, AheadLog, Note
from pipeline.kinds import find_kind
from pipeline.library.beds import beds
from pipeline.library.clips import Clips
from pipeline.library.films import EditedFilm, Films
from pipeline.library.given import find
from pipeline.library.inputs import keep
from pipeline.run import Run
from pipeline.see.open_clip import open_clip
from pipeline.stage import RunContext
from tests.films import clip as film
from tests.spoken import said, sounding
from tests.whispers import bring_tiny
from tests.workers import house
from utils.home import cache_folder
from utils.media.clip import Clip
from utils.project import PROJECT_ROOT
from utils.store import Figures, Store

pytestmark = pytest.mark.slow

KNOWN = {"sound", "voice", "silence", "loudness", "seen"}
STAGES = KNOWN | {"web copy of the clip"}
PATIENCE_S = 400.0
"""A child loads much before it begins, and on a machine that is busy with other tests that takes long."""
ENOUGH = Budget.of(900, 1)
HELD = """
import sys
if "pipeline.jobs.workers.ahead_child" in sys.orig_argv:
    import os, pathlib, signal, time
    from pipeline.stage import Work

    os.nice = lambda more: 0
    place = pathlib.Path(os.environ["HELD"])
    told = Work.report
    def report(self, done, total=None, note=""):
        if (place / "dies").exists():
            os.kill(os.getpid(), signal.SIGSEGV)
        while self.stage == "seen" and (place / "hangs").exists():
            (place / "at work").write_text(str(os.getpid()))
            time.sleep(0.05)
        told(self, done, total, note)
    Work.report = report
"""
"""Every Python runs `sitecustomize` when it starts: this one lets the children that work ahead hang in a step that
never asks whether it is cancelled, or die, as long as a file says so. They keep their priority: on a machine that is
busy with other tests they would hardly get on."""


@pytest.fixture(autouse=True)
def alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home of its own without any model, and a place in which a test says what its children do."""
    monkeypatch.setenv("RESHOOT_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.delenv("RESHOOT_MODELS", raising=False)
    monkeypatch.setenv("HELD", str(tmp_path))
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "sitecustomize.py").write_text(HELD)
    monkeypatch.setenv("PYTHONPATH", f"{tmp_path / 'site'}{os.pathsep}{PROJECT_ROOT}")
    for name in ("CHECK_S", "QUIET_S"):
        monkeypatch.setattr(ahead, name, 0.05)
    return tmp_path / "home"


@pytest.fixture(scope="module")
def talk(tmp_path_factory: pytest.TempPathFactory) -> Clip:
    spoken = said(0.5, "Hello and welcome to this talk.", 0.8)
    return sounding(tmp_path_factory.mktemp("talk") / "talk.mov", spoken.samples)


def added(home: Path, file: Path) -> str:
    """A clip of a home, looked at as the page does."""
    clip = Clips(home).take(file, file.name)
    assert not Clips(home).look(clip).problem
    return clip


def until(found: Callable[[], Any], what: str) -> Any:
    end = time.monotonic() + PATIENCE_S
    while not (value := found()):
        assert time.monotonic() < end, f"no {what}"
        time.sleep(0.05)
    return value


def over(home: Path, clip: str) -> Note:
    """The note on a clip once its turns are over."""

    def ended() -> Note | None:
        note = AheadLog(home).notes().get(clip)
        return note if note and note.state != "begun" else None

    note: Note = until(ended, "end of the clip's turns")
    return note


def figures(home: Path) -> dict[str, Figures]:
    return {name: stage.figures for name, stage in Store(cache_folder(home)).stats().stages.items()}


class Working:
    """Threads that work ahead, as workers have them."""

    def __init__(self, home: Path) -> None:
        self.home, self.ledger = home, Ledger(database_url(home))
        self.begun: list[WorkAhead] = []

    def begin(self, budget: Budget = ENOUGH) -> WorkAhead:
        work = WorkAhead(self.home, self.ledger, budget)
        work.start()
        self.begun.append(work)
        return work

    def close(self) -> None:
        for work in self.begun:
            work.stop()
            if work._thread.is_alive():
                work._thread.join(PATIENCE_S)
        self.ledger.close()


@pytest.fixture
def working(alone: Path) -> Iterator[Working]:
    made = Working(alone)
    yield made
    made.close()


def test_what_finishing_asks_is_there_already_and_that_is_counted_once(working: Working, talk: Clip) -> None:
    home = working.home
    clip = added(home, talk.path)
    working.begin()
    note = over(home, clip)
    assert note.state == "done" and note.bytes > 0 and not note.why
    made = {name: each for name, each in figures(home).items() if each.ahead}
    assert made.keys() == STAGES and all(each.ahead == 1 for each in made.values())
    assert not any(each.misses or each.hits or each.ahead_used for each in made.values()), "nobody asked so far"
    assert AheadLog(home).spent_s() >= sum(each.ahead_s for each in made.values()) > 0

    asked = RunContext(Store(cache_folder(home)), KnownSettings.load("", {}).flat())
    known = know(open_clip(Clips(home).path(clip), asked), asked)
    assert {done.name: done.hit for done in known.done} == dict.fromkeys(KNOWN, True)
    know(open_clip(Clips(home).path(clip), asked), asked)
    used = {name: each for name, each in figures(home).items() if name in KNOWN}
    assert all((each.ahead_used, each.hits) == (1, 2) for each in used.values())
    assert all(each.ahead_saved_s == pytest.approx(each.ahead_s) for each in used.values())


def test_the_transcript_is_found_where_a_model_is_here(alone: Path, talk: Clip) -> None:
    bring_tiny(alone / "models" / "whisper-tiny.en")
    found = [done.name for done in find_ahead(talk, context_ahead(Store(cache_folder(alone), ahead=True), {}))]
    assert set(found) == STAGES | {"transcript"} and found[-2] == "transcript"
    known = know(talk, RunContext(Store(cache_folder(alone)), KnownSettings.load("", {}).flat()))
    assert [done.name for done in known.done if not done.hit] == ["contents"]


def test_a_clip_is_looked_into_ahead_as_the_last_one_was(working: Working, talk: Clip, tmp_path: Path) -> None:
    home = working.home
    wanted = {"silence.least_s": 0.9, "silence.breath_s": 0.1, "wanted.silences": "keep", "retakes.least_words": 7}
    other = added(home, film(tmp_path / "other.mp4", 5).path)
    for kind, settings in (("analyse", {"silence.least_s": 2.0}), ("analyse", wanted), ("steady", {})):
        made = make_order(find_kind(kind), {"clip": other}, "other", settings, "")
        working.ledger.cancel(working.ledger.submit(made).id)
    clip = added(home, talk.path)
    working.begin()
    assert over(home, clip).state == "done"
    for settings, found in ((wanted, True), ({}, False)):
        asked = RunContext(Store(cache_folder(home)), AnalyseSettings.load("", settings).flat())
        known = know(open_clip(Clips(home).path(clip), asked), asked)
        assert {done.name: done.hit for done in known.done} == dict.fromkeys(KNOWN, True) | {"silence": found}
    assert context_ahead(Store(tmp_path), {"silence.by": "another version"}).settings["silence.by"] == "voice"


def test_music_is_listened_to_ahead(working: Working, tmp_path: Path) -> None:
    home, folder = working.home, tmp_path / "music"
    folder.mkdir()
    chord = (0.1 * np.sin(np.arange(32_000) / 20)).astype(np.float32)
    for number, place in enumerate((tmp_path / "added.wav", folder / "bed.wav")):
        sounding(place.with_suffix(".mov"), chord * (number + 1), seconds=2.0).path.rename(place)
    (folder / "broken.mp3").write_bytes(b"no sound")
    digest = keep(home, tmp_path / "added.wav", "sound")
    Films(home).save("ab" * 32, EditedFilm(plan={"music": {"file": digest}}), None)
    path = find(home, "sound", digest)
    assert path and [bed.path for bed in beds(home, folder)] == [path, folder / "bed.wav", folder / "broken.mp3"]
    working.begin(Budget.of(900, 1, folder))
    until(
        lambda: not AheadLog(home).waiting_music(900, folder) and len(AheadLog(home).notes()) == 3, "end of the turns"
    )
    states = {note.state: note.why for note in AheadLog(home).notes().values()}
    assert states.keys() == {"done", "failed"} and "broken.mp3" in states["failed"]
    assert figures(home)["sound file"].ahead == 2

    run = Run(RunContext(Store(cache_folder(home)), {}))
    files = Files(lambda name, what: Path(name), run)
    assert files.sound(str(path), "The music") and files.sound(str(folder / "bed.wav"), "The music")
    assert all(done.hit for done in run.done) and figures(home)["sound file"].ahead_used == 2
    (folder / "bed.wav").write_bytes((tmp_path / "added.wav").read_bytes())
    os.utime(folder / "bed.wav", (1, 1))
    assert [bed.path.name for bed, _ in AheadLog(home).waiting_music(900, folder)] == ["bed.wav"], "it is another one"
    assert not AheadLog(home).waiting_music(900, None) and len(AheadLog(home).notes()) == 1


def test_which_side_of_a_stereo_clip_has_sound_is_found_ahead(alone: Path, tmp_path: Path) -> None:
    both = sounding(tmp_path / "stereo.mov", np.zeros((32_000, 2), np.float32))
    found = [done.name for done in find_ahead(both, context_ahead(Store(cache_folder(alone), ahead=True), {}))]
    assert found[-2:] == ["sound file", "web copy of the clip"]


def test_a_bad_clip_is_remembered_until_it_is_added_again(working: Working, talk: Clip, tmp_path: Path) -> None:
    home = working.home
    good = added(home, talk.path)
    bad = added(home, film(tmp_path / "bad.mp4", 5).path)
    whole = Clips(home).path(bad).read_bytes()
    Clips(home).path(bad).unlink()
    Clips(home).path(bad).write_bytes(b"no clip any more")
    working.begin()
    failed = over(home, bad)
    assert failed.state == "failed" and "clip.mp4" in failed.why
    assert over(home, good).state == "done", "the next one has its turn"
    assert over(home, bad) == failed, "it had no second turn"
    Clips(home).path(bad).write_bytes(whole)
    Clips(home).take(Clips(home).path(bad), "again.mp4")
    until(lambda: over(home, bad).added_at > failed.added_at, "turn of the clip that was added again")
    assert over(home, bad).state == "done"


def test_a_clip_on_which_its_process_dies_is_given_up(working: Working, talk: Clip, tmp_path: Path) -> None:
    (tmp_path / "dies").touch()
    clip = added(working.home, talk.path)
    working.begin()
    note = over(working.home, clip)
    assert (note.state, note.why) == ("failed", "The process died on it.")


def test_a_clip_has_only_so_much_time(working: Working, talk: Clip) -> None:
    clip = added(working.home, talk.path)
    working.begin(Budget.of(0.4, 1))
    note = over(working.home, clip)
    assert (note.state, note.why) == ("spent", "Its time was used up.")
    assert note.spent_s >= 0.4 and not AheadLog(working.home).waiting(0.4)


def test_it_gives_way_to_what_is_over_before_it_looks(working: Working, talk: Clip, tmp_path: Path) -> None:
    (tmp_path / "hangs").touch()
    clip = added(working.home, talk.path)
    work = working.begin()
    child = at_work(tmp_path)
    with work.held():
        pass
    until(lambda: not runs(child), "end of the child")
    (tmp_path / "hangs").unlink()
    assert over(working.home, clip).state == "done"


def test_a_day_has_only_so_much_room(working: Working, talk: Clip) -> None:
    clip = added(working.home, talk.path)
    working.begin(Budget.of(900, 1e-6))
    note = until(lambda: AheadLog(working.home).notes().get(clip), "turn")
    assert note.state == "begun" and note.bytes > 1000
    assert AheadLog(working.home).bytes_today() == note.bytes
    made = {name for name, each in figures(working.home).items() if each.ahead}
    assert made == {"sound", "voice", "silence"}, "it stopped when it saw that it was enough"


def test_without_a_budget_nothing_begins(working: Working, talk: Clip) -> None:
    added(working.home, talk.path)
    for budget in (Budget(), Budget.of(0, 1), Budget.of(60, 0)):
        assert not working.begin(budget)._thread.is_alive()
    assert not AheadLog(working.home).folder.exists()


def test_only_new_clips_that_can_be_read_have_a_turn(alone: Path, talk: Clip, tmp_path: Path) -> None:
    waiting = AheadLog(alone).waiting
    Clips(alone).take(talk.path, "talk.mov")
    assert not waiting(60), "nobody looked at it"
    old = added(alone, talk.path)
    new = added(alone, film(tmp_path / "new.mp4", 5).path)
    assert [clip.id for clip, _ in waiting(60)] == [new, old]
    about = Clips(alone).path(old).with_name("clip.json")
    about.write_text(about.read_text().replace(str(Clips(alone).get(old).added_at), str(time.time() - RECENT_S - 60)))
    assert [clip.id for clip, _ in waiting(60)] == [new]
    AheadLog(alone).folder.mkdir(parents=True)
    AheadLog(alone).write(Note(new, Clips(alone).get(new).added_at, spent_s=61.0), 61.0)
    assert not waiting(60)
    ((_, note),) = waiting(100)
    with AheadLog(alone).turn(note) as mine, AheadLog(alone).turn(note) as others:
        assert mine and not others, "one worker has it"
    AheadLog(alone).write(note.after(1.0, 10, "begun"), 0.0)
    with AheadLog(alone).turn(note) as mine:
        assert not mine, "another one had it meanwhile"
    Clips(alone).remove(new, tuple)
    assert not waiting(100) and not AheadLog(alone).notes() and AheadLog(alone).spent_s() == 61.0


def test_it_gives_way_to_all_other_processes() -> None:
    code = """import os; from utils.process_resources import give_way_to_all
give_way_to_all(); print(os.getpriority(os.PRIO_PROCESS, 0), open("/proc/self/oom_score_adj").read())"""
    command = [sys.executable, "-c", code]
    told = subprocess.run(command, cwd=PROJECT_ROOT, capture_output=True, text=True, check=True, start_new_session=True)
    assert told.stdout.split() == ["19", "1000"]


def runs(pid: int) -> bool:
    try:
        return ") Z" not in Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False


def at_work(tmp_path: Path) -> int:
    """The child that works ahead, and hangs."""
    (tmp_path / "at work").unlink(missing_ok=True)
    pid: int = until(lambda: (tmp_path / "at work").exists() and int((tmp_path / "at work").read_text() or 0), "child")
    return pid


def order(clip: str) -> Order:
    """A film that asks nothing of what is found ahead."""
    return make_order(find_kind("finish"), {"clip": clip}, "talk", {"film.plan": "{}"}, "")


def test_jobs_and_previews_go_first_and_its_turn_comes_again(alone: Path, talk: Clip, tmp_path: Path) -> None:
    (tmp_path / "hangs").touch()
    with house(alone, RESHOOT_AHEAD_S="900") as people:
        clip = added(alone, talk.path)
        child = at_work(tmp_path)
        job = people.ledger.submit(order(clip)).id
        people.until(lambda: not runs(child), "end of the child")
        assert people.ended(job).state is State.DONE
        kept = AheadLog(alone).notes()[clip]
        assert kept.state == "begun" and kept.spent_s > 0

        child, previews = at_work(tmp_path), FrameRequests(people.ledger, PREVIEW)
        preview = "a" * 24
        previews.ask(preview, FrameRequest(order(clip), 0.5))
        people.until(lambda: not runs(child), "end of the child")
        assert "problem" not in people.until(lambda: previews.answer(preview), "answer")
        previews.take_back(preview)

        child = at_work(tmp_path)
        people.kill(people.living()[0])
        people.until(lambda: not runs(child), "end of the child with its worker")
        (tmp_path / "hangs").unlink()
        assert over(alone, clip).state == "done"
        made = {name: each for name, each in figures(alone).items() if each.ahead}
        assert made.keys() == STAGES and all(each.ahead == 1 for each in made.values()), "nothing was made twice"
        assert not any(each.ahead_used for each in made.values())

        job = people.ledger.submit(make_order(find_kind("analyse"), {"clip": clip}, "talk", {}, "")).id
        told = people.ended(job).result["stages"]
        assert {each["name"] for each in told if each["cache"] == "hit"} == STAGES
    assert [figures(alone)[name].ahead_used for name in STAGES] == [1] * len(STAGES)
    log = next((alone / "jobs").glob("*.log")).read_text()
    assert "Traceback" not in log, log


def test_two_workers_on_one_postgres_make_nothing_twice(
    alone: Path, talk: Clip, tmp_path: Path, postgres: Callable[[], str]
) -> None:
    files = [talk.path, *(film(tmp_path / f"{count}.mp4", count).path for count in (5, 6))]
    with house(alone, database=postgres(), RESHOOT_AHEAD_S="900") as people:
        people.open("another")
        clips = [added(alone, file) for file in files]
        assert [over(alone, clip).state for clip in clips] == ["done"] * 3
    counted = figures(alone)
    entries = Store(cache_folder(alone)).stats().stages
    assert {name: each.ahead for name, each in counted.items() if each.ahead} == {
        name: entries[name].entries for name in STAGES
    }
