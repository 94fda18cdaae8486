"""Ground contacts: when and where heels and toes stand, in coordinates of the ground.

A planted point does not move, so each track is segmented into stances (about one place) and movement. Segmentation
uses the whole of a stance, unlike a threshold on the noisy speed from frame to frame, and keeps its edges sharp.
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
"""A planted point strays no further than it would move in this time at the speed that still counts as planted."""
LEG_WINDOW_S = 1.0
"""Window of the median filter over the leg's length, which hardly changes."""
JOIN_S, JOIN_LEG = 0.2, 0.12
"""Contacts of one part closer than this in time, and in leg lengths, are one: a real step takes longer and
goes farther."""
LIFT_LEG = 0.05
"""A rest this far (in leg lengths) above both neighbouring contacts is the top of a swing."""
CERTAIN_S = 0.4
"""Rests longer than this are always contacts."""
HEEL_OFF_STEP = 0.3
"""In a walk the heel leaves the ground this share of a step before the other foot lands."""
TOE_OFF_STEP = 0.3
"""In a walk the toe leaves the ground this share of a step after the other foot lands."""
ROLLED_OFF_STEP = 0.7
"""A foot that leaves within this share of a step after the other's landing is walking."""
EDGE_LEG = 0.02
"""A foot whose heel or toe is this near to the picture's edge, in leg lengths, is cut off by it."""
LONGEST_STEP_S = 0.7
"""Longest step of a walk; a foot that stood for longer began to walk only with its last step."""


@dataclass(frozen=True)
class Contact:
    """A heel or toe that stands on the ground during `span`, at `anchor` (px of the ground picture)."""

    foot: Side
    part: Part
    span: Span
    anchor: tuple[float, float]


@dataclass(frozen=True)
class ContactRule:
    """Thresholds of a contact: speeds in leg lengths per second, times in seconds."""

    plant_leg_per_s: float = 0.2
    lift_leg_per_s: float = 0.3
    shortest_s: float = 0.1
    bridge_s: float = 0.1


@dataclass(frozen=True)
class _Clip:
    """Input of the search: heel and toe tracks in coordinates of the ground, leg lengths and times of n frames."""

    tracks: dict[tuple[Side, Part], Doubles]
    whole: dict[Side, NDArray[np.bool_]]
    """The frames in which the picture's edge does not cut a foot off."""
    leg_px: Doubles
    times_s: Doubles
    shots: tuple[range, ...]


def find_contacts(poses: Poses, ground: CameraPath, rule: ContactRule | None = None) -> tuple[Contact, ...]:
    """Every contact of the clip, sorted by start; none across a cut or where a foot is not seen."""
    rule = rule or ContactRule()
    clip = _on_ground(poses, ground, rule)
    contacts = [
        contact
        for shot in clip.shots
        for found in _ended_by_steps(_without_second_heels(_contacts_of_shot(clip, shot, rule), clip), clip)
        for contact in _in_picture(found, clip)
        if _duration_s(contact.span, clip.times_s) >= rule.shortest_s
    ]
    return tuple(sorted(contacts, key=lambda each: (each.span.start, each.span.stop, each.foot, each.part)))


def _on_ground(poses: Poses, ground: CameraPath, rule: ContactRule) -> _Clip:
    """Heel and toe tracks and leg lengths in the ground picture, without the camera's motion."""
    times_s = ground.times_s()
    leg_px = smoothed_leg_px(poses.leg_px().astype(float), times_s)
    joints = poses.keypoints.astype(float)
    points = moved(ground.matrices[:, None], joints)
    tracks = {
        (side, part): _bridged(points[:, pair[index]], times_s, rule.bridge_s)
        for index, side in enumerate(SIDES)
        for part, pair in zip(PARTS, (HEELS, TOES), strict=True)
    }
    margin_px = EDGE_LEG * leg_px[:, None, None]
    cut_off = ((joints < margin_px) | (joints > np.array(ground.size) - 1 - margin_px)).any(axis=2)
    whole = {side: ~cut_off[:, [HEELS[index], TOES[index]]].any(axis=1) for index, side in enumerate(SIDES)}
    return _Clip(tracks, whole, leg_px * ground.zooms, times_s, ground.shots)


def smoothed_leg_px(leg_px: Doubles, times_s: Doubles) -> Doubles:
    """Leg length by median filter; a bent or foreshortened leg gets the length of the frames around it."""
    known = np.flatnonzero(np.isfinite(leg_px))
    if not len(known):
        return np.ones(len(leg_px))
    filled = np.interp(np.arange(len(leg_px)), known, leg_px[known])
    step_s = float(np.median(np.diff(times_s))) if len(times_s) > 1 else 1.0
    size = 2 * round(LEG_WINDOW_S / step_s / 2) + 1
    smooth: Doubles = np.maximum(median_filter(filled, size, mode="nearest"), 1.0)
    return smooth


def _bridged(track: Doubles, times_s: Doubles, longest_s: float) -> Doubles:
    """The track with gaps of up to `longest_s` filled by linear interpolation."""
    known = np.flatnonzero(np.isfinite(track).all(axis=1))
    track = track.copy()
    for before, after in pairwise(known):
        if after - before > 1 and times_s[after] - times_s[before] <= longest_s:
            share = (times_s[before + 1 : after] - times_s[before]) / (times_s[after] - times_s[before])
            track[before + 1 : after] = track[before] + share[:, None] * (track[after] - track[before])
    return track


def _contacts_of_shot(clip: _Clip, shot: range, rule: ContactRule) -> list[Contact]:
    """All contacts of one shot."""
    return [each for key in clip.tracks for each in _without_airborne(_contacts_of_part(key, clip, shot, rule), clip)]


def _contacts_of_part(key: tuple[Side, Part], clip: _Clip, shot: range, rule: ContactRule) -> list[Contact]:
    """The contacts of one heel or toe in one shot."""
    track = clip.tracks[key]
    leave = max(1.0, rule.lift_leg_per_s / rule.plant_leg_per_s)
    known = np.isfinite(track).all(axis=1)
    contacts = []
    for run in _runs(known, shot):
        part = slice(run.start, run.stop)
        stray_px = rule.plant_leg_per_s * REACH_S * clip.leg_px[part]
        for span in stances(track[part], clip.times_s[part], stray_px, leave):
            if len(span):
                contacts.append(_contact(key, Span(run.start + span.start, run.start + span.stop), track))
    return _joined(contacts, clip)


def _joined(contacts: list[Contact], clip: _Clip) -> list[Contact]:
    """Join contacts of one part that follow each other at once at the same place."""
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
    """A contact anchored at the median of its track."""
    x_px, y_px = np.median(track[span.start : span.stop], axis=0)
    return Contact(key[0], key[1], span, (float(x_px), float(y_px)))


def _runs(flags: NDArray[np.bool_], within: range) -> list[range]:
    """Ranges of indices where flags are set."""
    padded = np.concatenate([[False], flags[within.start : within.stop], [False]]).astype(np.int8)
    edges = np.flatnonzero(np.diff(padded)) + within.start
    return [range(start, stop) for start, stop in zip(edges[::2], edges[1::2], strict=True)]


def _without_airborne(contacts: list[Contact], clip: _Clip) -> list[Contact]:
    """Drop short rests at the top of a swing: they lie higher than the contacts before and after."""
    kept: list[Contact] = []
    for index, contact in enumerate(contacts):
        leg_px = clip.leg_px[contact.span.start]
        beside = [kept[-1]] if kept else []
        beside += contacts[index + 1 : index + 2]
        lifted = [each.anchor[1] - contact.anchor[1] > LIFT_LEG * leg_px for each in beside]
        if not (lifted and all(lifted) and _duration_s(contact.span, clip.times_s) < CERTAIN_S):
            kept.append(contact)
    return kept


def _without_second_heels(contacts: list[Contact], clip: _Clip) -> list[Contact]:
    """Drop short heel contacts after the heel rose over a standing toe: it hangs there before it swings."""

    def second(heel: Contact) -> bool:
        own = [each for each in contacts if each.foot == heel.foot and each.span.start < heel.span.start]
        toes = [each.span for each in own if each.part == "toe" and len(each.span & heel.span)]
        firsts = [each for each in own if each.part == "heel" and any(len(each.span & toe) for toe in toes)]
        return bool(firsts) and _duration_s(heel.span, clip.times_s) < CERTAIN_S

    return [each for each in contacts if each.part == "toe" or not second(each)]


def _ended_by_steps(contacts: list[Contact], clip: _Clip) -> list[Contact]:
    """End a walker's contacts by the other foot's landing, where leaving the ground could not be seen itself."""
    result = []
    for contact in contacts:
        own = [each for each in contacts if each.foot == contact.foot and len(each.span & contact.span)]
        strikes = [each.span.start for each in contacts if each.foot != contact.foot and each.part == "heel"]
        stop = _step_end(contact, max(each.span.stop for each in own), strikes, clip.times_s)
        if stop > contact.span.start:
            span = Span(contact.span.start, stop)
            result.append(_contact((contact.foot, contact.part), span, clip.tracks[contact.foot, contact.part]))
    return result


def _in_picture(contact: Contact, clip: _Clip) -> list[Contact]:
    """The longest part of a contact in which the whole foot is in the picture, if there is one."""
    runs = _runs(clip.whole[contact.foot], range(contact.span.start, contact.span.stop))
    if not runs:
        return []
    longest = max(runs, key=len)
    key = contact.foot, contact.part
    return [_contact(key, Span(longest.start, longest.stop), clip.tracks[key])]


def _step_end(contact: Contact, off: int, strikes: Sequence[int], times_s: Doubles) -> int:
    """The frame by which a heel or toe of a walking foot leaves the ground; `off` is the end of the foot's contacts."""
    stop = contact.span.stop
    for strike in strikes:
        step_s = min(LONGEST_STEP_S, times_s[strike] - times_s[contact.span.start])
        if not contact.span.start < strike <= off or times_s[off - 1] - times_s[strike] > ROLLED_OFF_STEP * step_s:
            continue
        late_s = TOE_OFF_STEP if contact.part == "toe" else -HEEL_OFF_STEP
        stop = min(stop, int(np.searchsorted(times_s, times_s[strike] + late_s * step_s)))
    return stop


def _duration_s(span: Span, times_s: Doubles) -> float:
    """Duration of a span, including its last frame."""
    frame_s = (times_s[-1] - times_s[0]) / max(1, len(times_s) - 1)
    return float(times_s[span.stop - 1] - times_s[span.start] + frame_s)
