"""The sound of a composed clip: carried over from the clip whose times it has, or the other's, which follows them."""

from itertools import pairwise
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from pipeline.align.time_map import TimeMap
from pipeline.align.timeline import BRIDGED_S, Timeline, lasting
from utils.errors import SettingsError
from utils.media.clip import Clip
from utils.media.followed_sound import Followed, Stretch

Choice = Literal["auto", "foreground", "background", "none"]
Times = NDArray[np.float64]
TOLERANCE_S = 0.02
"""So far sound may be from its picture where that lets it run at its own speed; fewer than that nobody notices."""


def check_sound(choice: Choice, background: Clip, foreground: Clip) -> None:
    """Refuse the sound of a clip that has none."""
    for name, clip, other in (("background", background, "foreground"), ("foreground", foreground, "background")):
        if choice == name and clip.audio is None:
            raise SettingsError(f"The {name} has no sound.", f"Choose that of the {other}, auto or none.")


def sound_of(
    choice: Choice, timeline: Timeline, found: TimeMap, background: Clip, foreground: Clip
) -> Clip | Followed | None:
    """The sound of a composed clip; auto is that of the clip whose times it has, or the other's."""
    whole = timeline.clip is background
    usual, other = ("background", "foreground") if whole else ("foreground", "background")
    if choice == "auto":
        choice = usual if timeline.clip.audio else other  # type: ignore[assignment]
    if choice == "none":
        return None
    if choice == usual:
        return timeline.clip
    clip = foreground if whole else background
    if clip.audio is None:
        return None
    stretches = _along_background(found, background, foreground) if whole else _along(timeline, background)
    return Followed(clip, stretches) if stretches else None


def _along(timeline: Timeline, background: Clip) -> tuple[Stretch, ...]:
    """Where the background is heard in the foreground's times."""
    times_s = _seconds(timeline.clip)
    moments = np.array([each.moment for each in timeline.shown])
    behind_s = np.interp(moments, np.arange(len(background)), _seconds(background))
    return stretches(times_s, behind_s, float(timeline.clip.duration_s) - times_s[-1])


def _along_background(found: TimeMap, background: Clip, foreground: Clip) -> tuple[Stretch, ...]:
    """Where the foreground is heard in the background's times; in gaps, which show the background alone, nothing is."""
    indices, moments = lasting(found, float(foreground.rate))
    times_s = np.interp(moments, np.arange(len(background)), _seconds(background))
    order = np.flatnonzero(np.diff(times_s, prepend=-np.inf) > 0)
    own_s, times_s = _seconds(foreground)[indices[order]], times_s[order]
    step_s = float(1 / foreground.rate)
    parts = np.flatnonzero(np.diff(times_s) > BRIDGED_S + step_s) + 1
    pairs = zip(np.split(times_s, parts), np.split(own_s, parts), strict=True)
    return tuple(each for times, own in pairs for each in stretches(times, own, step_s))


def stretches(times_s: Times, heard_s: Times, last_s: float) -> tuple[Stretch, ...]:
    """Stretches in which the times heard run evenly, over times of a result, whose last frame lasts so long."""
    steps, heard = np.diff(times_s), np.diff(heard_s)
    speed = float(np.median(heard / steps)) if len(steps) else 1.0
    jumps = np.flatnonzero(np.abs(heard - speed * steps) > TOLERANCE_S + steps) + 1
    made = list[Stretch]()
    for part in np.split(np.arange(len(times_s)), jumps):
        stop_s = float(times_s[part[-1] + 1]) if part[-1] + 1 < len(times_s) else float(times_s[-1] + last_s)
        made += _even(times_s[part], heard_s[part], stop_s)
    return tuple(made)


def _even(times_s: Times, heard_s: Times, stop_s: float) -> list[Stretch]:
    """One stretch at the clip's own speed if that is near enough everywhere, else lines from point to point."""
    shift = float(np.median(heard_s - times_s))
    start_s = float(times_s[0])
    if np.abs(heard_s - times_s - shift).max() <= TOLERANCE_S:
        return [Stretch(start_s, stop_s, start_s + shift)]
    points = _corners(times_s, heard_s)
    lines = []
    for left, right in pairwise(points):
        speed = float((heard_s[right] - heard_s[left]) / (times_s[right] - times_s[left]))
        end_s = float(times_s[right]) if right != points[-1] else stop_s
        lines.append(Stretch(float(times_s[left]), end_s, float(heard_s[left]), max(speed, 0.0)))
    return lines


def _corners(times_s: Times, heard_s: Times) -> list[int]:
    """The fewest points whose straight connections stay near to all of them (Douglas and Peucker)."""
    kept, open_ = {0, len(times_s) - 1}, [(0, len(times_s) - 1)]
    while open_:
        left, right = open_.pop()
        inside = np.arange(left, right + 1)
        ends = [left, right]
        off = np.abs(heard_s[inside] - np.interp(times_s[inside], times_s[ends], heard_s[ends]))
        worst = left + int(off.argmax())
        if off.max() > TOLERANCE_S:
            kept.add(worst)
            open_ += [(left, worst), (worst, right)]
    return sorted(kept)


def _seconds(clip: Clip) -> Times:
    """When each frame of a clip is shown, counted from the first."""
    return np.array([float(clip.time_s(index)) for index in range(len(clip))])
