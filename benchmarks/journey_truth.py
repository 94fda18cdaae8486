"""What the journey finds out about a clip, against the truth: camera, calm, phases, plate, contacts."""

from collections.abc import Iterator
from dataclasses import replace

import cv2
import numpy as np
from numpy.typing import NDArray

from benchmarks.journey_ground import Ground, Line, at_least, at_most, bench_of, to_first
from pipeline.compose.plates import PLATE
from pipeline.compose.plates import Shot as Stretch
from pipeline.see.analysis import ANALYSE, Analysis
from pipeline.see.open_clip import open_clip
from tests.test_contacts import Walked, f1
from utils.feet.contacts import find_contacts
from utils.image import Box, Size
from utils.image.geometry import Matrix, corners, inverse, moved, normal, shift
from utils.image.metrics import jerk_px, psnr_db
from utils.media.video import ClipFrames
from utils.media.write import ClipWriter, Shape
from utils.place.background import Plate
from utils.walker.scene import Scene

CLOSE_SHARE = 0.5
"""Of the picture: what the person fills at most in the close shot."""
ENLARGED = 2
"""The close shot is cut out of a film this much larger."""
AROUND_S = 1.0
"""Before and after the hold: how long the close shot is."""
NEAR = 128
EVERY = 10
"""Frames of which one is compared with the plate."""


def camera(ground: Ground) -> Iterator[Line]:
    """How far the measured camera is from the true one, at the worst corner of each frame."""
    yield from _misses("ordinary shot", ground.journey().stable.analysis, ground.cameras)


def close(ground: Ground) -> Iterator[Line]:
    """The same when the person fills half of the picture, which shakes as much for its size as the ordinary one."""
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
        into = shift(-box.left, -box.top)
        cameras = np.array([into @ scene.view(index).camera @ inverse(into) for index in indices])
        yield from _misses(f"person fills up to {fullest:.0%}", Analysis(entry), cameras)


def _close_box(scene: Scene, index: int, size: Size) -> Box:
    """Upright, from the top of the person down, as much smaller as it takes for the person to fill its share."""
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


def _misses(what: str, seen: Analysis, cameras: Matrix) -> Iterator[Line]:
    path, points = seen.camera, corners(seen.camera.size)
    misses = [
        np.linalg.norm(moved(found, points) - moved(true, points), axis=1).max()
        for found, true in zip(path.matrices, to_first(cameras), strict=True)
    ]
    yield at_most(f"camera error, {what}, mean", 0.15, float(np.mean(misses)), " px")
    yield at_most(f"camera error, {what}, worst frame", 0.7, float(np.max(misses)), " px")


def calm(ground: Ground) -> Iterator[Line]:
    """What is left of the shake, and whether the pan that was meant is all there; judged by the true camera."""
    stable = ground.journey().stable.path
    steady = normal(ground.cameras @ inverse(stable.matrices))
    yield at_most("jerk after / before", 0.10, jerk_px(steady, stable.size) / jerk_px(ground.cameras, stable.size))
    meant = np.array([ground.scene.view(index).intended for index in range(ground.shot.frames)])
    trails = [_across(path, stable.size) for path in (ground.cameras, steady, meant)]
    kept = (trails[1] @ trails[2]) / (trails[0] @ trails[2])
    yield Line(f"pan kept, of {np.ptp(trails[2]):.0f} px", "98..102 %", f"{kept:.2%}", bool(abs(kept - 1) <= 0.02))


def _across(path: Matrix, size: Size) -> NDArray[np.float64]:
    """Where the middle of the picture lies from left to right, about its mean.

    How much of the pan a path has is told by how far it goes along with it: a slow sway of the hand, which nobody can
    tell from intent, is in the camera and in the calm path alike and goes both ways.
    """
    trail = moved(path, np.broadcast_to((np.array(size, float) - 1) / 2, (len(path), 2)))[:, 0]
    return np.asarray(trail - trail.mean())


def phases(ground: Ground) -> Iterator[Line]:
    """When the hold and the exit begin."""
    segments = ground.journey().segments.all
    for name, true in zip(("hold", "exit"), ground.shot.phases, strict=True):
        found = next((each.span.start for each in segments if each.name == name), None)
        away = None if found is None else abs(found - true)
        told = "not found" if found is None else f"{away} frames ({found}, truth {true})"
        yield Line(f"beginning of the {name}", "<= 6 frames", told, away is not None and away <= 6)


def plate(ground: Ground) -> Iterator[Line]:
    """The clean background where it was seen, and how much of it is known to be made up."""
    stable = ground.journey().stable
    clip, camera_path, scores = stable.clip, stable.camera, []
    with PLATE.result(ground.bench, clip=clip, analysis=stable.analysis, shot=Stretch(0, len(clip))) as entry:
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
    told = f"{away:.2f} ({never:.2%}, truth {true_share:.2%})"
    yield Line("never seen, share of the plate", "within 2 points", told, away <= 2)


def _never_seen(ground: Ground, plate: Plate) -> float:
    """The true share of the plate's picture that no frame saw past the person."""
    seen = np.zeros(plate.seen.shape, np.uint8)
    for index, matrix in enumerate(to_first(ground.cameras)):
        free = np.where(ground.truth.matte(index) < NEAR, 255, 0).astype(np.uint8)
        seen |= cv2.warpPerspective(free, plate.to_plate @ matrix, plate.size, flags=cv2.INTER_NEAREST)
    return float((seen == 0).mean())


def contacts(ground: Ground) -> Iterator[Line]:
    """When heels and toes stand, from joints as measured, and from true ones."""
    walked = Walked(ground.shot)
    yield at_least("contacts F1, measured joints", 0.85, f1(ground.journey().contacts.all, walked))
    yield at_least("contacts F1, true joints", 0.95, f1(find_contacts(walked.poses(), walked.camera), walked))
