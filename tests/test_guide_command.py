"""python -m pipeline guide, as its user runs it; and how what people write is read."""

import json
import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
import pytest

from pipeline.guide.asked import (
    AskedGuide,
    AskedStructure,
    read_anchor,
    read_plan,
    read_rate,
    read_size,
    read_structure,
)
from pipeline.jobs.job import State
from pipeline.jobs.results import Results
from tests.panned import panned
from tests.workers import house
from utils.errors import SettingsError
from utils.media.clip import Clip
from utils.media.intake import probe
from utils.media.xmp import read_settings
from utils.project import PROJECT_ROOT
from utils.size import Size

pytestmark = pytest.mark.slow

SIZE = Size(160, 96)


@pytest.fixture(scope="module")
def pan(tmp_path_factory: pytest.TempPathFactory) -> Clip:
    return panned(tmp_path_factory.mktemp("clips") / "a, walk.mp4", SIZE, [(2, 0)] * 15)


def run(*said: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "pipeline", *map(str, said)]
    return subprocess.run(command, cwd=PROJECT_ROOT, capture_output=True, text=True)


def test_the_command_writes_a_guide_and_all_that_belongs_to_it(pan: Clip, tmp_path: Path) -> None:
    first = tmp_path / "first.png"
    cv2.imwrite(str(first), np.full((96, 160, 3), 90, np.uint8))
    plan = tmp_path / "guide.yaml"
    plan.write_text(f"structures:\n  - {{file: '{pan.path}', at: '4:20', from: '2:10'}}\nanchors: {{4: first.png}}\n")
    outs = {name: tmp_path / f"{name}.mp4" for name in ("guide", "mask", "carried")}
    said = ["guide", "--plan", plan, "--size", "128x96", "--fps", "24", "--frames", 24, "-o", outs["guide"],
            "--mask", outs["mask"], "--carried", outs["carried"], "--facts", tmp_path / "facts.json",
            "--home", tmp_path / "home"]  # fmt: skip
    child = run(*said)
    assert child.returncode == 0, child.stderr
    assert "····◆███████████████····" in child.stdout and "Nothing guides frames 20 to 23" in child.stdout
    for path in outs.values():
        clip = probe(path)
        assert (len(clip), clip.size, clip.rate) == (24, Size(128, 96), Fraction(24))
    facts = json.loads((tmp_path / "facts.json").read_text())
    assert facts["guidance"]["unguided"] == [[0, 4], [20, 24]]
    assert [each["by"] for each in facts["guidance"]["guided"]] == ["structure", "anchor"]


def test_a_guide_is_a_job_as_any_other(pan: Clip, tmp_path: Path) -> None:
    home = tmp_path / "home"
    settings = ("--set", "guide.frames=31", "--set", "structure.strength=0.5")
    with house(home) as home_of:
        child = run("jobs", "submit", pan.path, "--kind", "guide", *settings, "--home", home)
        assert child.returncode == 0, child.stderr
        ended = home_of.ended(child.stdout.strip())
    assert (ended.state, ended.problem) == (State.DONE, "")
    assert ended.result["look"] == "flow, strength 0.5"
    place = Results.of(home).place(ended.id)
    facts = json.loads((place / "result.json").read_text())
    assert facts["numbers"] == {"frames_in": 31, "frames_out": 31, "unguided": 0}
    assert (
        len(probe(place / "mask.mp4")) == len(probe(place / "result.mp4")) == len(probe(place / facts["before"])) == 31
    )
    assert json.loads((place / "guidance.json").read_text())["guidance"]["frames"] == 31
    document = read_settings(place / "result.mp4") or {}
    assert (document["kind"], document["settings"]) == ("guide", {"guide.frames": 31, "structure.strength": 0.5})


def test_a_structure_is_read_with_all_that_is_said_of_it() -> None:
    asked = read_structure("a, b=c.mp4,at=4:20, from=:9,treatment=clip,type=edge,strength=0.5")
    assert asked == AskedStructure("a, b=c.mp4", (4, 20), (None, 9), "clip", "edge", 0.5)
    usual = AskedStructure("", type="pose", strength=2.0)
    assert read_structure("walk.mp4,strength=0", usual) == AskedStructure("walk.mp4", type="pose", strength=0.0)
    assert read_structure("https://a.example/b.mp4?x=1,2,at=:9").file == "https://a.example/b.mp4?x=1,2"
    assert read_anchor("12:a:b.png") == (12, Path("a:b.png"))
    assert read_size("832x480") == Size(832, 480)
    assert [read_rate(text) for text in ("24", "12.5", "25/2")] == [24, Fraction(25, 2), Fraction(25, 2)]
    assert read_rate("23.976") == Fraction(24000, 1001)
    assert read_rate("29.97") == read_rate("30000/1001") == Fraction(30000, 1001)


def test_what_is_left_out_follows_from_the_structure(pan: Clip) -> None:
    drawn = {"guide.fade_frames": 0, "guide.floor_px": 0.1}
    plan = AskedGuide([AskedStructure(str(pan.path))]).plan(lambda path: pan, drawn)
    assert (plan.size, plan.rate, plan.frames) == (SIZE, Fraction(24), 16)
    faster = AskedGuide([AskedStructure(str(pan.path), at=(5, None))], rate=Fraction(48)).plan(lambda path: pan, drawn)
    assert faster.frames == 36, "15 steps of 1/24 s after five frames"


@pytest.mark.parametrize(
    ("read", "problem"),
    [
        (lambda path: read_structure("a.mp4,at=3"), "'3' is no range of frames. Write 0:81"),
        (lambda path: read_structure("a.mp4,type=dance"), "type='dance' is unknown. Choose flow, pose"),
        (lambda path: read_structure("a.mp4,strength=much"), "strength='much' is no number"),
        (lambda path: read_anchor("first.png"), "'first.png' is no anchor. Write 0:first.png"),
        (lambda path: read_size("831x480"), "'831x480' is no size of a guide. Write 832x480"),
        (lambda path: read_size("9x9"), "'9x9' is no size"),
        (lambda path: read_rate("0"), "'0' is no frame rate. Write 24, 23.976 or 30000/1001"),
        (lambda path: read_rate("1/0"), "'1/0' is no frame rate"),
        (lambda path: read_plan(path / "none.yaml"), "none.yaml' cannot be read"),
        (lambda path: read_plan(path / "a.yaml"), "'a.yaml' is no YAML"),
        (lambda path: read_plan(path / "b.yaml"), "'b.yaml': structures.0.speed: Extra inputs are not permitted"),
        (lambda path: AskedGuide([]).plan(lambda clip: None, {}), "A guide needs a structure video"),  # type: ignore[arg-type,return-value]
    ],
)  # fmt: skip
def test_what_cannot_be_meant_is_told_in_a_sentence(read: object, problem: str, tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("structures: [")
    (tmp_path / "b.yaml").write_text("structures: [{file: a.mp4, speed: 3}]")
    with pytest.raises(SettingsError) as caught:
        read(tmp_path)  # type: ignore[operator]
    assert problem in str(caught.value)


def test_ranges_that_do_not_fit_name_what_there_is(pan: Clip) -> None:
    drawn = {"guide.fade_frames": 0, "guide.floor_px": 0.1}
    with pytest.raises(SettingsError, match="no frames from 10 to 40") as caught:
        AskedGuide([AskedStructure(str(pan.path), source=(10, 40))]).plan(lambda path: pan, drawn)
    assert "It has 16" in caught.value.remedy
    with pytest.raises(SettingsError, match="The range 9:9 has no frame"):
        AskedGuide([AskedStructure(str(pan.path), at=(9, 9))], frames=20).plan(lambda path: pan, drawn)


def test_nothing_is_computed_when_the_place_of_the_result_is_wrong(pan: Clip, tmp_path: Path) -> None:
    child = run("guide", "--structure", pan.path, "-o", tmp_path / "guide.gif", "--home", tmp_path / "home")
    assert child.returncode == 1 and "does not end in .mp4" in child.stderr
    child = run("guide", "--structure", pan.path, "-o", tmp_path / "g.mp4", "--carried", tmp_path / "c.mp4")
    assert child.returncode == 1 and "no anchor whose pixels could be carried" in child.stderr
    assert not list(tmp_path.glob("*.mp4"))
