"""Files that nobody vouched for: each is read as far as it goes, or refused with one sentence; never a hang."""

import json
import os
import random
import signal
import subprocess
import sys
from dataclasses import asdict
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from tests.forms import FFMPEG, FORMS, FRAMES, X264, Form, index_of, make, render
from tests.sound import lag
from tests.test_child import alive, until
from utils.errors import ClipError, RefusedClip, UnreadableClip
from utils.image import Orientation
from utils.media.clip import Clip
from utils.media.intake import probe
from utils.media.probe import Limits
from utils.media.video import ClipFrames
from utils.media.write import write_clip
from utils.project import PROJECT_ROOT

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make(FORMS[0], tmp_path_factory.mktemp("plain"))


@pytest.fixture(scope="module")
def stream(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make(next(form for form in FORMS if form.name == "stream.ts"), tmp_path_factory.mktemp("stream"))


def drawn(clip: Clip) -> list[int]:
    return [index_of(frame.rgb) for frame in ClipFrames.of(clip)]


def refused(path: Path, limits: Limits | None = None) -> str:
    """The sentence a file is refused with."""
    with pytest.raises(ClipError) as caught:
        probe(path, limits)
    assert caught.value.problem.endswith(".") and caught.value.remedy.endswith(".")
    return str(caught.value)


def test_a_broken_off_download_of_a_stream_gives_its_frames(stream: Path, tmp_path: Path) -> None:
    cut = tmp_path / "cut.ts"
    cut.write_bytes(stream.read_bytes()[: stream.stat().st_size * 2 // 3])
    clip = probe(cut)
    assert 10 < len(clip) < FRAMES
    assert drawn(clip) == list(range(len(clip)))


def test_a_broken_off_mp4_says_that_it_is_incomplete(plain: Path, tmp_path: Path) -> None:
    cut = tmp_path / "cut.mp4"
    cut.write_bytes(plain.read_bytes()[: plain.stat().st_size * 2 // 3])
    assert "cannot be opened as a video" in refused(cut)


def test_a_broken_off_fast_start_file_gives_what_it_has(plain: Path, tmp_path: Path) -> None:
    whole, cut = tmp_path / "whole.mp4", tmp_path / "cut.mp4"
    command = [FFMPEG, "-v", "error", "-i", str(plain), "-c", "copy"]
    subprocess.run([*command, "-movflags", "+faststart", str(whole)], check=True)
    cut.write_bytes(whole.read_bytes()[: whole.stat().st_size * 2 // 3])
    clip = probe(cut)
    assert 10 < len(clip) < FRAMES
    assert drawn(clip) == list(range(len(clip)))
    assert clip.notes == (f"{FRAMES - len(clip)} frames could not be decoded and are left out.",)


def test_a_hole_in_the_middle_is_left_out_and_said(plain: Path, tmp_path: Path) -> None:
    """Frames that build on the hole are left out too: no picture that shows another moment's parts."""
    data = bytearray(plain.read_bytes())
    middle = data.index(b"mdat") + 4 + (len(data) - data.index(b"mdat")) // 3
    data[middle : middle + 1500] = bytes(1500)
    holed = tmp_path / "holed.mp4"
    holed.write_bytes(data)
    clip = probe(holed)
    assert clip.notes and "left out" in " ".join(clip.notes)
    found = drawn(clip)
    expected = [round(clip.time_s(index) * 30) for index in range(len(clip))]
    assert sum(a == b for a, b in zip(found, expected, strict=True)) >= len(found) - 1
    again = list(ClipFrames.of(clip).read([len(clip) - 1]))
    assert index_of(again[0].rgb) == found[-1]


def test_random_damage_never_escapes_as_anything_but_a_sentence(plain: Path, stream: Path, tmp_path: Path) -> None:
    chance = random.Random(7)
    for number in range(16):
        source = (plain, stream)[number % 2]
        data = bytearray(source.read_bytes())
        for _ in range(chance.choice([1, 8, 60, 400])):
            data[chance.randrange(len(data))] = chance.randrange(256)
        path = tmp_path / f"{number}{source.suffix}"
        path.write_bytes(data)
        try:
            clip = probe(path)
        except ClipError as error:
            assert error.remedy
        else:
            assert sum(1 for _ in ClipFrames.of(clip)) == len(clip)


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("list.mp4", b"#EXTM3U\n#EXTINF:1,\nfile:///etc/passwd\n", "an HLS playlist"),
        ("list.mp4", b"ffconcat version 1.0\nfile '/etc/passwd'\n", "an ffconcat list"),
        ("list.mpd", b"<?xml version='1.0'?><MPD></MPD>", "an XML document"),
        ("empty.mp4", b"", "is empty"),
        ("text.mp4", b"hello\n" * 500, "cannot be opened as a video"),
        ("zeros.mp4", bytes(100_000), "cannot be opened as a video"),
        ("picture.svg", b"<svg xmlns='http://www.w3.org/2000/svg'/>", "cannot be opened as a video"),
    ],
)
def test_what_is_no_video_is_refused_in_a_sentence(tmp_path: Path, name: str, content: bytes, words: str) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    assert words in refused(path)


def test_a_playlist_inside_a_video_name_reaches_no_other_file(plain: Path, tmp_path: Path) -> None:
    """Also where the first line is disguised, the formats that lead to other files are not opened."""
    path = tmp_path / "list.mkv"
    path.write_text(f"\n\n  #EXTM3U\n#EXT-X-TARGETDURATION:3\n#EXTINF:2.5,\n{plain}\n#EXT-X-ENDLIST\n")
    assert "HLS" in refused(path)
    path.write_text(f"# a comment\nffconcat version 1.0\nfile '{plain}'\n")
    refused(path)


def test_what_is_no_file_is_refused(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe.mp4"
    os.mkfifo(pipe)
    assert "is not a file" in refused(pipe)
    assert "is not a file" in refused(tmp_path)
    assert "There is no file" in refused(tmp_path / "absent.mp4")
    for link in ("http://127.0.0.1:1/clip.mp4", "rtsp://127.0.0.1:1/live"):
        assert "Links are not read" in refused(Path(link))


def test_sound_alone_is_no_clip(tmp_path: Path) -> None:
    path = tmp_path / "voice.m4a"
    sine = ["-f", "lavfi", "-i", "sine=d=1", "-c:a", "aac"]
    subprocess.run([FFMPEG, "-v", "error", *sine, str(path)], check=True)
    assert "There is no picture in 'voice.m4a'" in refused(path)


def test_the_reader_hears_no_secrets_and_ends_with_all_it_started(
    plain: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reader = tmp_path / "reader"
    reader.write_text(f"#!/bin/sh\nenv > {tmp_path}/environment\nsleep 300 &\necho $! > {tmp_path}/pid\nwait\n")
    reader.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(reader))
    monkeypatch.setenv("RUNPOD_API_KEY", "secret")
    assert "still being read" in refused(plain, Limits(wall_s=3))
    assert "RUNPOD_API_KEY" not in (tmp_path / "environment").read_text()
    until(lambda: not alive(int((tmp_path / "pid").read_text())))


def test_the_reader_goes_when_nobody_listens_any_more(plain: Path) -> None:
    command = [sys.executable, "-m", "utils.media.intake", str(plain), json.dumps(asdict(Limits()))]
    reader = subprocess.Popen(command, cwd=PROJECT_ROOT, stdin=subprocess.DEVNULL, start_new_session=True)
    assert reader.wait(60) == -signal.SIGKILL


def test_limits_are_kept(plain: Path) -> None:
    assert "more than 10 frames" in refused(plain, Limits(frames=10))
    assert "160x96" in refused(plain, Limits(pixels=1000))
    assert "still being read" in refused(plain, Limits(wall_s=0.01))
    refused(plain, Limits(memory_bytes=60 << 20))


def test_a_picture_beyond_all_measure_is_refused_before_it_is_held(tmp_path: Path) -> None:
    """A few hundred bytes can claim a picture of gigabytes."""
    small = tmp_path / "small.avi"
    make(Form("small.avi", ("-c:v", "rawvideo", "-frames:v", "1")), tmp_path)
    data = bytearray(small.read_bytes())
    header = data.index(b"strf") + 8
    data[header + 4 : header + 12] = np.array([60000, 60000], np.int32).tobytes()
    small.write_bytes(data)
    refused(small)


def test_names_are_not_taken_for_options_or_paths(plain: Path, tmp_path: Path) -> None:
    for name in ("-i.mp4", "a b'c\"d.mp4", "ünïcødé 视频.mp4", "%03d.mp4", "file:x.mp4", "concat:a|b.mp4", "x\ny.mp4"):
        path = tmp_path / name
        path.write_bytes(plain.read_bytes())
        assert len(probe(path)) == FRAMES


def test_missing_timestamps_are_counted(plain: Path, tmp_path: Path) -> None:
    raw = tmp_path / "raw.h264"
    command = [FFMPEG, "-v", "error", "-i", str(plain), "-c", "copy", str(raw)]
    subprocess.run(command, check=True)
    clip = probe(raw)
    assert drawn(clip) == list(range(FRAMES))
    assert [index_of(frame.rgb) for frame in ClipFrames.of(clip).read([3, 50])] == [3, 50]


def test_frames_left_out_are_not_taken_for_rounding(tmp_path: Path) -> None:
    """Where a tick is a whole frame, a dropped frame is one tick: it must stay where it was."""
    path = tmp_path / "dropped.mp4"
    with av.open(str(path), "w", options={"video_track_timescale": "25"}) as output:
        stream = output.add_stream("libx264", rate=25, width=160, height=96, pix_fmt="yuv420p")
        stream.codec_context.max_b_frames = 0
        for index in [*range(20), *range(21, 51)]:
            frame = av.VideoFrame.from_ndarray(render(index), format="rgb24")
            frame.pts, frame.time_base = index, Fraction(1, 25)
            output.mux(stream.encode(frame))
        output.mux(stream.encode(None))
    clip = probe(path)
    assert not clip.constant_rate
    assert clip.time_s(49) == 2
    write_clip(tmp_path / "copy.mp4", ClipFrames.of(clip), clip)
    copy = probe(tmp_path / "copy.mp4")
    assert [copy.time_s(index) for index in range(50)] == [clip.time_s(index) for index in range(50)]


def test_b_frames_in_avi_have_the_times_they_were_made_with(tmp_path: Path) -> None:
    clip = probe(make(Form("b.avi", X264), tmp_path))
    assert drawn(clip) == list(range(FRAMES))
    assert clip.constant_rate and clip.rate == 30


def test_a_clock_that_starts_again_is_counted_on(stream: Path, tmp_path: Path) -> None:
    twice = tmp_path / "twice.ts"
    twice.write_bytes(stream.read_bytes() * 2)
    clip = probe(twice)
    assert len(clip) >= 2 * FRAMES - 5
    assert abs(clip.duration_s - len(clip) * Fraction(1, 30)) < Fraction(1, 2)
    assert any("clock" in note for note in clip.notes)


def test_a_clip_without_times_has_a_length(plain: Path, tmp_path: Path) -> None:
    raw = tmp_path / "raw.h264"
    subprocess.run([FFMPEG, "-v", "error", "-i", str(plain), "-c", "copy", str(raw)], check=True)
    clip = probe(raw)
    assert clip.duration_s == len(clip) / clip.rate


def test_another_file_in_its_place_is_refused(plain: Path, tmp_path: Path) -> None:
    path = tmp_path / "clip.mp4"
    path.write_bytes(plain.read_bytes())
    clip = probe(path)
    path.write_bytes(make(FORMS[1], tmp_path).read_bytes())
    with pytest.raises(UnreadableClip, match="not the file any more"):
        list(ClipFrames.of(clip))


def test_too_little_memory_is_not_taken_for_damage(tmp_path: Path) -> None:
    """A limit of ours must never show as frames that could not be decoded."""
    large = tmp_path / "large.mp4"
    source = ["-f", "lavfi", "-i", "testsrc2=s=3840x2160:r=30:d=0.5", "-c:v", "libx265", "-preset", "ultrafast"]
    quiet = ["-x265-params", "log-level=0", "-pix_fmt", "yuv420p10le"]
    subprocess.run([FFMPEG, "-v", "error", *source, *quiet, str(large)], check=True)
    assert len(probe(large)) == 15
    for megabytes in (300, 400, 500):
        try:
            clip = probe(large, Limits(memory_bytes=megabytes << 20))
        except RefusedClip as error:
            assert "memory" in str(error) or "limits" in str(error)
        else:
            assert len(clip) == 15 and not any("could not be decoded" in note for note in clip.notes)


def test_a_small_file_cannot_ask_for_a_huge_picture(tmp_path: Path) -> None:
    """By the shape of its pixels, as much as by their number."""
    path = make(Form("wide.mkv", (*X264, "@aspect=79/10")), tmp_path)
    assert "pictures of 1264x96" in refused(path, Limits(pixels=161 * 96))


def test_a_second_sound_track_is_used_when_the_first_is_broken(plain: Path, tmp_path: Path) -> None:
    path = tmp_path / "two.mkv"
    sounds = ["-f", "lavfi", "-i", "sine=d=2", "-f", "lavfi", "-i", "sine=d=2"]
    maps = ["-map", "0:v", "-map", "1:a", "-map", "2:a", "-c:v", "copy", "-c:a:0", "libvorbis", "-c:a:1", "aac"]
    subprocess.run([FFMPEG, "-v", "error", "-i", str(plain), *sounds, *maps, str(path)], check=True)
    path.write_bytes(path.read_bytes().replace(b"A_VORBIS", b"A_VORBIX"))
    clip = probe(path)
    assert clip.audio is not None and clip.audio.codec == "aac"


def test_cover_art_is_not_the_video(plain: Path, tmp_path: Path) -> None:
    cover, path = tmp_path / "cover.png", tmp_path / "covered.mp4"
    ffmpeg = [FFMPEG, "-v", "error"]
    subprocess.run([*ffmpeg, "-f", "lavfi", "-i", "color=s=640x640", "-frames:v", "1", str(cover)], check=True)
    inputs = ["-i", str(cover), "-i", str(plain), "-map", "0", "-map", "1", "-c", "copy"]
    subprocess.run([*ffmpeg, *inputs, "-disposition:v:0", "attached_pic", str(path)], check=True)
    assert drawn(probe(path)) == list(range(FRAMES))


@pytest.mark.parametrize("degrees", [0, 90, 180, 270])
@pytest.mark.parametrize("flip", ["", "h", "v"])
def test_turning_agrees_with_what_players_do(degrees: int, flip: str, plain: Path, tmp_path: Path) -> None:
    """ffmpeg turns pictures by itself: ours must be the same."""
    path = tmp_path / "turned.mp4"
    with av.open(str(plain)) as read, av.open(str(path), "w") as write:
        source = read.streams.video[0]
        copy = write.add_stream_from_template(source, opaque=True)
        copy.set_display_rotation(degrees, hflip=flip == "h", vflip=flip == "v")
        for packet in read.demux(source):
            if packet.dts is not None:
                packet.stream = copy
                write.mux(packet)
    clip = probe(path)
    output = ["-frames:v", "1", "-f", "rawvideo", "-pix_fmt", "rgb24", "-"]
    command = [FFMPEG, "-v", "error", "-ss", "1", "-i", str(path), *output]
    shown = np.frombuffer(subprocess.run(command, capture_output=True, check=True).stdout, np.uint8)
    (frame,) = ClipFrames.of(clip).read([30])
    theirs = shown.reshape(frame.rgb.shape)
    assert np.abs(frame.rgb.astype(int) - theirs).mean() < 3


def test_an_orientation_undoes_its_own_size() -> None:
    for turns in range(4):
        orientation = Orientation(turns)
        assert orientation.size(orientation.size(FORMS[0].size)) == FORMS[0].size


CONTAINERS = {
    "audio_only.mp4": "There is no picture",
    "zero_empty_stsc.mp4": "No frame",
    "bframes_non_zero_start.mp4": 12,
    "bt601_full_range.mp4": 60,
    "decord_corrupted.mp4": 29,
    "edit_list_positive_shift.mp4": 270,
    "empty_track.mp4": 30,
    "failing_audio.mp4": 280,
    "h264_10bit.mp4": 30,
    "invalid_nalu.mp4": 26,
    "missing_stsd.mp4": 30,
    "no_duration.webm": 74,
    "odd_321x241_vp9.mp4": 25,
    "rot90_keyboard.mov": 3,
    "shorter_audio.mp4": 72,
    "slow_motion_vfr.mp4": 7,
    "talking_head_fragmented.mp4": 30,
    "transparent_vp9.webm": 150,
}


@pytest.mark.footage
@pytest.mark.parametrize("name", CONTAINERS)
def test_every_nasty_container_reads_or_says_why_not(name: str, footage: Path, tmp_path: Path) -> None:
    expected = CONTAINERS[name]
    if isinstance(expected, str):
        assert expected in refused(footage / "containers" / name)
        return
    clip = probe(footage / "containers" / name)
    assert len(clip) == expected
    assert sum(1 for _ in ClipFrames.of(clip)) == expected
    write_clip(tmp_path / "copy.mp4", ClipFrames.of(clip), clip)
    copy = probe(tmp_path / "copy.mp4")
    assert len(copy) == expected
    if clip.audio is not None:
        assert abs(lag(clip, copy)) < 1


def test_the_answer_of_the_child_is_plain_data(plain: Path) -> None:
    clip = probe(plain)
    assert Clip.from_json(json.loads(json.dumps(clip.to_json()))) == clip
    assert isinstance(clip.rate, Fraction)
    assert issubclass(UnreadableClip, ClipError) and issubclass(RefusedClip, ClipError)
