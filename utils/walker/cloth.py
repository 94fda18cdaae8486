"""Colours of hair, jacket, shirt, trousers and shoes, by rest-pose position in metres.

Each returns red, green, blue (linear) and gloss. Detail finer than a pixel fades out, so that it does not crawl.
"""

import math

from utils.walker.face import mixed
from utils.walker.kernel import Floats, kernel
from utils.walker.noise import step, value3

SKIN, HAIR, JACKET, SHIRT, STRIPE, DENIM, SHOE, SOLE, RIB = range(9)
"""Row numbers of a palette."""


@kernel
def _row(palette: Floats, row: int) -> tuple[float, float, float]:
    return palette[row, 0], palette[row, 1], palette[row, 2]


@kernel
def fade(period_m: float, pixel_m: float) -> float:
    """Anti-aliasing weight: 1 where a pattern is coarse enough for the pixels, 0 where it would alias."""
    return step(1.6, 3.5, period_m / pixel_m)


@kernel
def hair(x: float, y: float, z: float, pixel_m: float, palette: Floats) -> tuple[float, float, float, float]:
    """Colour of hair: strands that run back over the skull, and down at the sides."""
    lane = math.atan2(x, y - 1.60)
    fine = 0.5 * fade(0.004, pixel_m)
    back = value3(lane * 42, z * 16, y * 16) * 0.6 + value3(lane * 120, z * 26, y * 26) * fine
    down = value3(x * 130, y * 12, z * 130) * 0.6 + value3(x * 330, y * 24, z * 330) * fine
    strand = back + (down - back) * step(1.71, 1.65, y)
    root = step(0.11, 0.16, (x * x + (y - 1.62) ** 2 + z * z) ** 0.5 + 0.05)
    level = (0.80 + 0.75 * strand) * (0.7 + 0.45 * root)
    red, green, blue = _row(palette, HAIR)
    return red * level, green * level, blue * level, 0.55 + 0.3 * strand


@kernel
def jacket(x: float, y: float, z: float, pixel_m: float, palette: Floats) -> tuple[float, float, float, float]:
    """Colour of the upper body: an open bomber jacket over a striped shirt."""
    across = abs(x)
    opening = 0.040 + 0.030 * step(1.28, 1.47, y) + 0.016 * step(1.05, 0.90, y)
    collar = y > 1.458 and x * x + (z - 0.018) ** 2 < 0.0058 and (z > -0.015 or across > 0.041 + (1.515 - y) * 0.55)
    if z < -0.015 and across < opening and not collar:
        return _shirt(x, y, z, opening, pixel_m, palette)
    colour = _row(palette, JACKET)
    grain = 1.0 + 0.07 * value3(x * 330, y * 330, z * 330) * fade(0.004, pixel_m)
    grain += 0.07 * value3(x * 17, y * 17, z * 17)
    down = (across - 0.178) * 0.5736 - (y - 1.425) * 0.8192
    on_arm = across > 0.215
    if (on_arm and down > 0.484) or (not on_arm and y < 0.917) or collar:
        return _ribbing(x, y, z, on_arm, pixel_m, palette)
    seam = 1e9
    if on_arm:
        seam = abs(z - 0.012 - 0.045) if across > 0.3 else 1e9
    else:
        seam = min(abs(across - opening - 0.016) if z < 0 else 1e9, abs(y - 1.385 + 0.03 * z) if z > 0 else 1e9)
    seam = min(seam, abs((across - 0.205) * 0.9 + (y - 1.38) * 0.3) if y > 1.27 else 1e9)
    dark = 1.0 - 0.42 * step(0.0028 + 0.3 * pixel_m, 0.0, seam)
    if z < 0 and not on_arm:
        edge = step(0.010, 0.002, across - opening)
        colour = mixed(colour, (0.30, 0.27, 0.22), edge * (0.55 + 0.35 * math.sin(y * 900) * fade(0.007, pixel_m)))
        slit = abs((across - 0.112) * 0.94 - (1.055 - y) * 0.34)
        dark *= 1.0 - 0.55 * step(0.0040 + 0.3 * pixel_m, 0.001, slit) * step(0.075, 0.065, abs(y - 1.055))
    return colour[0] * grain * dark, colour[1] * grain * dark, colour[2] * grain * dark, 0.22


@kernel
def _ribbing(
    x: float, y: float, z: float, on_arm: bool, pixel_m: float, palette: Floats
) -> tuple[float, float, float, float]:
    phase = math.atan2(z - 0.012, abs(x) - 0.45) * 16 if on_arm else math.atan2(z, x) * 60
    level = 1.0 + 0.20 * math.sin(phase * 1.5) * fade(0.009, pixel_m)
    level *= 1.0 - 0.35 * step(0.005, 0.0, abs(y - 0.917)) * (0.0 if on_arm else 1.0)
    red, green, blue = _row(palette, RIB)
    return red * level, green * level, blue * level, 0.1


@kernel
def _shirt(
    x: float, y: float, z: float, opening: float, pixel_m: float, palette: Floats
) -> tuple[float, float, float, float]:
    """Colour of the shirt: stripes, darker towards the jacket's edges; skin above the neckline."""
    neckline = 1.437 + 5.0 * x * x
    if y > neckline:
        level = 0.86 - 0.2 * step(0.012, 0.0, y - neckline)
        red, green, blue = _row(palette, SKIN)
        return red * level, green * 0.95 * level, blue * 0.92 * level, 0.25
    wave = y + 0.003 * value3(x * 20, y * 20, z * 20)
    saw = wave * 28.0 - math.floor(wave * 28.0)
    stripe = step(0.50, 0.56, saw) * step(1.0, 0.94, saw) * fade(0.03, pixel_m) * step(0.020, 0.024, neckline - y)
    colour = mixed(_row(palette, SHIRT), _row(palette, STRIPE), stripe)
    depth = 0.50 + 0.50 * step(0.0, 0.022, opening - abs(x))
    fold = 1.0 + 0.10 * value3(x * 45, y * 12, 0.0) + 0.04 * value3(x * 300, y * 300, z * 300) * fade(0.004, pixel_m)
    rim = 1.0 - 0.22 * step(0.003, 0.0, abs(neckline - y - 0.018))
    level = depth * fold * rim
    return colour[0] * level, colour[1] * level, colour[2] * level, 0.08


@kernel
def trousers(x: float, y: float, z: float, pixel_m: float, palette: Floats) -> tuple[float, float, float, float]:
    """Colour of the trousers: washed denim, pale on the thighs and knees, stitched at the seams and the hem."""
    across = abs(x)
    front = step(0.02, -0.05, z)
    worn = 0.36 * front * step(0.27, 0.0, abs(y - 0.69)) * step(0.085, 0.0, abs(across - 0.090))
    worn += 0.22 * front * step(0.14, 0.0, abs(y - 0.50))
    worn += 0.22 * step(0.03, 0.08, z) * step(0.12, 0.0, abs(y - 0.88))
    whisker = math.sin((y + 0.35 * across) * 260 + 2.0 * value3(x * 30, y * 30, z * 30))
    worn += 0.08 * whisker * front * step(0.05, 0.02, abs(y - 0.855))
    twill = value3((x + y) * 420, (y - x) * 110, z * 300) * fade(0.003, pixel_m)
    patch = value3(x * 28, y * 20, z * 28) + 0.5 * value3(x * 75, y * 55, z * 75)
    level = 1.0 + 0.16 * twill + 0.09 * patch
    colour = mixed(_row(palette, DENIM), (0.30, 0.37, 0.46), max(0.0, min(0.75, worn * (1.0 + 0.3 * patch))))
    outer = abs(z - 0.004) if across > 0.10 and y < 0.9 else 1e9
    inner = abs(z - 0.004) if across < 0.075 and y < 0.8 else 1e9
    seam = min(min(outer, inner), abs(across) if y > 0.80 else 1e9)
    hem = abs(y - 0.088)
    level *= 1.0 - 0.38 * step(0.0035 + 0.3 * pixel_m, 0.0, seam) - 0.25 * step(0.003, 0.0, hem)
    pocket = abs((across - 0.135) + (y - 0.985) * 0.45) if z < 0 and 0.94 < y < 1.04 else 1e9
    level *= 1.0 - 0.4 * step(0.003 + 0.3 * pixel_m, 0.0, pocket)
    stitch = step(0.0016 + 0.25 * pixel_m, 0.0, min(abs(seam - 0.006), abs(hem - 0.006)))
    colour = mixed(colour, (0.42, 0.24, 0.09), 0.5 * stitch * fade(0.004, pixel_m))
    return colour[0] * level, colour[1] * level, colour[2] * level, 0.06


@kernel
def shoe(x: float, y: float, z: float, pixel_m: float, palette: Floats) -> tuple[float, float, float, float]:
    """Colour of a shoe: white leather, a coloured heel tab and side stripe, and a pale cup sole."""
    scuff = 1.0 + 0.06 * value3(x * 60, y * 60, z * 60)
    across = abs(abs(x) - 0.095)
    if y < 0.029:
        line = 1.0 - 0.35 * step(0.0022, 0.0, abs(y - 0.021)) - 0.45 * step(0.007, 0.001, y)
        red, green, blue = _row(palette, SOLE)
        return red * scuff * line, green * scuff * line, blue * scuff * line, 0.1
    colour = _row(palette, SHOE)
    if z > 0.045 and y > 0.045:
        colour = _row(palette, JACKET)
    elif across > 0.030 and abs(z + 0.045 + 0.6 * (y - 0.05)) < 0.011:
        colour = _row(palette, STRIPE)
    elif y > 0.112:
        colour = _row(palette, DENIM)
    cap = 1.0 - 0.3 * step(0.003 + 0.3 * pixel_m, 0.0, abs(z + 0.135 + 6.0 * across * across))
    tongue = 1.0
    if -0.112 < z < -0.035 and across < 0.021 and y > 0.05:
        tongue = 0.80 + 0.28 * math.sin(z * 420) * fade(0.015, pixel_m)
    level = scuff * cap * tongue * (1.0 - 0.3 * step(0.005, 0.0, y - 0.029))
    return colour[0] * level, colour[1] * level, colour[2] * level, 0.3
