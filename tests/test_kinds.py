"""Kinds of jobs: each surface knows all of them through the registry, and a new one is a folder and a line."""

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from pipeline.jobs.job import State
from pipeline.jobs.order import Order, make_order
from pipeline.jobs.results import Results
from pipeline.kinds import USUAL, find_kind, kinds, stage_sentence
from pipeline.library import inputs
from pipeline.result.names import CLIP
from pipeline.settings import Settings
from tests.journeys import filmed
from tests.studios import App
from tests.workers import house
from utils.camera.path import CameraPath
from utils.digest import digest_file
from utils.errors import SettingsError
from utils.media.intake import probe
from utils.media.xmp import read_settings
from utils.project import PROJECT_ROOT
from utils.walker import Shot

pytestmark = pytest.mark.slow

SHOT = Shot(size=(320, 180), frames=24)
FACTS = {"width": 1280, "height": 720, "frames": 300}


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return filmed(tmp_path_factory.mktemp("film"), SHOT, sound=True)


@pytest.mark.parametrize("kind", kinds(), ids=lambda kind: kind.name)
def test_a_kind_says_all_that_forms_jobs_and_pages_ask_for(kind: Any) -> None:
    assert find_kind(kind.name) is kind and kind.roles["clip"].content == "clip"
    assert {field.name for field in map(kind.settings.field, (*kind.front, *kind.quick))}
    assert set(kind.file_settings) <= set(kind.roles), "every setting that is a file is an input"
    assert CLIP in kind.files and sum(text.share for text in kind.stages.values()) == pytest.approx(100, abs=1)
    estimates = kind.estimate(FACTS, [], {})
    assert list(estimates) == list(kind.presets or [""])
    assert all(each.seconds > 1 and each.memory_mb > 100 and each.device for each in estimates.values())
    assert all(stage_sentence(stage) == text.sentence for stage, text in kind.stages.items() if stage != "stabilise")
    for preset in kind.presets or [""]:
        assert kind.summary(kind.settings.load(preset).flat())


def test_a_card_says_what_a_clip_is_made_with() -> None:
    """The look, the beginning of the prompt, or that frames were painted."""
    kind = find_kind(USUAL)
    said = {"generate.look": "ink", "generate.prompt": "A knight in armour"}
    found = {engine: kind.summary({**said, "generate.engine": engine}) for engine in ("restyle", "keyframe", "vace")}
    assert found == {"restyle": "ink", "keyframe": "painted frames", "vace": "A knight in armour"}


def test_a_kind_that_is_not_there_is_named() -> None:
    with pytest.raises(SettingsError, match="no kind of job called 'song'") as caught:
        find_kind("song")
    assert "restyle, steady" in caught.value.remedy


def test_an_order_survives_the_database_and_holds_files_as_inputs() -> None:
    pictures = {"generate.reference": "ab" * 32, "generate.reference_2": "ef" * 32}
    settings = {"generate.look": "ink", **pictures}
    order = make_order(find_kind("restyle"), {"clip": "cd" * 32}, "Walk", settings, "fast")
    assert order.inputs == {"clip": "cd" * 32, "reference": "ab" * 32, "reference_2": "ef" * 32}
    assert order.settings == {"generate.look": "ink"}
    assert Order.from_json(json.loads(json.dumps(order.to_json()))) == order
    assert order.chosen == settings
    with pytest.raises(SettingsError, match=r"There is no setting 'generate\.look'"):
        make_order(find_kind("steady"), {}, "Walk", {"generate.look": "ink"}, "")
    with pytest.raises(SettingsError, match="has no presets"):
        make_order(find_kind("steady"), {}, "Walk", {}, "fast")


def test_a_file_that_was_changed_after_it_was_submitted_is_missed(clip: Path, tmp_path: Path) -> None:
    mine = Path(shutil.copy(clip, tmp_path / "mine.mp4"))
    digest = inputs.keep(tmp_path / "home", mine, "clip")
    assert digest_file(inputs.find(tmp_path / "home", digest, "clip")) == digest
    with mine.open("r+b") as file:  # in place, so that the hard link in the home changes with it
        file.write(b"changed")
    with pytest.raises(Exception, match="not any more what it was"):
        inputs.find(tmp_path / "home", digest, "clip")


def run(*said: str, at: Path = PROJECT_ROOT) -> str:
    child = subprocess.run([sys.executable, "-m", "pipeline", *said], cwd=at, capture_output=True, text=True)
    assert child.returncode == 0, child.stderr
    return child.stdout


def test_a_steady_job_gives_what_the_command_gives(clip: Path, tmp_path: Path) -> None:
    """Through the queue, the worker, the result and the settings in the MP4."""
    home = tmp_path / "home"
    with house(home) as home_of:
        said = ("--kind", "steady", "--set", "stabilise.window_s=0.5", "--home", str(home))
        job = run("jobs", "submit", str(clip), *said)
        ended = home_of.ended(job.strip())
    assert (ended.state, ended.problem, ended.order.kind, ended.order.preset) == (State.DONE, "", "steady", "")
    assert ended.result["look"] == "gaussian, 0.5 s" and ended.result["frames"] == 24
    place = Results.of(home).place(ended.id)
    facts = json.loads((place / "result.json").read_text())
    numbers = facts["numbers"]
    assert numbers["frames_in"] == numbers["frames_out"] == 24 and numbers["jerk_after"] < numbers["jerk_before"]
    document = read_settings(place / CLIP) or {}
    assert (document["kind"], document["settings"]["stabilise.window_s"]) == ("steady", 0.5)
    out, path = tmp_path / "calm.mp4", tmp_path / "calm.json"
    run("steady", str(clip), "-o", str(out), "--path", str(path), "--settings", str(place / CLIP), "--home", str(home))
    assert out.read_bytes() == (place / CLIP).read_bytes()
    assert CameraPath.from_json(path.read_text()).canvas == probe(out).size
    with pytest.raises(SettingsError, match="There is no setting"):
        Settings.load("fast", {"calm.window_s": 1})


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the project in which the toy is a kind of job: its folder, and one line of the registry."""
    copy = tmp_path_factory.mktemp("project")
    for name in ("app.py", "pyproject.toml", "pipeline", "presets", "ui", "utils"):
        source = PROJECT_ROOT / name
        shutil.copytree(source, copy / name) if source.is_dir() else shutil.copy(source, copy / name)
    shutil.copytree(PROJECT_ROOT / "tests" / "toy", copy / "pipeline" / "toy")
    registry = copy / "pipeline" / "kinds.py"
    line = '    "steady": "pipeline.steady.kind",\n'
    assert line in registry.read_text()
    registry.write_text(registry.read_text().replace(line, f'{line}    "toy": "pipeline.toy.kind",\n'))
    return copy


def test_a_third_kind_is_a_folder_and_a_line(project: Path, clip: Path, tmp_path: Path) -> None:
    """Form, command line, worker, job card, result page, dashboard and the settings in the MP4 know it."""
    app = App(tmp_path / "home", project=project).open()
    try:
        home = ("--home", str(app.home))
        job = run("jobs", "submit", str(clip), "--kind", "toy", "--set", "counting.every=2", *home, at=project).strip()
        app.until(lambda: json.loads(run("jobs", "show", job, "--json", *home, at=project))["state"] == "done", "end")
        (card,) = app.ask("/studio/jobs")["jobs"]
        assert (card["kind"], card["look"], card["state"]) == ("toy", "every 2", "done")
        more = app.ask(f"/studio/jobs/{job}")
        assert more["differing"][0] == {
            "name": "counting.every", "title": "Every", "unit": "frames", "value": 2, "usual": 1,
        }  # fmt: skip
        result = app.ask(f"/studio/results/{job}")
        assert [each["label"] for each in result["files"]] == ["The clip", "The count", "Settings"]
        assert [each["label"] for each in result["figures"]] == ["Frames"] and result["report"] is None
        (video,) = app.ask("/studio/dashboard")["videos"]
        assert (video["kind"], video["stages"][0]["title"]) == ("toy", "Counting")
        assert app.ask(f"/studio/jobs/{job}")["estimate"] is None, "nobody looked at the clip yet"
        seen = app.until(lambda: app.ask(f"/studio/clips/{card['clip']}")["estimates"], "look at the clip")
        assert set(seen) == {each.name for each in kinds()} | {"toy"}
        assert app.ask(f"/studio/jobs/{job}")["estimate"] == seen["toy"][""]
        document = read_settings(app.home / "results" / job / CLIP) or {}
        assert (document["kind"], document["settings"]) == ("toy", {"counting.every": 2})
        assert (app.home / "results" / job / "count.txt").read_text() == "12"
    finally:
        app.close()
