"""Drift: how far times lie off a steady run, in seconds."""

from pathlib import Path

import numpy as np

from pipeline.align.drift import Drift
from pipeline.align.time_map import TimeMap
from tests.aligned_cases import MATRIX
from utils.align.labels import Label
from utils.align.placement import Placement


def test_drift_is_that_of_times_and_not_of_frames(tmp_path: Path) -> None:
    """A background whose frames last unequally long, and a foreground that runs evenly: nothing drifts."""
    pair = MATRIX["uneven background"].enlarged(1, 1.0).made(tmp_path)
    moments = np.where(np.isfinite(pair.truth), pair.truth, 0.0)
    labels = tuple(Label.SURE for _ in moments)
    found = TimeMap(Placement(1.0, *pair.corner), moments, np.full(len(moments), 0.01), labels, 1.0)
    off_s = np.abs(Drift.of(found, pair.background, 30).residual_s)[np.isfinite(pair.truth)]
    frames = np.abs(np.diff(moments, 2))[1:-1]
    assert np.nanmax(off_s[2:-2]) < 0.002 and frames.max() > 0.3, "in frames it would"
