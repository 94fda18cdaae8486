"""Inpainting of what no frame shows: patch-based texture synthesis (PatchMatch), from coarse to fine.

A place resembles itself most in the same row and the same column, so patches from there are preferred: bands of a
wall, rows of paving and posts are continued instead of smeared.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

from utils.compiled import kernel
from utils.image import RGB, Box, Size

Floats = NDArray[np.float32]
Ints = NDArray[np.int32]
Flags = NDArray[np.bool_]

PATCH_RADIUS = 3
"""Radius of a patch in px: it is 7 x 7."""
COARSEST_PX = 12
"""Width of the hole in the smallest picture of the pyramid."""
MAX_AREA_PX = 1_000_000
"""Largest area, in px, that is processed around a hole; a larger one is scaled down."""
SPECK_PX = 40
"""Holes of fewer pixels are filled with smooth colour only."""
ROUNDS = 4
"""Rounds of matching and voting at full size; two more for each coarser level."""
OFF_AXIS_COST = 60.0
"""Cost of a 7 x 7 patch per px of distance from the same row or column."""
SMOOTH_PX = 320
"""Longer side at which smooth colours are computed."""


def fill(image: RGB, hole: Flags, reached: Flags) -> RGB:
    """Fill the hole of a picture: with texture where frames `reached`, with smooth colour only beyond them."""
    if not hole.any() or hole.all():
        return image
    result = _smooth(image, hole)
    inner = (hole & reached).astype(np.uint8)
    count, _, boxes, _ = cv2.connectedComponentsWithStats(cv2.dilate(inner, np.ones((9, 9), np.uint8)))
    for left, top, width, height, area in boxes[1:count]:
        if area > SPECK_PX + 81:
            grow = max(48, min(width, height))
            box = Box(left, top, left + width, top + height).grown(int(grow), Size.of(hole))
            part = box.slices
            result[part] = _synthesised(result[part], inner[part] > 0, hole[part])
    return result


def _smooth(image: RGB, hole: Flags) -> RGB:
    """Fill the hole with colours that continue from its edges (Telea), computed in a small picture."""
    whole = Size.of(hole)
    size = whole.scaled(min(1.0, SMOOTH_PX / max(whole)))
    known = cv2.resize((~hole).astype(np.float32), size, interpolation=cv2.INTER_AREA)
    sums = cv2.resize(np.where(hole[..., None], 0, image).astype(np.float32), size, interpolation=cv2.INTER_AREA)
    small = (sums / np.maximum(known, 1e-3)[..., None]).clip(0, 255).astype(np.uint8)
    small = cv2.inpaint(small, (known < 0.1).astype(np.uint8), 4, cv2.INPAINT_TELEA)
    soft = cv2.resize(small, whole, interpolation=cv2.INTER_CUBIC)
    return np.where(hole[..., None], soft, image).astype(np.uint8)


def _synthesised(image: RGB, target: Flags, hole: Flags) -> RGB:
    """Fill `target` with patches from outside `hole`, from the coarsest level of the pyramid to the finest."""
    scale = min(1.0, (MAX_AREA_PX / target.size) ** 0.5)
    sizes = [Size.of(target).scaled(scale, least_px=8)]
    narrow = 2 * float(cv2.distanceTransform(target.astype(np.uint8), cv2.DIST_L2, 3).max()) * scale
    while narrow > COARSEST_PX and min(sizes[-1]) > 24:
        sizes.append(Size(sizes[-1].width_px // 2, sizes[-1].height_px // 2))
        narrow /= 2
    picture, match = None, None
    for level, size in reversed(list(enumerate(sizes))):
        small = cv2.resize(image, size, interpolation=cv2.INTER_AREA).astype(np.float32)
        target_small, unknown = (_reduced_flags(flags, size) for flags in (target, hole))
        source = _sources(unknown)
        if not source.any():
            continue
        if picture is not None and match is not None:
            small = np.where(target_small[..., None], cv2.resize(picture, size, interpolation=cv2.INTER_LINEAR), small)
            match = _upsampled_matches(match, size, source)
        else:
            match = _nearest_sources(source)
        picture = _matched(small, target_small, source, match, ROUNDS + 2 * level)
    if picture is None:
        return image
    filled = cv2.resize(picture, Size.of(target), interpolation=cv2.INTER_CUBIC)
    return np.where(target[..., None], np.rint(filled).clip(0, 255), image).astype(np.uint8)


def _reduced_flags(flags: Flags, size: Size) -> Flags:
    """Flags reduced to a smaller size; set where any pixel was set."""
    share: Flags = cv2.resize(flags.astype(np.float32), size, interpolation=cv2.INTER_AREA) > 1e-3
    return share


def _sources(unknown: Flags) -> Flags:
    """Allowed centres of source patches: those whose pixels are all known."""
    window = np.ones((2 * PATCH_RADIUS + 1, 2 * PATCH_RADIUS + 1), np.uint8)
    source: Flags = cv2.dilate(unknown.astype(np.uint8), window) == 0
    source[:PATCH_RADIUS] = source[-PATCH_RADIUS:] = False
    source[:, :PATCH_RADIUS] = source[:, -PATCH_RADIUS:] = False
    return source


def _nearest_sources(source: Flags) -> Ints:
    """Initial match of every pixel: the nearest source, as row and column."""
    _, labels = cv2.distanceTransformWithLabels(
        (~source).astype(np.uint8), cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL
    )
    places = np.zeros((int(labels.max()) + 1, 2), np.int32)
    places[labels[source]] = np.argwhere(source)
    result: Ints = places[labels]
    return result


def _upsampled_matches(match: Ints, size: Size, source: Flags) -> Ints:
    """Matches of a picture of half the size, upsampled and moved to this picture's nearest sources."""
    rows, columns = match.shape[:2]
    row = np.minimum(np.arange(size.height_px) * rows // size.height_px, rows - 1)
    column = np.minimum(np.arange(size.width_px) * columns // size.width_px, columns - 1)
    place = match[row[:, None], column[None]]
    y = place[..., 0] * size.height_px // rows + np.arange(size.height_px)[:, None] % 2
    x = place[..., 1] * size.width_px // columns + np.arange(size.width_px)[None] % 2
    nearest = _nearest_sources(source)
    result: Ints = nearest[np.clip(y, 0, size.height_px - 1), np.clip(x, 0, size.width_px - 1)]
    return result


def _matched(picture: Floats, target: Flags, source: Flags, match: Ints, rounds: int) -> Floats:
    """The picture after some rounds of searching each patch's best match and averaging the matched patches."""
    window = np.ones((2 * PATCH_RADIUS + 1, 2 * PATCH_RADIUS + 1), np.uint8)
    middles: Flags = cv2.dilate(target.astype(np.uint8), window) > 0
    middles[:PATCH_RADIUS] = middles[-PATCH_RADIUS:] = False
    middles[:, :PATCH_RADIUS] = middles[:, -PATCH_RADIUS:] = False
    depth = cv2.distanceTransform(middles.astype(np.uint8), cv2.DIST_L2, 3)
    trust = np.power(1.3, -depth.astype(np.float32))
    picture = np.ascontiguousarray(picture)
    costs = np.zeros(target.shape, np.float32)
    for turn in range(rounds):
        _search(picture, middles, source, match, costs, turn)
        picture = _voted(picture, target, middles, match, costs, trust, turn == rounds - 1)
    return picture


@kernel
def _cost(picture: Floats, row: int, column: int, y: int, x: int, limit: float) -> float:
    """Cost of matching two patches: squared colour difference, plus distance from the same row or column."""
    total = OFF_AXIS_COST * min(abs(row - y), abs(column - x))
    for i in range(-PATCH_RADIUS, PATCH_RADIUS + 1):
        for j in range(-PATCH_RADIUS, PATCH_RADIUS + 1):
            for channel in range(3):
                step = picture[row + i, column + j, channel] - picture[y + i, x + j, channel]
                total += step * step
        if total >= limit:
            return total
    return total


@kernel
def _search(picture: Floats, middles: Flags, source: Flags, match: Ints, costs: Floats, turn: int) -> None:
    """One PatchMatch pass: improve each match by its neighbours' matches and by a random search of shrinking radius."""
    rows, columns = middles.shape
    state = np.uint32(1234567 + 7919 * turn)
    step = 1 if turn % 2 == 0 else -1
    for row in range(rows):
        for column in range(columns):
            if middles[row, column]:
                costs[row, column] = _cost(picture, row, column, match[row, column, 0], match[row, column, 1], np.inf)
    for scan in range(rows * columns):
        place = scan if step > 0 else rows * columns - 1 - scan
        row, column = place // columns, place % columns
        if not middles[row, column]:
            continue
        best, y, x = costs[row, column], match[row, column, 0], match[row, column, 1]
        for way in range(2):
            i, j = (step, 0) if way == 0 else (0, step)
            if not middles[row - i, column - j]:
                continue
            v, u = match[row - i, column - j, 0] + i, match[row - i, column - j, 1] + j
            if 0 <= v < rows and 0 <= u < columns and source[v, u]:
                cost = _cost(picture, row, column, v, u, best)
                if cost < best:
                    best, y, x = cost, v, u
        radius = max(rows, columns)
        while radius >= 1:
            state = np.uint32(state * np.uint32(1664525) + np.uint32(1013904223))
            v = y + int(state >> np.uint32(8)) % (2 * radius + 1) - radius
            state = np.uint32(state * np.uint32(1664525) + np.uint32(1013904223))
            u = x + int(state >> np.uint32(8)) % (2 * radius + 1) - radius
            if 0 <= v < rows and 0 <= u < columns and source[v, u]:
                cost = _cost(picture, row, column, v, u, best)
                if cost < best:
                    best, y, x = cost, v, u
            radius //= 2
        costs[row, column], match[row, column, 0], match[row, column, 1] = best, y, x


@kernel
def _voted(
    picture: Floats, target: Flags, middles: Flags, match: Ints, costs: Floats, trust: Floats, last: bool
) -> Floats:
    """Each target pixel as the weighted mean of the patches over it; in the last round the best match dominates."""
    result = picture.copy()
    rows, columns = target.shape
    for row in range(rows):
        for column in range(columns):
            if not target[row, column]:
                continue
            least = np.inf
            for i in range(max(0, row - PATCH_RADIUS), min(rows, row + PATCH_RADIUS + 1)):
                for j in range(max(0, column - PATCH_RADIUS), min(columns, column + PATCH_RADIUS + 1)):
                    if middles[i, j]:
                        least = min(least, costs[i, j])
            scale = (0.1 if last else 0.5) * least + 500.0
            total = 0.0
            red, green, blue = 0.0, 0.0, 0.0
            for i in range(max(0, row - PATCH_RADIUS), min(rows, row + PATCH_RADIUS + 1)):
                for j in range(max(0, column - PATCH_RADIUS), min(columns, column + PATCH_RADIUS + 1)):
                    if middles[i, j]:
                        y, x = match[i, j, 0] + row - i, match[i, j, 1] + column - j
                        weight = trust[i, j] * np.exp(-(costs[i, j] - least) / scale)
                        total += weight
                        red += weight * picture[y, x, 0]
                        green += weight * picture[y, x, 1]
                        blue += weight * picture[y, x, 2]
            if total > 0:
                result[row, column, 0] = red / total
                result[row, column, 1] = green / total
                result[row, column, 2] = blue / total
    return result
