"""Search: which part of a long background shows a foreground that is so short that an even look at all misses it."""

from itertools import product

from utils.align.features import SURE_AGREEING, glimpsed
from utils.align.keyframes import part, spread
from utils.align.placement import Placement
from utils.align.placing import Refusal, found_placement
from utils.align.proxies import Proxies

OWN_FRAMES, BLOCK_FRAMES = 4, 48
"""In how many frames of the foreground features are looked for, and in how many of the background at once."""
MOST_SHARE = 0.3
"""So much of the foreground's length lies between two frames of the background that are looked at."""


def searched(background: Proxies, foreground: Proxies) -> Placement | None:
    """The placement in the part of a background that has most features in common; None where it was seen evenly."""
    length_s = float(foreground.times_s[-1] - foreground.times_s[0])
    step = max(1, int(MOST_SHARE * length_s * background.rate))
    if len(background) < step * BLOCK_FRAMES:
        return None
    own, most, best = spread(foreground, OWN_FRAMES), 0, None
    for start in range(0, len(background), step * BLOCK_FRAMES):
        block = range(start, min(start + step * BLOCK_FRAMES, len(background)))
        found = glimpsed(background, foreground, list(product(own, block[::step])))
        if found and found[0].agreeing > most:
            most, best = found[0].agreeing, block
        if most >= SURE_AGREEING:
            break
    try:
        return found_placement(part(background, best), foreground) if best else None
    except Refusal:
        return None
