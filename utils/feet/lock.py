"""Holds planted feet where they stand: from how far they slid to how far each is moved back, frame by frame."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d, median_filter

from utils.feet.contacts import SIDES, Contact
from utils.feet.track import Offsets
from utils.media.timebase import Span

Doubles = NDArray[np.float64]

SHARED = 3
"""Frames that heel and toe must both be seen planted in, for one to be laid to the other."""
TREND = 8
"""Frames at an end by which a slide is thought on, for half as many; after them it is held."""
APART = 4
"""Frames between two contacts of a foot in which it cannot have taken a step."""
AROUND = 2
"""Frames by which contacts may be found too short; a foot that is held as long too moves as the source's does."""
CALM_FRAMES = 0.8
"""Standard deviation of the bell that takes the noise off a measured slide."""


@dataclass(frozen=True)
class LockRule:
    """How much of a slide is taken out (0 to 1), up to what share of a leg, and eased over how many frames."""

    blend: float = 1.0
    limit_leg: float = 0.15
    extension_frames: int = 2


@dataclass(frozen=True)
class Corrections:
    """By how much each foot is moved: n x 2 (left, right) x 2 px of the background; and what was left alone.

    `held` (n x 2) is 1 while a foot stands, moved or not, and fades around that as moves do.
    """

    px: Doubles
    held: Doubles
    refused: tuple[Contact, ...] = ()


def prolonged(contacts: Sequence[Contact], shots: Sequence[range]) -> tuple[Contact, ...]:
    """Contacts that begin a little earlier where a foot comes to stand, and end later where it leaves the ground."""
    return tuple(replace(each, span=_around(each, contacts, shots)) for each in contacts)


def _around(contact: Contact, contacts: Sequence[Contact], shots: Sequence[range]) -> Span:
    """Where one may be held: not across a cut, and no further where another contact of the same foot takes over."""
    start, stop = contact.span.start, contact.span.stop
    shot = next(each for each in shots if start in each)
    own = [each.span for each in contacts if each.foot == contact.foot]
    comes = not any(each.start < start <= each.stop + AROUND for each in own)
    goes = not any(each.start - AROUND <= stop < each.stop for each in own)
    return Span(max(shot.start, start - AROUND * comes), min(shot.stop, stop + AROUND * goes))


def corrections(offsets: Sequence[Offsets], count: int, rule: LockRule | None = None) -> Corrections:
    """For each of `count` frames; a foot that slid beyond the limit, or was not found, is left as it is."""
    rule = rule or LockRule()
    px, held, refused = np.zeros((count, 2, 2)), np.zeros((count, 2)), []
    for side, foot in enumerate(SIDES):
        standing = np.zeros(count, bool)
        eased = np.zeros((count, 2))
        for stance in _stances([each for each in offsets if each.contact.foot == foot]):
            span, moves = _stance_moves(stance)
            _hold(held[:, side], span, rule.extension_frames)
            leg_px = float(np.nanmax([each.leg_px for each in stance])) if moves is not None else np.nan
            if moves is None or not np.linalg.norm(moves, axis=1).max() <= rule.limit_leg * leg_px:
                refused += [each.contact for each in stance]
                continue
            standing[span.start : span.stop] = True
            px[span.start : span.stop, side] = rule.blend * moves
            _ease(eased, span, rule.blend * moves, rule.extension_frames)
        px[~standing, side] = eased[~standing]
    return Corrections(px, held, tuple(refused))


def _stances(offsets: Sequence[Offsets]) -> list[list[Offsets]]:
    """Contacts of one foot with no time for a step in between belong together: heel, both, toe, and their pieces."""
    stances: list[list[Offsets]] = []
    stop = -APART
    for each in sorted(offsets, key=lambda each: each.contact.span.start):
        if stances and each.contact.span.start <= stop + APART:
            stances[-1].append(each)
        else:
            stances.append([each])
        stop = max(stop, each.contact.span.stop)
    return stances


def _stance_moves(stance: Sequence[Offsets]) -> tuple[Span, Doubles | None]:
    """What brings the foot back in every frame of a stance, n x 2 px; None where it was never found.

    Heel and toe slide together, so each is laid to the others where both were seen, or to how those went on, and the
    foot has one place for all of its stance. While a landing foot still tips about its heel, its slide is thought back
    from later frames.
    """
    span = Span(min(each.contact.span.start for each in stance), max(each.contact.span.stop for each in stance))
    toes = np.zeros(len(span), bool)
    for each in stance:
        if each.contact.part == "toe":
            toes[each.contact.span.start - span.start : each.contact.span.stop - span.start] = True
    series = [_over(span, each, toes) for each in stance]
    series.sort(key=lambda each: -np.isfinite(each[:, 0]).sum())
    total, votes = np.zeros((len(span), 2)), np.zeros(len(span))
    for row in series:
        known = np.isfinite(row[:, 0])
        if known.any() and votes.any():
            near = _nearest(known, votes > 0)
            row = row - np.median(row[near] - _filled(_shared(total, votes))[near], axis=0)
        total[known] += row[known]
        votes[known] += 1
    if not votes.any():
        return span, None
    slide = _filled(_shared(total, votes))
    return span, np.median(slide, axis=0) - slide


def _shared(total: Doubles, votes: Doubles) -> Doubles:
    """The mean of what was added up, NaN where nothing was."""
    mean: Doubles = np.where(votes[:, None] > 0, total / np.maximum(votes, 1)[:, None], np.nan)
    return mean


def _nearest(known: NDArray[np.bool_], seen: NDArray[np.bool_]) -> NDArray[np.int_]:
    """Frames in which one series is laid to the others: those they share, or else the few that lie nearest to them."""
    if (known & seen).any():
        return np.flatnonzero(known & seen)
    away = np.abs(np.flatnonzero(known)[:, None] - np.flatnonzero(seen)).min(axis=1)
    nearest: NDArray[np.int_] = np.flatnonzero(known)[np.argsort(away, kind="stable")[:SHARED]]
    return nearest


def _over(span: Span, offsets: Offsets, toes: NDArray[np.bool_]) -> Doubles:
    """One contact's offsets over the whole stance; of a heel only those with the toe down, where there are enough."""
    row = np.full((len(span), 2), np.nan)
    start = offsets.contact.span.start - span.start
    row[start : start + len(offsets.px)] = offsets.px
    flat = toes & np.isfinite(row[:, 0])
    if offsets.contact.part == "heel" and flat.sum() >= SHARED:
        row[~flat] = np.nan
    return row


def _filled(slide: Doubles) -> Doubles:
    """Without noise, and known in every frame: in between on a line, at the ends as it went on for a moment."""
    known = np.flatnonzero(np.isfinite(slide[:, 0]))
    frames = np.arange(len(slide))
    calm = median_filter(slide[known], (min(3, len(known)), 1), mode="nearest")
    filled = np.column_stack([np.interp(frames, known, calm[:, axis]) for axis in (0, 1)])
    if len(known) >= TREND:
        for ends, outside in ((known[:TREND], frames < known[0]), (known[-TREND:], frames > known[-1])):
            away = np.clip(frames[outside] - ends.mean(), -TREND, TREND)
            slope = np.polyfit(ends - ends.mean(), filled[ends], 1)[0]
            filled[outside] = filled[ends].mean(axis=0) + away[:, None] * slope
    smooth: Doubles = gaussian_filter1d(filled, CALM_FRAMES, axis=0, mode="nearest")
    return smooth


def _ease(eased: Doubles, span: Span, moves: Doubles, frames: int) -> None:
    """Sets in before the first frame of a stance and fades out after the last."""
    for step, share in _fading(frames):
        if span.start - step >= 0:
            eased[span.start - step] += share * moves[0]
        if span.stop - 1 + step < len(eased):
            eased[span.stop - 1 + step] += share * moves[-1]


def _hold(held: Doubles, span: Span, frames: int) -> None:
    """One foot's, for the time of a stance and as long as its move sets in and fades out."""
    held[span.start : span.stop] = 1
    for step, share in _fading(frames):
        for index in (span.start - step, span.stop - 1 + step):
            if 0 <= index < len(held):
                held[index] = max(held[index], share)


def _fading(frames: int) -> Iterator[tuple[int, float]]:
    """Steps away from a stance, and what is left of it there."""
    for step in range(1, frames + 1):
        share = 1 - step / (frames + 1)
        yield step, share * share * (3 - 2 * share)
