"""A part of a clip: the frames of a span, which is a clip like any other whose first frame is number 0."""

from dataclasses import replace
from fractions import Fraction

from utils.digest import canonical_json, digest_bytes
from utils.errors import ClipError
from utils.media.clip import AudioTrack, Clip
from utils.media.timebase import Cadence, Span, cadence

ROUNDING_S = Fraction(1, 1000)
"""People write times to the millisecond, so a frame that begins less than this before a given time begins at it."""


def part_of(clip: Clip, span: Span) -> Clip:
    """The frames of a span of a clip or of a part of one; its digest differs from that of every other part."""
    if span == clip.span:
        return clip
    if clip.whole:
        return part_of(clip.whole, Span(clip.start + span.start, clip.start + span.stop))
    pts = clip.pts[span.start : span.stop]
    ends_early = span.stop < len(clip)
    keys = [(key - span.start, at) for key, at in zip(clip.keys, clip.key_bytes, strict=True) if key in span]
    pace = Cadence(clip.rate, constant=True) if clip.constant_rate else cadence(pts, clip.time_base)
    part = replace(
        clip,
        digest=digest_bytes(canonical_json(["part", clip.digest, span.start, span.stop])),
        pts=pts,
        keys=tuple(key for key, _ in keys),
        key_bytes=tuple(at for _, at in keys),
        last_duration=clip.pts[span.stop] - pts[-1] if ends_early else clip.last_duration,
        rate=pace.rate,
        constant_rate=pace.constant,
        notes=(*clip.notes, _note(clip, span)),
        whole=clip,
        start=span.start,
    )
    return replace(part, audio=clip.audio and _sound_of(clip.audio, clip.time_s(span.start), part.duration_s))


def span_between(clip: Clip, from_s: float, to_s: float) -> Span:
    """The frames that begin between two times, in seconds from the first frame; 0 as the end means the clip's own."""
    length_s = float(clip.duration_s)
    if to_s and to_s <= from_s:
        raise ClipError(f"From {from_s:g} s to {to_s:g} s is no part of a clip.", "Let it end later than it begins.")
    if from_s >= length_s or to_s > length_s + float(ROUNDING_S):
        beyond = from_s if from_s >= length_s else to_s
        raise ClipError(f"{beyond:g} s is beyond the end of the clip, which is {length_s:.3f} s long.", "Choose less.")
    starts, early_s = [clip.time_s(index) for index in clip.span], min(ROUNDING_S, 1 / (2 * clip.rate))
    first, stop = (sum(start < Fraction(time_s) - early_s for start in starts) for time_s in (from_s, to_s))
    span = Span(first, stop if to_s else len(clip))
    if not len(span):
        raise ClipError(f"No frame begins between {from_s:g} s and {to_s:g} s.", "Choose a longer part.")
    return span


def _sound_of(track: AudioTrack, from_s: Fraction, length_s: Fraction) -> AudioTrack | None:
    """The sound that is heard during a part; None where the sound begins later or has ended."""
    start_s = max(Fraction(0), track.start_s - from_s)
    stop_s = min(length_s, track.start_s + track.duration_s - from_s)
    return replace(track, start_s=start_s, duration_s=stop_s - start_s) if stop_s > start_s else None


def _note(clip: Clip, span: Span) -> str:
    times = f"{float(clip.time_s(span.start)):.2f} s"
    return (
        f"Only frames {span.start} to {span.stop - 1} of the {len(clip)} in the file are used, from {times} on; "
        f"frames are counted from the first of these."
    )
