"""Whether a placement that was found in few frames is believed: some frames must look as the background does there."""

import numpy as np

from utils.align.compared import distances
from utils.align.fingerprints import Fingerprints, own_prints, print_grid
from utils.align.keyframes import Some, keyframes, spread
from utils.align.placement import Placement
from utils.align.placing import MOST_BETWEEN_S
from utils.align.proxies import Proxies

FRAMES, MOST_UNLIKE = 5, 0.5
"""In how many frames of the foreground it is looked, and how unlike, from 0 to 4, most of them may be."""


def is_believed(background: Proxies, foreground: Proxies, placement: Placement, most_keyframes: int) -> bool:
    """Look at the background around the keyframe that is most like each of some frames of the foreground.

    Where keyframes lie far apart and the camera moves, features of other moments show a placement that is far off.
    """
    size, grid = foreground.size, print_grid(foreground.size, len(background))
    own = own_prints(foreground.only(spread(foreground, FRAMES)), grid)

    def unlike(few: Proxies) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
        return distances(Fingerprints.of(few, own, placement, size, grid), slice(None), slice(None))

    coarse = keyframes(background, most_keyframes)
    step, fine = -(-len(background) // len(coarse)), max(1, round(MOST_BETWEEN_S * background.rate))
    near = unlike(coarse).argmin(axis=1) * step
    around = {each for at in near for each in range(max(0, at - step), min(len(background), at + step + 1), fine)}
    indices = sorted(around)
    dense = Proxies(Some(background.luma, indices), background.times_s[indices], background.size)
    return float(np.median(unlike(dense).min(axis=1))) < MOST_UNLIKE
