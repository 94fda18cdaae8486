"""The command and the files that it leaves."""

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
import typer
from typer.testing import CliRunner

from pipeline.commands.walker import walker
from utils.errors import ClipError, SettingsError, WriteError
from utils.walker import NAMES, Reels, Scene, Shot, TruthFile, film

app = typer.Typer()
app.command()(walker)

SHOT = Shot(size=(129, 73), rate=Fraction(30000, 1001), frames=12, second_person=True)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with all that a shot can leave."""
    folder = tmp_path_factory.mktemp("walker")
    clip, truth, drawn, sheet = (folder / name for name in ("clip.mp4", "truth.npz", "drawn.mp4", "sheet.png"))
    seen: list[int] = []
    film(SHOT, Reels(clip, truth, drawn, sheet, flows=True, plates=True), seen.append)
    assert seen == list(range(1, 13))
    return folder


def test_the_clip_has_every_frame_at_its_rate(made: Path) -> None:
    for name in ("clip.mp4", "drawn.mp4"):
        with av.open(str(made / name)) as file:
            stream = file.streams.video[0]
            assert stream.average_rate == Fraction(30000, 1001)
            assert sum(1 for _ in file.decode(stream)) == 12
    assert sorted(path.name for path in made.iterdir()) == ["clip.mp4", "drawn.mp4", "sheet.png", "truth.npz"]


def test_the_truth_is_what_the_scene_knows(made: Path) -> None:
    truth, scene = TruthFile.load(made / "truth.npz"), Scene(SHOT)
    assert (truth.size, truth.rate, truth.seed, truth.phases) == (SHOT.size, SHOT.rate, SHOT.seed, SHOT.phases)
    assert len(truth) == 12
    for index in (0, 7, 11):
        known = scene.frame(index)[1]
        assert np.array_equal(truth.camera[index], known.view.camera)
        assert np.array_equal(truth.intended[index], known.view.intended)
        assert np.array_equal(truth.keypoints[index], known.keypoints, equal_nan=True)
        assert np.array_equal(truth.heel_down[index], known.heel_down)
        assert truth.gain[index] == known.gain
        assert np.array_equal(truth.matte(index), known.matte)
        assert np.array_equal(truth.picture("others", index), known.others)
        assert np.array_equal(truth.picture("plate", index), known.plate)
    assert np.array_equal(truth.picture("forward", 7), scene.flow(7, 8).vectors)
    assert np.array_equal(truth.picture("backward_valid", 7), scene.flow(7, 6).valid)
    assert np.array_equal(truth.stable_plate(), scene.stable_plate())


def test_the_truth_needs_no_pickle_and_names_its_keypoints(made: Path) -> None:
    with np.load(made / "truth.npz", allow_pickle=False) as file:
        assert tuple(file["names"]) == NAMES
        assert "backward/000000" not in file and "forward/000011" not in file


def test_the_same_shot_gives_the_same_truth_file(tmp_path: Path) -> None:
    shot = Shot(size=(64, 36), frames=4)
    for name in "ab":
        film(shot, Reels(tmp_path / f"{name}.mp4", tmp_path / f"{name}.npz"))
    assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b.npz").read_bytes()


def test_a_file_that_is_no_truth_is_refused(tmp_path: Path) -> None:
    wrong = tmp_path / "wrong.npz"
    wrong.write_bytes(b"not a truth")
    for path in (wrong, tmp_path / "none.npz"):
        with pytest.raises(ClipError):
            TruthFile.load(path)


def test_nowhere_to_write_is_said_before_anything_is_rendered(tmp_path: Path) -> None:
    for reels in (
        Reels(tmp_path / "none" / "clip.mp4"),
        Reels(tmp_path / "clip.mp4", tmp_path / "none" / "truth.npz"),
        Reels(tmp_path),
        Reels(tmp_path / "clip.mp4", tmp_path / "clip.mp4"),
    ):
        with pytest.raises(WriteError) as told:
            film(SHOT, reels)
        assert told.value.remedy
    assert list(tmp_path.iterdir()) == []


def test_a_render_that_is_broken_off_leaves_nothing(tmp_path: Path) -> None:
    def stop(done: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        film(Shot(size=(64, 36), frames=5), Reels(tmp_path / "a.mp4", tmp_path / "a.npz"), stop)
    assert list(tmp_path.iterdir()) == []


def test_the_command_renders(tmp_path: Path) -> None:
    clip, truth = tmp_path / "clip.mp4", tmp_path / "truth.npz"
    told = CliRunner().invoke(
        app, ["-o", str(clip), "--truth", str(truth), "--size", "64x36", "--seconds", "0.5", "--rate", "30000/1001"]
    )
    assert told.exit_code == 0, told.output
    assert clip.stat().st_size > 0 and len(TruthFile.load(truth)) == 15


@pytest.mark.parametrize(
    "options", [["--seconds", "0"], ["--size", "0x0"], ["--size", "99999x10"], ["--flows"], ["--rate", "0"]]
)
def test_the_command_refuses_in_sentences(tmp_path: Path, options: list[str]) -> None:
    told = CliRunner().invoke(app, ["-o", str(tmp_path / "clip.mp4"), *options])
    assert isinstance(told.exception, SettingsError) and list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("options", [["--size", "big"], ["--rate", "1/0"], ["--seconds", "long"]])
def test_the_command_says_how_to_write_an_option(tmp_path: Path, options: list[str]) -> None:
    told = CliRunner().invoke(app, ["-o", str(tmp_path / "clip.mp4"), *options])
    assert told.exit_code == 2


@pytest.mark.parametrize(
    "arguments",
    [("-o", "a.avi"), ("-o", "a"), ("-o", "a.mp4", "--truth", "a.txt"), ("-o", "a.mp4", "--sheet", "a.jpg")],
)
def test_a_name_that_says_another_format_is_refused(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    """Before anything is rendered, and before a file of that name is lost."""
    named = [str(tmp_path / each) if "." in each or each == "a" else each for each in arguments]
    result = CliRunner().invoke(app, named)
    assert isinstance(result.exception, SettingsError) and "does not end in" in str(result.exception)
    assert list(tmp_path.iterdir()) == []


def test_two_words_on_shake_are_one_too_many(tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["-o", str(tmp_path / "a.mp4"), "--no-shake", "--shake", "2"])
    assert isinstance(result.exception, SettingsError)
