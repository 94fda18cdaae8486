"""How smoothly a film zooms: where a spot is in each frame, beside where it should be.

python -m benchmarks.finish_zoom
The floor is the same spot drawn where it should be, in whole levels: what the meter itself cannot see better.
"""

import tempfile
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from utils.film.film import Film, Showing
from utils.film.timeline import Timeline
from utils.film.zoom import Zoom
from utils.image import Size
from utils.media.clip import Clip
from utils.media.colour import samples
from utils.media.intake import probe
from utils.media.planes import Plane
from utils.media.timebase import Span
from utils.media.video import ClipPlanes
from utils.media.write import ClipWriter, Encoding, Shape

SIZE, RATE, FRAMES, MOST, CYCLE_S = Size(480, 270), Fraction(30000, 1001), 185, 1.08, 6.0
SPOT, SIGMA_PX, DARK, BRIGHT = (400.0, 60.0), 5.0, 40.0, 190.0
REACH_PX = 22


@dataclass(frozen=True)
class Smoothness:
    """What was measured of one film."""

    jitter_px: float
    """The root mean square of how much each step differs from what it should be."""
    floor_px: float
    backward: int
    """Steps against the sign of the sine, where it moves by more than the floor."""
    scale_error: float
    phase_error_s: float


def main() -> None:
    """Print it."""
    with tempfile.TemporaryDirectory() as folder:
        found = measured(Path(folder))
    print(f"jitter {found.jitter_px:.4f} px rms, floor {found.floor_px:.4f}, {found.backward} steps backward")
    print(f"scale off by {found.scale_error:.6f} at most, phase by {found.phase_error_s:.4f} s")


def measured(folder: Path) -> Smoothness:
    """Zoom on a spot, and follow it."""
    clip = _still(folder / "spot.mp4")
    zoom = Zoom(Span(0, FRAMES), RATE, MOST, CYCLE_S)
    film = Film(clip, Timeline.without(clip, []), SIZE, (zoom,))
    start = _centre(next(ClipPlanes(clip, clip.colour).read([0])).planes.brightness, np.array(SPOT))
    middle = np.array([(side - 1) / 2 for side in SIZE])
    scales = np.array([1 + (MOST - 1) * (1 - np.cos(2 * np.pi * k / float(RATE) / CYCLE_S)) / 2 for k in range(FRAMES)])
    wanted = middle + (start - middle) * scales[:, None]
    seen = _followed(film, wanted)
    floor = np.array([_centre(_spot(at, scale), at) for at, scale in zip(wanted, scales, strict=True)])
    away = np.linalg.norm(start - middle)
    found = (seen - middle) @ (start - middle) / away**2
    steps = np.diff(wanted, axis=0) @ (start - middle) / away
    taken = np.diff(seen, axis=0) @ (start - middle) / away
    return Smoothness(
        _jitter(seen, wanted),
        _jitter(floor, wanted),
        int((np.sign(taken) * np.sign(steps) < 0)[np.abs(steps) > 0.02].sum()),
        float(np.abs(found - scales).max()),
        _phase_s(found),
    )


def _jitter(seen: NDArray[np.float64], wanted: NDArray[np.float64]) -> float:
    off = np.diff(seen - wanted, axis=0)
    return float(np.sqrt(np.square(off).sum(axis=1).mean()))


def _phase_s(scales: NDArray[np.float64]) -> float:
    """By how much the measured cycle is late, by its first harmonic."""
    whole = round(float(RATE) * CYCLE_S)
    times = 2 * np.pi * np.arange(whole) / float(RATE) / CYCLE_S
    basis = np.column_stack([np.ones(whole), np.cos(times), np.sin(times)])
    _, along, across = np.linalg.lstsq(basis, scales[:whole], rcond=None)[0]
    return float(abs(np.arctan2(-across, -along)) / (2 * np.pi) * CYCLE_S)


def _followed(film: Film, wanted: NDArray[np.float64]) -> NDArray[np.float64]:
    showing = Showing(film)
    pictures = showing.pictures(Span(0, len(film)))
    seen = np.array([_centre(samples(picture.planes[0]), near) for picture, near in zip(pictures, wanted, strict=True)])
    showing.close()
    return seen


def _centre(plane: Plane, near: NDArray[np.float64]) -> NDArray[np.float64]:
    """The spot's centre of brightness, in a window that moves with it."""
    left, top = (round(float(each)) - REACH_PX for each in near)
    window = plane[top : top + 2 * REACH_PX + 1, left : left + 2 * REACH_PX + 1].astype(np.float64)
    weight = np.clip(window - np.median(window) - 2, 0, None)
    down, across = np.indices(window.shape)
    return np.array([left + (weight * across).sum() / weight.sum(), top + (weight * down).sum() / weight.sum()])


def _spot(at: NDArray[np.float64], scale: float = 1.0) -> Plane:
    down, across = np.indices((SIZE.height_px, SIZE.width_px), dtype=np.float64)
    away = ((across - at[0]) ** 2 + (down - at[1]) ** 2) / (2 * (SIGMA_PX * scale) ** 2)
    return np.asarray(np.rint(DARK + (BRIGHT - DARK) * np.exp(-away)), np.uint8)


def _still(path: Path) -> Clip:
    """A clip that shows the spot, without loss of what the meter sees."""
    picture = np.repeat(_spot(np.array(SPOT))[..., None], 3, axis=2)
    with ClipWriter(path, Shape.steady(SIZE, RATE), Encoding(crf=0, preset="ultrafast")) as writer:
        for index in range(FRAMES):
            writer.write(picture, index)
    return probe(path)


if __name__ == "__main__":
    main()
