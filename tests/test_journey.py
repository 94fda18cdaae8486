"""The journey: a clip goes in, a restyled clip with its own camera comes out, and nothing is computed twice."""

import json
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from pipeline.compose.composite import Composed
from pipeline.compose.compositor import Compositor
from pipeline.compose.result_camera import ResultCamera
from pipeline.report.journey import Journey
from pipeline.report.measures import Measures
from pipeline.report.report import report, to_json
from tests.journeys import SMALL, bench, filmed, finished, hits, journey, pictures, same, with_settings
from tests.sound import lag
from utils.image.metrics import psnr_db
from utils.media.timebase import Span
from utils.media.video import ClipFrames
from utils.progress import Progress
from utils.walker.scene import Scene

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def clip_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return filmed(tmp_path_factory.mktemp("film"), sound=True)


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="module")
def made(clip_path: Path, cache: Path) -> Journey:
    return journey(clip_path, bench(cache))


def test_what_comes_out_has_the_frames_the_times_and_the_sound_of_what_went_in(made: Journey) -> None:
    out = finished(made)
    assert len(out) == len(made.clip) == SMALL.frames
    assert (out.rate, out.size, out.constant_rate) == (Fraction(30), made.clip.size, True)
    assert lag(made.clip, out) == 0


def test_the_person_is_changed_and_the_rest_is_not(made: Journey) -> None:
    scene = Scene(SMALL)
    inside, outside = [], []
    for index, (before, after) in enumerate(zip(pictures(made.clip), pictures(finished(made)), strict=True)):
        if index % 15 == 0:
            matte = scene.frame(index)[1].matte
            away = np.abs(before.astype(int) - after).mean(axis=2)
            inside.append(away[matte > 250].mean())
            outside.append(away[matte == 0].mean())
    assert np.mean(inside) > 6
    assert np.mean(outside) < 1.5


def test_the_report_holds_every_number(made: Journey) -> None:
    told = json.loads(to_json(report(made)))
    assert told["frames_in"] == told["frames_out"] == SMALL.frames
    assert told["audio_offset_ms"] == pytest.approx(0, abs=0.05)
    assert told["camera"]["jerk_after"] < 0.1 * told["camera"]["jerk_before"]
    assert told["camera"]["roundtrip_psnr"] > 35 and told["camera"]["crop"] == 1
    assert [each["start"] for each in told["segments"]] == [0, *(each["stop"] for each in told["segments"][:-1])]
    assert told["segments"][-1]["stop"] == SMALL.frames
    assert told["subject"]["detected_fraction"] > 0.9
    assert told["contacts"] and told["slide_px"]["after"] < 2
    assert told["warp_error"]["ratio"] < 1.15 and told["edit_magnitude"] > 3
    assert told["seam_ratio"] < 1.3
    assert told["peak_rss_mb"] > 50
    assert told["provenance"]["engine"]["engine"] == "restyle"
    assert told["provenance"]["clip_digest"] == made.clip.digest
    assert {each["name"] for each in told["stages"]} >= {
        "analyse", "stabilise", "segments", "make with restyle", "steady", "feet", "encode", "measure",
    }  # fmt: skip


def test_a_result_that_is_the_source_measures_as_the_source(made: Journey) -> None:
    """Not edited, as steady as it, and every change in between is told at its size."""
    same, brighter = (Measures(made.stable, ResultCamera(), Span(0, SMALL.frames), [30]) for _ in range(2))
    mattes = made.stable.analysis.mattes(made.clip.span)
    for frame, matte, drawn in zip(ClipFrames.of(made.clip), mattes, made.frames, strict=True):
        same.add(Composed(frame, matte, frame.rgb, drawn))
        light = frame.rgb // 2 + (40 if frame.index % 2 else 0)
        brighter.add(Composed(frame, matte, light.astype(np.uint8), drawn))
    told, other = same.numbers(), brighter.numbers()
    assert told["flicker_hold"]["source"] == told["flicker_hold"]["result"]
    assert told["warp_error"]["ratio"] == told["seam_ratio"] == 1 and told["edit_magnitude"] == 0
    assert other["flicker_hold"]["result"] == pytest.approx(40, abs=2) and other["edit_magnitude"] > 10
    assert other["warp_error"]["result"] == pytest.approx(1600, rel=0.15)


def test_the_same_run_again_computes_nothing(made: Journey, clip_path: Path, cache: Path) -> None:
    again = journey(clip_path, bench(cache))
    assert all(hits(again).values())
    assert again.encoded.entry.digest == made.encoded.entry.digest


def test_another_look_computes_only_what_it_changes(made: Journey, clip_path: Path, cache: Path) -> None:
    other = journey(clip_path, bench(cache, generate__look="ink"))
    computed = {name for name, hit in hits(other).items() if not hit}
    assert computed == {"make with restyle", "steady", "feet", "encode", "measure"}
    assert not same(finished(other), finished(made))


def test_another_encoding_only_encodes(made: Journey, clip_path: Path, cache: Path) -> None:
    other = journey(clip_path, bench(cache, encode__crf=30))
    assert {name for name, hit in hits(other).items() if not hit} == {"encode"}


@pytest.fixture(scope="module")
def elsewhere(clip_path: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Journey, dict[str, list[int]]]:
    """The same in another cache, and the progress that each stage told."""
    told: dict[str, list[int]] = {}

    def listen(progress: Progress) -> None:
        if (progress.total or 0) > 1:
            told.setdefault(progress.stage, []).append(progress.done)

    return journey(clip_path, bench(tmp_path_factory.mktemp("elsewhere"), told=listen)), told


def test_in_another_cache_it_is_the_same_to_the_pixel(
    made: Journey, elsewhere: tuple[Journey, dict[str, list[int]]]
) -> None:
    assert not any(hits(elsewhere[0]).values())
    assert same(finished(elsewhere[0]), finished(made))


@pytest.mark.parametrize("strength", [1, 0.5])
def test_without_an_edit_every_pixel_is_the_source_s_own(
    made: Journey, clip_path: Path, cache: Path, strength: float
) -> None:
    """Strength 0, before the encode: also for another camera, which moves source and person alike."""
    plain = journey(clip_path, bench(cache, generate__strength=0))
    reshake = ResultCamera.of(plain.stable.path, strength)
    still = Compositor(plain.stable, "person", 0, plain.feet.field, reshake)
    frames = ClipFrames.of(plain.clip)
    mattes = plain.stable.analysis.mattes(plain.clip.span)
    for frame, matte, drawn in zip(frames, mattes, plain.frames, strict=True):
        shown, outline = reshake.shown(frame, matte)
        assert (still.frame(shown, outline, drawn, frame.rgb) == shown.rgb).all()


def test_half_of_the_movement_put_back_is_half_as_shaky(made: Journey, clip_path: Path, cache: Path) -> None:
    half = report(journey(clip_path, bench(cache, reshake__strength=0.5)))
    assert 0.7 < half["camera"]["crop"] < 1
    assert half["frames_out"] == SMALL.frames


def test_the_background_alone_and_both(made: Journey, clip_path: Path, cache: Path) -> None:
    """Where only the background is restyled, the person keeps the source's own pixels."""
    scene = Scene(SMALL)
    truth = scene.frame(40)[1]
    for target in ("background", "both"):
        other = journey(clip_path, bench(cache, generate__apply_to=target, generate__strength=1))
        before, after = (pictures(clip)[40].astype(int) for clip in (other.clip, finished(other)))
        away = np.abs(before - after).mean(axis=2)
        assert away[truth.matte == 0].mean() > 5
        assert (away[truth.matte > 250].mean() < 3) == (target == "background")


def test_before_the_plate_the_shadow_and_the_person_of_the_source_are_gone(
    made: Journey, clip_path: Path, cache: Path
) -> None:
    other = journey(clip_path, bench(cache, composite__background="plate"))
    told = report(other)
    assert told["plate"]["seen_fraction"] > 0.9
    scene = Scene(SMALL)
    _, truth = scene.frame(20)
    shown = pictures(finished(other))[20]
    clear = (truth.matte == 0) & (truth.others == 0)
    assert psnr_db(shown, truth.plate, clear) > 27


def test_progress_is_told_frame_by_frame(elsewhere: tuple[Journey, dict[str, list[int]]]) -> None:
    told = elsewhere[1]
    stages = ("analyse", "make with restyle", "steady", "encode")
    assert set(stages) <= told.keys()
    for stage in stages:
        done = told[stage]
        assert len(done) >= SMALL.frames and done == sorted(done)


def test_settings_that_nothing_reads_change_nothing(made: Journey, clip_path: Path, cache: Path) -> None:
    on = with_settings(bench(cache), foot_lock__extension_frames=3)
    assert {name for name, hit in hits(journey(clip_path, on)).items() if not hit} == {"feet"}
