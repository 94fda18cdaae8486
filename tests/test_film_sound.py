"""The sound of a film: cut to the sample, joined without a click, music that loops and gets out of the way."""

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from numpy.typing import NDArray

from tests.films import clip
from tests.sound import sounding
from utils.digest import digest_file
from utils.film.gain import gain_to
from utils.film.music import LOOPED_S, Music, Once, SoundFile
from utils.film.sound import BLOCK, Form, Mix, Speech, in_channels, write_sound
from utils.film.timeline import Timeline
from utils.media.audio import scan_audio
from utils.media.clip import Clip
from utils.media.joined import Piece, write_joined
from utils.media.loudness import Loudness, measure

HZ, NTSC = 48_000, Fraction(30000, 1001)
Line = NDArray[np.float32]


def noise(seconds: float, seed: int = 0, level: float = 0.2) -> Line:
    return (np.random.default_rng(seed).standard_normal(round(seconds * HZ)) * level).clip(-1, 1).astype(np.float32)


def wav(path: Path, samples: Line, rate_hz: int = HZ) -> SoundFile:
    """A file with this sound, one channel."""
    with av.open(str(path), "w") as output:
        stream = output.add_stream("pcm_s16le", rate=rate_hz, layout="mono")
        frame = av.AudioFrame.from_ndarray(np.rint(samples * 32767).astype(np.int16)[None], "s16", "mono")
        frame.sample_rate, frame.pts, frame.time_base = rate_hz, 0, Fraction(1, rate_hz)
        for packet in [*stream.encode(frame), *stream.encode(None)]:
            output.mux(packet)
    track, _ = scan_audio(path, Fraction(0))
    assert track is not None
    return SoundFile(path, digest_file(path), track)


@pytest.fixture(scope="module")
def spoken(tmp_path_factory: pytest.TempPathFactory) -> tuple[Clip, Line]:
    folder = tmp_path_factory.mktemp("sound")
    samples = noise(8)
    return sounding(folder / "spoken.mov", clip(folder / "a.mp4", 240, NTSC), samples), samples


def heard(mix: Mix) -> Line:
    """All channels of all blocks."""
    return np.concatenate(list(mix.blocks()), axis=1)


def test_every_piece_is_the_clips_own_samples_to_the_sample(spoken: tuple[Clip, Line]) -> None:
    source, samples = spoken
    made = Timeline.without(source, [(0.3 + 0.4 * k, 0.45 + 0.4 * k) for k in range(18)])
    line = heard(Mix(Form.of(made, source), (Speech(source, made),)))[0]
    assert len(line) == made.sample(len(made), HZ)
    for start, piece in zip(made.starts, made.pieces, strict=True):
        first, own = made.sample(start, HZ), made.sample(piece.start, HZ)
        length = made.sample(len(piece), HZ) - 600
        assert np.abs(line[first + 300 : first + length] - samples[own + 300 : own + length]).max() < 2e-4


def test_joins_keep_the_power_and_make_no_step(spoken: tuple[Clip, Line], tmp_path: Path) -> None:
    source, _ = spoken
    made = Timeline.without(source, [(0.2 + 0.3 * k, 0.3 + 0.3 * k) for k in range(24)])
    line = heard(Mix(Form.of(made, source), (Speech(source, made),)))[0]
    joins = [line[made.sample(cut, HZ) - 240 : made.sample(cut, HZ) + 240] for cut in made.cuts]
    power = float(np.square(np.stack(joins)).mean() / np.square(line).mean())
    assert 0.9 < power < 1.1
    slow = np.sin(2 * np.pi * 80 * np.arange(8 * HZ) / HZ).astype(np.float32) * 0.5
    tone = sounding(tmp_path / "tone.mov", clip(tmp_path / "b.mp4", 240, NTSC), slow)
    line = heard(Mix(Form.of(made, tone), (Speech(tone, made),)))[0]
    assert np.abs(np.diff(line)).max() < 0.5 * 2 * np.pi * 80 / HZ + 0.006, "a hard cut steps by up to 1"


def test_without_cuts_nothing_is_changed(spoken: tuple[Clip, Line]) -> None:
    source, samples = spoken
    made = Timeline.without(source, [])
    line = heard(Mix(Form.of(made, source), (Speech(source, made),)))[0]
    assert np.abs(line[: len(samples)] - samples[: len(line)]).max() < 2e-4


def test_a_flash_and_its_sound_stay_together_in_the_finished_file(tmp_path: Path) -> None:
    """Clicks at the first sample of known frames, through AAC and the container."""
    samples = np.zeros(20 * HZ, np.float32)
    frames = list(range(12, 590, 19))
    for frame in frames:
        at = round(frame * HZ / NTSC)
        samples[at : at + 48] = 0.9
    source = sounding(tmp_path / "clicks.mov", clip(tmp_path / "a.mp4", 600, NTSC), samples)
    made = Timeline.without(source, [(0.9 + 1.1 * k, 1.0 + 1.1 * k) for k in range(17)])
    shown = made.shown(source)
    form = Form.of(made, source)
    write_sound(tmp_path / "sound.m4a", Mix(form, (Speech(source, made),)).blocks(), form)
    picture = clip(tmp_path / "p.mp4", len(made), NTSC)
    write_joined(tmp_path / "film.mp4", [Piece(picture.path, len(made))], NTSC, tmp_path / "sound.m4a")
    with av.open(str(tmp_path / "film.mp4")) as container:
        pieces = list(container.decode(audio=0))
        start_s = Fraction(pieces[0].pts or 0) * Fraction(pieces[0].time_base or 0)
    line = np.concatenate([piece.to_ndarray()[0] for piece in pieces])
    found = 0
    for index, number in enumerate(shown):
        if number in frames and 10 < index < len(shown) - 10:
            at = round((Fraction(index) / NTSC - start_s) * HZ)
            window = np.abs(line[at - 400 : at + 400])
            centre = float((window * np.arange(800)).sum() / window.sum()) - 400
            assert abs(centre - 23.5) < 24, f"frame {index}: {centre} samples"
            found += 1
    assert found >= 20


def test_a_silent_clip_is_silence_and_music_is_heard(tmp_path: Path) -> None:
    source = clip(tmp_path / "a.mp4", 90, NTSC)
    made = Timeline.without(source, [])
    form = Form.of(made, source)
    assert (form.rate_hz, form.channels) == (48_000, 1)
    assert Form.of(made, source, least_channels=2).channels == 2
    assert not heard(Mix(form, (Speech(source, made),))).any()
    music = Music(wav(tmp_path / "m.wav", noise(1.5)), 1.0)
    assert np.abs(heard(Mix(form, (Speech(source, made), music)))).mean() > 0.1


def test_music_loops_without_a_gap(tmp_path: Path) -> None:
    tone = np.sin(2 * np.pi * 200 * np.arange(round(1.7 * HZ)) / HZ).astype(np.float32) * 0.3
    music = Music(wav(tmp_path / "m.wav", tone), 1.0)
    line = np.concatenate([block for block in music.blocks(Form(HZ, 1, 10 * HZ)) if block is not None], axis=1)[0]
    assert len(line) == 10 * HZ
    power = np.sqrt(np.square(line[: len(line) // 480 * 480].reshape(-1, 480)).mean(axis=1))
    assert power.min() > 0.05, "no hole at the loops, whatever the phases there"
    period = round(1.7 * HZ) - round(LOOPED_S * HZ)
    middle = slice(round(0.5 * HZ), round(1.2 * HZ))
    assert np.allclose(line[period:][middle], line[middle], atol=1e-3)


def test_music_is_lower_while_somebody_speaks_and_fades_out(tmp_path: Path) -> None:
    file = wav(tmp_path / "m.wav", np.full(2 * HZ, 0.5, np.float32))
    music = Music(file, 1.0, 0.25, ((2000, 3000), (3400, 5000)), fade_out_s=1.0)
    line = np.concatenate([block for block in music.blocks(Form(HZ, 1, 10 * HZ)) if block is not None], axis=1)[0]
    level = {time: float(line[round(time * HZ)]) for time in (0.6, 2.1, 3.2, 4.9, 6.3, 9.99)}
    assert level[2.1] == pytest.approx(level[0.6] / 4, rel=0.02)
    assert level[3.2] == pytest.approx(level[2.1], rel=0.5), "a short pause is none"
    assert level[4.9] < level[6.3] / 3 and level[9.99] < 0.02


def test_what_is_added_up_bends_below_full_scale_and_the_clip_alone_stays(
    spoken: tuple[Clip, Line], tmp_path: Path
) -> None:
    source, _ = spoken
    made = Timeline.without(source, [])
    form, tone = Form.of(made, source), wav(tmp_path / "t.wav", np.full(8 * HZ, 0.7, np.float32))
    alone = heard(Mix(form, (Speech(source, made),)))
    assert np.abs(alone).max() > 0.9, "the noise reaches higher than the ceiling"
    both = heard(Mix(form, (Speech(source, made), Once(tone, 0.0, 8.0))))
    assert 0.95 < np.abs(both).max() <= 1
    assert len(np.unique(both[0][both[0] > 0.9])) > 5000, "bent, and not cut off"


def test_an_effect_begins_at_its_sample(tmp_path: Path) -> None:
    file = wav(tmp_path / "e.wav", np.full(HZ // 2, 0.5, np.float32))
    form = Form(HZ, 2, 3 * HZ)
    line = heard(Mix(form, (Once(file, 1.25, 1.5),)))
    at = np.flatnonzero(np.abs(line[0]) > 0)
    assert at[0] == round(1.25 * HZ) and at[-1] < 1.5 * HZ
    assert np.array_equal(line[0], line[1])


@pytest.mark.parametrize("rate_hz", [22_050, 44_100])
def test_files_of_other_rates_keep_their_length(tmp_path: Path, rate_hz: int) -> None:
    tone = np.sin(2 * np.pi * 300 * np.arange(2 * rate_hz) / rate_hz).astype(np.float32)
    pieces = list(wav(tmp_path / "m.wav", tone, rate_hz).blocks(HZ, 2))
    assert abs(sum(piece.shape[1] for piece in pieces) - 2 * HZ) < 64


def test_loudness_is_that_of_the_standard() -> None:
    """R128's own: a stereo tone of 997 Hz at -20 dBFS has -20 LUFS."""
    at = np.arange(4 * HZ) / HZ
    tone = np.tile(0.1 * np.sin(2 * np.pi * 997 * at), (2, 1)).astype(np.float32)
    found = measure((tone[:, k : k + BLOCK] for k in range(0, tone.shape[1], BLOCK)), HZ)
    assert found.lufs == pytest.approx(-20, abs=0.1) and found.peak == pytest.approx(0.1, abs=1e-3)
    assert gain_to(-14, found).factor == pytest.approx(10 ** (6 / 20), rel=0.02)


def test_a_gain_stops_where_peaks_would_be_cut_off_and_says_by_how_much() -> None:
    gain = gain_to(-14, Loudness(-30, peaks=(0.5,)))
    assert gain.factor == pytest.approx(1.78) and gain.short_db == pytest.approx(16 - 5.0, abs=0.1)
    assert gain_to(-14, Loudness(-70)).factor == 1.0
    assert gain_to(-24, Loudness(-14, peaks=(1.0,))).short_db == 0


def test_one_channel_that_alone_holds_sound_is_known() -> None:
    left = np.stack([noise(0.5), np.zeros(HZ // 2, np.float32)])
    assert measure([left], HZ).only == 0 and measure([left[::-1]], HZ).only == 1
    assert measure([np.stack([noise(0.5), noise(0.5, level=0.02)])], HZ).only is None
    assert measure([np.zeros((2, 99), np.float32)], HZ).only is None and measure([left[:1]], HZ).only is None


def test_channels_one_is_heard_on_both_sides() -> None:
    one = np.ones((1, 4), np.float32)
    assert in_channels(one, 2).tolist() == [[1] * 4] * 2
    assert in_channels(np.array([[1, 1], [0, 0]], np.float32), 1).tolist() == [[0.5, 0.5]]
    assert in_channels(one, 6)[:2].all() and not in_channels(one, 6)[2:].any()
