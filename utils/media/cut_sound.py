"""The sound of a part of a clip, cut to the sample: packets that are copied, or decoded samples."""

from collections.abc import Iterable, Iterator
from fractions import Fraction
from math import ceil

import av
import numpy as np
from av.audio.stream import AudioStream

from utils.media.decode import moment_s

LEAD_IN_S = Fraction(1, 10)
"""Sound that is copied along before the start, because a decoder needs some to be right at it; players skip it."""
ROUNDING_S = Fraction(3, 2000)
"""Containers round times to the millisecond: sound that is this near to the end of what came before follows on it."""


def packets_between(
    packets: Iterable["av.Packet[AudioStream]"], length_s: Fraction
) -> Iterator["av.Packet[AudioStream]"]:
    """Packets, timed in samples from the start of the part, up to its end; the last one's duration ends with it."""
    for packet in packets:
        pts, duration = packet.pts or 0, packet.duration or 0
        stop = round(length_s / packet.time_base)
        if pts >= stop:
            return
        if pts + duration > -LEAD_IN_S / packet.time_base:
            packet.duration = min(duration, stop - pts)
            yield packet


def samples_between(frames: Iterable[av.AudioFrame], origin_s: Fraction, length_s: Fraction) -> Iterator[av.AudioFrame]:
    """Decoded sound from a time of the file's clock on, for so long."""
    due_s: Fraction | None = None
    for frame in frames:
        starts_s, rate_hz = moment_s(frame), frame.sample_rate
        if due_s is not None and abs(starts_s - due_s) <= ROUNDING_S:
            starts_s = due_s
        due_s = starts_s + Fraction(frame.samples, rate_hz)
        first = max(0, ceil((origin_s - starts_s) * rate_hz))
        stop = min(frame.samples, ceil((origin_s + length_s - starts_s) * rate_hz))
        if stop <= 0:
            return
        if first < stop:
            yield _samples(frame, starts_s, first, stop)


def _samples(frame: av.AudioFrame, starts_s: Fraction, first: int, stop: int) -> av.AudioFrame:
    """Some samples of a frame that starts at a time, as a frame."""
    channels = 1 if frame.format.is_planar else frame.layout.nb_channels
    content = frame.to_ndarray()[:, first * channels : stop * channels]
    cut = av.AudioFrame.from_ndarray(np.ascontiguousarray(content), frame.format.name, frame.layout.name)
    cut.sample_rate = frame.sample_rate
    cut.time_base = Fraction(1, frame.sample_rate)
    cut.pts = round(starts_s * frame.sample_rate) + first
    return cut
