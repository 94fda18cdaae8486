"""What pages are shown of a clip: small copies that keep every frame at its time, made once for all looks of a clip."""

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from pipeline.jobs.job import Job, RequestedAction, State
from pipeline.jobs.results import Results
from pipeline.jobs.workers.previews import Previews
from pipeline.jobs.workers.publish_result import publish
from pipeline.preview.web_copies import CLIP as COPY
from pipeline.preview.web_copies import COPY_OF_RESULT, COPY_OF_SOURCE, WIDEST_PX, write_poster
from pipeline.report.journey import Journey
from pipeline.restyle.outcome import outcome
from pipeline.result.names import AFTER, BEFORE, CLIP, POSTER, SETTINGS
from pipeline.settings import Settings
from pipeline.stage import RunContext
from tests.journeys import bench, filmed, journey, pictures, sounding, written
from tests.orders import restyle_order
from utils.errors import StoreFull
from utils.image import RGB, Size
from utils.media.clip import Clip
from utils.media.probe import Limits, scan
from utils.media.xmp import read_settings
from utils.walker import Shot

pytestmark = pytest.mark.slow

FRAMES, SOME = 45, "0123456789abcdef01234567"


def stripes(count: int, size: Size) -> list[RGB]:
    """A bright bar that is somewhere else in each picture."""
    shown = []
    for index in range(count):
        picture = np.full((size.height_px, size.width_px, 3), 40, np.uint8)
        left = round((index + 0.5) * size.width_px / count)
        cv2.rectangle(picture, (left - 20, 0), (left + 20, size.height_px), (250, 240, 60), -1)
        shown.append(picture)
    return shown


def bars(clip: Clip) -> list[float]:
    """Where the bar is in each picture, as a share of the width."""
    return [float(np.average(np.arange(len(row)), weights=row > 150) + 0.5) / len(row) for row in _rows(clip)]


def _rows(clip: Clip) -> list["np.ndarray[tuple[int], np.dtype[np.float64]]"]:
    return [picture[..., 0].mean(axis=0) for picture in pictures(clip)]


@pytest.fixture(scope="module")
def uneven(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A wide clip of a variable rate, with sound."""
    size, times = Size(1922, 270), [0, 1, 2, 5, 6, 9, 10, 11, 15, 16, 17, 18]
    path = written(tmp_path_factory.mktemp("film") / "walk.mp4", stripes(len(times), size), times)
    return sounding(path, 0.6)


def test_a_copy_keeps_every_frame_at_its_time(uneven: Path, tmp_path: Path) -> None:
    clip, at = scan(uneven, Limits()), bench(tmp_path)
    assert not clip.constant_rate and clip.audio
    silent = scan(COPY_OF_SOURCE.result(at, clip=clip).path(COPY), Limits())
    assert silent.size == Size(WIDEST_PX, 180) and silent.pixel_format == "yuv420p" and silent.codec == "h264"
    assert silent.audio is None
    assert [silent.time_s(index) for index in silent.span] == [clip.time_s(index) for index in clip.span]
    assert bars(silent) == pytest.approx(bars(clip), abs=0.003)
    heard = scan(COPY_OF_RESULT.result(at, clip=clip).path(COPY), Limits())
    assert heard.audio and heard.audio.start_s == clip.audio.start_s
    assert bars(heard) == bars(silent)


def test_a_copy_is_made_once_for_all_settings(uneven: Path, tmp_path: Path) -> None:
    clip, at = scan(uneven, Limits()), bench(tmp_path)
    assert not COPY_OF_SOURCE.result(at, clip=clip).hit
    other = replace(at, settings=Settings.load("quality", {"generate.look": "ink"}).flat())
    assert COPY_OF_SOURCE.result(other, clip=replace(clip, path=tmp_path / "moved.mp4")).hit


def test_the_poster_is_the_frame_that_was_asked_for(uneven: Path, tmp_path: Path) -> None:
    clip = scan(uneven, Limits())
    for index in (0, 4, 11):
        write_poster(uneven, clip.time_s(index), clip, tmp_path / "poster.jpg")
        shown = cv2.imread(str(tmp_path / "poster.jpg"))[..., ::-1]
        assert shown.shape[1] == 960
        where = float(np.average(np.arange(960), weights=shown[..., 0].mean(axis=0) > 150)) / 960
        assert where == pytest.approx((index + 0.5) / 12, abs=0.01)


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> tuple[Journey, RunContext, Path]:
    folder = tmp_path_factory.mktemp("home")
    at = bench(folder / "cache", generate__look="ink", generate__reference=None)
    clip = filmed(tmp_path_factory.mktemp("film"), Shot(size=(320, 180), frames=FRAMES), sound=True)
    return journey(clip, at), at, folder


def job(**settings: object) -> Job:
    order = restyle_order("walk.mp4", "Walk", settings, "fast")
    return Job(SOME, order, State.RUNNING, RequestedAction.NONE, 0, "", 1, "", "", 0, None, 0, 0, 0, "", "", 0, 0, None)


def test_a_result_has_all_that_a_page_shows(done: tuple[Journey, RunContext, Path]) -> None:
    made, at, home = done
    results = Results.of(home)
    told = publish(results, job(**{"generate.look": "ink"}), outcome(made, at, "fast"))
    place = results.place(SOME)
    before, result = (scan(place / name, Limits()) for name in (BEFORE, CLIP))
    assert before.audio is None and result.audio
    assert (before.size, before.rate, len(before)) == (result.size, result.rate, len(result))
    assert not (place / AFTER).exists(), "browsers play the result itself"
    assert cv2.imread(str(place / POSTER)).shape == (180, 320, 3)
    assert {"width": 320, "height": 180, "frames": FRAMES, "look": "ink"}.items() <= told.items()
    assert told["stages"][-1] == {"name": "web copy", "seconds": told["stages"][-1]["seconds"], "cache": "miss"}
    assert {"slide_px", "warp_ratio", "seam_ratio", "colour_drift", "edit_magnitude"} <= told.keys()
    facts = results.facts(SOME)
    assert facts and facts["after"] == CLIP and facts["sound"] == "aac" and facts["heard"]
    assert 0 <= facts["still"] < FRAMES and facts["times_s"] is None


def test_the_settings_inside_make_the_same_again(done: tuple[Journey, RunContext, Path]) -> None:
    made, at, home = done
    publish(Results.of(home), job(), outcome(made, at, "fast"))
    path = Results.of(home).place(SOME) / CLIP
    document = read_settings(path)
    assert document and document["preset"] == "fast" and document["clip"] == made.clip.digest
    assert Settings.load(file=path).flat() == Settings.load("fast", file=path).flat() == dict(at.settings)
    assert "generate.reference" not in document["settings"]
    cached = made.encoded.path.read_bytes()
    assert path.read_bytes().startswith(cached) and len(path.read_bytes()) > len(cached)


def test_a_result_that_is_too_wide_gets_a_smaller_one_with_its_sound(
    done: tuple[Journey, RunContext, Path], uneven: Path, tmp_path: Path
) -> None:
    """As write_views does it for a clip of 1922 pixels, of which only the last step is run here."""
    from pipeline.result.views import write_views

    _, at, _ = done
    (tmp_path / CLIP).write_bytes(uneven.read_bytes())
    write_views(scan(uneven, Limits()), 0, at, tmp_path)
    after = scan(tmp_path / AFTER, Limits())
    assert after.size == scan(tmp_path / BEFORE, Limits()).size == Size(1280, 180) and after.audio


def test_a_disk_without_room_for_a_result_is_told_before_anything_appears(
    done: tuple[Journey, RunContext, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made, at, _ = done
    monkeypatch.setattr("pipeline.jobs.workers.publish_result.BESIDE_BYTES", 1 << 60)
    with pytest.raises(StoreFull, match="bytes are needed") as full:
        publish(Results.of(tmp_path), job(), outcome(made, at, "fast"))
    assert full.value.needs_bytes > 1 << 60, "the job waits for it"
    assert list((tmp_path / "results").iterdir()) == []


def test_a_removed_result_takes_its_previews_along(tmp_path: Path) -> None:
    for kind in ("results", "previews"):
        (tmp_path / kind / SOME).mkdir(parents=True)
    Previews.of(tmp_path, SOME).note([{"index": 0}])
    Results.of(tmp_path).remove(SOME)
    assert not (tmp_path / "results" / SOME).exists() and not (tmp_path / "previews" / SOME).exists()


def test_the_settings_of_a_result_tell_no_path(done: tuple[Journey, RunContext, Path], tmp_path: Path) -> None:
    made, at, _ = done
    asked = replace(job(), order=replace(job().order, inputs={"clip": "walk.mp4", "reference": "/home/ada/me.png"}))
    publish(Results.of(tmp_path), asked, outcome(made, at, "fast"))
    assert "ada" not in (Results.of(tmp_path).place(asked.id) / SETTINGS).read_text()
