"""When feet stand on the ground, and where: heel and toe apart, in background coordinates.

A planted point does not move, so each track is cut into stretches that stay about one place and the rest; that uses
the whole of a stance, which a noisy speed from frame to frame does not, and its edges stay sharp.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import median_filter

from utils.camera.path import CameraPath
from utils.feet.stance import stances
from utils.image.geometry import moved
from utils.media.timebase import Span
from utils.people.pose import HEELS, TOES, Poses

Side = Literal["left", "right"]
Part = Literal["heel", "toe"]
Doubles = NDArray[np.float64]

SIDES: tuple[Side, Side] = ("left", "right")
PARTS: tuple[Part, Part] = ("heel", "toe")
REACH_S = 0.05
"""A point that stands strays no further than it would go in this time at the speed that counts as planted."""
CALM_S = 1.0
"""A leg does not change its length: it is taken over about this long."""
JOIN_S, JOIN_LEG = 0.2, 0.12
"""No swing is as short, and no step as small."""
LIFT_LEG = 0.05
"""A foot that comes to rest this far above both its neighbouring places was at the top of its swing."""
MOMENT_S = 0.4
"""Rests longer than this are believed wherever they are."""
HEEL_OFF_STEP = 0.3
"""In a walk the heel has left the ground this share of a step before the other foot lands."""
TOE_OFF_STEP = 0.3
"""And the toe leaves it this share of a step after."""
ROLLED_OFF_STEP = 0.7
"""A foot that is gone within this share of a step of the other's landing is walking."""
LONGEST_STEP_S = 0.7
"""A foot that stood for longer than this was not walking until its last step."""


@dataclass(frozen=True)
class Contact:
    """A heel or toe that stands still on the ground over `span`, at `anchor` (px of the background picture)."""

    foot: Side
    part: Part
    span: Span
    anchor: tuple[float, float]


@dataclass(frozen=True)
class ContactRule:
    """What counts as planted: speeds in leg lengths a second, times in seconds."""

    plant_leg_per_s: float = 0.2
    lift_leg_per_s: float = 0.3
    shortest_s: float = 0.1
    bridge_s: float = 0.1


@dataclass(frozen=True)
class _Clip:
    """What contacts are found in: tracks in the background, n frames."""

    tracks: dict[tuple[Side, Part], Doubles]
    leg_px: Doubles
    times_s: Doubles
    shots: tuple[range, ...]


def find_contacts(poses: Poses, camera: CameraPath, rule: ContactRule | None = None) -> tuple[Contact, ...]:
    """Every contact of the clip, in the order of their beginnings; none across a cut or where a foot is unseen."""
    rule = rule or ContactRule()
    clip = _in_background(poses, camera, rule)
    found = [
        contact
        for shot in clip.shots
        for contact in _as_in_a_walk(_without_second_heels(_of_shot(clip, shot, rule), clip), clip)
        if _lasts_s(contact.span, clip.times_s) >= rule.shortest_s
    ]
    return tuple(sorted(found, key=lambda each: (each.span.start, each.span.stop, each.foot, each.part)))


def _in_background(poses: Poses, camera: CameraPath, rule: ContactRule) -> _Clip:
    times_s = camera.times_s()
    points = moved(camera.matrices[:, None], poses.keypoints.astype(float))
    tracks = {
        (side, part): _bridged(points[:, pair[index]], times_s, rule.bridge_s)
        for index, side in enumerate(SIDES)
        for part, pair in zip(PARTS, (HEELS, TOES), strict=True)
    }
    zoom = np.sqrt(np.abs(np.linalg.det(camera.matrices[:, :2, :2])))
    return _Clip(tracks, _calm_leg(poses.leg_px() * zoom, times_s), times_s, camera.shots)


def _calm_leg(leg_px: Doubles, times_s: Doubles) -> Doubles:
    """The leg's length without its noise; a bent or foreshortened leg is as long as around that time."""
    known = np.flatnonzero(np.isfinite(leg_px))
    if not len(known):
        return np.ones(len(leg_px))
    filled = np.interp(np.arange(len(leg_px)), known, leg_px[known])
    step_s = float(np.median(np.diff(times_s))) if len(times_s) > 1 else 1.0
    size = 2 * round(CALM_S / step_s / 2) + 1
    calm: Doubles = np.maximum(median_filter(filled, size, mode="nearest"), 1.0)
    return calm


def _bridged(track: Doubles, times_s: Doubles, longest_s: float) -> Doubles:
    """Gaps that are no longer than this are crossed in a straight line."""
    known = np.flatnonzero(np.isfinite(track).all(axis=1))
    track = track.copy()
    for before, after in pairwise(known):
        if after - before > 1 and times_s[after] - times_s[before] <= longest_s:
            share = (times_s[before + 1 : after] - times_s[before]) / (times_s[after] - times_s[before])
            track[before + 1 : after] = track[before] + share[:, None] * (track[after] - track[before])
    return track


def _of_shot(clip: _Clip, shot: range, rule: ContactRule) -> list[Contact]:
    return [each for key in clip.tracks for each in _without_airborne(_of_part(key, clip, shot, rule), clip)]


def _of_part(key: tuple[Side, Part], clip: _Clip, shot: range, rule: ContactRule) -> list[Contact]:
    """The stances of one heel or toe in one shot."""
    track = clip.tracks[key]
    leave = max(1.0, rule.lift_leg_per_s / rule.plant_leg_per_s)
    known = np.isfinite(track).all(axis=1)
    found = []
    for run in _runs(known, shot):
        part = slice(run.start, run.stop)
        stray_px = rule.plant_leg_per_s * REACH_S * clip.leg_px[part]
        for span in stances(track[part], clip.times_s[part], stray_px, leave):
            if len(span):
                found.append(_contact(key, Span(run.start + span.start, run.start + span.stop), track))
    return _joined(found, clip)


def _joined(contacts: list[Contact], clip: _Clip) -> list[Contact]:
    """A foot that is on the ground again at once and at the same place never left it."""
    result: list[Contact] = []
    for contact in contacts:
        before = result[-1] if result else None
        if before is not None:
            away_px = np.hypot(*np.subtract(contact.anchor, before.anchor))
            gone_s = clip.times_s[contact.span.start] - clip.times_s[before.span.stop - 1]
            if gone_s <= JOIN_S and away_px <= JOIN_LEG * clip.leg_px[contact.span.start]:
                span = Span(before.span.start, contact.span.stop)
                result[-1] = _contact((contact.foot, contact.part), span, clip.tracks[contact.foot, contact.part])
                continue
        result.append(contact)
    return result


def _contact(key: tuple[Side, Part], span: Span, track: Doubles) -> Contact:
    x_px, y_px = np.median(track[span.start : span.stop], axis=0)
    return Contact(key[0], key[1], span, (float(x_px), float(y_px)))


def _runs(flags: NDArray[np.bool_], within: range) -> list[range]:
    """Where flags stand, as ranges of the whole."""
    padded = np.concatenate([[False], flags[within.start : within.stop], [False]]).astype(np.int8)
    edges = np.flatnonzero(np.diff(padded)) + within.start
    return [range(start, stop) for start, stop in zip(edges[::2], edges[1::2], strict=True)]


def _without_airborne(contacts: list[Contact], clip: _Clip) -> list[Contact]:
    """A foot also rests for a moment at the top of its swing: there it is higher up than before and after."""
    kept: list[Contact] = []
    for index, contact in enumerate(contacts):
        leg_px = clip.leg_px[contact.span.start]
        beside = [kept[-1]] if kept else []
        beside += contacts[index + 1 : index + 2]
        lifted = [each.anchor[1] - contact.anchor[1] > LIFT_LEG * leg_px for each in beside]
        if not (lifted and all(lifted) and _lasts_s(contact.span, clip.times_s) < MOMENT_S):
            kept.append(contact)
    return kept


def _without_second_heels(contacts: list[Contact], clip: _Clip) -> list[Contact]:
    """A heel that rose over a standing toe does not come down again for a moment: it hangs there before it swings."""

    def second(heel: Contact) -> bool:
        own = [each for each in contacts if each.foot == heel.foot and each.span.start < heel.span.start]
        toes = [each.span for each in own if each.part == "toe" and len(each.span & heel.span)]
        firsts = [each for each in own if each.part == "heel" and any(len(each.span & toe) for toe in toes)]
        return bool(firsts) and _lasts_s(heel.span, clip.times_s) < MOMENT_S

    return [each for each in contacts if each.part == "toe" or not second(each)]


def _as_in_a_walk(contacts: list[Contact], clip: _Clip) -> list[Contact]:
    """Ends a walker's contacts by the other foot's landing, where the foot itself could not be seen to leave."""
    result = []
    for contact in contacts:
        own = [each for each in contacts if each.foot == contact.foot and len(each.span & contact.span)]
        strikes = [each.span.start for each in contacts if each.foot != contact.foot and each.part == "heel"]
        stop = _walked_off(contact, max(each.span.stop for each in own), strikes, clip.times_s)
        if stop > contact.span.start:
            span = Span(contact.span.start, stop)
            result.append(_contact((contact.foot, contact.part), span, clip.tracks[contact.foot, contact.part]))
    return result


def _walked_off(contact: Contact, off: int, strikes: Sequence[int], times_s: Doubles) -> int:
    """The frame by which a part of a walking foot is off the ground; `off` is the foot's last, as it was found."""
    stop = contact.span.stop
    for strike in strikes:
        step_s = min(LONGEST_STEP_S, times_s[strike] - times_s[contact.span.start])
        if not contact.span.start < strike <= off or times_s[off - 1] - times_s[strike] > ROLLED_OFF_STEP * step_s:
            continue
        late_s = TOE_OFF_STEP if contact.part == "toe" else -HEEL_OFF_STEP
        stop = min(stop, int(np.searchsorted(times_s, times_s[strike] + late_s * step_s)))
    return stop


def _lasts_s(span: Span, times_s: Doubles) -> float:
    """From the first frame to where the next one after the last would be."""
    frame_s = (times_s[-1] - times_s[0]) / max(1, len(times_s) - 1)
    return float(times_s[span.stop - 1] - times_s[span.start] + frame_s)
