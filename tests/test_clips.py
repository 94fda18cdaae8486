"""Clips of a home: taken in whole, looked at once by a child, kept for as long as a job needs them."""

import json
import shutil
import subprocess
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from pipeline.library.clips import LOCK, Clips, NoClip
from pipeline.library.filmstrip import ABOUT, MOST_TILES, shown_frames
from tests.journeys import filmed, sounding
from tests.test_child import alive, until
from utils.digest import digest_file
from utils.image import Size
from utils.media.probe import Limits, scan
from utils.media.video import ClipFrames
from utils.media.xmp import write_settings
from utils.project import PROJECT_ROOT
from utils.store import Store
from utils.walker import Shot

pytestmark = pytest.mark.slow

SHOT = Shot(size=(192, 108), frames=12)
DOCUMENT = {"preset": "fast", "settings": {"generate.look": "ink"}}


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A walker with sound, made by settings that it tells of."""
    path = sounding(filmed(tmp_path_factory.mktemp("film"), SHOT), float(SHOT.seconds))
    write_settings(path, DOCUMENT)
    return path


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> Clips:
    return Clips(tmp_path_factory.mktemp("home"))


def copied(file: Path, folder: Path, more: bytes = b"") -> Path:
    """A file to add; with `more` at its end it is another clip."""
    path = Path(shutil.copy(file, folder / "upload"))
    path.write_bytes(path.read_bytes() + more)
    return path


def stored(home: Path) -> set[str]:
    """The names of what lies in the folder of the clips, but for files of its own."""
    return {each.name for each in (home / "clips").iterdir()} - {LOCK, ".example"}


@pytest.fixture(scope="module")
def clip(clips: Clips, film: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    name = clips.add(copied(film, tmp_path_factory.mktemp("up")), "Walk in the park.MOV")
    clips.look(name)
    return name


def test_a_file_is_moved_in_under_a_name_of_our_own(clips: Clips, film: Path, tmp_path: Path) -> None:
    upload = copied(film, tmp_path)
    name = clips.add(upload, "../../etc/walk.MP4")
    assert not upload.exists()
    place = clips.path(name)
    assert place.name == "clip.mp4" and place.parent.name == name and place.read_bytes() == film.read_bytes()
    kept = clips.get(name)
    assert (kept.title, kept.bytes, kept.state) == ("../../etc/walk.MP4", film.stat().st_size, "looking")
    assert name in [each.id for each in clips.all()]
    strange = clips.add(copied(film, tmp_path, b"1"), "walk.html")
    assert clips.path(strange).name == "clip"


def test_a_look_brings_the_facts_the_settings_and_a_picture(clips: Clips, clip: str) -> None:
    import cv2

    kept = clips.get(clip)
    assert kept.state == "ready" and kept.inspection and kept.inspection.facts
    facts = kept.inspection.facts
    assert (facts["width"], facts["height"], facts["frames"], facts["fps"]) == (*SHOT.size, SHOT.frames, 30.0)
    assert facts["seconds"] == 0.4 and facts["codec"] == "h264" and facts["rotation"] == 0
    assert facts["sound"]["rate_hz"] == 48000 and facts["digest"] == digest_file(clips.path(clip))
    assert kept.inspection.settings == DOCUMENT
    picture = cv2.imread(str(clips.poster(clip)))
    assert Size.of(picture) == Size(*SHOT.size) and picture.std() > 20


def test_a_clip_is_looked_at_once_and_the_job_need_not_look_again(clips: Clips, clip: str) -> None:
    first = clips.path(clip).parent / "look.json"
    stamp = first.stat().st_mtime_ns
    assert clips.look(clip) == clips.get(clip).inspection
    assert first.stat().st_mtime_ns == stamp
    home = clips.path(clip).parents[2]
    assert "probe" in [entry.stage for entry in Store(home / "cache").entries()]


def test_a_film_strip_shows_the_frames_that_it_names(clips: Clips, clip: str) -> None:
    strip = clips.strip(clip)
    source = scan(clips.path(clip), Limits())
    assert strip.frames[0] == 0 and strip.frames[-1] == len(source) - 1 and len(strip.frames) <= MOST_TILES
    sheet = cv2.imread(str(clips.strip_picture(clip)))[..., ::-1].astype(float)
    for place in (0, len(strip.frames) // 2, len(strip.frames) - 1):
        row, column = divmod(place, strip.columns)
        top, left = row * strip.height_px, column * strip.width_px
        tile = sheet[top : top + strip.height_px, left : left + strip.width_px]
        (frame,) = ClipFrames.of(source, Size(strip.width_px, strip.height_px)).read([strip.frames[place]])
        assert np.abs(tile - frame.rgb).mean() < 4


def test_a_film_strip_is_made_once_and_again_when_it_is_damaged(clips: Clips, clip: str) -> None:
    first = clips.strip(clip)
    about = clips.strip_picture(clip).with_name(ABOUT)
    made_at = about.stat().st_mtime_ns
    assert clips.strip(clip) == first and about.stat().st_mtime_ns == made_at
    about.write_text('{"frames": ["x"], "columns": 1, "width_px": 1, "height_px": 1}')
    assert clips.strip(clip) == first


def test_a_film_strip_of_a_long_clip_takes_key_frames(clips: Clips, clip: str) -> None:
    source, keys = scan(clips.path(clip), Limits()), tuple(range(0, 100_000, 250))
    long = replace(source, pts=tuple(range(100_000)), keys=keys, key_bytes=keys, size=Size(1920, 1080), seekable=True)
    shown = shown_frames(long)
    assert set(shown) <= set(keys) and len(shown) == MOST_TILES and shown == sorted(set(shown))
    assert shown_frames(replace(long, size=Size(64, 36)))[1] == round(99_999 / (MOST_TILES - 1))


def test_what_is_no_clip_is_refused_under_the_name_that_its_owner_knows(clips: Clips, tmp_path: Path) -> None:
    for text, title in (("hello", "notes.mp4"), ("#EXTM3U\nfile:///etc/passwd\n", "list.mp4")):
        upload = tmp_path / "upload"
        upload.write_text(text)
        name = clips.add(upload, title)
        seen = clips.look(name)
        assert seen.facts is None and repr(title) in seen.problem and "clip.mp4" not in seen.problem and seen.remedy
        kept = clips.get(name)
        assert kept.state == "refused" and (kept.problem, kept.remedy) == (seen.problem, seen.remedy)
        assert not clips.poster(name).exists()


def test_adding_goes_on_where_a_death_cut_it_short(clips: Clips, film: Path, tmp_path: Path) -> None:
    name = digest_file(film)
    clips.remove(name, list)
    part = clips.path(clips.add(copied(film, tmp_path, b"2"), "x.mp4")).parents[1] / f".{name}.part"
    part.mkdir()
    upload = copied(film, tmp_path)
    upload.rename(part / "clip.mp4")
    assert clips.add(upload, "walk.mp4", name) == name
    assert clips.path(name).read_bytes() == film.read_bytes()


@pytest.mark.parametrize("name", ["", "..", "../jobs", "e" * 23, "E" * 24, "e" * 24 + "\n", "\0" * 24])
def test_only_names_that_were_given_lead_anywhere(clips: Clips, name: str) -> None:
    for act in (clips.get, clips.path, clips.look, lambda each: clips.remove(each, list)):
        with pytest.raises(NoClip):
            act(name)


def test_what_a_job_needs_is_never_removed(film: Path, tmp_path: Path) -> None:
    clips = Clips(tmp_path / "home")
    needed, asked_for, old, fresh = (
        clips.add(copied(film, tmp_path, b"%d" % each), f"{each}.mp4") for each in range(4)
    )
    for name in (needed, asked_for, old):
        about = clips.path(name).parent / "clip.json"
        about.write_text(json.dumps(json.loads(about.read_text()) | {"added_at": time.time() - 8 * 24 * 3600}))
    used, late = {needed}, asked_for

    def asked_again() -> set[str]:
        """A job that comes in just while the sweep is under way."""
        seen = set(used)
        used.add(late)
        return seen

    assert clips.sweep(asked_again) == 1
    assert {each.id for each in clips.all()} == {needed, asked_for, fresh}
    assert clips.remove(needed, lambda: used) is False and clips.path(needed).read_bytes() == film.read_bytes() + b"0"
    assert clips.remove(fresh, lambda: used) is True
    with pytest.raises(NoClip):
        clips.get(fresh)
    assert stored(tmp_path / "home") == {needed, asked_for}


def test_a_removal_that_a_death_cut_short_is_settled(
    film: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clips = Clips(tmp_path / "home")
    needed, other = (clips.add(copied(film, tmp_path, more), "walk.mp4") for more in (b"", b"3"))
    used = {needed}
    for name in (needed, other):
        place = clips.path(name).parent
        place.rename(place.with_name(f".{name}.gone"))
    clips.sweep(lambda: used)
    assert clips.all() == [], "another process may be in the middle of it"
    monkeypatch.setattr("pipeline.library.clips.REMOVAL_S", 0.0)
    clips.sweep(lambda: used)
    assert [each.id for each in clips.all()] == [needed]
    assert stored(tmp_path / "home") == {needed}


def test_the_example_is_rendered_once_for_all_who_ask(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The real child, with a shorter walk than people get."""
    child = "import pipeline.library.inspection as it; it.EXAMPLE_SIZE, it.EXAMPLE_FRAMES = (192, 108), 12; it.main()"
    started = []

    def short(arguments: list[str]) -> list[str]:
        started.append(arguments)
        return [sys.executable, "-c", child, *arguments]

    monkeypatch.setattr("pipeline.library.inspection.command", short)
    clips, names = Clips(tmp_path), list[str]()
    threads = [threading.Thread(target=lambda: names.append(clips.example())) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    example = clips.example_id()
    assert names == [example] * 3 and len(started) == 1
    assert clips.get(example).title == "Example walk.mp4" and clips.path(example).stat().st_size > 1000
    assert clips.example() == example and len(started) == 1
    assert stored(tmp_path) == {example}


def test_the_same_content_is_one_clip_under_its_latest_title(film: Path, tmp_path: Path) -> None:
    clips = Clips(tmp_path / "home")
    first, second = (clips.add(copied(film, tmp_path), title) for title in ("a.mp4", "b.mp4"))
    assert first == second == digest_file(film) and [each.title for each in clips.all()] == ["b.mp4"]
    assert not (tmp_path / "upload").exists()


def test_a_file_of_this_machine_is_kept_and_stays_where_it_is(film: Path, tmp_path: Path) -> None:
    mine, clips = copied(film, tmp_path), Clips(tmp_path / "home")
    name = clips.take(mine, "mine.mp4")
    assert mine.samefile(clips.path(name)), "a hard link needs no second gigabyte"
    mine.unlink()
    assert clips.path(name).read_bytes() == film.read_bytes() and stored(tmp_path / "home") == {name}


def test_a_clip_of_an_earlier_version_gets_its_digest_when_it_is_used(film: Path, tmp_path: Path) -> None:
    clips = Clips(tmp_path / "home")
    name = clips.add(copied(film, tmp_path), "old.mp4")
    old = clips.path(name).parent
    about = json.loads((old / "clip.json").read_text())
    (old / "clip.json").write_text(json.dumps({**about, "id": "ab" * 12}))
    old.rename(old.with_name("ab" * 12))
    assert clips.digest("ab" * 12) == name and clips.path(name).samefile(clips.path("ab" * 12))


def test_a_child_that_hangs_is_ended_and_one_whose_parent_dies_goes_too(
    clips: Clips, film: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mark = tmp_path / "mark"
    hangs = (
        "import os, pathlib, sys, time, pipeline.library.inspection as it; it.go_with_parent();"
        f"pathlib.Path({str(mark)!r}).write_text(str(os.getpid())); time.sleep(300)"
    )
    name = clips.add(copied(film, tmp_path), "slow.mp4")
    monkeypatch.setattr("pipeline.library.inspection.command", lambda arguments: [sys.executable, "-c", hangs])
    monkeypatch.setattr("pipeline.library.inspection.LOOK_S", 1.0)
    assert "ran out of its limits" in clips.look(name).problem
    parent = subprocess.Popen(
        [
            sys.executable,
            "-c",
            "import sys, pipeline.library.inspection as it; from pathlib import Path;"
            f"it.command = lambda arguments: [sys.executable, '-c', {hangs!r}]; it.film_example(Path('x'))",
        ],
        cwd=PROJECT_ROOT,
    )
    mark.unlink(missing_ok=True)
    until(lambda: mark.exists() and mark.read_text() != "")
    child = int(mark.read_text())
    parent.kill()
    parent.wait()
    until(lambda: not alive(child))


def test_a_child_is_told_no_secrets(clips: Clips, film: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tells = "import json, os; print(json.dumps({'problem': ' '.join(os.environ), 'remedy': 'none'}))"
    monkeypatch.setattr("pipeline.library.inspection.command", lambda arguments: [sys.executable, "-c", tells])
    monkeypatch.setenv("RUNPOD_API_KEY", "secret")
    monkeypatch.setenv("RESHOOT_HOME", "no secret")
    said = clips.look(clips.add(copied(film, tmp_path), "walk.mp4")).problem.split()
    assert "RESHOOT_HOME" in said and "RUNPOD_API_KEY" not in said


SAYS_TOO_MUCH = "while True: print('x' * 65536, end='')"
ANSWERS = [
    "3", "[]", "{}", "[" * 5000, '{"facts": 3, "settings": null}', '{"facts": {}, "settings": [1]}',
    '{"facts": {}, "settings": {}, "problem": "", "remedy": ""}', '{"problem": 3, "remedy": "x"}', '{"facts": {}}',
    '{"facts": {}, "settings": ' + '{"a":' * 900 + "1" + "}" * 901,
]  # fmt: skip


@pytest.mark.parametrize("code", [SAYS_TOO_MUCH, *(f"print({answer!r})" for answer in ANSWERS)])
def test_an_answer_of_another_form_is_no_answer(
    clips: Clips, film: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: str
) -> None:
    """A clip may make its reader say anything."""
    monkeypatch.setattr("pipeline.library.inspection.command", lambda arguments: [sys.executable, "-c", code])
    name = clips.add(copied(film, tmp_path), "walk.mp4")
    assert "could not be read safely" in clips.look(name).problem
    assert clips.get(name).state == "refused"


@pytest.mark.parametrize("kept", ["[", "3", '{"facts": {}, "settings": ' + '{"a":' * 900 + "1" + "}" * 901])
def test_what_was_kept_of_a_look_and_cannot_be_read_is_found_out_again(
    clips: Clips, film: Path, tmp_path: Path, kept: str
) -> None:
    name = clips.add(copied(film, tmp_path), "walk.mp4")
    (clips.path(name).parent / "look.json").write_text(kept)
    assert clips.get(name).state == "looking"
    clips.look(name)
    assert clips.get(name).state == "ready"


def test_the_web_process_loads_nothing_heavy() -> None:
    code = "import sys, pipeline.library.clips, utils.uploads; print(*sorted(sys.modules))"
    said = subprocess.run(
        [sys.executable, "-c", code], cwd=PROJECT_ROOT, capture_output=True, text=True, check=True
    ).stdout
    assert not set(said.split()) & {"numpy", "cv2", "av", "mediapipe", "scipy", "numba", "gradio", "fastapi"}
