"""Style pictures that come with the look `picture`, and how several of them, or of people's own, are mixed.

Each was drawn by `drawing`, beside them. Nothing here reads a picture.
"""

from pathlib import Path

from utils.errors import SettingsError

STYLES = {
    "waves": "Long strokes that swirl, night blue and gold.",
    "woodcut": "Black lines over cream and vermilion, cut in wood.",
    "mosaic": "Small stones in sea green, terracotta and sand.",
    "glass": "Stained glass: clear reds, blues and yellows between black leads.",
    "weave": "Woven wool in rust, ochre and petrol.",
    "dots": "Points of pure colour: violet, green, orange.",
    "marbling": "Marbled paper: veins of crimson, ivory and ink.",
    "blueprint": "White construction lines on blue paper.",
    "embers": "Rising strokes of fire on black.",
    "pastel": "Soft chalk in rose, mint and sky.",
    "facets": "Flat triangles in teal, magenta and gold.",
    "leaves": "Leaves over leaves, fresh to dark green.",
}
"""Every style picture, with one line on what it shows."""
USUAL = "waves"
"""What the look takes after where no picture is given."""
PREFIX = "style:"
"""How a command line names one of them: style:woodcut."""
MOST = 4


def style_file(name: str) -> Path:
    """The file of a style picture; SettingsError for a name that there is not."""
    if name not in STYLES:
        raise SettingsError(f"There is no style picture {name!r:.40}.", f"Choose one of: {', '.join(STYLES)}.")
    return Path(__file__).with_name(f"{name}.jpg")


def read_weights(text: str) -> tuple[float, ...]:
    """The weights of a text such as '2, 1'; SettingsError for anything else. Empty means that all count alike."""
    parts = [part.strip() for part in text.split(",")] if text.strip() else []
    try:
        weights = tuple(float(part) for part in parts)
    except ValueError:
        weights = (-1.0,)
    if len(weights) > MOST or any(not 0 <= weight <= 1000 for weight in weights) or (weights and not sum(weights)):
        raise SettingsError(
            f"generate.reference_weights cannot be {text!r:.60}.",
            f"Write at most {MOST} numbers of 0 to 1000, such as 2, 1; one of them above 0.",
        )
    return weights


def shares(weights: tuple[float, ...], count: int) -> tuple[float, ...]:
    """How much each of `count` pictures counts, 1 in all: a picture without a weight counts 1."""
    given = (*weights, *[1.0] * count)[:count]
    total = sum(given)
    return tuple(weight / total if total else 1 / count for weight in given)
