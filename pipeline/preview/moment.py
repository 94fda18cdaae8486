"""The moment to show first: the one of a clip's sampled frames that shows the person best, before the analysis."""

from collections.abc import Sequence

import cv2
import numpy as np

from pipeline.preview.frame_samples import Sample
from utils.people.facing import facing

CUT_OFF = 0.3
"""The factor on the worth of a sample whose person reaches the picture's edge."""
TURNED_AWAY = 0.25
"""The factor on the worth of a sample whose person is seen from the side or from behind."""
MEASURED_TALL_PX = 200
"""The height to which persons are reduced before sharpness is measured, so that near and far ones compare."""


def clearest(samples: Sequence[Sample]) -> Sample:
    """The sample that shows the person best; where nobody is found, the one in the middle."""
    shown = [sample for sample in samples if sample.box]
    if not shown:
        return samples[len(samples) // 2]
    sharpness = np.array([_sharpness(sample) for sample in shown])
    worth = np.array([worth_of(sample) for sample in shown]) * (sharpness / max(sharpness.max(), 1e-6)) ** 0.25
    return shown[int(worth.argmax())]


def worth_of(sample: Sample) -> float:
    """How large, whole and turned to the camera the person is: their pixels, less for all that is not seen of them."""
    if sample.box is None:
        return 0.0
    left, top, right, bottom = sample.box
    inside = left > 1 and top > 1 and right < sample.size.width_px - 1 and bottom < sample.size.height_px - 1
    known = float(np.isfinite(sample.keypoints[:, 0]).mean())
    turned = TURNED_AWAY + (1 - TURNED_AWAY) * facing(sample.keypoints)
    return float((sample.matte > 127).sum()) * known**2 * turned * (1.0 if inside else CUT_OFF)


def _sharpness(sample: Sample) -> float:
    """How much fine detail the person has: the variance of the Laplacian."""
    assert sample.box
    grey = cv2.cvtColor(np.ascontiguousarray(sample.rgb[sample.box.slices]), cv2.COLOR_RGB2GRAY)
    scale = min(1.0, MEASURED_TALL_PX / sample.box.size.height_px)
    small = cv2.resize(grey, sample.box.size.scaled(scale), interpolation=cv2.INTER_AREA)
    return float(cv2.Laplacian(small, cv2.CV_32F).var())
