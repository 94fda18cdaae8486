"""Painted frames on their way to an engine: windows go from one to the next, and each depends on its own two alone."""

import shutil
import zipfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from pipeline.engines.base import Caps, EngineFrame, Lengths, View, Window
from pipeline.engines.sessions import Sessions
from pipeline.jobs.order import make_order
from pipeline.library import given, inputs
from pipeline.make.given_keys import KEYS, TAKE_KEYS, GivenKeys
from pipeline.preview import frame
from pipeline.report.journey import Journey
from pipeline.restyle.kind import KIND
from pipeline.see.open_clip import open_clip
from pipeline.stage import RunContext
from tests.engines import Draw, Drawing
from tests.journeys import bench, filmed, hits, journey, pictures, with_settings
from utils.digest import digest_file
from utils.errors import PictureError, SettingsError
from utils.image import RGB, Box
from utils.image.geometry import shift
from utils.image.picture_file import RGBA
from utils.media.intake import probe
from utils.media.timebase import Span
from utils.paintings.key_set import Key, KeySet, file_of, rows_of, write_key_set
from utils.paintings.laying import laid_over
from utils.paintings.painted import Painted
from utils.walker import Shot

pytestmark = pytest.mark.slow

SHOT = Shot(size=(160, 96), frames=40)
PAINTED = (0, 13, 26, 39)
CAPS = Caps(kind="segment", lengths=Lengths(48, 240), given_frames=True, between_given=True, references=0)


class Between(Drawing):
    """An engine that mixes the painted frames on both sides; it keeps what it was given."""

    def __init__(self, caps: Caps = CAPS) -> None:
        self.views: dict[int, View] = {}
        super().__init__("between", self._draw, caps)

    def _draw(self, window: Window) -> Draw:
        def draw(view: View) -> EngineFrame:
            self.views[view.index] = view
            near = sorted(window.given, key=lambda index: abs(index - view.index))[:2]
            mixed = np.mean([window.given[index] for index in near], axis=0)
            return EngineFrame(np.asarray(np.rint(mixed), np.uint8))

        return draw


def recoloured(picture: RGB) -> RGB:
    """A painting that keeps every outline: red and blue change places, and it is a little darker."""
    return np.asarray(picture[..., ::-1] // 5 * 4, np.uint8)


def with_alpha(picture: RGB, alpha: int = 255) -> RGBA:
    return np.dstack([picture, np.full(picture.shape[:2], alpha, np.uint8)])


@dataclass(frozen=True)
class Film:
    """A clip in a home of its own, and its frames painted as they were filmed."""

    clip: Path
    folder: Path
    source: list[RGB] = field(repr=False)
    context: RunContext

    def painted(self, name: str, frames: Iterable[int] = PAINTED, darker: Mapping[int, int] | None = None) -> Path:
        """A folder of painted frames; some are darker by so many levels."""
        folder = self.folder / name
        folder.mkdir()
        for index in frames:
            picture = recoloured(self.source[index]).astype(int) - (darker or {}).get(index, 0)
            Image.fromarray(np.clip(picture, 0, 255).astype(np.uint8)).save(folder / file_of(index))
        return folder

    def keyed(self, path: Path, **changed: Any) -> RunContext:
        """The context of a run with these painted frames, which opens its engine anew."""
        context = with_settings(self.context, generate__keys=str(path), **changed)
        return replace(context, sessions=Sessions())


@dataclass(frozen=True)
class Run:
    """A finished run, the engine that made it, and the painted frames."""

    made: Journey
    engine: Between
    keys: Path


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Film:
    folder = tmp_path_factory.mktemp("film")
    clip = filmed(folder, SHOT)
    return Film(clip, folder, pictures(probe(clip)), bench(folder / "cache"))


@pytest.fixture(scope="module")
def run(film: Film) -> Run:
    engine, keys = Between(), film.painted("keys")
    return Run(journey(film.clip, film.keyed(keys), engine), engine, keys)


def spans(engine: Between) -> list[tuple[int, int]]:
    return [(window.span.start, window.span.stop) for window in engine.windows]


def test_windows_go_from_one_painted_frame_to_the_next_and_hold_both(run: Run) -> None:
    assert spans(run.engine) == [(0, 14), (13, 27), (26, 40)]
    assert [set(window.given) for window in run.engine.windows] == [{0, 13}, {13, 26}, {26, 39}]
    for window in run.engine.windows:
        assert {picture.shape for picture in window.given.values()} == {(window.size[1], window.size[0], 3)}


def test_a_painting_lies_over_the_view_of_its_frame(run: Run) -> None:
    """The camera is calmed, so that the picture is really moved."""
    camera = run.made.stable.path.matrices
    assert np.abs(camera[PAINTED[1], :2, 2]).max() > 0.5
    for window in run.engine.windows:
        for index, picture in window.given.items():
            (plan,) = [each.plan for each in run.made.frames.windows if each.plan.span == window.span]
            (view,) = run.made.stable.views(Span(index, index + 1), plan.box)
            away = np.abs(picture.astype(int) - recoloured(view.rgb))
            inside = view.matte > 127
            shifted = np.abs(np.roll(picture, 2, axis=1).astype(int) - recoloured(view.rgb))
            assert away[inside].mean() < 4 and shifted[inside].mean() > 2 * away[inside].mean()


def test_one_painting_changed_makes_its_own_windows_again_and_no_others(film: Film, run: Run) -> None:
    for changed, expected in ((13, [(0, 14), (13, 27)]), (39, [(26, 40)])):
        engine = Between()
        again = journey(film.clip, film.keyed(film.painted(f"dark {changed}", darker={changed: 12})), engine)
        assert spans(engine) == expected
        assert all(hits(again)[name] for name in ("analyse", "segments", "stabilise", "samples"))


def test_a_further_painting_cuts_one_window_in_two(film: Film, run: Run) -> None:
    engine = Between()
    journey(film.clip, film.keyed(film.painted("more", (*PAINTED, 20))), engine)
    assert spans(engine) == [(13, 21), (20, 27)]


def test_the_file_of_a_run_gives_the_same_run_again(film: Film, run: Run) -> None:
    """As a key set, as a zip of the folder, and kept in a home by its digest."""
    whole = Path(shutil.make_archive(str(film.folder / "zipped"), "zip", run.keys))
    home = film.folder / "home"
    stored = given.find(home, "keys", inputs.keep(home, run.keys, "keys"))
    assert stored is not None
    for path in (keys_of(film, run.keys).entry.path(KEYS), whole, stored):
        engine = Between()
        again = journey(film.clip, film.keyed(path), engine)
        assert not engine.windows and hits(again)["make with between"]


def test_an_engine_that_makes_all_itself_says_so_and_stays_as_it_was(film: Film) -> None:
    plain = journey(film.clip, film.context)
    told = journey(film.clip, film.keyed(film.folder / "not there.zip"))
    assert all(hits(told).values())
    assert {each.sentence for each in told.events} - {each.sentence for each in plain.events} == {
        "restyle does not go between painted frames."
    }


def test_without_painted_frames_nothing_is_computed(film: Film, tmp_path: Path) -> None:
    context = bench(tmp_path / "cache")
    with pytest.raises(SettingsError, match="between makes what lies between painted frames, and none is given"):
        journey(film.clip, context, Between())
    assert {entry.manifest.key.stage for entry in context.store.entries() if entry.manifest} <= {"probe"}


def test_too_far_apart_is_refused_before_anything_is_made(film: Film) -> None:
    caps = Caps(kind="segment", lengths=Lengths(10, 20), given_frames=True, between_given=True)
    engine = Between(caps)
    with pytest.raises(SettingsError, match="between 13 and 39") as caught:
        journey(film.clip, film.keyed(film.painted("few", (0, 13))), engine)
    assert "Paint frame 26 too" in caught.value.remedy and not engine.windows


def test_a_preview_goes_between_the_painted_frames_next_to_it(film: Film, run: Run) -> None:
    context = film.keyed(run.keys, generate__engine="keyframe")
    clip = open_clip(film.clip, context)
    for index in (13, 24):
        made = frame.preview_frame(clip, context, index / (len(clip) - 1))
        assert made.index == index and made.box is not None
        middle = Box(*made.box).slices
        after, before = made.after[middle].astype(int), made.before[middle]
        changed = np.abs(after - before).max(axis=2) > 20
        assert changed.mean() > 0.05 and np.median(np.abs(after - recoloured(before))[changed]) < 4


def keys_of(film: Film, path: Path, **changed: Any) -> GivenKeys:
    """The painted frames of a file as a run takes them."""
    context = film.keyed(path, **changed)
    clip = open_clip(film.clip, context)
    return GivenKeys(TAKE_KEYS.result(context, clip=clip, painted=Painted(path)), clip.start)


def key_set(film: Film, path: Path, keys: Mapping[int, tuple[RGBA, Any]], **changed: Any) -> Path:
    """A key set of pictures and where they lie."""
    clip = open_clip(film.clip, film.context)
    listed = [
        Key(frame=index, file=file_of(index), to_picture=rows_of(matrix), size=(picture.shape[1], picture.shape[0]))
        for index, (picture, matrix) in keys.items()
    ]
    said = KeySet(**{"clip": clip.digest, "size": clip.size, "keys": listed, **changed})
    write_key_set(path, said, [picture for picture, _ in keys.values()])
    return path


def test_what_is_painted_on_the_stable_picture_is_not_resampled(film: Film, run: Run) -> None:
    """And where it is transparent the source's own pixels show."""
    stable, box = run.made.stable, run.made.frames.windows[1].plan.box
    whole = Box(0, 0, *stable.canvas)
    (view,) = stable.views(Span(13, 14), whole)
    painting = with_alpha(recoloured(view.rgb))
    painting[: len(painting) // 2, :, 3] = 0
    path = key_set(film, film.folder / "stable.zip", {13: (painting, stable.path.matrices[13])})
    shown = keys_of(film, path).among(Span(13, 14), CAPS).pictures(stable, box)[13]
    (seen,) = stable.views(Span(13, 14), box)
    middle = len(painting) // 2 - box.top
    assert np.array_equal(shown[middle:], painting[box.slices][middle:, :, :3])
    assert np.array_equal(shown[:middle], seen.rgb[:middle])


def test_a_painting_is_laid_over_by_one_resampling_and_ends_where_it_ends() -> None:
    view = np.full((40, 60, 3), 10, np.uint8)
    painting = np.full((20, 30, 4), (200, 100, 50, 255), np.uint8)
    painting[:, :10] = (0, 0, 0, 0)  # black under what is transparent does not show at its edge
    for right_px in (20.0, 20.5):
        shown = laid_over(view, painting, shift(right_px, 10))
        row = shown[15]
        assert (row[:29] == 10).all() and (row[33:49] == (200, 100, 50)).all() and (row[51:] == 10).all()
        assert (shown[:9] == 10).all() and (shown[31:] == 10).all()
        assert row[29:33].min() >= 10, "nothing dark lies at the edge"


def test_frames_of_a_part_count_from_the_beginning_of_the_file(film: Film, run: Run) -> None:
    keys = keys_of(film, key_set(film, film.folder / "part.zip", {
        index: (with_alpha(recoloured(film.source[index])), np.eye(3)) for index in (0, 13, 26)
    }), trim__from_s=10 / 30)  # fmt: skip
    assert sorted(keys.keys) == [3, 16]
    assert [event.sentence for event in keys.events] == [
        "'000000.png' is left out: frame 0 is not in the part that is used."
    ]


def test_what_nobody_painted_on_is_left_out(film: Film, tmp_path: Path) -> None:
    folder = film.painted("half done", (0, 13))
    clip = open_clip(film.clip, film.context)
    listed = [Key(frame=i, file=file_of(i), given_out=digest_file(folder / file_of(i))) for i in (0, 13)]
    (folder / "keys.json").write_bytes(KeySet(clip=clip.digest, size=clip.size, keys=tuple(listed)).to_json())
    with pytest.raises(PictureError, match="None of the pictures is painted yet"):
        keys_of(film, folder)
    Image.fromarray(recoloured(film.source[13]) // 2).save(folder / file_of(13))
    keys = keys_of(film, folder)
    assert list(keys.keys) == [13]
    assert [event.sentence for event in keys.events] == ["'000000.png' is left out: nobody painted on it."]


@pytest.mark.parametrize(
    ("changed", "frame", "problem"),
    [
        ({"clip": "0" * 64}, 0, "are of another clip"),
        ({"size": (320, 192)}, 0, "of a clip of 320x192; this one is 160x96"),
        ({}, 40, "Frame 40 is painted, but the clip's last one is 39"),
    ],
)
def test_keys_of_another_clip_are_refused(
    film: Film, tmp_path: Path, changed: dict[str, Any], frame: int, problem: str
) -> None:
    picture = with_alpha(recoloured(film.source[0]))
    with pytest.raises(PictureError, match=problem):
        keys_of(film, key_set(film, tmp_path / "keys.zip", {frame: (picture, np.eye(3))}, **changed))


def test_an_order_keeps_painted_frames_as_one_file_of_the_home(film: Film, run: Run, tmp_path: Path) -> None:
    name = "generate.keys"
    kept = inputs.keep_files(tmp_path, KIND, {name: str(run.keys)})
    order = make_order(KIND, {"clip": inputs.keep(tmp_path, film.clip, "clip")}, "Walk", kept, "fast")
    assert order.inputs["keys"] == kept[name] and not order.settings
    assert inputs.keep(tmp_path, run.keys, "keys") == kept[name], "the same pictures make the same file"
    path = Path(order.task(tmp_path)[2][name])
    assert Painted(path).names == tuple(map(file_of, PAINTED))
    assert given.at_home(kept, [name], tmp_path) == {name: str(path)}
    assert given.known(tmp_path, "keys", kept[name]) == kept[name]
    assert not any(given.known(tmp_path, "keys", each) for each in (str(run.keys), "0" * 64, "../clips"))


def test_files_that_hold_no_pictures_are_refused_by_a_child(tmp_path: Path) -> None:
    bad = {
        "text.zip": b"this is no zip",
        "damaged.png": b"\x89PNG\r\n\x1a\n" + b"0" * 100,
    }
    for name, content in bad.items():
        (tmp_path / name).write_bytes(content)
        with pytest.raises(PictureError):
            inputs.keep(tmp_path / "home", tmp_path / name, "keys")
    with zipfile.ZipFile(tmp_path / "empty.zip", "w") as file:
        file.writestr("notes.txt", "nothing painted")
    with pytest.raises(PictureError, match="holds no pictures"):
        inputs.keep(tmp_path / "home", tmp_path / "empty.zip", "keys")
    with zipfile.ZipFile(tmp_path / "wrong.zip", "w") as file:
        file.writestr("keys.json", "{}")
        file.writestr("000000.png", b"")
    with pytest.raises(PictureError, match=r"keys\.json beside the painted frames cannot be read"):
        inputs.keep(tmp_path / "home", tmp_path / "wrong.zip", "keys")
    with pytest.raises(PictureError, match="There is no file or folder"):
        inputs.keep(tmp_path / "home", tmp_path / "nothing", "keys")
    assert not list((tmp_path / "home" / "keys").iterdir()), "and nothing of it stays"


def test_frames_of_a_steady_engine_are_put_back_as_they_were_made(film: Film, run: Run) -> None:
    """A painting whose brightness changes from frame to frame on purpose keeps that; another engine's is evened out."""

    def flickering(window: Window) -> Draw:
        return lambda view: EngineFrame(np.asarray(view.rgb // 2 + 60 * (view.index % 2), np.uint8))

    for is_steady in (True, False):
        caps = replace(CAPS, is_steady=is_steady, keeps_outside=True)
        made = journey(film.clip, film.keyed(run.keys), Drawing(f"flickers {is_steady}", flickering, caps))
        window = made.frames.windows[0]
        pairs = list(zip(window.frames(), window.made.frames(), strict=True))
        assert all(np.array_equal(after.rgb, before.rgb) for after, before in pairs) == is_steady
