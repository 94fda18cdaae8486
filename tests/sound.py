"""Hearing whether two clips sound at the same time, sample by sample."""

from fractions import Fraction

import av
import numpy as np
from numpy.typing import NDArray

from utils.media.clip import Clip

LEAD_S = 2
REACH = 600
SILENT = 1e-3


def lag(clip: Clip, copy: Clip) -> int:
    """By how many samples the copy's sound is late, by where the two agree best."""
    ours, theirs = sound(clip), sound(copy)
    length = min(len(ours), len(theirs)) - 2 * REACH
    window = theirs[REACH : REACH + length]
    if np.abs(window).max() < SILENT:
        return 0
    misses = [
        float(np.square(window - ours[REACH - shift : REACH - shift + length]).sum()) for shift in range(-REACH, REACH)
    ]
    return int(np.argmin(misses)) - REACH


def sound(clip: Clip) -> NDArray[np.float64]:
    """Its channels together on a line of samples that begins `LEAD_S` before the first picture."""
    assert clip.audio is not None
    with av.open(str(clip.path)) as container:
        frames = list(container.decode(audio=0))
    start_s = Fraction(frames[0].pts or 0) * Fraction(frames[0].time_base or 0) - clip.pts[0] * clip.time_base
    line = np.zeros(round((start_s + LEAD_S) * clip.audio.rate_hz))
    pieces = [_mixed(frame) for frame in frames]
    samples = np.concatenate([line, *pieces])
    loudest: float = np.abs(samples).max()
    scaled: NDArray[np.float64] = samples / max(1.0, loudest)
    return scaled


def _mixed(frame: av.AudioFrame) -> NDArray[np.float64]:
    """All channels added up."""
    samples = np.atleast_2d(frame.to_ndarray()).astype(np.float64)
    channels = samples if frame.format.is_planar else samples.reshape(-1, frame.layout.nb_channels).T
    mixed: NDArray[np.float64] = channels.sum(axis=0)
    return mixed
