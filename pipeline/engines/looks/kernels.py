"""The inner loops of the looks, compiled by numba; bands of rows run in parallel threads.

Each output pixel depends on inputs alone, so that the number of bands does not change the result.
"""

import logging
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from itertools import pairwise
from typing import Any, TypeVar, cast

import numba
import numpy as np
from numpy.typing import NDArray

log = logging.getLogger(__name__)

Bytes = NDArray[np.uint8]
Floats = NDArray[np.float32]

_STRIDE = 2.0
"""Step in px of the line integral along an edge."""

_Function = TypeVar("_Function", bound=Callable[..., Any])


def _kernel(function: _Function) -> _Function:
    """Compile on first use; where no cache folder can be written, compile again in each process."""
    try:
        return cast(_Function, numba.njit(nogil=True, cache=True, error_model="numpy")(function))
    except RuntimeError as error:
        log.info("%s is compiled anew in each process: %s", function.__name__, error)
        return cast(_Function, numba.njit(nogil=True, error_model="numpy")(function))


@cache
def _pool() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(min(4, os.cpu_count() or 1), thread_name_prefix="looks")


def _in_bands(loop: Callable[..., None], out: NDArray[Any], *inputs: Any) -> None:
    """Fill `out` in parallel, one band of rows per thread."""
    height, bands = len(out), min(4, os.cpu_count() or 1)
    edges = [height * band // bands for band in range(bands + 1)]
    work = [_pool().submit(loop, *inputs, out, first, last) for first, last in pairwise(edges)]
    for band in work:
        band.result()


def apply_cube(cube: NDArray[np.int32], picture: Bytes) -> Bytes:
    """A picture through a 3D lookup table (n x n x n x 3, 256 steps a level), by tetrahedral interpolation."""
    out = np.empty_like(picture)
    _in_bands(_apply_cube, out, np.ascontiguousarray(picture), cube.reshape(-1, 3), len(cube))
    return out


def mixed(below: Bytes, above: Bytes, weight: Bytes) -> Bytes:
    """`above` over `below` by a weight (h x w, 0..255); exactly the one or the other at 0 and 255."""
    out = np.empty_like(below)
    _in_bands(_mixed, out, below, above, weight)
    return out


def moments(picture: Bytes) -> Floats:
    """Means at half the size, h x w x 4, of red, green, blue, and of the squares of all three together."""
    out = np.empty((picture.shape[0] // 2, picture.shape[1] // 2, 4), np.float32)
    _in_bands(_moments, out, picture)
    return out


def contrast_share(painted: Floats, source: Floats, most: float, free: float) -> tuple[Bytes, Bytes]:
    """Mean colours, and how much of a picture's contrast may stay (h x w, 0..255), from moments of it and its source.

    Contrast is the root of the local variance, the mean of all three colours. As much of it may stay as makes `most` of
    the source's, and `free` levels beside that.
    """
    mean, share = np.empty((*painted.shape[:2], 3), np.uint8), np.empty(painted.shape[:2], np.uint8)
    _in_bands(_contrast_share, mean, painted, source, np.float32(most * most), np.float32(free * free), share)
    return mean, share


def relit(picture: Bytes, shade: Bytes, light: Bytes, texture: Bytes, flat: float) -> Bytes:
    """A picture multiplied by a shade (h x w, 128 is neutral), with coloured light (h x w x 3) added.

    The light is reflected in proportion to the luma of `texture` (RGB) and, by a share of `flat`, by all pixels alike.
    """
    out = np.empty_like(picture)
    _in_bands(_relit, out, picture, shade, light, texture, np.float32(flat))
    return out


def tangents(moments: Floats) -> Floats:
    """Edge tangents, h x w x 3: unit x and y, and anisotropy, from the structure tensor (gx gx, gx gy, gy gy)."""
    out = np.empty_like(moments)
    _in_bands(_tangents, out, moments)
    return out


def smoothed_along(field: Floats, tangent: Floats, reach: float, near: Bytes) -> Floats:
    """A field (h x w) averaged along edges by line integral convolution, `reach` px both ways; as it was off `near`."""
    out = np.empty_like(field)
    _in_bands(_smoothed_along, out, field, tangent, near, max(1, round(reach / _STRIDE)))
    return out


def variation_share(means: Floats, noise: float) -> Floats:
    """The share (h x w) of local variance that is not noise, from means of r, g, b and the sum of their squares."""
    out = np.empty(means.shape[:2], np.float32)
    _in_bands(_variation_share, out, means, np.float32(3 * noise * noise))
    return out


def kuwahara(means: Floats, tangent: Floats, radius: float, near: Bytes) -> Floats:
    """Anisotropic Kuwahara filter, h x w x 3, of local means (r, g, b, light squared).

    The mean of eight neighbourhoods around each pixel, stretched along edges and weighted by how even they are; off
    `near` it is the mean of the pixel's own.
    """
    weighed, out = np.empty_like(means), np.empty((*means.shape[:2], 3), np.float32)
    _in_bands(_evenness, weighed, means)
    _in_bands(_kuwahara, out, weighed, tangent, near, np.float32(radius))
    return out


@_kernel
def _apply_cube(picture, cube, n, out, first, last):  # type: ignore[no-untyped-def]
    top = n - 1
    whole = np.empty(256, np.int32)
    part = np.empty(256, np.int32)
    for value in range(256):
        at = value * top * 256 // 255
        whole[value] = min(at >> 8, top - 1)
        part[value] = at - (whole[value] << 8)
    for y in range(first, last):
        for x in range(picture.shape[1]):
            r, g, b = picture[y, x, 0], picture[y, x, 1], picture[y, x, 2]
            fr, fg, fb = part[r], part[g], part[b]
            low = (whole[r] * n + whole[g]) * n + whole[b]
            high = low + n * n + n + 1
            # From the low corner to the high one, the largest part first.
            if fr >= fg:
                if fg >= fb:
                    f1, f2, f3, p, q = fr, fg, fb, n * n, n * n + n
                elif fr >= fb:
                    f1, f2, f3, p, q = fr, fb, fg, n * n, n * n + 1
                else:
                    f1, f2, f3, p, q = fb, fr, fg, 1, n * n + 1
            elif fb >= fg:
                f1, f2, f3, p, q = fb, fg, fr, 1, n + 1
            elif fb >= fr:
                f1, f2, f3, p, q = fg, fb, fr, n, n + 1
            else:
                f1, f2, f3, p, q = fg, fr, fb, n, n * n + n
            w0, w1, w2 = 256 - f1, f1 - f2, f2 - f3
            for c in range(3):
                value = w0 * cube[low, c] + w1 * cube[low + p, c] + w2 * cube[low + q, c] + f3 * cube[high, c]
                out[y, x, c] = (value + 32768) >> 16


@_kernel
def _mixed(below, above, weight, out, first, last):  # type: ignore[no-untyped-def]
    for y in range(first, last):
        for x in range(below.shape[1]):
            share = np.uint32(weight[y, x])
            for c in range(3):
                level = below[y, x, c] * (np.uint32(255) - share) + above[y, x, c] * share + np.uint32(128)
                # Divided by 255 and rounded to the nearest; a real division takes a quarter longer.
                out[y, x, c] = np.uint8((level + (level >> np.uint32(8))) >> np.uint32(8))


@_kernel
def _moments(picture, out, first, last):  # type: ignore[no-untyped-def]
    for y in range(first, last):
        for x in range(out.shape[1]):
            squares = np.int32(0)
            for c in range(3):
                total = np.int32(0)
                for n in range(4):
                    value = np.int32(picture[2 * y + (n >> 1), 2 * x + (n & 1), c])
                    total += value
                    squares += value * value
                out[y, x, c] = total * np.float32(1 / 4)
            out[y, x, 3] = squares * np.float32(1 / 12)


@_kernel
def _contrast_share(painted, source, most, free, share, mean, first, last):  # type: ignore[no-untyped-def]
    third, half, full = np.float32(1 / 3), np.float32(0.5), np.float32(255)
    for y in range(first, last):
        for x in range(painted.shape[1]):
            variance, of_source = painted[y, x, 3], source[y, x, 3]
            for c in range(3):
                variance -= third * painted[y, x, c] * painted[y, x, c]
                of_source -= third * source[y, x, c] * source[y, x, c]
                mean[y, x, c] = np.uint8(painted[y, x, c] + half)
            allowed = most * max(np.float32(0), of_source) + free
            share[y, x] = np.uint8(min(full, full * np.sqrt(allowed / max(np.float32(1), variance)) + half))


@_kernel
def _relit(picture, shade, light, texture, flat, out, first, last):  # type: ignore[no-untyped-def]
    red, green, blue = np.float32(0.299 / 255), np.float32(0.587 / 255), np.float32(0.114 / 255)
    for y in range(first, last):
        for x in range(picture.shape[1]):
            grain = red * texture[y, x, 0] + green * texture[y, x, 1] + blue * texture[y, x, 2]
            share = flat + (1 - flat) * grain
            keep = shade[y, x] * np.float32(1 / 128)
            for c in range(3):
                lit, add = min(np.float32(255), picture[y, x, c] * keep), light[y, x, c] * share
                # As on film: what is bright already takes on less.
                out[y, x, c] = np.uint8(lit + add - lit * add * np.float32(1 / 255) + np.float32(0.5))


@_kernel
def _tangents(moments, out, first, last):  # type: ignore[no-untyped-def]
    half = np.float32(0.5)
    for y in range(first, last):
        for x in range(moments.shape[1]):
            xx, xy, yy = moments[y, x, 0], moments[y, x, 1], moments[y, x, 2]
            gap = np.sqrt((xx - yy) * (xx - yy) + np.float32(4) * xy * xy)
            u, v = -xy, half * (xx - yy + gap)
            if xx < yy:
                u, v = half * (yy - xx + gap), -xy
            length = np.sqrt(u * u + v * v)
            if length < np.float32(1e-12):
                u, v, length = np.float32(0), np.float32(1), np.float32(1)
            out[y, x, 0], out[y, x, 1] = u / length, v / length
            out[y, x, 2] = gap / (xx + yy + np.float32(2e-5))


@_kernel
def _smoothed_along(field, tangent, near, reach, out, first, last):  # type: ignore[no-untyped-def]
    height, width = field.shape
    half, stride, nothing = np.float32(0.5), np.float32(_STRIDE), np.float32(0)
    less, right, bottom = np.float32(1) / np.float32(reach + 1), np.float32(width), np.float32(height)
    for y in range(first, last):
        for x in range(width):
            total, weights = field[y, x], np.float32(1)
            if near[y, x] == 0:
                out[y, x] = total
                continue
            for way in range(2):
                u, v = stride * tangent[y, x, 0], stride * tangent[y, x, 1]
                if way:
                    u, v = -u, -v
                px, py, weight = np.float32(x) + half, np.float32(y) + half, np.float32(1)
                for _ in range(reach):
                    px, py = px + u, py + v
                    if px < nothing or py < nothing or px >= right or py >= bottom:
                        break
                    i, j = np.uintp(np.int32(px)), np.uintp(np.int32(py))
                    weight -= less
                    total += weight * field[j, i]
                    weights += weight
                    s, t = tangent[j, i, 0], tangent[j, i, 1]
                    onward = np.copysign(stride, s * u + t * v)
                    u, v = onward * s, onward * t
            out[y, x] = total / weights


@_kernel
def _variation_share(means, noise, out, first, last):  # type: ignore[no-untyped-def]
    for y in range(first, last):
        for x in range(means.shape[1]):
            r, g, b = means[y, x, 0], means[y, x, 1], means[y, x, 2]
            varies = max(np.float32(0), means[y, x, 3] - r * r - g * g - b * b)
            out[y, x] = varies / (varies + noise)


@_kernel
def _evenness(means, out, first, last):  # type: ignore[no-untyped-def]
    for y in range(first, last):
        for x in range(means.shape[1]):
            r, g, b = means[y, x, 0], means[y, x, 1], means[y, x, 2]
            light = np.float32(0.299) * r + np.float32(0.587) * g + np.float32(0.114) * b
            even = np.float32(1) / (np.float32(4e-4) + max(np.float32(0), means[y, x, 3] - light * light))
            even = even * even
            weight = even * even
            out[y, x, 0], out[y, x, 1], out[y, x, 2], out[y, x, 3] = weight * r, weight * g, weight * b, weight


@_kernel
def _kuwahara(field, tangent, near, radius, out, first, last):  # type: ignore[no-untyped-def]
    top, bottom, right = np.int32(0), np.int32(field.shape[0] - 1), np.int32(field.shape[1] - 1)
    half, diagonal = np.float32(0.5), np.float32(0.70710678)
    for y in range(first, last):
        for x in range(field.shape[1]):
            if near[y, x] == 0:
                own = np.float32(1) / field[y, x, 3]
                for c in range(3):
                    out[y, x, c] = field[y, x, c] * own
                continue
            edge = tangent[y, x, 2]
            long, short = radius * (np.float32(1) + edge), radius / (np.float32(1) + edge)
            ahead_x, ahead_y = long * tangent[y, x, 0], long * tangent[y, x, 1]
            aside_x, aside_y = -short * tangent[y, x, 1], short * tangent[y, x, 0]
            px, py = np.float32(x) + half, np.float32(y) + half
            red, green, blue, weights = np.float32(0), np.float32(0), np.float32(0), np.float32(0)
            for dab in range(4):
                if dab == 0:
                    dx, dy = ahead_x, ahead_y
                elif dab == 1:
                    dx, dy = diagonal * (ahead_x + aside_x), diagonal * (ahead_y + aside_y)
                elif dab == 2:
                    dx, dy = aside_x, aside_y
                else:
                    dx, dy = diagonal * (aside_x - ahead_x), diagonal * (aside_y - ahead_y)
                for _ in range(2):
                    i = np.uintp(min(right, max(top, np.int32(px + dx))))
                    j = np.uintp(min(bottom, max(top, np.int32(py + dy))))
                    red, green, blue = red + field[j, i, 0], green + field[j, i, 1], blue + field[j, i, 2]
                    weights += field[j, i, 3]
                    dx, dy = -dx, -dy
            share = np.float32(1) / weights
            out[y, x, 0], out[y, x, 1], out[y, x, 2] = red * share, green * share, blue * share
