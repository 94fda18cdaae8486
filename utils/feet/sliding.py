"""Foot sliding: how much planted feet slide, in numbers, and the corrections per frame that hold them in place."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d, median_filter

from utils.feet.contacts import SIDES, Contact
from utils.feet.track import Offsets
from utils.media.timebase import Span

Doubles = NDArray[np.float64]

ALIGN_FRAMES = 3
"""Number of frames by which the slides of heel and toe are aligned to each other."""
TREND_FRAMES = 8
"""Frames at an end whose linear trend extrapolates the slide, for half as many frames; beyond that it is constant."""
STANCE_GAP_FRAMES = 4
"""Contacts of a foot this few frames apart belong to one stance: there is no time for a step in between."""
EXTENSION_FRAMES = 2
"""Frames by which a detected contact may be too short at each end."""
SMOOTHING_FRAMES = 0.8
"""Standard deviation of the Gaussian that smooths a measured slide."""


@dataclass(frozen=True)
class CorrectionRule:
    """How much of a slide is removed (0 to 1), the largest correction in leg lengths, and the frames it fades over."""

    blend: float = 1.0
    limit_leg: float = 0.15
    extension_frames: int = 2


@dataclass(frozen=True)
class Corrections:
    """Correction of each foot in n frames: n x 2 (left, right) x 2 px of the ground; and refused contacts.

    `held` (n x 2) is 1 while a foot stands, corrected or not, and fades around that like the corrections.
    """

    px: Doubles
    held: Doubles
    refused: tuple[Contact, ...] = ()


@dataclass(frozen=True)
class Slide:
    """Slide of planted feet, as distance from their usual place (px of the picture, and percent of the leg).

    It is taken over the frames of contacts in which the foot was found.
    """

    mean_px: float
    p95_px: float
    mean_leg_percent: float
    found_frames: int
    contact_frames: int


def slide(offsets: Sequence[Offsets]) -> Slide:
    """Slide over all contacts together; NaN when no foot was found."""
    distances = [np.linalg.norm(each.px, axis=1) / each.zoom for each in offsets]
    found = [distance[np.isfinite(distance)] for distance in distances]
    all_found = np.concatenate([*found, np.zeros(0)])
    of_leg = np.concatenate(
        [*(distance * each.zoom / each.leg_px for distance, each in zip(found, offsets, strict=True)), np.zeros(0)]
    )
    total = sum(len(distance) for distance in distances)
    if not len(all_found):
        return Slide(np.nan, np.nan, np.nan, 0, total)
    return Slide(
        float(all_found.mean()), float(np.percentile(all_found, 95)), float(100 * of_leg.mean()), len(all_found), total
    )


def by_contact(offsets: Sequence[Offsets]) -> tuple[tuple[Contact, Slide], ...]:
    """Slide of each contact separately."""
    return tuple((each.contact, slide([each])) for each in offsets)


def extended(contacts: Sequence[Contact], shots: Sequence[range]) -> tuple[Contact, ...]:
    """Contacts extended by a few frames where a foot lands and where it leaves the ground."""
    return tuple(replace(each, span=_extended_span(each, contacts, shots)) for each in contacts)


def _extended_span(contact: Contact, contacts: Sequence[Contact], shots: Sequence[range]) -> Span:
    """The extended span of a contact: not across a cut, nor where another contact of the same foot follows."""
    start, stop = contact.span.start, contact.span.stop
    shot = next(each for each in shots if start in each)
    own = [each.span for each in contacts if each.foot == contact.foot]
    comes = not any(each.start < start <= each.stop + EXTENSION_FRAMES for each in own)
    goes = not any(each.start - EXTENSION_FRAMES <= stop < each.stop for each in own)
    return Span(max(shot.start, start - EXTENSION_FRAMES * comes), min(shot.stop, stop + EXTENSION_FRAMES * goes))


def corrections(offsets: Sequence[Offsets], count: int, rule: CorrectionRule | None = None) -> Corrections:
    """Corrections for `count` frames; a foot that slid beyond the limit, or was not found, is left as it is."""
    rule = rule or CorrectionRule()
    px, held, refused = np.zeros((count, 2, 2)), np.zeros((count, 2)), []
    for side, foot in enumerate(SIDES):
        standing = np.zeros(count, bool)
        eased = np.zeros((count, 2))
        for stance in _stances([each for each in offsets if each.contact.foot == foot]):
            span, moves = _stance_moves(stance)
            _mark_held(held[:, side], span, rule.extension_frames)
            leg_px = float(np.nanmax([each.leg_px for each in stance])) if moves is not None else np.nan
            if moves is None or not np.linalg.norm(moves, axis=1).max() <= rule.limit_leg * leg_px:
                refused += [each.contact for each in stance]
                continue
            standing[span.start : span.stop] = True
            px[span.start : span.stop, side] = rule.blend * moves
            _fade(eased, span, rule.blend * moves, rule.extension_frames)
        px[~standing, side] = eased[~standing]
    return Corrections(px, held, tuple(refused))


def _stances(offsets: Sequence[Offsets]) -> list[list[Offsets]]:
    """Group the contacts (heel and toe) of one foot into stances: those with no time for a step in between."""
    stances: list[list[Offsets]] = []
    stop = -STANCE_GAP_FRAMES
    for each in sorted(offsets, key=lambda each: each.contact.span.start):
        if stances and each.contact.span.start <= stop + STANCE_GAP_FRAMES:
            stances[-1].append(each)
        else:
            stances.append([each])
        stop = max(stop, each.contact.span.stop)
    return stances


def _stance_moves(stance: Sequence[Offsets]) -> tuple[Span, Doubles | None]:
    """The moves that bring a foot back in every frame of a stance, n x 2 px; None if it was never found.

    Heel and toe slide together, so their series are aligned where both were seen (or nearest to that) and averaged, and
    the foot keeps one place for its whole stance. While a landing foot still tips about its heel, its slide is
    extrapolated back from later frames.
    """
    span = Span(min(each.contact.span.start for each in stance), max(each.contact.span.stop for each in stance))
    toes = np.zeros(len(span), bool)
    for each in stance:
        if each.contact.part == "toe":
            toes[each.contact.span.start - span.start : each.contact.span.stop - span.start] = True
    series = [_series(span, each, toes) for each in stance]
    series.sort(key=lambda each: -np.isfinite(each[:, 0]).sum())
    total, votes = np.zeros((len(span), 2)), np.zeros(len(span))
    for row in series:
        known = np.isfinite(row[:, 0])
        if known.any() and votes.any():
            near = _alignment_frames(known, votes > 0)
            row = row - np.median(row[near] - _filled(_mean(total, votes))[near], axis=0)
        total[known] += row[known]
        votes[known] += 1
    if not votes.any():
        return span, None
    slide = _filled(_mean(total, votes))
    return span, np.median(slide, axis=0) - slide


def _mean(total: Doubles, votes: Doubles) -> Doubles:
    """Mean of the summed series, NaN where there is none."""
    mean: Doubles = np.where(votes[:, None] > 0, total / np.maximum(votes, 1)[:, None], np.nan)
    return mean


def _alignment_frames(known: NDArray[np.bool_], seen: NDArray[np.bool_]) -> NDArray[np.int_]:
    """Frames by which one series is aligned to the others: those they share, else the few that are nearest."""
    if (known & seen).any():
        return np.flatnonzero(known & seen)
    away = np.abs(np.flatnonzero(known)[:, None] - np.flatnonzero(seen)).min(axis=1)
    nearest: NDArray[np.int_] = np.flatnonzero(known)[np.argsort(away, kind="stable")[:ALIGN_FRAMES]]
    return nearest


def _series(span: Span, offsets: Offsets, toes: NDArray[np.bool_]) -> Doubles:
    """A contact's offsets over the whole stance; for a heel only those with the toe down, if there are enough."""
    row = np.full((len(span), 2), np.nan)
    start = offsets.contact.span.start - span.start
    row[start : start + len(offsets.px)] = offsets.px
    flat = toes & np.isfinite(row[:, 0])
    if offsets.contact.part == "heel" and flat.sum() >= ALIGN_FRAMES:
        row[~flat] = np.nan
    return row


def _filled(slide: Doubles) -> Doubles:
    """The slide in every frame, smoothed: gaps interpolated, ends extrapolated for a few frames."""
    known = np.flatnonzero(np.isfinite(slide[:, 0]))
    frames = np.arange(len(slide))
    calm = median_filter(slide[known], (min(3, len(known)), 1), mode="nearest")
    filled = np.column_stack([np.interp(frames, known, calm[:, axis]) for axis in (0, 1)])
    if len(known) >= TREND_FRAMES:
        for ends, outside in ((known[:TREND_FRAMES], frames < known[0]), (known[-TREND_FRAMES:], frames > known[-1])):
            away = np.clip(frames[outside] - ends.mean(), -TREND_FRAMES, TREND_FRAMES)
            slope = np.polyfit(ends - ends.mean(), filled[ends], 1)[0]
            filled[outside] = filled[ends].mean(axis=0) + away[:, None] * slope
    smooth: Doubles = gaussian_filter1d(filled, SMOOTHING_FRAMES, axis=0, mode="nearest")
    return smooth


def _fade(eased: Doubles, span: Span, moves: Doubles, frames: int) -> None:
    """Fade a correction in before the first frame of a stance and out after the last."""
    for step, share in _fading(frames):
        if span.start - step >= 0:
            eased[span.start - step] += share * moves[0]
        if span.stop - 1 + step < len(eased):
            eased[span.stop - 1 + step] += share * moves[-1]


def _mark_held(held: Doubles, span: Span, frames: int) -> None:
    """Mark one foot as held during a stance, fading in and out like its correction."""
    held[span.start : span.stop] = 1
    for step, share in _fading(frames):
        for index in (span.start - step, span.stop - 1 + step):
            if 0 <= index < len(held):
                held[index] = max(held[index], share)


def _fading(frames: int) -> Iterator[tuple[int, float]]:
    """Frames away from a stance, and the remaining share of its correction there (smoothstep)."""
    for step in range(1, frames + 1):
        share = 1 - step / (frames + 1)
        yield step, share * share * (3 - 2 * share)
