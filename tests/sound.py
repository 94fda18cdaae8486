"""Hearing whether two clips sound at the same time, sample by sample."""

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray

from utils.media.clip import Clip
from utils.media.intake import probe

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


def sounding(path: Path, clip: Clip, samples: NDArray[np.float32], rate_hz: int = 48_000) -> Clip:
    """The pictures of a clip with this sound, stored without loss; path ends in .mov."""
    with av.open(str(clip.path)) as source, av.open(str(path), "w") as target:
        pictures = target.add_stream_from_template(source.streams.video[0])
        track = target.add_stream("pcm_s16le", rate=rate_hz, layout="mono")
        for packet in source.demux(source.streams.video[0]):
            if packet.dts is not None:
                packet.stream = pictures
                target.mux(packet)
        levels = np.rint(np.clip(samples, -1, 1) * 32767).astype(np.int16)
        frame = av.AudioFrame.from_ndarray(levels[None], "s16", "mono")
        frame.sample_rate, frame.pts, frame.time_base = rate_hz, 0, Fraction(1, rate_hz)
        for packet in [*track.encode(frame), *track.encode(None)]:
            target.mux(packet)
    return probe(path)


def _mixed(frame: av.AudioFrame) -> NDArray[np.float64]:
    """All channels added up."""
    samples = np.atleast_2d(frame.to_ndarray()).astype(np.float64)
    channels = samples if frame.format.is_planar else samples.reshape(-1, frame.layout.nb_channels).T
    mixed: NDArray[np.float64] = channels.sum(axis=0)
    return mixed
