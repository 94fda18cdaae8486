"""python -m benchmarks.stabilize [FRAMES [ROUNDS]]: compares our stabiliser with ffmpeg vid.stab and PyPI vidstab.

On a walker with ground truth. The motion of each tool is measured in its output: background points of every source
frame are tracked into the output frame. So all are measured alike, whatever they say of themselves. Times are from file
to file, medians of rounds in which the tools take turns.
Needs benchmarks/requirements.txt.
"""

import logging
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

import cv2
import numpy as np

from benchmarks.journey_ground import bench_of
from pipeline.see.analysis import ANALYSE, Analysis
from tests.forms import FFMPEG
from utils.camera.stabilization import Smoothing, stabilise
from utils.camera.stabilized_copy import followed, write_steady
from utils.camera.tracking import Mask
from utils.image import Size
from utils.image.geometry import Matrix, corners, inverse, moved, normal, shift
from utils.media.clip import Clip
from utils.media.intake import probe
from utils.media.video import ClipFrames
from utils.media.write import Encoding
from utils.walker import Reels, Shot, film
from utils.walker.scene import Scene

X264 = ["-c:v", "libx264", "-preset", "veryfast", "-crf", "16"]


def ours(clip: Clip, folder: Path, smoothing: Smoothing) -> Path:
    """Our stabiliser alone: it tracks without detecting people, and resamples every frame once."""
    path = folder / "ours.mp4"
    write_steady(path, clip, stabilise(followed(clip), smoothing), Encoding())
    return path


def analysed(clip: Clip, folder: Path) -> Path:
    """Our stabiliser after the whole analysis of a run, which tracks the background around the person's matte."""
    path = folder / "analysed.mp4"
    with ANALYSE.result(bench_of(folder / "cache", "balanced"), clip=clip) as entry:
        measured = Analysis(entry).camera
    shutil.rmtree(folder / "cache")
    write_steady(path, clip, stabilise(measured), Encoding())
    return path


def vid_stab(clip: Clip, folder: Path) -> Path:
    """ffmpeg's vid.stab filters in two passes, as their documentation shows."""
    path, found = folder / "vid_stab.mp4", folder / "found.trf"
    source = [FFMPEG, "-v", "error", "-y", "-i", str(clip.path)]
    subprocess.run([*source, "-vf", f"vidstabdetect=result={found}", "-f", "null", "-"], check=True)
    subprocess.run([*source, "-vf", f"vidstabtransform=input={found}", *X264, str(path)], check=True)
    return path


def vidstab(clip: Clip, folder: Path) -> Path:
    """PyPI's vidstab with its defaults; its AVI is not encoded again."""
    path = folder / "vidstab.avi"
    code = "import sys; from vidstab import VidStab; VidStab().stabilize(sys.argv[1], sys.argv[2], show_progress=False)"
    subprocess.run([sys.executable, "-c", code, str(clip.path), str(path)], check=True, capture_output=True)
    return path


def main() -> None:
    """Print shake, jerk, pixels lost at the edges and time of each tool on ten seconds of 720p."""
    logging.disable()
    frames, rounds = (
        int(sys.argv[number]) if len(sys.argv) > number else usual for number, usual in ((1, 300), (2, 3))
    )
    shot = Shot(frames=frames)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        film(shot, Reels(clip=folder / "clip.mp4"))
        clip, scene = probe(folder / "clip.mp4"), Scene(shot)
        tools: dict[str, Callable[[], Path]] = {
            "ours": lambda: ours(clip, folder, Smoothing()),
            "ours, optimal path": lambda: ours(clip, folder, Smoothing(method="optimal")),
            "ours, from the analysis": lambda: analysed(clip, folder),
            "ffmpeg vid.stab": lambda: vid_stab(clip, folder),
            "PyPI vidstab": lambda: vidstab(clip, folder),
        }
        cameras = np.array([scene.view(index).camera for index in range(shot.frames)])
        intended = np.array([scene.view(index).intended for index in range(shot.frames)])
        seconds, outputs = _in_turn(tools, rounds)
        masks = [truth.matte for _, truth in scene.frames()]
        print(f"{'':<24}{'shake left':>12}{'jerk':>9}{'jerk ratio':>12}{'lost':>8}{'time':>9}{'CPU':>9}")
        print(f"{'source':<24}{_shake(cameras, intended, clip.size):>9.2f} px{_jerk(cameras, clip.size):>6.2f} px")
        for tool, output in outputs.items():
            moves = _moves(clip, output, masks)
            steady = normal(cameras[: len(moves)] @ inverse(moves))
            jerk, (wall_s, cpu_s) = _jerk(steady, clip.size), seconds[tool]
            ratio, lost = jerk / _jerk(cameras, clip.size), _lost(moves, clip, output)
            calmed = f"{_shake(steady, intended, clip.size):>9.2f} px{jerk:>6.2f} px{ratio:>12.3f}{lost:>8.1%}"
            print(f"{tool:<24}{calmed}{wall_s:>7.1f} s{cpu_s:>7.1f} s")


def _in_turn(
    tools: dict[str, Callable[[], Path]], rounds: int
) -> tuple[dict[str, tuple[float, float]], dict[str, Clip]]:
    """Median wall-clock and processor seconds of each tool, and the clip that it wrote."""
    taken: dict[str, list[tuple[float, float]]] = {tool: [] for tool in tools}
    outputs: dict[str, Clip] = {}
    for _ in range(rounds):
        for tool, run in tools.items():
            start, used = time.perf_counter(), _cpu_s()
            path = run()
            taken[tool].append((time.perf_counter() - start, _cpu_s() - used))
            outputs[tool] = probe(path.replace(path.with_stem(f"by {tool}")))
    return {
        tool: (median(wall for wall, _ in each), median(cpu for _, cpu in each)) for tool, each in taken.items()
    }, outputs


def _cpu_s() -> float:
    """Processor seconds of this process and of the children that it has waited for."""
    return sum(os.times()[:4])


def _moves(clip: Clip, output: Clip, masks: list[Mask]) -> Matrix:
    """The homography from each source frame to its output frame, from points of the background."""
    moves = []
    for source, made in zip(ClipFrames.of(clip), ClipFrames.of(output), strict=False):
        offset = np.floor((np.array(output.size) - np.array(clip.size)) / 2)
        centred = cv2.warpPerspective(made.rgb, shift(*-offset), clip.size)
        before, after = (cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY) for picture in (source.rgb, centred))
        free = 255 - cv2.dilate(masks[source.index], np.ones((25, 25), np.uint8))
        points = cv2.goodFeaturesToTrack(before, 400, 0.01, 12, mask=free)
        there, found, _ = cv2.calcOpticalFlowPyrLK(before, after, points, None, winSize=(21, 21), maxLevel=4)
        kept = found.ravel() > 0
        matrix, _ = cv2.findHomography(points[kept], there[kept], cv2.USAC_MAGSAC, 1.0)
        moves.append(shift(*offset) @ matrix)
    return np.array(moves)


def _trails(cameras: Matrix, size: Size) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    """The corners of the middle half of the picture, moved by the camera, frame by frame."""
    middle = (np.array(size) - 1) / 2
    return np.array([moved(camera, middle + (corners(size) - middle) / 2) for camera in cameras])


def _jerk(cameras: Matrix, size: Size) -> float:
    return float(np.sqrt((np.diff(_trails(cameras, size), 3, axis=0) ** 2).mean()))


def _shake(cameras: Matrix, intended: Matrix, size: Size) -> float:
    """RMS distance from the intended path, high-pass filtered at two seconds, because a slow drift is no shake."""
    away = _trails(cameras, size) - _trails(intended[: len(cameras)], size)
    kernel = np.exp(-0.5 * (np.arange(-60, 61) / 20.0) ** 2)
    flat = away.reshape(len(away), -1)
    padded = np.pad(flat, ((60, 60), (0, 0)), mode="reflect", reflect_type="odd")
    smooth = np.stack([np.convolve(column, kernel / kernel.sum(), "valid") for column in padded.T], 1)
    return float(np.sqrt(((flat - smooth) ** 2).mean()))


def _lost(moves: Matrix, clip: Clip, output: Clip) -> float:
    """The share of the source's pixels that are outside the output."""
    column, row = np.meshgrid(np.arange(0, clip.size.width_px, 16), np.arange(0, clip.size.height_px, 16))
    points = np.stack([column.ravel(), row.ravel()], 1).astype(float)
    width, height = output.size
    return float(np.mean([1 - _inside(moved(move, points), width, height) for move in moves]))


def _inside(points: np.ndarray[tuple[int, ...], np.dtype[np.float64]], width: int, height: int) -> float:
    return float(((points >= -0.5) & (points < (width - 0.5, height - 0.5))).all(axis=1).mean())


if __name__ == "__main__":
    main()
