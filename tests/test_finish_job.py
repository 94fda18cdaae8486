"""Finishing as a job: through the queue and the worker to a result, also when the worker is killed between chunks."""

import subprocess
import sys
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
import pytest
import yaml

from pipeline.finish.settings import FinishSettings
from pipeline.jobs.job import Job, State
from pipeline.jobs.order import make_order
from pipeline.jobs.results import Results
from pipeline.kinds import find_kind
from pipeline.library import inputs
from pipeline.result.names import CLIP
from tests.films import clip
from tests.sound import sounding
from tests.test_film_sound import noise
from tests.workers import House, house
from ui.figures import figures
from ui.routes.dashboard import videos
from utils.digest import digest_file
from utils.errors import SettingsError
from utils.media.intake import probe
from utils.media.xmp import read_settings
from utils.project import PROJECT_ROOT

pytestmark = pytest.mark.slow

PLAN = {
    "cut": [{"from_s": 4, "to_s": 5}],
    "zoom": {"most": 1.08},
    "subtitles": {"cues": "1\n00:00:01,000 --> 00:00:02,000\nA line\n"},
}


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    with house(tmp_path_factory.mktemp("home")) as made:
        yield made


@pytest.fixture(scope="module")
def talk(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("talk")
    return sounding(place / "talk.mov", clip(place / "pictures.mp4", 900, Fraction(25)), noise(36)).path


@pytest.fixture(scope="module")
def done(home: House, talk: Path) -> Job:
    """A job whose worker is killed after its first chunk; the next worker goes on."""
    said = [f"film.plan={yaml.safe_dump(PLAN)}", "encode.x264_preset=slower"]
    settings = [part for each in said for part in ("--set", each)]
    command = [sys.executable, "-m", "pipeline", "jobs", "submit", str(talk), "--kind", "finish", *settings]
    child = subprocess.run([*command, "--home", home.home], cwd=PROJECT_ROOT, capture_output=True, text=True)
    assert child.returncode == 0, child.stderr
    job = child.stdout.strip()
    home.kill(home.working(job, steps=3))
    return home.ended(job)


def test_a_killed_job_goes_on_at_its_chunk(home: House, done: Job) -> None:
    assert (done.state, done.problem, done.result["look"]) == (State.DONE, "", "by a plan")
    assert done.attempts >= 2
    place = Results.of(home.home).place(done.id)
    assert 1 <= sum(each["name"] == "film" and each["cache"] == "hit" for each in done.result["stages"]) <= 3
    assert len(list(home.result(done.id).pts)) == 875
    document = read_settings(place / CLIP) or {}
    assert document["kind"] == "finish" and "zoom" in document["settings"]["film.plan"]


def test_its_result_has_the_film_its_subtitles_its_plan_and_the_bare_cut(home: House, done: Job) -> None:
    place = Results.of(home.home).place(done.id)
    assert (place / "result.srt").read_text().startswith("1\n00:00:01,000 --> 00:00:02,000")
    assert yaml.safe_load((place / "plan.yaml").read_text())["cut"][0]["to_s"] == 5
    bare = probe(place / "before.mp4")
    assert (len(bare), bare.size) == (875, (160, 90))
    assert (place / "poster.jpg").stat().st_size > 500


def test_its_quality_and_what_it_took_are_told(home: House, done: Job) -> None:
    facts = Results.of(home.home).facts(done.id)
    assert facts is not None
    numbers, stages = facts["numbers"], done.result["stages"]
    assert 0.9 < numbers["ssim"] <= 1 and numbers["psnr_db"] > 30 and numbers["card"] is None
    computed_s, found_s = (sum(each["seconds"] for each in stages if each["cache"] == how) for how in ("miss", "hit"))
    assert numbers["computed_s"] == pytest.approx(computed_s, abs=0.01) and numbers["computed_s"] > 0
    assert numbers["found_s"] == pytest.approx(found_s, abs=0.01)
    assert numbers["saved_s"] > numbers["found_s"] > 0, "the chunk that the killed worker had finished was found"
    assert numbers["saved_bytes"] > 1000 and numbers["peak_rss_mb"] > 100
    assert (
        numbers.items() >= {name: done.result[name] for name in ("ssim", "psnr_db", "saved_s", "peak_rss_mb")}.items()
    )
    told = {each.label: each for each in figures(numbers, 25.0, find_kind("finish").measures)}
    assert told["Encoded like drawn"].value == f"{numbers['ssim']:.2f} SSIM" and told["Encoding noise"].mark == "good"
    assert told["Graphics card"].value == "not there" and told["Memory"].value == f"{numbers['peak_rss_mb']:,.0f} MB"
    assert f"once taken {numbers['saved_s']:.1f} s" in told["From the cache"].hint
    (video,) = (each for each in videos(home.ledger.all()) if each["job"] == done.id)
    assert video["spent"]["saved_bytes"] == numbers["saved_bytes"] and video["card"] is None
    assert video["numbers"]["psnr_db"] == {"value": numbers["psnr_db"], "mark": "good"}


def test_a_jobs_plan_uses_what_was_added_and_no_paths(home: House, talk: Path, tmp_path: Path) -> None:
    roll = clip(tmp_path / "roll.mp4", 50, Fraction(25))
    digest = inputs.keep(home.home, roll.path, "clip")
    plan = {
        "broll": [{"file": digest, "at_s": 1, "seconds": 1}, {"file": str(roll.path), "at_s": 4}],
        "titles": [{"text": "A", "from_s": 0, "to_s": 1, "style": {"font": "/usr/share/fonts/truetype/a.ttf"}}],
    }
    order = {"clip": inputs.keep(home.home, talk, "clip")}
    settings = {"film.plan": yaml.safe_dump(plan), "encode.x264_preset": "ultrafast"}
    job = home.ledger.submit(make_order(find_kind("finish"), order, "Talk", settings, ""))
    ended = home.ended(job.id)
    assert ended.state is State.DONE, ended.problem
    warning, font = ended.result["warnings"]
    assert "no font that was added here" in font
    assert {digest, order["clip"]} <= home.ledger.inputs_in_use(), "it is kept for as long as the job is"
    assert warning.startswith("The b-roll at 4 s is left out") and "no clip that was added here" in warning


def test_a_job_drafts_its_plan_with_files_that_were_given(home: House, talk: Path, tmp_path: Path) -> None:
    (tmp_path / "pictures").mkdir()
    cv2.imwrite(str(tmp_path / "pictures" / "hot, coffee.png"), np.full((20, 40, 3), 90, np.uint8))
    (tmp_path / "pictures" / "notes.txt").write_text("coffee")
    (tmp_path / "said.srt").write_text("1\n00:00:10,000 --> 00:00:12,000\nWe drink coffee.\n")
    files = {"transcript": tmp_path / "said.srt", "music": talk, "pictures": tmp_path / "pictures"}
    settings = [part for role, file in files.items() for part in ("--set", f"given.{role}={file}")]
    command = [sys.executable, "-m", "pipeline", "jobs", "submit", str(talk), "--kind", "analyse", *settings]
    child = subprocess.run([*command, "--home", home.home], cwd=PROJECT_ROOT, capture_output=True, text=True)
    assert child.returncode == 0, child.stderr
    job = child.stdout.strip()
    ended = home.ended(job)
    assert ended.state is State.DONE, ended.problem
    plan = yaml.safe_load((Results.of(home.home).place(job) / "plan.yaml").read_text())
    (picture,) = plan["pictures"]
    assert picture["file"] == digest_file(tmp_path / "pictures" / "hot, coffee.png") and 10 <= picture["from_s"] < 12
    assert plan["music"]["file"] == digest_file(talk)
    assert {picture["file"], plan["music"]["file"]} <= home.ledger.inputs_in_use(), "they are kept with the job"
    assert inputs.keep_folders(home.home, find_kind("finish"), {"given.broll": ""}) == {"given.broll": ""}
    with pytest.raises(SettingsError, match="NAME=DIGEST"):
        FinishSettings.load("", {"given.pictures": "coffee.png"})


def test_a_plan_that_cannot_be_read_is_refused_before_it_is_a_job() -> None:
    with pytest.raises(SettingsError, match=r"zoom\.most"):
        FinishSettings.load("", {"film.plan": "zoom: {most: 9}"})
