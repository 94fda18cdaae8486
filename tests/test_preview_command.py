"""The command that previews a frame: what it writes, what it says, and how it refuses."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import typer

from pipeline.commands.preview import preview
from pipeline.preview.grid import MOST_COLUMNS
from tests.journeys import written
from tests.looks import HERE
from tests.pictures import BOMB
from utils.errors import ReshootError
from utils.project import PROJECT_ROOT
from utils.walker import Shot, walk

app = typer.Typer()
app.command()(preview)


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    shown = [rgb for rgb, _ in walk(Shot(size=(320, 180), frames=18))]
    return written(tmp_path_factory.mktemp("film") / "walk.mp4", shown)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("home")


def run(home: Path, *arguments: str | Path) -> None:
    app([*map(str, arguments), "--home", str(home)], standalone_mode=False)


def test_two_pictures_and_what_there_is_to_know(
    clip: Path, home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    after, before = tmp_path / "after.jpg", tmp_path / "before.jpg"
    run(home, clip, "-o", after, "--before", before, "--look", "ink", "--set", "generate.strength=0.9", "--json")
    told: dict[str, Any] = json.loads(capsys.readouterr().out)
    one, other = cv2.imread(str(after)), cv2.imread(str(before))
    assert one.shape == other.shape == (told["height"], told["width"], 3) == (180, 320, 3)
    assert (one != other).any()
    assert 0 <= told["at"] < 18 and told["seconds"] > 0 and told["events"] == []
    assert told["found_in"] > 0.5 * told["looked_at"]
    assert told["person_share"] == pytest.approx(told["found_in"] / told["looked_at"], abs=1e-4)


def test_sentences_for_people(clip: Path, home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run(home, clip, "-o", tmp_path / "a.jpg", "--at", "0.5", "--set", "composite.background=plate")
    first, second, third = capsys.readouterr().out.splitlines()
    assert first.startswith(f"{tmp_path / 'a.jpg'}: frame 8, in ")
    assert second.startswith("Person found in ") and "clean background" in third


def test_a_file_of_settings_and_a_reference(
    clip: Path, home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    picture = np.zeros((64, 64, 3), np.uint8)
    picture[:, :, 1] = np.linspace(0, 255, 64, dtype=np.uint8)
    cv2.imwrite(str(tmp_path / "green.png"), picture)
    (tmp_path / "s.json").write_text(json.dumps({"generate.look": "noir"}))
    pictures = []
    grey = tmp_path / "grey.png"
    cv2.imwrite(str(grey), np.full((64, 64, 3), 90, np.uint8))
    green = ("--reference", tmp_path / "green.png")
    for number, more in enumerate(((), green, ("--look", "film"), (*green, "--reference", grey))):
        out = tmp_path / f"{number}.jpg"
        run(home, clip, "-o", out, "--settings", tmp_path / "s.json", *more)
        pictures.append(cv2.imread(str(out)).astype(float))
    assert "restyle takes the first reference picture only; 1 more is not used." in capsys.readouterr().out
    assert np.array_equal(pictures[1], pictures[3])
    assert abs(pictures[0] - pictures[1]).max() > 40
    assert abs(pictures[0] - pictures[2]).max() > 40


def test_several_looks_side_by_side(clip: Path, home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run(home, clip, "-o", tmp_path / "looks.jpg", "--looks", "ink, noir", "--before", tmp_path / "before.jpg", "--json")
    told: dict[str, Any] = json.loads(capsys.readouterr().out)
    assert told["looks"] == ["ink", "noir"] and told["box"]
    sheet = cv2.imread(str(tmp_path / "looks.jpg")).astype(float)
    filmed, ink, noir = np.split(sheet[:360], 3, axis=1)
    assert abs(filmed - ink).mean() > 5 and abs(ink - noir).mean() > 5
    assert (tmp_path / "before.jpg").exists()


def test_all_looks_are_in_rows(clip: Path, home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run(home, clip, "-o", tmp_path / "looks.jpg", "--looks", "all")
    assert f"in {len(HERE)} looks" in capsys.readouterr().out
    rows = -(-(1 + len(HERE)) // MOST_COLUMNS)
    assert cv2.imread(str(tmp_path / "looks.jpg")).shape[0] == rows * (360 + 28)


def test_several_seeds_side_by_side_and_each_as_a_file(
    clip: Path, home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Seeds count on from the one that is set, and a file holds the whole frame."""
    settings = ("--look", "watercolour", "--set", "generate.seed=4294967294")
    places = ("-o", tmp_path / "seeds.png", "--each", tmp_path / "each")
    run(home, clip, *places, "--frame", "9", "--seeds", "3", *settings, "--json")
    told: dict[str, Any] = json.loads(capsys.readouterr().out)
    assert told["at"] == 9 and told["looks"] == ["watercolour"] and told["seeds"] == [2**32 - 2, 2**32 - 1, 0]
    sheet = cv2.imread(str(tmp_path / "seeds.png")).astype(float)
    filmed, *made = np.split(sheet[:360], 4, axis=1)
    assert all(abs(filmed - each).mean() > 5 for each in made) and (made[0] != made[1]).any()
    files = sorted((tmp_path / "each").iterdir())
    assert [file.name for file in files] == ["seed-0.png", "seed-4294967294.png", "seed-4294967295.png"]
    run(home, clip, "-o", tmp_path / "one.png", "--frame", "9", "--look", "watercolour")
    assert np.array_equal(cv2.imread(str(files[0])), cv2.imread(str(tmp_path / "one.png"))), "without loss, of one run"


def test_each_look_has_a_row_and_each_seed_a_column(
    clip: Path, home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    places = ("-o", tmp_path / "grid.png", "--each", tmp_path / "all")
    run(home, clip, *places, "--looks", "ink,watercolour", "--seeds", "2")
    assert "in 2 looks from 2 seeds, in " in capsys.readouterr().out
    sheet = cv2.imread(str(tmp_path / "grid.png")).astype(float)
    rows = [np.split(row[:360], 3, axis=1) for row in np.split(sheet, 2)]
    assert (rows[1][0] == 255).all() and abs(rows[0][1] - rows[1][1]).mean() > 5 > abs(rows[0][1] - rows[0][2]).mean()
    names = {f"{look}-seed-{seed}.png" for look in ("ink", "watercolour") for seed in (0, 1)}
    assert {file.name for file in (tmp_path / "all").iterdir()} == names


def test_a_frame_is_one_of_the_part(clip: Path, home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    part = ("--from", "6f", "--to", "12f")
    run(home, clip, "-o", tmp_path / "a.jpg", "--frame", "11", *part, "--json")
    assert json.loads(capsys.readouterr().out)["at"] == 11
    with pytest.raises(ReshootError, match=r"The frame 12 is not there\. Choose one from 6 to 11\."):
        run(home, clip, "-o", tmp_path / "b.jpg", "--frame", "12", *part)


REFUSED = [
    (("-o", "out.jpg", "--frame", "2", "--at", "0.5"), "--at and --frame say different things."),
    (("-o", "out.jpg", "--each", "all"), "Give --looks or --seeds too"),
    (("-o", "out.jpg", "--seeds", "2", "--each", "nowhere/all"), "cannot become a folder"),
    (("-o", "out.jpg", "--looks", "ink", "--engine", "vace"), "The engine vace has no looks."),
    (("-o", "out.jpg", "--looks", "ink,inc"), "There is no look 'inc'. Give all, or some of: film, "),
    (("-o", "out.jpg", "--looks", "ink", "--look", "noir"), "--looks and --look say different things."),
    (("-o", "out.bmp"), "does not end in .jpg or .png. Name it out.jpg."),
    (("-o", "nowhere/out.jpg"), "There is no folder"),
    (("-o", "out.jpg", "--before", "out.bmp"), "does not end in .jpg"),
    (("-o", "out.jpg", "--at", "2"), "It takes auto, or a number from 0"),
    (("-o", "out.jpg", "--at", "nan"), "It takes auto, or a number from 0"),
    (("-o", "out.jpg", "--look", "inc"), "Did you mean 'ink'"),
    (("-o", "out.jpg", "--look", "ink", "--set", "generate.look=noir"), "generate.look is set twice"),
    (("-o", "out.jpg", "--set", "generate.strength=2"), "generate.strength"),
    (("-o", "out.jpg", "--preset", "best"), "balanced"),
    (("-o", "out.jpg", *("--reference", "a.png") * 5), "5 reference pictures are too many. Give at most 4."),
    (("-o", "out.jpg", "--reference", "nothing.png"), "'nothing.png' could not be read"),
]


@pytest.mark.parametrize(("arguments", "told"), REFUSED)
def test_what_cannot_work_is_a_sentence(
    clip: Path, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...], told: str
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ReshootError) as caught:
        run(home, clip, *arguments)
    assert told in str(caught.value)
    assert not list(tmp_path.iterdir())


def test_a_reference_that_would_fill_the_memory_is_a_sentence(clip: Path, home: Path, tmp_path: Path) -> None:
    (tmp_path / "bomb.png").write_bytes(BOMB)
    with pytest.raises(ReshootError, match=r"'bomb\.png' has 20000 x 20000 pixels; 50 megapixels"):
        run(home, clip, "-o", tmp_path / "a.jpg", "--reference", tmp_path / "bomb.png")


def test_with_json_problems_are_json_too(home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "text.mp4").write_text("no video")
    code = app(["--json", str(tmp_path / "text.mp4"), "-o", str(tmp_path / "a.jpg"), "--home", str(home)],
               standalone_mode=False)  # fmt: skip
    told = json.loads(capsys.readouterr().out)
    assert code == 1 and set(told) == {"problem", "remedy"} and "text.mp4" in told["problem"]
    assert not (tmp_path / "a.jpg").exists()


def test_its_old_name_still_answers_and_says_the_new_one() -> None:
    child = subprocess.run(
        [sys.executable, "-m", "pipeline", "look", "--help"], cwd=PROJECT_ROOT, capture_output=True, text=True
    )
    assert child.returncode == 0 and "Usage" in child.stdout and "`preview` now" in child.stderr
