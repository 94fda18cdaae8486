"""Hardware encoders: probed for real, used when they work, and left for x264 with an event when they do not."""

import json
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from pipeline.doctor import Surroundings
from pipeline.doctor.encoders import encoders
from pipeline.finish.film.files import beside
from pipeline.finish.film.plan import Plan
from pipeline.finish.settings import FinishSettings
from pipeline.finish.story import Finished, finish, told
from pipeline.stage import RunContext
from tests.films import SIZE, clip, numbers
from utils.errors import SettingsError
from utils.home import VARIABLE
from utils.media.clip import Clip
from utils.media.encoder_probe import DAY_S, FILE, Probed, probed, probed_now
from utils.media.encoders import ENCODERS, HARDWARE, X264
from utils.store import Store

RATE, FRAMES = Fraction(25), 260
"""Frames of two chunks."""


@pytest.fixture(scope="module")
def found() -> dict[str, Probed]:
    """What each hardware encoder does on this machine."""
    return {name: probed_now(name, SIZE) for name in HARDWARE}


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Clip:
    return clip(tmp_path_factory.mktemp("encoders") / "talk.mp4", FRAMES, RATE)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv(VARIABLE, str(tmp_path / "home"))
    return tmp_path / "home"


def unusable(found: dict[str, Probed]) -> str:
    name = next((name for name, each in found.items() if not each.usable), None)
    if name is None:
        pytest.skip("every hardware encoder works here")
    return name


def believe(name: str, home: Path) -> None:
    """Let it be known of an encoder that it works, whatever it does."""
    probed(name, SIZE)
    kept = json.loads((home / FILE).read_text())
    (home / FILE).write_text(json.dumps({key: each | {"usable": True, "why": ""} for key, each in kept.items()}))


def rendered(source: Clip, cache: Path, encoder: str, **other: Any) -> Finished:
    settings = FinishSettings().flat() | {"encode.x264_preset": "ultrafast", "encode.encoder": encoder}
    return finish(source, Plan(), beside(cache), RunContext(Store(cache), settings), **other)


def sentences(run: Finished) -> list[str]:
    return [event.sentence for event in run.events]


def test_an_encoder_that_is_asked_for_and_does_not_work_is_an_event_and_x264_does_it(
    source: Clip, home: Path, tmp_path: Path, found: dict[str, Probed]
) -> None:
    name = unusable(found)
    run = rendered(source, tmp_path / "cache", name)
    (sentence,) = sentences(run)
    assert sentence.startswith(f"{ENCODERS[name].title} does not work for 320x180 here ({name}: {found[name].why})")
    assert run.events[0].level == "warning" and told(run)["encoder"] == X264
    run.write(tmp_path / "film.mp4")
    assert numbers(tmp_path / "film.mp4") == list(range(FRAMES))
    assert rendered(source, tmp_path / "cache", X264).encoded == 0, "the chunks are those of x264"


@pytest.mark.parametrize("name", HARDWARE)
def test_an_encoder_that_works_encodes_every_frame_in_its_place(
    name: str, source: Clip, home: Path, tmp_path: Path, found: dict[str, Probed]
) -> None:
    if not found[name].usable:
        pytest.skip(f"{name} does not work here: {found[name].why}")
    run = rendered(source, tmp_path / "cache", name)
    assert sentences(run) == [f"The film is encoded by {ENCODERS[name].title}."] and told(run)["encoder"] == name
    run.write(tmp_path / "film.mp4")
    assert numbers(tmp_path / "film.mp4") == list(range(FRAMES)) and run.quality["ssim"] > 0.95
    assert rendered(source, tmp_path / "cache", X264).encoded == 2, "x264 has chunks of its own"


def test_auto_takes_what_works_or_says_that_nothing_does(
    source: Clip, home: Path, tmp_path: Path, found: dict[str, Probed]
) -> None:
    run = rendered(source, tmp_path / "cache", "auto")
    works = [name for name, each in found.items() if each.usable]
    assert told(run)["encoder"] == (works[0] if works else X264)
    (sentence,) = sentences(run)
    assert works or sentence.startswith("No hardware encoder works for 320x180 here (nvenc: ")
    assert all(f"{name}: " in sentence for name in HARDWARE) or works
    assert told(rendered(source, tmp_path / "cache", "auto", preview=True))["encoder"] == X264


def test_what_was_found_holds_for_a_day_and_what_cannot_be_read_is_found_again(
    home: Path, found: dict[str, Probed]
) -> None:
    name = unusable(found)
    assert probed(name, SIZE) == found[name]
    kept = json.loads((home / FILE).read_text())
    (key,) = kept
    assert key.startswith(f"{name} 320x180 yuv420p") and not kept[key]["usable"]
    kept[key] |= {"usable": True, "why": ""}
    (home / FILE).write_text(json.dumps(kept))
    assert probed(name, SIZE).usable, "it is not asked again"
    assert not probed(name, SIZE.scaled(0.5)).usable, "another size is another question"
    kept[key]["at_s"] -= DAY_S
    (home / FILE).write_text(json.dumps(kept))
    assert not probed(name, SIZE).usable
    (home / FILE).write_text("{")
    assert not probed(name, SIZE).usable and len(json.loads((home / FILE).read_text())) == 1


def test_an_encoder_that_fails_in_the_middle_leaves_all_of_the_film_to_x264(
    source: Clip, home: Path, tmp_path: Path, found: dict[str, Probed]
) -> None:
    name = unusable(found)
    believe(name, home)
    run = rendered(source, tmp_path / "cache", name)
    first, second = sentences(run)
    assert first == f"The film is encoded by {ENCODERS[name].title}."
    assert second.startswith(f"{ENCODERS[name].title} failed (") and second.endswith("x264 encodes all of the film.")
    assert run.encoded == 2 and told(run)["encoder"] == X264


def test_a_child_that_hangs_or_crashes_is_an_answer() -> None:
    assert probed_now("nvenc", SIZE, limit_s=0.001).why == "it did not answer within 0.001 s"
    assert probed_now("no such encoder", SIZE).why == "it crashed (code 1)"


def test_other_pixels_and_options_reach_the_encoder_and_its_chunks_are_its_own(
    source: Clip, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What Quick Sync is given, with FFmpeg's x264 behind it, which takes the same pixels and options."""
    monkeypatch.setitem(ENCODERS, "qsv", replace(ENCODERS["qsv"], codec="libx264"))
    assert rendered(source, tmp_path / "cache", X264).encoded == 2
    settings = FinishSettings().flat() | {"encode.encoder": "qsv"}
    believe("qsv", home)
    run = finish(source, Plan(), beside(tmp_path), RunContext(Store(tmp_path / "cache"), settings))
    assert told(run)["encoder"] == "qsv"
    assert run.encoded == 2 and run.quality["ssim"] > 0.95
    run.write(tmp_path / "film.mp4")
    assert numbers(tmp_path / "film.mp4") == list(range(FRAMES))


def test_doctor_says_which_encoders_work(found: dict[str, Probed], tmp_path: Path) -> None:
    finding = encoders(Surroundings(tmp_path))
    assert finding.state == "ok" and finding.says.startswith("x264")
    assert all(each.usable or f"{name}: {each.why}" in finding.says for name, each in found.items())
    assert not (tmp_path / FILE).exists()


def test_an_encoder_that_nobody_knows_is_refused() -> None:
    with pytest.raises(SettingsError, match=r"encode\.encoder"):
        FinishSettings.load("", {"encode.encoder": "av1"})
