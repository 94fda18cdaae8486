"""What finishing costs beside what it cannot do without: decoding the clip once, and encoding the film once.

python -m benchmarks.finish [FOLDER] [--moviepy PYTHON]
20 s at 1280x720: 8 cuts, zoom, b-roll with fades, a logo, 8 subtitles, music. Each contender runs in a process of its
own, by turns; the least time of processors counts, which other work on the machine changes less than the clock.
Beside it: one FFmpeg graph that is as smooth (`perspective`), and MoviePy, where a Python that has it is given.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import yaml

from benchmarks.finish_media import BROLL_AT_S, BROLL_S, CUTS, FADE_S, RATE, SIZE, SUBTITLES, made, srt
from utils.project import PROJECT_ROOT

TIMES = 2
CRF, PRESET, LOOKED_S = 20, "veryfast", 3

ALONE = """
import sys, av
from av.video.frame import PictureType
folder, out, crf, preset = sys.argv[1:5]
from benchmarks.finish_media import CUTS, RATE
from utils.media.write import REPRODUCIBLE
cut = [(round(a * RATE), round(b * RATE)) for a, b in CUTS]
with av.open(f"{folder}/talk.mp4") as source, av.open(out, "w") as target:
    stream = source.streams.video[0]
    stream.thread_type = "AUTO"
    video = target.add_stream("libx264", rate=RATE, width=1280, height=720, pix_fmt="yuv420p",
                              options={"crf": crf, "preset": preset, "x264-params": REPRODUCIBLE})
    video.codec_context.thread_count = 4
    written = 0
    for index, frame in enumerate(source.decode(stream)):
        if not any(a <= index < b for a, b in cut):
            frame.pts, frame.time_base, frame.pict_type = written, 1 / RATE, PictureType.NONE
            written += 1
            target.mux(video.encode(frame))
    target.mux(video.encode(None))
"""
OURS = """
import sys
from pathlib import Path
folder, out, home, crf, preset = sys.argv[1:6]
from pipeline.finish.film.files import beside
from pipeline.finish.film.plan import read_plan
from pipeline.finish.settings import FinishSettings
from pipeline.finish.story import finish
from pipeline.see.open_clip import open_clip
from pipeline.stage import RunContext
from utils.store import Store
plan = Path(folder) / "plan.yaml"
settings = FinishSettings().flat() | {"encode.crf": int(crf), "encode.x264_preset": preset}
context = RunContext(Store(Path(home)), settings)
clip = open_clip(Path(folder) / "talk.mp4", context)
if out == "probe":
    open_clip(Path(folder) / "broll.mp4", context)
else:
    finish(clip, read_plan(plan), beside(plan.parent), context).write(Path(out))
"""


def main() -> None:
    """All contenders."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", nargs="?", type=Path, help="where the media are kept")
    parser.add_argument("--moviepy", help="a Python that has MoviePy")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder, place = made(asked.folder or Path(scratch) / "media"), Path(scratch)
        took = {"decode + encode": least(lambda: _alone(folder, place))}
        took["Reshoot"] = least(lambda: _ours(folder, place))
        took["Reshoot, one subtitle changed"] = least(lambda: _again(folder, place))
        took[f"Reshoot, a look for {LOOKED_S} s"] = least(lambda: _looked(folder, place))
        took["ffmpeg, perspective"] = least(lambda: _ffmpeg(folder, place))
        if asked.moviepy:
            took["MoviePy"] = _moviepy(asked.moviepy, folder, place)
        for name, seconds in took.items():
            print(f"  {name:<32} {seconds:7.2f} CPU s  {seconds / took['decode + encode']:6.2f} x")


def least(work: Callable[[], float]) -> float:
    """The least CPU seconds of several runs."""
    return min(work() for _ in range(TIMES))


def processor_s(command: list[str]) -> float:
    """CPU seconds of a program and of those that it starts."""
    before = os.times()
    subprocess.run(command, cwd=PROJECT_ROOT, check=True, capture_output=True)
    after = os.times()
    return after.children_user + after.children_system - before.children_user - before.children_system


def _alone(folder: Path, place: Path) -> float:
    return processor_s([sys.executable, "-c", ALONE, str(folder), str(place / "alone.mp4"), str(CRF), PRESET])


def _looked(folder: Path, place: Path) -> float:
    """The film with a look on some seconds of the clip; what it takes longer is the look."""
    other = _other(folder, place, "plan.yaml")
    look = {"look": "paint", "from_s": 2.0, "to_s": 2.0 + LOOKED_S}
    (other / "plan.yaml").write_text(
        yaml.safe_dump(yaml.safe_load((folder / "plan.yaml").read_text()) | {"looks": [look]})
    )
    return _ours(other, place)


def _other(folder: Path, place: Path, changed: str) -> Path:
    """The same media in another folder, but for one file."""
    other = Path(tempfile.mkdtemp(dir=place))
    for path in folder.iterdir():
        if path.name != changed:
            (other / path.name).symlink_to(path)
    return other


def _ours(folder: Path, place: Path) -> float:
    """A film from nothing but a clip that was read before: that is counted where clips are added."""
    home = tempfile.mkdtemp(dir=place)
    settings = [home, str(CRF), PRESET]
    subprocess.run(
        [sys.executable, "-c", OURS, str(folder), "probe", *settings], cwd=PROJECT_ROOT, check=True, capture_output=True
    )
    return processor_s([sys.executable, "-c", OURS, str(folder), str(place / "ours.mp4"), *settings])


def _again(folder: Path, place: Path) -> float:
    """A film rendered again with another text in one of its subtitles."""
    home, other = tempfile.mkdtemp(dir=place), _other(folder, place, "said.srt")
    (other / "said.srt").symlink_to(folder / "said.srt")
    command = [sys.executable, "-c", OURS, str(other), str(place / "again.mp4"), home, str(CRF), PRESET]
    subprocess.run(command, cwd=PROJECT_ROOT, check=True, capture_output=True)
    text = (folder / "said.srt").read_text()
    (other / "said.srt").unlink()
    (other / "said.srt").write_text(text.replace("number 5", "number five"))
    return processor_s(command)


def _ffmpeg(folder: Path, place: Path) -> float:
    """One graph: cuts by `select`, zoom by `perspective`, which moves between pixels, overlays, and burnt-in text."""
    from imageio_ffmpeg import get_ffmpeg_exe

    kept = "+".join(f"between(t,{a},{b})" for a, b in CUTS)
    seconds = f"(on-1)/{RATE}"
    scale = f"(1+0.04*(1-cos(2*PI*{seconds}/6)))"
    left, right = f"W/2-W/2/{scale}", f"W/2+W/2/{scale}"
    top, bottom = f"H/2-H/2/{scale}", f"H/2+H/2/{scale}"
    corners = f"x0='{left}':y0='{top}':x1='{right}':y1='{top}':x2='{left}':y2='{bottom}':x3='{right}':y3='{bottom}'"
    begins = BROLL_AT_S - sum(b - a for a, b in CUTS if b <= BROLL_AT_S)
    fades = f"fade=in:st=0:d={FADE_S}:alpha=1,fade=out:st={BROLL_S - FADE_S}:d={FADE_S}:alpha=1"
    graph = (
        f"[0:v]select='not({kept})',setpts=N/({RATE})/TB,perspective={corners}:interpolation=cubic:eval=frame[z];"
        f"[1:v]trim=0:{BROLL_S},format=yuva420p,{fades},setpts=PTS+{begins}/TB[b];"
        f"[z][b]overlay=eof_action=pass[zb];[2:v]scale=166:-1[l];[zb][l]overlay=1062:29[zl];"
        f"[zl]subtitles='{place / 'film.srt'}'[v];"
        f"[0:a]aselect='not({kept})',asetpts=N/SR/TB[s];[3:a]volume=0.3[m];[s][m]amix=duration=first[a]"
    )
    (place / "film.srt").write_text(srt(_texts()))
    command = [
        get_ffmpeg_exe(), "-y", "-i", str(folder / "talk.mp4"), "-i", str(folder / "broll.mp4"),
        "-i", str(folder / "logo.png"), "-stream_loop", "-1", "-i", str(folder / "music.wav"),
        "-filter_complex", graph, "-map", "[v]", "-map", "[a]", "-r", str(RATE), "-c:v", "libx264", "-crf", str(CRF),
        "-preset", PRESET, "-threads", "4", "-c:a", "aac", str(place / "ffmpeg.mp4"),
    ]  # fmt: skip
    return processor_s(command)


def _texts() -> list[tuple[float, float, str]]:
    """The subtitles in times of the film."""
    gone = [sum(b - a for a, b in CUTS if b <= start) for start, _, _ in SUBTITLES]
    return [(start - cut, stop - cut, text) for cut, (start, stop, text) in zip(gone, SUBTITLES, strict=True)]


def _moviepy(python: str, folder: Path, place: Path) -> float:
    """The film that is measured, built as MoviePy's own examples build one."""
    facts = {"folder": str(folder), "out": str(place / "moviepy.mp4"), "cuts": CUTS, "crf": CRF, "preset": PRESET}
    facts |= {"size": list(SIZE), "at": BROLL_AT_S, "seconds": BROLL_S, "fade": FADE_S, "texts": _texts()}
    child = Path(__file__).with_name("finish_moviepy.py")
    return processor_s([python, str(child), json.dumps(facts)])


if __name__ == "__main__":
    main()
