"""Clips whose every frame carries its own index in its pixels, in each form that footage comes in.

`render` draws the index as sixteen black or white fields; `index_of` reads it back whatever the codec did to it.
"""

import subprocess
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import imageio_ffmpeg
import numpy as np

from utils.image import RGB, Size

SIZE = Size(160, 96)
FRAMES = 75
RATE = Fraction(30)
GRID = 4
FFMPEG = str(imageio_ffmpeg.get_ffmpeg_exe())
X264 = ("-c:v", "libx264", "-g", "12", "-bf", "3", "-preset", "veryfast", "-pix_fmt", "yuv420p")
CLICK_S = 0.5
CLICKS = f"aevalsrc=exprs='if(between(t\\,{CLICK_S}\\,{CLICK_S}+0.005)\\,0.8\\,0)':s=48000:c=mono:d=2.5"


def render(index: int, size: Size = SIZE) -> RGB:
    """The picture of an index."""
    bits = [(index >> bit) & 1 for bit in range(GRID * GRID)]
    fields = np.array(bits, np.uint8).reshape(GRID, GRID) * 255
    rows = np.arange(size.height_px) * GRID // size.height_px
    columns = np.arange(size.width_px) * GRID // size.width_px
    picture: RGB = np.repeat(fields[rows][:, columns, None], 3, axis=2)
    return picture


def index_of(picture: RGB) -> int:
    """The index drawn in a picture, read from the middle of each field."""
    height, width = picture.shape[:2]
    value = 0
    for bit in range(GRID * GRID):
        row, column = divmod(bit, GRID)
        top, bottom = (4 * row + 1) * height // 16, (4 * row + 3) * height // 16
        left, right = (4 * column + 1) * width // 16, (4 * column + 3) * width // 16
        value |= int(picture[top:bottom, left:right].mean() > 127) << bit
    return value


@dataclass(frozen=True)
class Form:
    """One way to store the indexed clip, and what must be found in it."""

    name: str
    arguments: tuple[str, ...]
    size: Size = SIZE
    upright: Size | None = None
    frames: int = FRAMES
    first_index: int = 0
    constant: bool = True
    rate: Fraction | None = RATE
    sound: tuple[str, ...] = ()
    before: tuple[str, ...] = ()
    quarter_turns: int = 0
    mirrored: bool = False

    @property
    def display_size(self) -> Size:
        return self.upright or self.size

    def stored(self, index: int) -> bytes:
        """The picture of an index, laid down so that turning it as the file asks makes it upright."""
        picture = np.rot90(render(index, self.display_size if self.quarter_turns else self.size), -self.quarter_turns)
        return (picture[:, ::-1] if self.mirrored else picture).tobytes()


def _turned(name: str, degrees: int, quarter_turns: int, mirrored: bool = False) -> Form:
    """`degrees` and a flip are what the container says; the quarter turns what a player makes of it."""
    return Form(
        f"{name}.mp4",
        (*X264, f"@turn={degrees}", "@mirror") if mirrored else (*X264, f"@turn={degrees}"),
        upright=Size(SIZE.height_px, SIZE.width_px) if quarter_turns % 2 else SIZE,
        quarter_turns=quarter_turns,
        mirrored=mirrored,
    )


FORMS = [
    Form("plain.mp4", X264),
    Form("sound_aac.mp4", X264, sound=("-c:a", "aac")),
    Form("sound_mp3.mp4", X264, sound=("-c:a", "libmp3lame")),
    Form("sound_late.mp4", X264, sound=("-c:a", "aac"), before=("@late=0.4",)),
    Form("sound_pcm.mov", X264, sound=("-c:a", "pcm_s16le")),
    Form("sound_vorbis.mkv", X264, sound=("-c:a", "libvorbis")),
    Form("sound_opus.webm", ("-c:v", "libvpx-vp9", "-deadline", "realtime", "-g", "12"), sound=("-c:a", "libopus")),
    Form("ntsc.mp4", X264, rate=Fraction(30000, 1001), before=("@rate=30000/1001",)),
    Form("ntsc.mkv", X264, rate=Fraction(30000, 1001), before=("@rate=30000/1001",)),
    Form("film.mkv", X264, rate=Fraction(24000, 1001), before=("@rate=24000/1001",)),
    Form("variable.mp4", (*X264, "@pts=N*N/40/TB/10+N/30/TB"), constant=False, rate=None),
    Form("variable.mkv", (*X264, "@pts=(N+floor(N/10)*3)/30/TB"), constant=False, rate=None),
    Form("open_gop.mp4", (*X264, "-x264-params", "open-gop=1:bframes=3:keyint=12:min-keyint=12:scenecut=0")),
    Form("intra_refresh.mp4", (*X264, "-x264-params", "intra-refresh=1:bframes=0")),
    Form("stream.ts", (*X264, "-muxdelay", "1.4"), sound=("-c:a", "aac")),
    Form("open_gop.ts", (*X264, "-x264-params", "open-gop=1:bframes=3:keyint=12:min-keyint=12:scenecut=0")),
    Form("mpeg2.ts", ("-c:v", "mpeg2video", "-g", "12", "-bf", "2", "-q:v", "3")),
    Form("offset.mp4", X264, before=("@offset=5.2",)),
    Form("fragmented.mp4", (*X264, "-movflags", "frag_keyframe+empty_moov"), sound=("-c:a", "aac")),
    Form("live.webm", ("-c:v", "libvpx", "-deadline", "realtime", "-g", "12", "-live", "1")),
    Form("cut.mp4", X264, frames=FRAMES - 20, first_index=20, before=("@cut=20",)),
    _turned("turned_90", 90, 1),
    _turned("turned_180", 180, 2),
    _turned("turned_270", 270, 3),
    _turned("mirrored", 0, 0, mirrored=True),
    _turned("turned_and_mirrored", 90, 3, mirrored=True),
    Form("odd.mp4", ("-c:v", "libx264", "-preset", "veryfast", "-pix_fmt", "yuv444p", "-g", "12"), size=Size(161, 97)),
    Form("odd_vp9.webm", ("-c:v", "libvpx-vp9", "-deadline", "realtime", "-g", "12"), size=Size(161, 97)),
    Form("deep.mp4", ("-c:v", "libx264", "-preset", "veryfast", "-pix_fmt", "yuv420p10le", "-g", "12")),
    Form("hevc.mp4", ("-c:v", "libx265", "-preset", "ultrafast", "-x265-params", "log-level=0:keyint=12")),
    Form("av1.mkv", ("-c:v", "libsvtav1", "-preset", "10", "-g", "12", "-pix_fmt", "yuv420p")),
    Form("full_range.mp4", ("-c:v", "libx264", "-preset", "veryfast", "-pix_fmt", "yuvj420p", "-g", "12")),
    Form("alpha.webm", ("-c:v", "libvpx-vp9", "-deadline", "realtime", "-pix_fmt", "yuva420p", "-g", "12")),
    Form("picture.gif", ("-c:v", "gif",), rate=Fraction(25), before=("@rate=25",)),
    Form("motion_jpeg.avi", ("-c:v", "mjpeg", "-q:v", "3", "-pix_fmt", "yuvj420p")),
    Form("prores.mov", ("-c:v", "prores_ks", "-pix_fmt", "yuv422p10le")),
    Form("wide_pixels.mp4", (*X264, "@aspect=4/3"), upright=Size(213, 96)),
    Form("interlaced.ts", (*X264, "-flags", "+ilme+ildct", "-x264-params", "tff=1:keyint=12")),
]  # fmt: skip


def make(form: Form, folder: Path) -> Path:
    """Encode the indexed clip in that form."""
    path = folder / form.name
    asked = [argument[1:].partition("=") for argument in form.arguments + form.before if argument[0] == "@"]
    marks = {name: value for name, _, value in asked}
    plain = [argument for argument in form.arguments if not argument.startswith("@")]
    source = path.with_name(f"whole_{path.name}") if {"cut", "turn"} & marks.keys() else path
    filters = [f"setpts={marks['pts']}"] if "pts" in marks else []
    filters += [f"setsar={marks['aspect']}"] if "aspect" in marks else []
    command = [FFMPEG, "-v", "error", "-y", "-f", "rawvideo", "-pix_fmt", "rgb24", "-s", str(form.size)]
    command += ["-r", marks.get("rate", str(RATE)), "-i", "-"]
    if form.sound:
        command += ["-itsoffset", marks.get("late", "0"), "-f", "lavfi", "-i", CLICKS, *form.sound]
    if filters:
        command += ["-vf", ",".join(filters), "-fps_mode", "passthrough", "-enc_time_base", "1/90000"]
    if "offset" in marks:
        command += ["-output_ts_offset", marks["offset"], "-avoid_negative_ts", "disabled", "-use_editlist", "0"]
    pixels = b"".join(form.stored(index) for index in range(FRAMES))
    subprocess.run([*command, *plain, str(source)], input=pixels, check=True, stderr=subprocess.DEVNULL)
    if "cut" in marks:
        start = str((int(marks["cut"]) - 0.5) / float(RATE))
        cut = [FFMPEG, "-v", "error", "-y", "-ss", start, "-i", str(source), "-c", "copy", str(path)]
        subprocess.run(cut, check=True)
    if "turn" in marks:
        _retag(source, path, int(marks["turn"]), "mirror" in marks)
    return path


def _retag(source: Path, path: Path, degrees: int, mirrored: bool) -> None:
    """A clip's packets in a container that asks for them to be turned."""
    with av.open(str(source)) as read, av.open(str(path), "w") as write:
        stream = read.streams.video[0]
        copy = write.add_stream_from_template(stream, opaque=True)
        copy.set_display_rotation(degrees, hflip=mirrored)
        for packet in read.demux(stream):
            if packet.dts is not None:
                packet.stream = copy
                write.mux(packet)
