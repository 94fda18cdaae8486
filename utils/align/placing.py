"""Placing: which of the placements that features show is the one under which the clips are most alike."""

import numpy as np

from utils.align.compared import distances
from utils.align.features import candidates
from utils.align.fingerprints import Fingerprints, own_prints, print_grid
from utils.align.placement import Placement
from utils.align.proxies import Proxies
from utils.errors import ReshootError

FOREGROUND_FRAMES, BACKGROUND_FRAMES, MOST_BETWEEN_S = 16, 160, 0.1
"""Placements are compared in so many frames of the foreground, each with the nearest of so many of the background; of
a long one in more, so that there are never more seconds between them."""
STRETCH_SEEN, LEAST_STRETCH = 3, 0.02
"""How many of the best candidates show how far a foreground is stretched, and how far it may be."""
SURELY = 0.1
"""A placement under which frames are as little unlike as this is not compared with others."""


class Refusal(ReshootError):
    """Two clips do not belong together, or nothing can be said of how."""


REORDER = "Add --allow-reorder if stretches of the foreground were put into another order."
NEXT = "Check that the foreground was made of this background; a placement can be given with --x, --y and --scale."


def found_placement(background: Proxies, foreground: Proxies) -> Placement:
    """The candidate under which the clips are most alike."""
    seen = candidates(background, foreground)
    if seen and abs(stretch := float(np.median([each.stretch for each in seen[:STRETCH_SEEN]])) - 1) > LEAST_STRETCH:
        raise Refusal(
            f"The foreground is stretched: it is {1 + stretch:.2f} times as wide as it should be for its height.",
            "Scale it back to its true proportions, and align it again.",
        )
    found = [each.placement for each in seen]
    if not found:
        raise Refusal("The foreground could not be placed: the clips have no features in common.", NEXT)
    if len(found) == 1:
        return found[0]
    few = np.linspace(0, len(foreground) - 1, min(FOREGROUND_FRAMES, len(foreground))).round().astype(int)
    own = foreground.only(few.tolist())
    step = max(1, min(len(background) // BACKGROUND_FRAMES, round(MOST_BETWEEN_S * background.rate)))
    behind = background.only(range(0, len(background), step))
    best, least = found[0], np.inf
    for placement in found:
        unlike = _unlikeness(behind, own, placement)
        if unlike < least:
            best, least = placement, unlike
        if least < SURELY:
            break
    return best


def _unlikeness(background: Proxies, foreground: Proxies, placement: Placement) -> float:
    """How unlike frames of the foreground are to those of the background that are nearest to them."""
    grid = print_grid(foreground.size, max(len(background), len(foreground)))
    prints = Fingerprints.of(background, own_prints(foreground, grid), placement, foreground.size, grid)
    nearest = distances(prints.trusting(), slice(None), slice(None)).min(axis=1)
    return float(np.median(nearest))
