"""Measures against ground truth: camera error, stabilization, phases, plate and foot contacts."""

from collections.abc import Iterator
from dataclasses import replace

import cv2
import numpy as np
from numpy.typing import NDArray

from benchmarks.journey_ground import Ground, Line, at_least, at_most, bench_of, to_first
from pipeline.compose.plates import PLATE, Place
from pipeline.see.analysis import ANALYSE, Analysis
from pipeline.see.open_clip import open_clip
from tests.test_contacts import Walked, f1
from utils.feet.contacts import find_contacts
from utils.image import Box, Size
from utils.image.geometry import Matrix, corners, inverse, moved, normal, shift, steps
from utils.image.metrics import jerk_px, psnr_db
from utils.media.video import ClipFrames
from utils.media.write import ClipWriter, Shape
from utils.place.background import Plate
from utils.walker.scene import Scene

CLOSE_SHARE = 0.5
"""The share of the picture that the person fills at most in the close shot."""
ENLARGED = 2
"""The close shot is cut out of a film that is larger by this factor."""
AROUND_S = 1.0
"""How long before and after the hold the close shot begins and ends."""
NEAR = 128
"""Pixels of the matte from this value on count as the person."""
EVERY = 10
"""Every tenth frame is compared with the plate."""


def camera(ground: Ground) -> Iterator[Line]:
    """The distance of the measured camera from the true one, at the worst corner of each frame."""
    yield from _misses("ordinary shot", ground.journey().stable.analysis, ground.cameras)


def close(ground: Ground) -> Iterator[Line]:
    """The camera error when the person fills half of the picture; the shake is scaled to the picture's size."""
    width, height = ground.shot.size
    shot, size = (
        replace(ground.shot, size=(ENLARGED * width, ENLARGED * height)),
        Size(ENLARGED * width, ENLARGED * height),
    )
    hold, leave = shot.phases
    box = _close_box(Scene(shot), (hold + leave) // 2, size)
    scene = Scene(replace(shot, shake=shot.shake * box.size.height_px / size.height_px))
    around = round(AROUND_S * shot.rate)
    indices = range(max(0, hold - around), min(shot.frames, leave + around))
    path, fullest = ground.folder / "close.mp4", 0.0
    with ClipWriter(path, Shape.steady(box.size, shot.rate)) as writer:
        for number, index in enumerate(indices):
            picture, truth = scene.frame(index)
            fullest = max(fullest, float((truth.matte[box.slices] > NEAR).mean()))
            writer.write(np.ascontiguousarray(picture[box.slices]), number)
    bench = bench_of(ground.folder / "close", "balanced")
    with ANALYSE.result(bench, clip=open_clip(path, bench)) as entry:
        to_box = shift(-box.left, -box.top)
        cameras = np.array([to_box @ scene.view(index).camera @ inverse(to_box) for index in indices])
        yield from _misses(f"person fills up to {fullest:.0%}", Analysis(entry), cameras)


def _close_box(scene: Scene, index: int, size: Size) -> Box:
    """An upright box from the top of the person down, shrunk until the person fills its share."""
    matte = scene.frame(index)[1].matte
    x, y, width, height = cv2.boundingRect(matte)
    for share in np.arange(1.0, 0.2, -0.02):
        high = 2 * round(share * height / 2)
        wide = 2 * round(0.75 * high / 2)
        left, top = x + width // 2 - wide // 2, max(0, y - high // 12)
        box = Box(left, top, left + wide, top + high) & Box(0, 0, *size)
        if (matte[box.slices] > NEAR).mean() > CLOSE_SHARE - 0.02:
            break
    return Box(box.left, box.top, box.right - box.size.width_px % 2, box.bottom - box.size.height_px % 2)


def _misses(what: str, analysis: Analysis, cameras: Matrix) -> Iterator[Line]:
    """Mean and worst distance of corners moved by the measured camera from those moved by the true one."""
    path, points = analysis.camera, corners(analysis.camera.size)
    misses = [
        np.linalg.norm(moved(measured, points) - moved(true, points), axis=1).max()
        for measured, true in zip(path.matrices, to_first(cameras), strict=True)
    ]
    yield at_most(f"camera error, {what}, mean", 0.15, float(np.mean(misses)), " px")
    yield at_most(f"camera error, {what}, worst frame", 0.7, float(np.max(misses)), " px")


def calm(ground: Ground) -> Iterator[Line]:
    """The jerk that is left, and how much of the intended pan is kept, judged by the true camera."""
    stable = ground.journey().stable.path
    steady = normal(ground.cameras @ inverse(stable.matrices))
    yield at_most(
        "jerk after / before", 0.10, jerk_px(steps(steady), stable.size) / jerk_px(steps(ground.cameras), stable.size)
    )
    meant = np.array([ground.scene.view(index).intended for index in range(ground.shot.frames)])
    trails = [_across(path, stable.size) for path in (ground.cameras, steady, meant)]
    kept = (trails[1] @ trails[2]) / (trails[0] @ trails[2])
    yield Line(f"pan kept, of {np.ptp(trails[2]):.0f} px", "98..102 %", f"{kept:.2%}", bool(abs(kept - 1) <= 0.02))


def _across(path: Matrix, size: Size) -> NDArray[np.float64]:
    """The horizontal position of the picture's middle over time, relative to its mean.

    A path is compared with the intended pan by projecting it on that: a slow sway of the hand, which cannot be told
    from intent, is in the measured and in the calm path alike, and goes both ways.
    """
    trail = moved(path, np.broadcast_to((np.array(size, float) - 1) / 2, (len(path), 2)))[:, 0]
    return np.asarray(trail - trail.mean())


def phases(ground: Ground) -> Iterator[Line]:
    """The frames in which the hold and the exit begin."""
    segments = ground.journey().segments.all
    for name, true in zip(("hold", "exit"), ground.shot.phases, strict=True):
        found = next((each.span.start for each in segments if each.name == name), None)
        away = None if found is None else abs(found - true)
        measured = "not found" if found is None else f"{away} frames ({found}, truth {true})"
        yield Line(f"beginning of the {name}", "<= 6 frames", measured, away is not None and away <= 6)


def plate(ground: Ground) -> Iterator[Line]:
    """The error of the plate where it was seen, and the share of it that was never seen."""
    stable = ground.journey().stable
    clip, camera_path, scores = stable.clip, stable.camera, []
    with PLATE.result(ground.bench, clip=clip, analysis=stable.analysis, place=Place(0, len(clip))) as entry:
        made = Plate.load(entry.folder)
    some = range(0, len(clip), EVERY)
    for frame, matte in zip(ClipFrames.of(clip).read(some), stable.analysis.mattes(some), strict=True):
        matrix = camera_path.matrices[frame.index]
        shown = made.view(matrix, clip.size, made.gain(frame.rgb, matte, matrix))
        true = np.clip(ground.scene.plate(frame.index) * ground.truth.gain[frame.index] + 0.5, 0, 255).astype(np.uint8)
        scores.append(psnr_db(shown, true, made.unseen(matrix, clip.size) == 0))
    yield at_least("plate on seen pixels, mean PSNR", 36, float(np.mean(scores)), " dB")
    yield at_least("plate on seen pixels, worst frame", 36, min(scores), " dB")
    never, true_share = made.unseen_share, _never_seen(ground, made)
    away = 100 * abs(never - true_share)
    measured = f"{away:.2f} ({never:.2%}, truth {true_share:.2%})"
    yield Line("never seen, share of the plate", "within 2 points", measured, away <= 2)


def _never_seen(ground: Ground, plate: Plate) -> float:
    """The true share of the plate that the person hides in every frame."""
    seen = np.zeros(plate.seen.shape, np.uint8)
    for index, matrix in enumerate(to_first(ground.cameras)):
        free = np.where(ground.truth.matte(index) < NEAR, 255, 0).astype(np.uint8)
        seen |= cv2.warpPerspective(free, plate.to_plate @ matrix, plate.size, flags=cv2.INTER_NEAREST)
    return float((seen == 0).mean())


def contacts(ground: Ground) -> Iterator[Line]:
    """The F1 score of foot contacts, from measured joints and from true ones."""
    walked = Walked(ground.shot)
    yield at_least("contacts F1, measured joints", 0.85, f1(ground.journey().contacts.all, walked))
    yield at_least("contacts F1, true joints", 0.95, f1(find_contacts(walked.poses(), walked.camera), walked))
