"""Frames to paint, as the command `keys` writes them, and their way back when they are painted."""

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from PIL import Image

from pipeline.engines.keyframe import ENGINE as KEYFRAME
from pipeline.keys.folder import Folder
from pipeline.keys.story import Proposed, propose
from pipeline.library import given
from pipeline.make.given_keys import TAKE_KEYS, GivenKeys
from pipeline.see.open_clip import open_clip
from pipeline.stage import RunContext
from tests.journeys import bench, filmed, pictures, with_settings
from tests.tiny_models import tiny_model
from utils.errors import SettingsError, WriteError
from utils.image import Box
from utils.keyframes.offering import RULES
from utils.media.probe import Limits, scan
from utils.media.timebase import Span
from utils.paintings.key_set import IDENTITY, Canvas, KeySet
from utils.paintings.painted import Painted
from utils.project import PROJECT_ROOT
from utils.walker import Shot

pytestmark = pytest.mark.slow

SHOT = Shot(size=(256, 144), frames=44)


@dataclass(frozen=True)
class Given:
    """A clip, and the folder of frames of it to paint."""

    clip: Path
    context: RunContext
    proposed: Proposed
    folder: Path
    keys: KeySet

    def taken(self, folder: Path) -> GivenKeys:
        """Painted frames as a run takes them."""
        clip = open_clip(self.clip, self.context)
        return GivenKeys(TAKE_KEYS.result(self.context, clip=clip, painted=Painted(folder)), clip.start)


@pytest.fixture(scope="module")
def offered(tmp_path_factory: pytest.TempPathFactory) -> Given:
    folder = tmp_path_factory.mktemp("film")
    clip, context = filmed(folder, SHOT), bench(folder / "cache")
    proposed = propose(open_clip(clip, context), context)
    keys = Folder(folder / "to paint", "stable").write(proposed)
    return Given(clip, context, proposed, folder / "to paint", keys)


def test_every_frame_is_made_from_a_key_that_is_near(offered: Given) -> None:
    frames = [key.frame for key in offered.keys.keys]
    assert frames == sorted(set(frames)) and 2 <= len(frames) <= 8
    reached = {index for key in offered.keys.keys if key.reaches for index in range(key.reaches[0], key.reaches[1] + 1)}
    assert reached == set(range(SHOT.frames))
    assert max(np.diff(frames)) <= RULES.frames and all(key.reason for key in offered.keys.keys)


def test_a_picture_is_the_stable_view_with_the_matte_as_its_transparency(offered: Given) -> None:
    stable = offered.proposed.stable
    for key in offered.keys.keys:
        (view,) = stable.views(Span(key.frame, key.frame + 1), Box(0, 0, *stable.canvas))
        pixels = Painted(offered.folder).picture(key.file)
        assert pixels.shape[2] == 4 and np.array_equal(pixels[..., 3], view.matte)
        assert np.array_equal(pixels[..., :3], view.rgb), "also where it is transparent"
        assert np.allclose(key.to_picture, stable.path.matrices[key.frame])
    words = (offered.folder / "README.txt").read_text()
    assert "--engine keyframe --keys 'to paint'" in words and "walk.mp4" in words


def paint(offered: Given, folder: Path, keep_alpha: bool = True) -> Path:
    """The folder with every picture painted: other colours, and flat ones."""
    folder.mkdir()
    (folder / "keys.json").write_bytes((offered.folder / "keys.json").read_bytes())
    for key in offered.keys.keys:
        pixels = Painted(offered.folder).picture(key.file)
        flat = np.asarray(cv2.bilateralFilter(np.ascontiguousarray(pixels[..., 2::-1]), 5, 60, 3), np.uint8)
        Image.fromarray(np.dstack([flat, pixels[..., 3]]) if keep_alpha else flat).save(folder / key.file)
    return folder


@pytest.mark.parametrize("keep_alpha", [True, False])
def test_painted_pictures_come_back_as_their_frames_without_resampling(
    offered: Given, tmp_path: Path, keep_alpha: bool
) -> None:
    folder = paint(offered, tmp_path / "painted", keep_alpha)
    keys, stable = offered.taken(folder), offered.proposed.stable
    assert list(keys.keys) == [key.frame for key in offered.keys.keys] and not keys.events
    box = Box(0, 0, *stable.canvas)
    for key in offered.keys.keys:
        shown = keys.among(Span(key.frame, key.frame + 1), KEYFRAME.caps).pictures(stable, box)[key.frame]
        painted = Painted(folder).picture(key.file)
        opaque = painted[..., 3] == 255
        assert opaque.sum() > 200 and np.array_equal(shown[opaque], painted[opaque][:, :3])


def test_a_picture_under_another_name_and_size_goes_to_its_frame(offered: Given, tmp_path: Path) -> None:
    folder = paint(offered, tmp_path / "painted", keep_alpha=False)
    for number, key in enumerate(offered.keys.keys):
        pixels = Painted(folder).picture(key.file)[..., :3]
        half = cv2.resize(pixels, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
        Image.fromarray(half).save(folder / f"final {number}.jpg", quality=90)
        (folder / key.file).unlink()
    found = list(offered.taken(folder).keys)
    assert found == [key.frame for key in offered.keys.keys]


def test_a_folder_as_it_was_given_out_is_not_painted(offered: Given) -> None:
    with pytest.raises(Exception, match="None of the pictures is painted yet"):
        offered.taken(offered.folder)


@pytest.mark.parametrize("canvas", ["as filmed", "stable"])
def test_wanted_frames_take_the_place_of_the_proposed_ones(offered: Given, tmp_path: Path, canvas: Canvas) -> None:
    context = with_settings(offered.context, trim__from_s=10 / 30)
    proposed = propose(open_clip(offered.clip, context), context, [40, 12])
    keys = Folder(tmp_path / "two", canvas).write(proposed)
    assert [(key.frame, key.file) for key in keys.keys] == [(12, "000012.png"), (40, "000040.png")]
    assert [key.reaches for key in keys.keys] == [(10, 39), (13, 43)]
    assert (keys.keys[0].to_picture == IDENTITY) == (canvas == "as filmed")
    if canvas == "as filmed":
        painted = Painted(tmp_path / "two")
        assert {painted.picture(name).shape for name in painted.names} == {(SHOT.size[1], SHOT.size[0], 4)}
    with pytest.raises(SettingsError, match="The frame 9 is not there"):
        propose(open_clip(offered.clip, context), context, [9])


def test_what_lies_in_a_folder_is_never_replaced(offered: Given) -> None:
    with pytest.raises(WriteError, match="painted frames may be in it"):
        Folder(offered.folder, "stable").check()


@pytest.fixture(scope="module")
def painting_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with a tiny model of the engine edit."""
    home = tmp_path_factory.mktemp("home")
    tiny_model("edit", home / "models")
    return home


@pytest.fixture(scope="module")
def painted_by_model(offered: Given, painting_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three frames that `keys --paint` had painted."""
    folder = tmp_path_factory.mktemp("by model") / "three"
    told = run(
        "keys", offered.clip, "-o", folder, "--frames", "0,20,40", "--paint", "edit", "--prompt", "a red raincoat",
        "--set", "generate.steps=1", "--set", "generate.seed=3", "--preset", "fast", "--home", painting_home,
    )  # fmt: skip
    assert told.returncode == 0, told.stderr
    assert "3 frames painted by edit" in told.stdout and "Touch them up if you like" in told.stdout
    return folder


def test_an_engine_paints_them_as_people_would_have(offered: Given, painted_by_model: Path) -> None:
    """The person is painted, with a little room for wide clothes, and all else transparent; they count as they are."""
    said, painted = KeySet.read((painted_by_model / "keys.json").read_bytes()), Painted(painted_by_model)
    stable = offered.proposed.stable
    for key in said.keys:
        (view,) = stable.views(Span(key.frame, key.frame + 1), Box(0, 0, *stable.canvas))
        pixels = painted.picture(key.file)
        far = cv2.dilate(view.matte, np.ones((31, 31))) == 0
        assert (pixels[cv2.erode(view.matte, np.ones((3, 3))) == 255][:, 3] == 255).all() and not pixels[far][
            :, 3
        ].any()
        changed = np.abs(pixels[..., :3].astype(int) - view.rgb).max(axis=2)
        assert changed[view.matte == 255].mean() > 10 and not changed[far].any()
    assert list(offered.taken(painted_by_model).keys) == [0, 20, 40]
    assert "painted by the engine edit" in (painted_by_model / "README.txt").read_text()


def test_some_keys_of_people_are_kept_and_the_model_paints_the_rest(
    offered: Given, painted_by_model: Path, painting_home: Path, tmp_path: Path
) -> None:
    stable, given_back = offered.proposed.stable, tmp_path / "one"
    (view,) = stable.views(Span(20, 21), Box(0, 0, *stable.canvas))
    given_back.mkdir()
    (given_back / "keys.json").write_bytes((painted_by_model / "keys.json").read_bytes())
    Image.fromarray(np.dstack([view.rgb[..., ::-1], view.matte])).save(given_back / "000020.png")
    made = run(
        "generate", offered.clip, "-o", tmp_path / "out.mp4", "--engine", "edit", "--prompt", "a red raincoat",
        "--set", "generate.steps=1", "--set", "encode.crf=4", "--keys", given_back, "--preset", "fast",
        "--home", painting_home,
    )  # fmt: skip
    assert made.returncode == 0, made.stderr
    frames, source = pictures(scan(tmp_path / "out.mp4", Limits())), pictures(scan(offered.clip, Limits()))
    for index, is_kept in ((20, True), (0, False), (43, False)):
        inside = cv2.erode(next(stable.analysis.mattes([index])), np.ones((5, 5))) == 255
        off = np.abs(frames[index].astype(int) - source[index][..., ::-1])[inside]
        assert (np.median(off) < 15) == is_kept, (index, np.median(off))


def test_only_what_paints_single_frames_is_asked_to(offered: Given, tmp_path: Path) -> None:
    for words, sentence in (
        (("--paint", "vace"), "vace does not paint single frames. Let one of these paint: restyle, edit."),
        (("--paint", "edit", "--as-filmed"), "paints frames of the calm camera"),
        (("--prompt", "a red raincoat"), "Add --paint edit"),
        (("--paint", "edit", "--set", "generate.engine=vace"), "generate.engine is set twice"),
    ):
        told = run("keys", offered.clip, "-o", tmp_path / "new", *words, "--home", tmp_path / "home")
        assert told.returncode == 1 and sentence in " ".join(told.stderr.split()), told.stderr
        assert not (tmp_path / "new").exists()


def run(*words: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "pipeline", *map(str, words)]
    return subprocess.run(command, cwd=PROJECT_ROOT, capture_output=True, text=True)


def test_the_command_line_gives_out_and_takes_back(offered: Given, tmp_path: Path) -> None:
    """An engine that makes all itself says that it has no use for them; they are kept in the home all the same."""
    home, folder = tmp_path / "home", tmp_path / "two"
    told = run("keys", offered.clip, "-o", folder, "--frames", "0,30", "--as-filmed", "--json", "--home", home)
    assert told.returncode == 0, told.stderr
    said: dict[str, Any] = json.loads(told.stdout)
    assert [key["file"] for key in said["keys"]] == ["000000.png", "000030.png"] and said["canvas"] == "as filmed"
    assert sorted(path.name for path in folder.iterdir()) == ["000000.png", "000030.png", "README.txt", "keys.json"]
    again = run("keys", offered.clip, "-o", folder, "--home", home)
    assert again.returncode == 1 and "painted frames may be in it" in again.stderr
    made = run(
        "generate", offered.clip, "-o", tmp_path / "out.mp4", "--keys", folder, "--home", home, "--preset", "fast"
    )
    assert made.returncode == 0 and "restyle does not go between painted frames" in made.stdout, made.stderr
    (stored,) = (home / "keys").iterdir()
    assert given.find(home, "keys", stored.stem) == stored
    wrong = run("keys", offered.clip, "-o", tmp_path / "new", "--frames", "0;3", "--home", home)
    assert wrong.returncode == 1 and "--frames cannot be" in wrong.stderr
