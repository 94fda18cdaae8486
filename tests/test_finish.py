"""Finishing a clip by a plan: what is rendered, what is encoded again, and what is told of what cannot be used."""

import json
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from av.video.frame import PictureType
from PIL import Image

from pipeline.finish.film.files import beside
from pipeline.finish.film.plan import Plan, about, parsed, plan_of, read_plan, write_plan
from pipeline.finish.moment import moment
from pipeline.finish.settings import FinishSettings
from pipeline.finish.story import Finished, finish, told
from pipeline.stage import RunContext
from tests.films import clip, numbers
from tests.sound import sounding
from tests.test_film_sound import noise, wav
from utils.errors import ClipError, SettingsError
from utils.image.metrics import psnr_db
from utils.media.clip import Clip
from utils.media.colour import samples
from utils.media.write import ClipWriter, Encoding, Shape
from utils.store import Store

RATE = Fraction(25)
SETTINGS = FinishSettings().flat() | {"encode.crf": 20, "encode.x264_preset": "ultrafast"}
SRT = """1
00:00:01,000 --> 00:00:02,000
The first line

2
00:00:20,000 --> 00:00:21,500
<i>The second</i> line
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A clip with sound, and everything that a plan can name."""
    place = tmp_path_factory.mktemp("finish")
    sounding(place / "talk.mov", clip(place / "pictures.mp4", 700, RATE), noise(28, level=0.1))
    clip(place / "coffee.mp4", 60, Fraction(30))
    (place / "broken.mp4").write_bytes(b"no clip at all" * 99)
    wav(place / "music.wav", noise(3, seed=2, level=0.3))
    wav(place / "short.wav", noise(0.4))
    wav(place / "pling.wav", noise(0.3))
    (place / "said.srt").write_text(SRT)
    rgba = np.zeros((40, 80, 4), np.uint8)
    rgba[..., 0], rgba[5:35, 5:75, 3] = 255, 200
    Image.fromarray(rgba).save(place / "logo.png")
    return place


@pytest.fixture(scope="module")
def source(folder: Path) -> Clip:
    from utils.media.intake import probe

    return probe(folder / "talk.mov")


@pytest.fixture(scope="module")
def context(tmp_path_factory: pytest.TempPathFactory) -> RunContext:
    """A cache that these tests share."""
    return RunContext(Store(tmp_path_factory.mktemp("cache")), SETTINGS)


@pytest.fixture
def fresh(tmp_path: Path) -> RunContext:
    """A cache of a test's own."""
    return RunContext(Store(tmp_path / "cache"), SETTINGS)


FULL: dict[str, Any] = {
    "cut": [{"from_s": 3, "to_s": 4}, {"from_s": 11, "to_s": 12.5}],
    "zoom": {"most": 1.08, "punches": [{"from_s": 6, "to_s": 7}]},
    "broll": [{"file": "coffee.mp4", "at_s": 8, "seconds": 1.5, "sound": "mute"}],
    "pictures": [{"file": "logo.png", "left": 0.8, "top": 0.05}],
    "subtitles": {"file": "said.srt"},
    "titles": [{"text": "A title", "from_s": 0, "to_s": 2}],
    "music": {"file": "music.wav"},
    "effects": [{"file": "pling.wav", "at_s": 5}],
    "fades": {"in_s": 0.5, "out_s": 0.5},
    "loudness_lufs": -20,
}


def made(source: Clip, folder: Path, context: RunContext, plan: dict[str, Any], **more: Any) -> Finished:
    return finish(source, plan_of(plan), beside(folder), context, **more)


def warnings(run: Finished) -> str:
    return " ".join(event.sentence for event in run.events)


def frames_of(path: Path) -> list[np.ndarray[Any, Any]]:
    with av.open(str(path)) as container:
        return [samples(frame.planes[0]).copy() for frame in container.decode(video=0)]


def test_a_full_plan_is_rendered_with_every_frame_and_sound_in_its_place(
    source: Clip, folder: Path, context: RunContext, tmp_path: Path
) -> None:
    run = made(source, folder, context, FULL)
    run.write(out := tmp_path / "film.mp4")
    assert not run.events
    wanted = [k for k in range(700) if not (75 <= k < 100 or 275 <= k < 313)]
    assert len(run.film) == len(wanted) == 637
    assert run.film.timeline.shown(source) == wanted
    with av.open(str(out)) as container:
        video, audio = container.streams.video[0], container.streams.audio[0]
        times = [Fraction(p.pts or 0) * Fraction(p.time_base or 0) for p in container.decode(video)]
        assert times == [k / RATE for k in range(637)]
        assert float(audio.duration * audio.time_base) == pytest.approx(637 / 25, abs=0.05)  # type: ignore[operator]
    assert out.with_suffix(".srt").read_text().startswith("1\n00:00:01,000 --> 00:00:02,000\nThe first line")
    assert "00:00:17,480 --> 00:00:19,000" in out.with_suffix(".srt").read_text()
    assert "Dialogue: 0,0:00:01.00,0:00:02.00,Default,,0,0,0,,The first line" in out.with_suffix(".ass").read_text()


def test_without_a_plan_the_film_is_the_clip(source: Clip, folder: Path, context: RunContext, tmp_path: Path) -> None:
    run = made(source, folder, context, {})
    run.write(tmp_path / "film.mp4")
    assert numbers(tmp_path / "film.mp4") == list(range(700))
    assert not list(tmp_path.glob("film.s*"))


def test_one_changed_subtitle_encodes_one_chunk_again(
    source: Clip, folder: Path, fresh: RunContext, tmp_path: Path
) -> None:
    run = made(source, folder, context := fresh, FULL)
    assert run.encoded == len(run.chunks) == 3
    run.write(tmp_path / "first.mp4")
    other = tmp_path / "other.srt"
    other.write_text(SRT.replace("second", "changed"))
    again = made(source, folder, context, FULL | {"subtitles": {"file": str(other)}})
    assert again.encoded == 1
    assert [entry.hit for entry in again.chunks] == [True, False, True]
    again.write(tmp_path / "second.mp4")
    pairs = zip(frames_of(tmp_path / "first.mp4"), frames_of(tmp_path / "second.mp4"), strict=True)
    changed = [index for index, (one, two) in enumerate(pairs) if not np.array_equal(one, two)]
    assert set(range(437, 475)) <= set(changed) <= set(range(437, 500)), "within its chunk"
    third = made(source, folder, context, FULL)
    assert third.encoded == 0 and third.sound is not None and third.sound.hit


def test_another_crf_encodes_all_again_and_no_sound(source: Clip, folder: Path, context: RunContext) -> None:
    run = made(source, folder, context, FULL)
    other = replace(context, settings={**context.settings, "encode.crf": 30})
    again = made(source, folder, other, FULL)
    assert again.encoded == len(run.chunks) and again.sound is not None and again.sound.hit


def test_subtitles_stand_on_exactly_their_frames(
    source: Clip, folder: Path, context: RunContext, tmp_path: Path
) -> None:
    run = made(source, folder, context, {"subtitles": {"file": "said.srt", "style": {"place": "middle"}}})
    run.write(tmp_path / "film.mp4")
    band = slice(70, 110)
    lit = [index for index, frame in enumerate(frames_of(tmp_path / "film.mp4")) if (frame[band] > 225).sum() > 50]
    assert lit == [*range(25, 50), *range(500, 538)]


def test_a_preview_has_half_the_size(source: Clip, folder: Path, context: RunContext, tmp_path: Path) -> None:
    run = made(source, folder, context, FULL | {"zoom": None, "fades": None}, preview=True)
    run.write(tmp_path / "film.mp4")
    first = frames_of(tmp_path / "film.mp4")[0]
    assert first.shape == (90, 160)


def test_what_cannot_be_used_is_told_and_left_out(
    source: Clip, folder: Path, context: RunContext, tmp_path: Path
) -> None:
    plan = {
        "broll": [{"file": "broken.mp4", "at_s": 1}, {"file": "absent.mp4", "at_s": 2}],
        "pictures": [{"file": "talk.mov"}],
        "music": {"file": "short.wav"},
        "effects": [{"file": "said.srt", "at_s": 1}],
        "subtitles": {"file": "none.srt"},
        "titles": [{"text": "a\U000f1234b", "from_s": 0, "to_s": 1, "style": {"font": "No Such Font"}}],
    }
    run = made(source, folder, context, plan)
    sentences = warnings(run)
    for part in (
        "The b-roll at 1 s is left out", "There is no file 'absent.mp4'", "The picture 'talk.mov' is left out",
        "shorter than a second", "The sound at 1 s is left out", "There are no subtitles",
        "There is no font 'No Such Font'", "No font here has \U000f1234",
    ):  # fmt: skip
        assert part in sentences
    run.write(tmp_path / "film.mp4")
    assert numbers(tmp_path / "film.mp4") == list(range(700))


def test_a_moment_is_what_the_film_shows_there(source: Clip, folder: Path, context: RunContext, tmp_path: Path) -> None:
    run = made(source, folder, context, FULL, preview=True)
    run.write(tmp_path / "film.mp4")
    with av.open(str(tmp_path / "film.mp4")) as container:
        frames = [np.asarray(frame.to_ndarray(format="rgb24"), np.uint8) for frame in container.decode(video=0)]
    for index in (30, 200, 450):
        seen = moment(source, plan_of(FULL), beside(folder), context, index / 636)
        assert seen.index == index and seen.after.shape == (90, 160, 3)
        assert psnr_db(seen.after, frames[index]) > 30
    assert not np.array_equal(seen.before, seen.after)
    assert seen.to_json() == {"at": 450, "width": 160, "height": 90, "frames": 637, "events": []}


def test_what_comes_after_the_end_or_is_cut_out_is_told(source: Clip, folder: Path, context: RunContext) -> None:
    plan = {
        "cut": [{"from_s": 20, "to_s": 28}],
        "broll": [{"file": "coffee.mp4", "at_s": 25}],
        "titles": [{"text": "Late", "from_s": 22, "to_s": 23}],
        "effects": [{"file": "pling.wav", "at_s": 30}],
    }
    sentences = warnings(made(source, folder, context, plan))
    for part in ("The b-roll at 25 s comes after", "The title 'Late' is cut out", "The sound at 30 s comes after"):
        assert part in sentences


def test_a_silent_clip_has_no_sound(folder: Path, context: RunContext, tmp_path: Path) -> None:
    from utils.media.intake import probe

    run = made(probe(folder / "coffee.mp4"), folder, context, {})
    run.write(tmp_path / "film.mp4")
    with av.open(str(tmp_path / "film.mp4")) as container:
        assert not container.streams.audio


def test_a_microphone_on_the_left_alone_is_heard_on_both_sides(
    folder: Path, context: RunContext, tmp_path: Path
) -> None:
    from utils.media.intake import probe

    path = tmp_path / "left.mov"
    with av.open(str(folder / "coffee.mp4")) as pictures, av.open(str(path), "w") as output:
        video = output.add_stream_from_template(pictures.streams.video[0])
        audio = output.add_stream("pcm_s16le", rate=48_000, layout="stereo")
        for packet in pictures.demux(video=0):
            if packet.dts is not None:
                packet.stream = video
                output.mux(packet)
        line = np.rint(noise(2) * 32767).astype(np.int16)
        both = np.stack([line, np.zeros_like(line)], axis=1).reshape(1, -1)
        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(both), "s16", "stereo")
        frame.sample_rate, frame.pts, frame.time_base = 48_000, 0, Fraction(1, 48_000)
        for packet in [*audio.encode(frame), *audio.encode(None)]:
            output.mux(packet)
    run = made(probe(path), folder, context, {})
    assert "Only the left channel" in warnings(run)
    left, right = np.concatenate(list(run.built.heard.mix.blocks()), axis=1)
    assert np.array_equal(left, right) and left.any()


def test_odd_sizes_are_rendered(folder: Path, context: RunContext, tmp_path: Path) -> None:
    from utils.image import Size

    odd = clip(tmp_path / "odd.mp4", 30, RATE, size=Size(321, 181))
    run = made(odd, folder, context, FULL | {"cut": [], "subtitles": None, "broll": [FULL["broll"][0] | {"at_s": 0.2}]})
    run.write(tmp_path / "film.mp4")
    assert len(frames_of(tmp_path / "film.mp4")) == 30


def test_a_plan_of_another_clip_and_cuts_that_leave_nothing_are_refused(
    source: Clip, folder: Path, context: RunContext
) -> None:
    other = about(source).model_dump() | {"digest": "1" * 64, "name": "other.mp4"}
    with pytest.raises(SettingsError, match=r"made for another clip, 'other\.mp4'"):
        made(source, folder, context, {"clip": other})
    with pytest.raises(ClipError, match="leave nothing"):
        made(source, folder, context, {"cut": [{"from_s": 0, "to_s": 60}]})


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("cut: [", "is no YAML in line"),
        ("- 1", "holds no plan"),
        ("zooms: {}", "nothing is called 'zooms'"),
        ("zoom: {most: 9}", "zoom.most cannot be used"),
        ("cut: [{from_s: 5, to_s: 2}]", "it ends at 2 s and begins at 5 s"),
        ("rate: 1000/1", "from 1 to 240"),
        ("music: {}", "music.file cannot be used"),
        ("subtitles: {}", "name a file, or give cues"),
        ("clip: &a {name: x}\nzoom: *a", "refers to another part"),
        ("titles: [{text: a, from_s: 0, to_s: 1, style: {colour: red}}]", "titles.0.style.colour cannot be used"),
    ],
)
def test_a_wrong_plan_is_one_sentence(tmp_path: Path, text: str, problem: str) -> None:
    (tmp_path / "plan.yaml").write_text(text)
    with pytest.raises(SettingsError) as caught:
        read_plan(tmp_path / "plan.yaml")
    assert problem in caught.value.problem and "\n" not in caught.value.problem


def test_a_plan_is_written_and_read_again(tmp_path: Path, source: Clip) -> None:
    plan = plan_of(FULL | {"clip": about(source).model_dump()})
    write_plan(tmp_path / "plan.yaml", plan)
    assert read_plan(tmp_path / "plan.yaml") == plan
    assert Plan() == plan_of({})


def test_a_part_is_switched_off_as_the_plan_says_and_short_parts_stand_on_one_line() -> None:
    plan = parsed(
        "zoom: {on: false, most: 1.2}\nmusic: {file: a.mp3, on: true}\ncut: [{from_s: 1, to_s: 2, why: 'a: b'}]"
    )
    assert plan.zoom is not None and not plan.zoom.on and plan.music is not None and plan.music.on
    text = plan.to_yaml()
    assert "- {from_s: 1.0, to_s: 2.0, why: 'a: b'}" in text and "zoom: {on: false, most: 1.2, cycle_s: 6.0}" in text
    assert "on: true" not in text and "effects" not in text and parsed(text) == plan
    silent = plan_of({"speech": [], "titles": [{"text": "on", "from_s": 0, "to_s": 1}]})
    assert parsed(silent.to_yaml()) == silent


def test_a_film_without_layers_is_one_encode_of_its_clip(
    source: Clip, folder: Path, context: RunContext, tmp_path: Path
) -> None:
    """Not a level differs from encoding the decoded frames with nothing in between."""
    run = made(source, folder, context, {"cut": [{"from_s": 2, "to_s": 20}]})
    run.write(tmp_path / "film.mp4")
    shape = replace(Shape.like(source), time_base=1 / RATE)
    encoding = Encoding(20, "ultrafast")
    with ClipWriter(tmp_path / "once.mp4", shape, encoding) as writer, av.open(str(source.path)) as container:
        for number, frame in enumerate(container.decode(video=0)):
            frame.pict_type = PictureType.NONE  # or the encoder takes over what the source's did
            if not 50 <= number < 500:
                writer.write(frame, number if number < 50 else number - 450)
    pairs = zip(frames_of(tmp_path / "film.mp4"), frames_of(tmp_path / "once.mp4"), strict=True)
    assert len(run.chunks) == 1 and all(np.array_equal(one, two) for one, two in pairs)
    assert 0.95 < run.quality["ssim"] <= 1 and run.quality["psnr_db"] > 35


def test_what_a_run_did_is_told(source: Clip, folder: Path, context: RunContext) -> None:
    facts = told(made(source, folder, context, FULL))
    assert json.loads(json.dumps(facts)) == facts
    assert (facts["frames"], facts["cuts"], facts["subtitles"], facts["rate"]) == (637, 2, 2, "25")


def test_only_b_roll_and_not_the_clip_is_decoded_behind_it(source: Clip, folder: Path, context: RunContext) -> None:
    run = made(source, folder, context, {"broll": [{"file": "coffee.mp4", "at_s": 1, "seconds": 1, "fade_s": 0}]})
    assert all(run.film.is_hidden(index) for index in range(25, 50))
