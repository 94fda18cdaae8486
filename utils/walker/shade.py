"""Shading of figures: from rasterised samples to colour and coverage per pixel."""

import math
from dataclasses import dataclass

import numpy as np

from utils.walker import cloth, face
from utils.walker.figure import Figure, Part
from utils.walker.kernel import Floats, Ints, kernel
from utils.walker.light import GROUND_LIGHT, SKY_LIGHT, SUN_LIGHT, SUN_X, SUN_Y, SUN_Z, toned
from utils.walker.raster import SAMPLES, Seen, spot
from utils.walker.skin import Posed

_Triple = tuple[float, float, float]
_PARTS = tuple(int(part) for part in Part)
_SKIN, _HAIR, _JACKET, _TROUSERS, _SHOE = _PARTS


@dataclass(frozen=True)
class Layer:
    """A rendered box of pixels: premultiplied linear colour (h x w x 3) and coverage (h x w, 0..1)."""

    left: int
    top: int
    colour: Floats
    alpha: Floats

    def __post_init__(self) -> None:
        assert self.colour.shape == (*self.alpha.shape, 3)


@kernel
def shares_at(points: Floats, triangle: Ints, x: float, y: float) -> tuple[float, float, float]:
    """Perspective-correct barycentric coordinates of a picture point in a triangle."""
    a, b, c = triangle[0], triangle[1], triangle[2]
    ax, ay, bx, by, cx, cy = points[a, 0], points[a, 1], points[b, 0], points[b, 1], points[c, 0], points[c, 1]
    area = (bx - ax) * (cy - ay) - (by - ay) * (cx - ax)
    u = ((bx - x) * (cy - y) - (by - y) * (cx - x)) / area
    v = ((cx - x) * (ay - y) - (cy - y) * (ax - x)) / area
    u, v, w = max(0.0, u) * points[a, 2], max(0.0, v) * points[b, 2], max(0.0, 1.0 - u - v) * points[c, 2]
    total = u + v + w
    return u / total, v / total, w / total


@kernel
def _albedo(
    part: int, x: float, y: float, z: float, pixel_m: float, blink: float, palette: Floats
) -> tuple[float, float, float, float]:
    if part == _SKIN:
        tone = (palette[0, 0], palette[0, 1], palette[0, 2])
        hair = (palette[1, 0], palette[1, 1], palette[1, 2])
        return face.skin(x, y, z, pixel_m, blink, tone, hair)
    if part == _HAIR:
        return cloth.hair(x, y, z, pixel_m, palette)
    if part == _JACKET:
        return cloth.jacket(x, y, z, pixel_m, palette)
    if part == _TROUSERS:
        return cloth.trousers(x, y, z, pixel_m, palette)
    return cloth.shoe(x, y, z, pixel_m, palette)


@kernel
def _lit(
    colour: tuple[float, float, float, float], part: int, n: _Triple, view: _Triple, light: _Triple
) -> tuple[float, float, float]:
    """Lighting model: sun, sky, ground, specular highlight and rim light."""
    red, green, blue, gloss = colour
    facing = n[0] * SUN_X + n[1] * SUN_Y + n[2] * SUN_Z
    soft = 0.18 if part == _SKIN else 0.05
    sun = max(0.0, (facing + soft) / (1 + soft)) * light[0]
    blush = max(0.0, (facing + 0.4) / 1.4) * light[0] - sun if part == _SKIN else 0.0
    up = 0.5 + 0.5 * n[1]
    sky, ground = up * light[1], (1 - up) * light[2]
    rim = (1.0 - max(0.0, n[0] * view[0] + n[1] * view[1] + n[2] * view[2])) ** 3 * (0.3 + 0.7 * up) * light[1]
    hx, hy, hz = view[0] + SUN_X, view[1] + SUN_Y, view[2] + SUN_Z
    half = (n[0] * hx + n[1] * hy + n[2] * hz) / math.sqrt(hx * hx + hy * hy + hz * hz)
    tight = 26.0 if part == _HAIR else 18.0
    shine = gloss * 0.16 * max(0.0, half) ** tight * light[0] * (1.5 if part == _HAIR else 1.0) + 0.05 * gloss * rim
    sheen = 0.20 * rim
    r = red * (SUN_LIGHT[0] * (sun + 0.35 * blush) + SKY_LIGHT[0] * sky + GROUND_LIGHT[0] * ground)
    g = green * (SUN_LIGHT[1] * (sun + 0.08 * blush) + SKY_LIGHT[1] * sky + GROUND_LIGHT[1] * ground)
    b = blue * (SUN_LIGHT[2] * (sun + 0.03 * blush) + SKY_LIGHT[2] * sky + GROUND_LIGHT[2] * ground)
    return (
        r + shine * SUN_LIGHT[0] + sheen * (0.10 + red) * SKY_LIGHT[0],
        g + shine * SUN_LIGHT[1] + sheen * (0.10 + green) * SKY_LIGHT[1],
        b + shine * SUN_LIGHT[2] + sheen * (0.10 + blue) * SKY_LIGHT[2],
    )


def shade(
    seen: Seen, projected: Floats, figure: Figure, body: Posed, light: Floats, eye: Floats, palette: Floats,
    blink: float, focal_px: float,
) -> Layer:  # fmt: skip
    """Colour and light the samples of one figure, and resolve them to pixels."""
    samples = np.zeros((*seen.triangle.shape, 3), np.float32)
    if samples.size:
        _paint(
            samples, seen.triangle, seen.nearness, seen.left, seen.top, projected, figure.mesh.triangles,
            figure.mesh.points, figure.parts, body.points, body.normals, light, eye, palette, blink, focal_px,
        )  # fmt: skip
    width, height = seen.size
    colour, alpha = np.zeros((height, width, 3), np.float32), np.zeros((height, width), np.float32)
    _resolve(samples, seen.triangle, colour, alpha)
    return Layer(seen.left, seen.top, colour, alpha)


@kernel
def _paint(
    samples: Floats, seen: Ints, nearness: Floats, left: int, top: int, projected: Floats, triangles: Ints,
    rest: Floats, parts: Ints, points: Floats, normals: Floats, light: Floats, eye: Floats, palette: Floats,
    blink: float, focal_px: float,
) -> None:  # fmt: skip
    """Shade once per pixel inside a part, once per sample along its edges."""
    corner = np.zeros(3, np.float32)
    for row in range(0, seen.shape[0], SAMPLES):
        for column in range(0, seen.shape[1], SAMPLES):
            if _even(seen, nearness, triangles, parts, row, column):
                x, y = left + column / SAMPLES, top + row / SAMPLES
                _sample(corner, triangles[seen[row, column]], x, y, projected, rest, parts, points, normals,
                        light, eye, palette, blink, focal_px)  # fmt: skip
                samples[row : row + SAMPLES, column : column + SAMPLES] = corner
                continue
            for j in range(row, row + SAMPLES):
                for i in range(column, column + SAMPLES):
                    if seen[j, i] >= 0:
                        across, down = spot(i, j)
                        x, y = left + across / SAMPLES - 0.5, top + down / SAMPLES - 0.5
                        _sample(samples[j, i], triangles[seen[j, i]], x, y, projected, rest, parts, points,
                                normals, light, eye, palette, blink, focal_px)  # fmt: skip


@kernel
def _even(seen: Ints, nearness: Floats, triangles: Ints, parts: Ints, row: int, column: int) -> bool:
    """Whether all samples of a pixel see the same part at about the same depth."""
    first = seen[row, column]
    if first < 0:
        return False
    part, near = parts[triangles[first, 0]], nearness[row, column]
    for j in range(row, row + SAMPLES):
        for i in range(column, column + SAMPLES):
            index = seen[j, i]
            if index < 0 or parts[triangles[index, 0]] != part or abs(nearness[j, i] - near) > 0.006 * near:
                return False
    return True


@kernel
def _between(values: Floats, a: int, b: int, c: int, u: float, v: float, w: float) -> _Triple:
    """Interpolate vertex values by barycentric coordinates."""
    return (
        u * values[a, 0] + v * values[b, 0] + w * values[c, 0],
        u * values[a, 1] + v * values[b, 1] + w * values[c, 1],
        u * values[a, 2] + v * values[b, 2] + w * values[c, 2],
    )


@kernel
def _sample(
    out: Floats, triangle: Ints, x: float, y: float, projected: Floats, rest: Floats, parts: Ints, points: Floats,
    normals: Floats, light: Floats, eye: Floats, palette: Floats, blink: float, focal_px: float,
) -> None:  # fmt: skip
    u, v, w = shares_at(projected, triangle, x, y)
    a, b, c = triangle[0], triangle[1], triangle[2]
    px, py, pz = _between(rest, a, b, c, u, v, w)
    nx, ny, nz = _between(normals, a, b, c, u, v, w)
    length = math.sqrt(nx * nx + ny * ny + nz * nz)
    wx, wy, wz = _between(points, a, b, c, u, v, w)
    wx, wy, wz = eye[0] - wx, eye[1] - wy, eye[2] - wz
    distance = math.sqrt(wx * wx + wy * wy + wz * wz)
    reach = _between(light, a, b, c, u, v, w)
    part = parts[a]
    colour = _albedo(part, px, py, pz, distance / focal_px, blink, palette)
    normal, view = (nx / length, ny / length, nz / length), (wx / distance, wy / distance, wz / distance)
    red, green, blue = _lit(colour, part, normal, view, reach)
    out[0], out[1], out[2] = toned(red), toned(green), toned(blue)


@kernel
def _resolve(samples: Floats, seen: Ints, colour: Floats, alpha: Floats) -> None:
    """Tent filter over the samples, so that edges are soft as in a lens."""
    taps = (0.125, 0.375, 0.375, 0.125)
    rows, columns = seen.shape
    for row in range(alpha.shape[0]):
        for column in range(alpha.shape[1]):
            for j in range(4):
                y = row * SAMPLES + j - 1
                if y < 0 or y >= rows:
                    continue
                for i in range(4):
                    x = column * SAMPLES + i - 1
                    if x < 0 or x >= columns or seen[y, x] < 0:
                        continue
                    share = taps[j] * taps[i]
                    alpha[row, column] += share
                    for channel in range(3):
                        colour[row, column, channel] += share * samples[y, x, channel]
