"""python -m pipeline.engines.looks.styles.drawing: draws the style pictures that come along, from fixed seeds."""

from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from utils.image import RGB
from utils.image.jpeg import write_jpeg

SIDE_PX, SCALE = 384, 2
"""The pictures are drawn SCALE times as large, and reduced."""
WIDE_PX = SIDE_PX * SCALE
QUALITY = 88

Colour = tuple[int, int, int]
Floats = NDArray[np.float64]
Random = np.random.Generator


def main() -> None:
    """Write them where the look finds them."""
    for name in DRAWN:
        write_jpeg(Path(__file__).with_name(f"{name}.jpg"), drawn(name), QUALITY)


def drawn(name: str) -> RGB:
    """The style picture of this name."""
    number = list(DRAWN).index(name)
    picture = DRAWN[name](np.random.default_rng(number))
    return np.asarray(cv2.resize(picture, (SIDE_PX, SIDE_PX), interpolation=cv2.INTER_AREA))


def waves(rng: Random) -> RGB:
    """Long strokes that swirl, night blue and gold."""
    palette = [(16, 32, 84), (28, 66, 140), (60, 116, 182), (142, 184, 206), (238, 200, 84), (250, 232, 160)]
    field = _noise(rng, 4)
    picture = _ground((20, 40, 96))
    for x, y in _spots(rng, 3400):
        level = field[int(y), int(x)]
        colour = palette[int(np.clip(level * 6 + rng.normal(0, 0.7), 0, 5))]
        _stroke(picture, _along(lambda x, y: 7 * field[y, x], x, y, 46), colour, 7)
    return picture


def woodcut(rng: Random) -> RGB:
    """Black lines whose width is the tone, over cream paper and a second block in vermilion.

    Finer lines than these are too fine for the network, which makes an even olive of them.
    """
    tone, bend, second = _noise(rng, 3), _noise(rng, 2), _noise(rng, 2)
    rows, columns = np.mgrid[0:WIDE_PX, 0:WIDE_PX]
    ink = np.sin(0.22 * (rows + 0.35 * columns) + 12 * bend) > np.interp(tone, (0.2, 0.8), (-0.95, 0.95))
    sheet = np.where((second > 0.5)[..., None], np.array((222, 56, 30)), np.array((244, 232, 200)))
    return np.where(ink[..., None], np.array((18, 14, 18)), sheet).astype(np.uint8)


def mosaic(rng: Random) -> RGB:
    """Small square stones in sea green, terracotta and sand, with pale joints."""
    palette = [(24, 94, 104), (58, 150, 148), (198, 92, 56), (226, 176, 112), (240, 222, 184), (32, 52, 74)]
    field, picture, step = _noise(rng, 3), _ground((214, 206, 188)), 26
    for top in range(-step, WIDE_PX, step):
        for left in range(-step, WIDE_PX, step):
            x, y = np.clip([left + step / 2, top + step / 2], 0, WIDE_PX - 1).astype(int)
            colour = palette[int(np.clip(field[y, x] * 6 + rng.normal(0, 0.5), 0, 5))]
            middle = np.array([left, top]) + step / 2 + rng.normal(0, 1.4, 2)
            box = cv2.boxPoints((middle.tolist(), (step - 5, step - 5), float(rng.normal(0, 7))))
            _fill(picture, box, _varied(rng, colour, 10))
    return picture


def glass(rng: Random) -> RGB:
    """Stained glass: clear reds, blues and yellows between black leads."""
    palette = [(190, 24, 36), (22, 60, 168), (240, 180, 20), (18, 128, 84), (236, 236, 220), (118, 30, 128)]
    picture = _ground((12, 12, 14))
    for cell in _cells(rng, 90):
        colour = _varied(rng, palette[int(rng.integers(6))], 14)
        _fill(picture, cell, colour)
        cv2.polylines(picture, [np.rint(cell).astype(np.int32)], True, (14, 14, 16), 11, cv2.LINE_AA)
    return picture


def weave(rng: Random) -> RGB:
    """Woven wool: over and under, in rust, ochre and petrol."""
    palette = [(132, 48, 34), (190, 112, 44), (216, 182, 120), (36, 84, 92), (58, 42, 48)]
    field, picture, step = _noise(rng, 2), _ground((40, 30, 30)), 16
    for row in range(WIDE_PX // step):
        for column in range(WIDE_PX // step):
            x, y = column * step + step // 2, row * step + step // 2
            colour = _varied(rng, palette[int(np.clip(field[y, x] * 5 + rng.normal(0, 0.35), 0, 4))], 16)
            axes = (step * 0.62, step * 0.34) if (row + column) % 2 else (step * 0.34, step * 0.62)
            cv2.ellipse(picture, ((x, y), (2 * axes[0], 2 * axes[1]), 0), colour, -1, cv2.LINE_AA)
    return picture


def dots(rng: Random) -> RGB:
    """Points of pure colour side by side: violet shade, orange light, green between."""
    palette = [(72, 48, 140), (40, 110, 180), (60, 150, 90), (210, 200, 70), (244, 150, 60), (250, 214, 190)]
    field, picture = _noise(rng, 3), _ground((236, 228, 210))
    for x, y in _spots(rng, 16000):
        colour = palette[int(np.clip(field[int(y), int(x)] * 6 + rng.normal(0, 0.9), 0, 5))]
        cv2.circle(picture, (round(x), round(y)), int(rng.integers(4, 7)), _varied(rng, colour, 12), -1, cv2.LINE_AA)
    return picture


def marbling(rng: Random) -> RGB:
    """Marbled paper: combed veins of crimson, ivory and ink."""
    palette = np.array([(24, 26, 46), (132, 20, 44), (196, 58, 60), (238, 224, 200), (246, 238, 224), (70, 90, 120)])
    bend, rows = _noise(rng, 3), np.mgrid[0:WIDE_PX, 0:WIDE_PX][0] / WIDE_PX
    bands = 9 * rows + 6 * bend + 0.35 * np.sin(30 * _noise(rng, 2))
    return np.asarray(palette[np.floor(3 * bands).astype(int) % 6], np.uint8)


def blueprint(rng: Random) -> RGB:
    """White construction lines on blue paper."""
    picture = _ground((22, 62, 132))
    for at in range(0, WIDE_PX, 32):
        cv2.line(picture, (at, 0), (at, WIDE_PX), (48, 92, 160), 2, cv2.LINE_AA)
        cv2.line(picture, (0, at), (WIDE_PX, at), (48, 92, 160), 2, cv2.LINE_AA)
    for _ in range(46):
        x, y, radius = (int(each) for each in rng.integers(20, (WIDE_PX, WIDE_PX, 120)))
        cv2.circle(picture, (x, y), radius, (226, 236, 246), 3, cv2.LINE_AA)
        end = (int(x + rng.normal(0, 160)), int(y + rng.normal(0, 160)))
        cv2.line(picture, (x, y), end, (204, 220, 240), 3, cv2.LINE_AA)
        cv2.rectangle(picture, (x, y), (x + radius, y + radius // 2), (176, 200, 232), 2, cv2.LINE_AA)
    return picture


def embers(rng: Random) -> RGB:
    """Rising strokes of fire on black."""
    palette = [(24, 8, 8), (70, 14, 10), (150, 30, 12), (226, 86, 16), (250, 160, 40), (255, 226, 140)]
    field, picture = _noise(rng, 4), _ground((14, 8, 10))
    for x, y in _spots(rng, 2600):
        colour = palette[int(np.clip(field[int(y), int(x)] * 7 - 1.2 + rng.normal(0, 0.7), 0, 5))]
        _stroke(picture, _along(lambda x, y: -1.57 + 3 * (field[y, x] - 0.5), x, y, 60), colour, 6)
    return picture


def pastel(rng: Random) -> RGB:
    """Soft chalk in rose, mint and sky on warm paper, grain showing through."""
    palette = [(236, 170, 176), (248, 208, 176), (188, 222, 200), (166, 200, 228), (214, 188, 226), (250, 240, 214)]
    field, picture = _noise(rng, 3), _ground((244, 232, 216))
    for x, y in _spots(rng, 1500):
        colour = palette[int(np.clip(field[int(y), int(x)] * 6 + rng.normal(0, 0.9), 0, 5))]
        _stroke(picture, _along(lambda x, y: 0.8 + field[y, x], x, y, 70), colour, 20)
    soft = cv2.GaussianBlur(picture, (0, 0), 4).astype(float)
    grain = cv2.GaussianBlur(rng.normal(0, 60, (WIDE_PX, WIDE_PX)), (0, 0), 1.6)
    return np.asarray(np.clip(soft + grain[..., None], 0, 255), np.uint8)


def facets(rng: Random) -> RGB:
    """Flat triangles, each lit from another side: teal, magenta and gold."""
    palette = np.array(
        [(10, 48, 66), (16, 110, 124), (108, 198, 190), (184, 36, 108), (244, 120, 110), (252, 206, 110)]
    )
    field, picture = _noise(rng, 2), _ground((20, 40, 60))
    for cell in _cells(rng, 160):
        middle = cell.mean(axis=0)
        x, y = np.clip(middle, 0, WIDE_PX - 1).astype(int)
        colour = palette[int(np.clip(field[y, x] * 6 + rng.normal(0, 0.5), 0, 5))]
        for first, second in zip(cell, np.roll(cell, -1, axis=0), strict=True):
            lit = np.clip(colour * (0.75 + 0.45 * rng.random()), 0, 255).astype(int)
            _fill(picture, np.array([middle, first, second]), tuple(lit.tolist()))
    return picture


def leaves(rng: Random) -> RGB:
    """Leaves over leaves, fresh to dark green, with pale veins."""
    palette = [(14, 40, 26), (28, 78, 44), (66, 122, 50), (140, 170, 64), (206, 208, 110)]
    picture = _ground((12, 30, 22))
    for x, y in _spots(rng, 620):
        colour, angle = _varied(rng, palette[int(rng.integers(5))], 14), float(rng.uniform(0, 180))
        long_px = float(rng.uniform(56, 110))
        cv2.ellipse(picture, ((x, y), (long_px, long_px * 0.36), angle), colour, -1, cv2.LINE_AA)
        away = 0.46 * long_px * np.array([np.cos(np.radians(angle)), np.sin(np.radians(angle))])
        first, last = (np.rint(np.array([x, y]) + side * away).astype(int).tolist() for side in (-1, 1))
        cv2.line(picture, first, last, tuple(min(255, part + 56) for part in colour), 2, cv2.LINE_AA)
    return picture


DRAWN: dict[str, Callable[[Random], RGB]] = {
    each.__name__: each
    for each in (waves, woodcut, mosaic, glass, weave, dots, marbling, blueprint, embers, pastel, facets, leaves)
}


def _ground(colour: Colour) -> RGB:
    return np.full((WIDE_PX, WIDE_PX, 3), colour, np.uint8)


def _noise(rng: Random, octaves: int) -> Floats:
    """Smooth noise (fractal value noise), spread evenly over 0..1."""
    total = np.zeros((WIDE_PX, WIDE_PX))
    for octave in range(octaves):
        coarse = rng.random((2 + 3 * 2**octave,) * 2)
        total += cv2.resize(coarse, (WIDE_PX, WIDE_PX), interpolation=cv2.INTER_CUBIC) / 2**octave
    levels = np.percentile(total, np.arange(101))
    return np.interp(total, levels, np.linspace(0, 1, 101))


def _spots(rng: Random, count: int) -> Iterator[tuple[float, float]]:
    yield from map(tuple, rng.uniform(0, WIDE_PX - 1, (count, 2)).tolist())


def _along(angle: Callable[[int, int], float], x: float, y: float, length_px: int) -> Floats:
    """Points of a path that follows a field of angles."""
    points = []
    for _ in range(length_px // 6):
        points.append((x, y))
        turn = angle(*(int(np.clip(each, 0, WIDE_PX - 1)) for each in (x, y)))
        x, y = x + 6 * np.cos(turn), y + 6 * np.sin(turn)
    return np.array(points)


def _stroke(picture: RGB, points: Floats, colour: Colour, width_px: int) -> None:
    cv2.polylines(picture, [np.rint(points).astype(np.int32)], False, colour, width_px, cv2.LINE_AA)


def _fill(picture: RGB, corners: Floats, colour: Colour) -> None:
    cv2.fillPoly(picture, [np.rint(corners).astype(np.int32)], colour, cv2.LINE_AA)


def _cells(rng: Random, count: int) -> Iterator[Floats]:
    """The Voronoi cells of random points."""
    plane = cv2.Subdiv2D((-WIDE_PX, -WIDE_PX, 3 * WIDE_PX, 3 * WIDE_PX))
    for point in rng.uniform(-20, WIDE_PX + 20, (count, 2)).tolist():
        plane.insert(point)
    cells, _ = plane.getVoronoiFacetList([])
    yield from (np.clip(cell, -WIDE_PX, 2 * WIDE_PX) for cell in cells)


def _varied(rng: Random, colour: Colour, by: float) -> Colour:
    red, green, blue = np.clip(np.array(colour) + rng.normal(0, by, 3), 0, 255).astype(int).tolist()
    return red, green, blue


if __name__ == "__main__":
    main()
