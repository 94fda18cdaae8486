"""Colour of skin and face (eyes, brows, lips), by rest-pose position in metres."""

from utils.walker.kernel import kernel
from utils.walker.noise import step, value3


@kernel
def mixed(a: tuple[float, float, float], b: tuple[float, float, float], t: float) -> tuple[float, float, float]:
    """Linear interpolation between two colours."""
    return a[0] + (b[0] - a[0]) * t, a[1] + (b[1] - a[1]) * t, a[2] + (b[2] - a[2]) * t


@kernel
def skin(
    x: float, y: float, z: float, pixel_m: float, blink: float,
    tone: tuple[float, float, float], hair: tuple[float, float, float],
) -> tuple[float, float, float, float]:  # fmt: skip
    """Colour and gloss of the skin at a rest-pose point; hands and neck are plain."""
    mottled = 1.0 + 0.05 * value3(x * 90, y * 90, z * 90) + 0.04 * value3(x * 30, y * 30, z * 30)
    red, green, blue = tone[0] * mottled, tone[1] * mottled, tone[2] * mottled
    if y < 1.50:
        return red, green * 0.97, blue * 0.95, 0.25
    across = abs(x)
    flush = 0.9 * step(0.034, 0.0, ((across - 0.043) ** 2 + (y - 1.606) ** 2) ** 0.5) * step(-0.02, -0.06, z)
    flush += 0.7 * step(0.018, 0.0, (across**2 + (y - 1.605) ** 2) ** 0.5) * step(-0.08, -0.10, z)
    flush += 0.6 * step(0.065, 0.078, across)
    colour = mixed((red, green, blue), (red * 1.05, green * 0.76, blue * 0.72), min(1.0, flush) * 0.55)
    if z > -0.03:
        return colour[0], colour[1], colour[2], 0.3
    beard = step(1.590, 1.560, y) * step(0.075, 0.045, across) * (0.7 + 0.6 * value3(x * 900, y * 900, z * 900))
    colour = mixed(colour, (hair[0] * 1.3 + 0.06, hair[1] * 1.3 + 0.05, hair[2] * 1.3 + 0.05), 0.16 * max(0.0, beard))
    colour = _brow(across, y, x, z, colour, hair)
    colour = _mouth(x, y, z, colour)
    colour = _eye(x, y, pixel_m, blink, colour)
    nostril = step(1.0, 0.5, ((across - 0.0065) / 0.0042) ** 2 + ((y - 1.5985) / 0.0028) ** 2) * step(-0.083, -0.089, z)
    colour = mixed(colour, (0.10, 0.04, 0.03), 0.8 * nostril)
    return colour[0], colour[1], colour[2], 0.38


@kernel
def _brow(
    across: float, y: float, x: float, z: float,
    colour: tuple[float, float, float], hair: tuple[float, float, float],
) -> tuple[float, float, float]:  # fmt: skip
    t = (across - 0.013) / 0.040
    middle = 1.6600 + 0.0075 * t * (1.7 - 1.25 * t)
    thick = 0.0042 * (1.05 - 0.7 * t * t)
    inside = step(thick, thick * 0.45, abs(y - middle)) * step(-0.04, 0.10, t) * step(1.08, 0.85, t)
    grain = 0.85 + 0.25 * value3(x * 500, y * 900, z * 300)
    return mixed(colour, (hair[0] * 0.8, hair[1] * 0.8, hair[2] * 0.8), min(1.0, inside * grain) * 0.9)


@kernel
def _mouth(x: float, y: float, z: float, colour: tuple[float, float, float]) -> tuple[float, float, float]:
    if z > -0.06 or abs(x) > 0.034 or y < 1.555 or y > 1.595:
        return colour
    t = x / 0.0235
    line = 1.5752 + 0.0042 * t * t
    body = max(0.0, 1.0 - t * t)
    bow = 0.0070 * body**0.7 * (1.0 - 0.22 * step(0.22, 0.0, abs(t)))
    over, under = y - line, line - y
    lip = step(bow, bow * 0.6, over) if over > 0 else step(0.0092 * body**0.6, 0.0055 * body**0.6, under)
    lip *= step(1.0, 0.85, abs(t))
    shade = 0.82 if over > 0 else 1.05
    colour = mixed(colour, (colour[0] * 0.86 * shade, colour[1] * 0.50 * shade, colour[2] * 0.50 * shade), 0.85 * lip)
    seam = step(0.0017, 0.0003, abs(y - line)) * step(1.12, 0.9, abs(t))
    below = step(0.004, 0.0, abs(y - 1.5615)) * step(0.014, 0.004, abs(x))
    colour = mixed(colour, (0.09, 0.025, 0.022), 0.85 * seam)
    return mixed(colour, (colour[0] * 0.78, colour[1] * 0.72, colour[2] * 0.72), 0.5 * below)


@kernel
def _eye(
    x: float, y: float, pixel_m: float, blink: float, colour: tuple[float, float, float]
) -> tuple[float, float, float]:
    dx, dy = abs(x) - 0.0310, y - 1.6400
    if abs(dx) > 0.024 or abs(dy) > 0.018:
        return colour
    soft = 0.0007 + 0.5 * pixel_m
    t = dx / 0.0152
    body = max(0.0, 1.0 - t * t)
    upper = 0.0058 * body**0.8 * (1.0 - 1.9 * blink) + 0.0012 * t
    lower = -0.0043 * body**0.9 + 0.0010 * t
    crease = step(0.0022, 0.0004, abs(dy - 0.0105 * body**0.5)) * step(1.15, 0.8, abs(t))
    socket = step(0.016, 0.004, (dx * dx + dy * dy) ** 0.5)
    colour = mixed(colour, (colour[0] * 0.72, colour[1] * 0.60, colour[2] * 0.56), 0.45 * socket)
    colour = mixed(colour, (colour[0] * 0.6, colour[1] * 0.5, colour[2] * 0.48), 0.55 * crease)
    inside = step(-soft, soft, upper - dy) * step(-soft, soft, dy - lower) * step(1.03, 0.97, abs(t))
    colour = mixed(colour, _ball(x, dx, dy, upper, soft), inside)
    lash = step(0.0021 + soft, 0.0006, abs(dy - upper - 0.0006)) * step(1.18, 1.0, abs(t))
    under = step(0.0014 + soft, 0.0, abs(dy - lower)) * step(1.1, 0.9, abs(t))
    colour = mixed(colour, (0.025, 0.016, 0.013), 0.92 * lash)
    return mixed(colour, (0.20, 0.10, 0.08), 0.45 * under)


@kernel
def _ball(x: float, dx: float, dy: float, upper: float, soft: float) -> tuple[float, float, float]:
    """Colour of an eye: white, iris, pupil and a highlight on the sun's side."""
    lid = 0.62 + 0.38 * step(0.0, 0.005, upper - dy)
    colour = (0.60 * lid, 0.56 * lid, 0.52 * lid)
    r = ((dx + 0.0003) ** 2 + (dy - 0.0004) ** 2) ** 0.5
    iris = (0.10, 0.065, 0.035) if r > 0.0033 else (0.17, 0.10, 0.05)
    colour = mixed(colour, iris, step(0.0062 + soft * 0.5, 0.0054 - soft * 0.5, r))
    colour = mixed(colour, (0.008, 0.006, 0.006), step(0.0030 + soft * 0.5, 0.0024 - soft * 0.5, r))
    side = -1.0 if x < 0 else 1.0
    glint = ((dx - side * 0.0020) ** 2 + (dy - 0.0026) ** 2) ** 0.5
    return mixed(colour, (1.6, 1.55, 1.45), step(0.0016 + soft * 0.5, 0.0006, glint))
