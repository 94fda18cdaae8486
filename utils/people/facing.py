"""How far a person faces the camera, told from which side of their body is left in the picture."""

import warnings

import numpy as np

from utils.people.pose import EARS, EYES, HIPS, SHOULDERS, Keypoints

FRONTAL_SHARES = {SHOULDERS: 0.18, HIPS: 0.10, EARS: 0.065, EYES: 0.033}
"""How far the left and the right joint of a pair lie apart in somebody who faces the camera, in shares of their height:
medians of the walker and of real people whose frames were looked at."""


def facing(keypoints: Keypoints) -> float:
    """1 for somebody who faces the camera, 0 in profile, from behind, or where no pair of joints is known.

    Who faces the camera has their left side at the right of the picture. 33 x 2 joints, NaN where missing.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # no joints at all
        tall_px = float(np.nanmax(keypoints[:, 1]) - np.nanmin(keypoints[:, 1]))
        apart = [
            (keypoints[left, 0] - keypoints[right, 0]) / (share * tall_px)
            for (left, right), share in FRONTAL_SHARES.items()
        ]
        mean = float(np.nanmean(apart))
    return float(np.clip(mean, 0, 1)) if np.isfinite(mean) else 0.0
