"""Twenty steps against one: a film made by one program call after the other, each writing a file, and by one plan.

python -m benchmarks.finish_steps [FOLDER]
The same 20 s at 1280x720 both ways: cuts, zoom, b-roll, a logo, subtitles, a title, fades, music under speech.
SSIM and PSNR are of the finished file beside the same way without any loss (crf 0), so they tell what encoding takes.
"""

import argparse
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import yaml
from imageio_ffmpeg import get_ffmpeg_exe

from benchmarks.finish import CRF, OURS, PRESET, processor_s
from benchmarks.finish_media import BROLL_AT_S, BROLL_S, CUTS, FADE_S, PLAN, RATE, SECONDS, SUBTITLES, made, srt
from utils.project import PROJECT_ROOT

KEPT = "+".join(f"between(t,{start},{stop})" for start, stop in CUTS)
LENGTH_S = SECONDS - sum(stop - start for start, stop in CUTS)
TITLE = (0.0, 2.0, "A day in the mountains")
IN_S, OUT_S = 0.5, 1.0
LOSSLESS = "0"


@dataclass(frozen=True)
class Made:
    """A film that was made one of both ways."""

    film: Path
    steps: int
    cpu_s: float
    written: int
    """Bytes, of all files, the film's among them."""


@dataclass
class Steps:
    """A folder in which each step reads what the ones before it wrote."""

    media: Path
    folder: Path
    crf: str
    count: int = 0
    cpu_s: float = 0.0

    def encoding(self) -> list[str]:
        """How each step that changes pictures writes them."""
        return ["-c:v", "libx264", "-crf", self.crf, "-preset", PRESET, "-pix_fmt", "yuv420p", "-threads", "4", "-an"]

    def run(self, name: str, *arguments: str | Path) -> Path:
        """One step."""
        out = self.folder / name
        self.cpu_s += processor_s([get_ffmpeg_exe(), "-y", "-v", "error", *map(str, arguments), str(out)])
        self.count += 1
        return out

    def drawn(self, name: str, source: Path, filters: str) -> Path:
        """A step that changes pictures."""
        return self.run(name, "-i", source, "-vf", filters, *self.encoding())

    def laid(self, name: str, below: Path, above: Path, graph: str) -> Path:
        """A step that lays one file over another."""
        return self.run(name, "-i", below, "-i", above, "-filter_complex", graph, "-map", "[v]", *self.encoding())


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", nargs="?", type=Path, help="where the media are kept")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        media, place = made(asked.folder or Path(scratch) / "media"), Path(scratch)
        _texts(place)
        print("| | steps | CPU seconds | MB written | SSIM | PSNR |\n|---|---|---|---|---|---|")
        for name, way in (("twenty steps", by_steps), ("one plan", by_plan)):
            best, whole = way(media, place, str(CRF)), way(media, place, LOSSLESS)
            ssim, psnr_db = likeness(best.film, whole.film)
            took = f"{best.steps} | {best.cpu_s:.1f} | {best.written / 1e6:.1f}"
            print(f"| {name} | {took} | {ssim:.4f} | {psnr_db:.1f} dB |")


def by_steps(media: Path, place: Path, crf: str) -> Made:
    """Each step is a program call, as scripts make them."""
    steps = Steps(media, Path(tempfile.mkdtemp(dir=place)), crf)
    sound = _sound(steps)
    cut = steps.drawn("cut.mp4", media / "talk.mp4", f"select='not({KEPT})',setpts=N/({RATE})/TB")
    even = steps.drawn("rate.mp4", cut, f"fps={RATE}")
    zoomed = steps.drawn("zoom.mp4", even, _zoom())
    part = steps.run("part.mp4", "-t", str(BROLL_S), "-i", media / "broll.mp4", *steps.encoding())
    fitting = steps.drawn("fitting.mp4", part, f"scale=1280:720,fps={RATE}")
    fades = f"fade=in:st=0:d={FADE_S}:alpha=1,fade=out:st={BROLL_S - FADE_S}:d={FADE_S}:alpha=1"
    begins = BROLL_AT_S - sum(stop - start for start, stop in CUTS if stop <= BROLL_AT_S)
    graph = f"[1:v]format=yuva420p,{fades},setpts=PTS+{begins}/TB[b];[0:v][b]overlay=eof_action=pass[v]"
    rolled = steps.laid("broll.mp4", zoomed, fitting, graph)
    logo = steps.run("logo.png", "-i", media / "logo.png", "-vf", "scale=166:-1")
    marked = steps.laid("logo.mp4", rolled, logo, "[0:v][1:v]overlay=1062:29[v]")
    said = steps.drawn("said.mp4", marked, f"subtitles='{place / 'said.srt'}'")
    titled = steps.drawn("title.mp4", said, f"subtitles='{place / 'title.srt'}':force_style='Alignment=10'")
    faded = steps.drawn("faded.mp4", titled, f"fade=in:st=0:d={IN_S},fade=out:st={LENGTH_S - OUT_S}:d={OUT_S}")
    joined = steps.run("joined.mp4", "-i", faded, "-i", sound, "-c", "copy")
    film = steps.run("film.mp4", "-i", joined, "-c", "copy", "-movflags", "+faststart")
    written = sum(path.stat().st_size for path in steps.folder.iterdir())
    return Made(film, steps.count, steps.cpu_s, written)


def _sound(steps: Steps) -> Path:
    """The steps of the sound."""
    whole = steps.run("whole.wav", "-i", steps.media / "talk.mp4", "-vn")
    even = steps.run("even.wav", "-i", whole, "-af", "loudnorm=I=-18")
    cut = steps.run("cut.wav", "-i", even, "-af", f"aselect='not({KEPT})',asetpts=N/SR/TB")
    looped = steps.run("looped.wav", "-stream_loop", "-1", "-i", steps.media / "music.wav", "-t", f"{LENGTH_S}")
    low = steps.run("low.wav", "-i", looped, "-i", cut, "-filter_complex", "[0:a][1:a]sidechaincompress=ratio=6")
    mixed = steps.run("mixed.wav", "-i", cut, "-i", low, "-filter_complex", "[1:a]volume=0.3[m];[0:a][m]amix")
    return steps.run("sound.m4a", "-i", mixed, "-c:a", "aac")


def by_plan(media: Path, place: Path, crf: str) -> Made:
    """One plan, rendered at once; what is kept for the next time counts as written, too."""
    folder, home = Path(tempfile.mkdtemp(dir=place)), Path(tempfile.mkdtemp(dir=place))
    for path in media.iterdir():
        (folder / path.name).symlink_to(path)
    more = {"titles": [{"text": TITLE[2], "from_s": 0, "to_s": TITLE[1]}], "fades": {"in_s": IN_S, "out_s": OUT_S}}
    (folder / "plan.yaml").unlink()
    (folder / "plan.yaml").write_text(yaml.safe_dump({**PLAN, **more, "loudness_lufs": -18}))
    command = [sys.executable, "-c", OURS, str(folder)]
    subprocess.run([*command, "probe", str(home), crf, PRESET], cwd=PROJECT_ROOT, check=True, capture_output=True)
    film = place / f"plan{crf}.mp4"
    before = _bytes(home)
    cpu_s = processor_s([*command, str(film), str(home), crf, PRESET])
    return Made(film, 1, cpu_s, film.stat().st_size + _bytes(home) - before)


def likeness(film: Path, whole: Path) -> tuple[float, float]:
    """SSIM and PSNR of a film beside the same without loss."""
    graph = "[0:v][1:v]ssim;[0:v][1:v]psnr"
    command = [get_ffmpeg_exe(), "-i", str(film), "-i", str(whole), "-lavfi", graph, "-f", "null", "-"]
    said = subprocess.run(command, check=True, capture_output=True, text=True).stderr
    ssim, psnr_db = re.search(r"All:([0-9.]+)", said), re.search(r"average:([0-9.]+)", said)
    assert ssim and psnr_db, said[-2000:]
    return float(ssim[1]), float(psnr_db[1])


def _zoom() -> str:
    scale = f"(1+0.04*(1-cos(2*PI*(on-1)/({RATE})/6)))"
    left, right = f"W/2-W/2/{scale}", f"W/2+W/2/{scale}"
    top, bottom = f"H/2-H/2/{scale}", f"H/2+H/2/{scale}"
    corners = f"x0='{left}':y0='{top}':x1='{right}':y1='{top}':x2='{left}':y2='{bottom}':x3='{right}':y3='{bottom}'"
    return f"perspective={corners}:interpolation=cubic:eval=frame"


def _texts(place: Path) -> None:
    """Subtitles and title in times of the film, as a program that burns them in wants them."""
    lines: Iterator[tuple[float, float, str]] = (
        (start - gone, stop - gone, text)
        for start, stop, text in SUBTITLES
        for gone in [sum(b - a for a, b in CUTS if b <= start)]
    )
    (place / "said.srt").write_text(srt(list(lines)))
    (place / "title.srt").write_text(srt([TITLE]))


def _bytes(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


if __name__ == "__main__":
    main()
