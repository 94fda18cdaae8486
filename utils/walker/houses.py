"""A row of houses seen from the front: colour by position in metres across and up."""

import math

from utils.walker.face import mixed
from utils.walker.kernel import kernel
from utils.walker.noise import cloud2, hash3, step, value2

HOUSE_M, FLOOR_M = 6.4, 3.05

_WALLS = (
    (0.62, 0.36, 0.22), (0.66, 0.55, 0.38), (0.35, 0.42, 0.33), (0.60, 0.40, 0.36), (0.44, 0.17, 0.11),
    (0.30, 0.40, 0.47), (0.68, 0.47, 0.20),
)  # fmt: skip
_WOOD = ((0.055, 0.12, 0.13), (0.16, 0.045, 0.035), (0.05, 0.10, 0.07), (0.09, 0.075, 0.06))
_CLOTH = ((0.55, 0.10, 0.07), (0.07, 0.25, 0.22), (0.62, 0.36, 0.06), (0.10, 0.16, 0.36))
_BRICK = 4
_WALL_OF, _WOOD_OF, _CLOTH_OF = (5, 4, 3, 6, 2, 0, 1), (0, 3, 1, 2, 3, 1, 2), (0, 1, 2, 3, 1, 3, 2)
"""Wall, woodwork and awning cloth of each house, by index; the cool wall stands in the middle, behind the walker."""


@kernel
def box(x: float, y: float, x0: float, y0: float, x1: float, y1: float, soft: float) -> float:
    """Coverage of a rectangle: 1 inside, 0 outside, with a soft edge."""
    return (
        step(x0 - soft, x0 + soft, x) * step(x1 + soft, x1 - soft, x)
        * step(y0 - soft, y0 + soft, y) * step(y1 + soft, y1 - soft, y)
    )  # fmt: skip


@kernel
def row(x: float, y: float, pixel_m: float) -> tuple[float, float, float, float]:
    """Lit linear colour of the row, and its coverage, which is 0 above the roofs."""
    number = math.floor(x / HOUSE_M)
    u = x - number * HOUSE_M
    eaves = 5.75 + 0.5 * hash3(number, 3, 1)
    top = eaves + 1.0 + 0.5 * hash3(number, 4, 1)
    soft = 0.6 * pixel_m
    if y > eaves:
        return _roof(u, y, eaves, top, number, soft)
    kind = _WALL_OF[number % 7]
    colour = _wall(x, y, kind, pixel_m)
    shade = 1.0 - 0.42 * step(0.55, 0.30, eaves - y) - 0.25 * step(0.5, 0.0, y)
    shade *= 1.0 - 0.35 * step(0.22, 0.10, u) * step(0.0, 0.02, u)
    band = box(u, y, -1.0, FLOOR_M - 0.02, HOUSE_M + 1, FLOOR_M + 0.16, soft)
    colour = mixed(colour, (0.60, 0.54, 0.45), 0.8 * band)
    shade *= 1.0 - 0.3 * step(0.10, 0.0, abs(FLOOR_M - 0.08 - y))
    cornice = step(eaves - 0.26 - soft, eaves - 0.26 + soft, y)
    colour = mixed(colour, (0.58, 0.52, 0.44), cornice)
    shade += 0.42 * cornice
    colour = (colour[0] * shade, colour[1] * shade, colour[2] * shade)
    wood = _WOOD_OF[number % 7]
    colour = _upper(u, y, number, wood, soft, colour)
    colour = _shop(u, y, number, wood, soft, colour)
    pipe = step(0.055 + soft, 0.055 - soft, abs(u - 0.10))
    round_pipe = 0.10 + 0.22 * step(-0.05, 0.05, u - 0.10)
    colour = mixed(colour, (round_pipe, round_pipe * 0.9, round_pipe * 0.8), pipe)
    return colour[0], colour[1], colour[2], 1.0


@kernel
def _wall(x: float, y: float, kind: int, pixel_m: float) -> tuple[float, float, float]:
    """Colour of a wall: weathered brick or plaster."""
    base = _WALLS[kind]
    stain = 1.0 + 0.16 * cloud2(x * 0.9, y * 0.6, 4) + 0.07 * cloud2(x * 9, y * 9, 3)
    streak = 1.0 - 0.12 * step(0.2, 0.7, value2(x * 2.3, y * 0.25 + 9))
    if kind == _BRICK or kind == 0:
        course = math.floor(y / 0.15)
        across = x / 0.44 + 0.5 * (course % 2)
        joint = min(abs(y / 0.15 - course - 0.5), 9.0)
        side = abs(across - math.floor(across) - 0.5)
        mortar = max(step(0.5 - 0.08 - 2 * pixel_m, 0.5, joint), step(0.5 - 0.035 - pixel_m, 0.5, side))
        tint = 0.72 + 0.56 * hash3(math.floor(across), int(course), 2)
        base = mixed((base[0] * tint, base[1] * tint, base[2] * tint), (0.44, 0.38, 0.32), 0.55 * mortar)
    level = stain * streak
    return base[0] * level, base[1] * level, base[2] * level


@kernel
def _roof(u: float, y: float, eaves: float, top: float, number: int, soft: float) -> tuple[float, float, float, float]:
    """Colour of a roof: clay tiles and a chimney."""
    up = (y - eaves) / 0.26
    wave = (u / 0.30 + 0.5 * (math.floor(up) % 2)) % 1.0
    tile = 0.75 + 0.35 * math.sin(wave * math.pi) - 0.35 * step(0.25, 0.0, up - math.floor(up))
    tile *= 0.8 + 0.4 * hash3(math.floor(u / 0.30), math.floor(up), number)
    cover = step(top + soft, top - soft, y)
    if abs(u - 4.6) < 0.36 and y > top - 0.3:
        brick = 0.8 + 0.3 * hash3(int(u / 0.2), int(y / 0.09), 3) - 0.35 * step(0.0, 0.3, 4.6 - u)
        return 0.34 * brick, 0.16 * brick, 0.11 * brick, step(top + 0.55 + soft, top + 0.55 - soft, y)
    gutter = 1.0 - 0.5 * step(0.12, 0.08, y - eaves)
    return 0.40 * tile * gutter, 0.17 * tile * gutter, 0.105 * tile * gutter, cover


@kernel
def _glass(u: float, v: float, glow: float, seed: int) -> tuple[float, float, float]:
    """Colour of a window pane: the reflected sky at an angle, and a room behind."""
    sky = 0.10 + 0.30 * v + 0.16 * step(-0.1, 0.1, value2(u * 1.7 + seed * 3.1, v * 2.3 + u))
    room = glow * (0.5 + 0.5 * value2(u * 5 + seed, v * 4 + seed))
    return 0.55 * sky + 0.55 * room, 0.70 * sky + 0.34 * room, 0.92 * sky + 0.13 * room


@kernel
def _upper(
    u: float, y: float, number: int, wood: int, soft: float, colour: tuple[float, float, float]
) -> tuple[float, float, float]:
    """Paint the upper floor: three windows with shutters, sills and flowers."""
    cell = math.floor((u - 0.35) / 1.9)
    if cell < 0 or cell > 2 or y < FLOOR_M + 0.3:
        return colour
    a, b = u - (1.30 + 1.9 * cell), y - (FLOOR_M + 0.75)
    shadow = box(a, b, -1.02, -0.14, 0.78, 1.42, 0.05)
    colour = mixed(colour, (colour[0] * 0.55, colour[1] * 0.55, colour[2] * 0.6), 0.7 * shadow)
    slat = 0.78 + 0.22 * math.sin(b * 62) * step(0.055, 0.025, soft)
    paint = _WOOD[wood]
    shutter = box(abs(a), b, 0.50, 0.0, 0.92, 1.45, soft)
    level = 1.9 * slat * (1.0 - 0.5 * step(0.03, 0.0, abs(abs(a) - 0.51)))
    colour = mixed(colour, (paint[0] * level, paint[1] * level, paint[2] * level), shutter)
    colour = mixed(colour, (0.72, 0.68, 0.60), box(a, b, -0.50, 0.0, 0.50, 1.48, soft))
    lintel = 1.0 - 0.55 * step(0.22, 0.05, 1.40 - b)
    pane = _glass(a, b / 1.4, 0.9 * step(0.6, 0.75, hash3(number, int(cell), 8)), number + int(cell))
    pane = (pane[0] * lintel, pane[1] * lintel, pane[2] * lintel)
    curtain = step(0.22, 0.30, abs(a)) * (0.75 + 0.25 * math.sin(a * 70))
    pane = mixed(pane, (0.50 * lintel, 0.46 * lintel, 0.38 * lintel), 0.6 * curtain)
    opening = box(a, b, -0.43, 0.07, 0.43, 1.41, soft)
    bars = max(step(0.022 + soft, 0.022 - soft, abs(a)), step(0.02 + soft, 0.02 - soft, abs(b - 0.93)))
    colour = mixed(colour, pane, opening * (1.0 - bars))
    colour = mixed(colour, (0.66, 0.60, 0.52), box(a, b, -0.60, -0.10, 0.60, 0.0, soft))
    if hash3(number, int(cell), 4) > 0.35:
        leaf = value2(a * 16 + number, b * 16) + 0.6 * value2(a * 34, b * 34 + number)
        green = (0.07 + 0.05 * leaf, 0.17 + 0.09 * leaf, 0.045)
        bloom = step(0.45, 0.65, value2(a * 19 + 5, b * 19 + number * 7))
        green = mixed(green, (0.78, 0.10, 0.16) if number % 2 else (0.85, 0.42, 0.10), bloom)
        bush = step(0.0, 0.25, 0.30 + 0.28 * leaf - abs(b - 0.04) * 1.6) * step(0.66, 0.52, abs(a))
        colour = mixed(colour, green, bush)
    return colour


@kernel
def _shelves(
    u: float, y: float, number: int, soft: float, pane: tuple[float, float, float]
) -> tuple[float, float, float]:
    """Colour of a shop window: goods of many colours on three shelves."""
    shelf = math.floor((y - 0.62) / 0.54)
    up = y - 0.62 - 0.54 * shelf
    cell = math.floor(u / 0.23 + 0.4 * shelf)
    across = abs(u / 0.23 + 0.4 * shelf - cell - 0.5)
    tall, pick = 0.14 + 0.26 * hash3(cell, shelf, number), hash3(cell, shelf + 7, number + 3)
    if pick > 0.22:
        ware = (
            0.10 + 0.50 * hash3(cell, 1, shelf),
            0.10 + 0.32 * hash3(cell, 2, shelf),
            0.08 + 0.26 * hash3(cell, 3, shelf),
        )
        inside = step(0.40, 0.34, across) * step(tall + soft, tall - soft, up)
        level = 0.55 + 0.35 * step(0.3, -0.3, across) * hash3(cell, shelf, 9)
        pane = mixed(pane, (ware[0] * level, ware[1] * level, ware[2] * level), 0.72 * inside)
    return mixed(pane, (0.12, 0.08, 0.05), 0.8 * step(0.025 + soft, 0.025 - soft, abs(up - 0.0)))


@kernel
def _shop(
    u: float, y: float, number: int, wood: int, soft: float, colour: tuple[float, float, float]
) -> tuple[float, float, float]:
    """Paint the ground floor: a door, a shop window and an awning."""
    if y > FLOOR_M + 0.05:
        return colour
    paint = _WOOD[wood]
    front = box(u, y, 0.55, 0.0, 6.0, 2.85, soft)
    colour = mixed(colour, (paint[0] * 1.5, paint[1] * 1.5, paint[2] * 1.5), front)
    plinth = box(u, y, 2.15, 0.12, 5.85, 0.52, soft) * (1.0 - 0.6 * step(0.03, 0.0, abs((u - 2.15) % 0.925 - 0.03)))
    colour = mixed(colour, (paint[0] * 2.6, paint[1] * 2.6, paint[2] * 2.6), 0.8 * plinth)
    window = box(u, y, 2.15, 0.62, 5.85, 2.30, soft)
    bars = step(0.03 + soft, 0.03 - soft, abs((u - 2.15) % 1.2333 - 0.03))
    pane = _glass(u * 0.6, y / 2.4, 0.85, number)
    pane = _shelves(u, y, number, soft, (pane[0] * 0.75, pane[1] * 0.75, pane[2] * 0.75))
    under = 0.45 + 0.55 * step(0.1, 0.9, 2.45 - y)
    colour = mixed(colour, (pane[0] * under, pane[1] * under, pane[2] * under), window * (1.0 - bars))
    door = box(u, y, 0.85, 0.0, 1.90, 2.25, soft)
    inset = box(u, y, 1.02, 0.95, 1.73, 2.08, soft)
    colour = mixed(colour, (paint[0] * 3.0, paint[1] * 3.0, paint[2] * 3.0), door)
    glass = _glass(u, y / 2.2, 0.7, number + 3)
    colour = mixed(colour, (glass[0] * under, glass[1] * under, glass[2] * under), inset)
    colour = mixed(colour, (0.75, 0.55, 0.25), step(0.05 + soft, 0.05 - soft, math.hypot(u - 1.78, y - 0.98)))
    sign = box(u, y, 0.65, 2.42, 5.9, 2.80, soft)
    letters = step(0.05, 0.25, value2(u * 6.5 + number * 5, 3.0)) * box(u, y, 2.3, 2.52, 4.4, 2.70, soft)
    colour = mixed(colour, (paint[0] * 2.0, paint[1] * 2.0, paint[2] * 2.0), sign)
    colour = mixed(colour, (0.80, 0.66, 0.38), letters)
    return _awning(u, y, number, soft, colour)


@kernel
def _awning(
    u: float, y: float, number: int, soft: float, colour: tuple[float, float, float]
) -> tuple[float, float, float]:
    """Paint an awning: striped cloth with a scalloped edge, and its shadow."""
    cloth = _CLOTH[_CLOTH_OF[number % 7]]
    wave = (u - 2.0) / 0.36
    edge = 2.16 - 0.07 * abs(math.sin(wave * math.pi))
    shadow = box(u, y, 1.7, 1.30, 5.8, 2.2, 0.10)
    colour = mixed(colour, (colour[0] * 0.5, colour[1] * 0.52, colour[2] * 0.6), 0.75 * shadow)
    pale = step(-soft, soft, (wave % 2.0) - 1.0) * step(2.0, 2.0 - soft, wave % 2.0)
    striped = mixed(cloth, (0.80, 0.75, 0.65), pale)
    level = 0.80 + 0.25 * step(2.3, 2.7, y) - 0.18 * step(2.30, 2.24, y)
    return mixed(
        colour, (striped[0] * level, striped[1] * level, striped[2] * level), box(u, y, 2.0, edge, 6.0, 2.86, soft)
    )
