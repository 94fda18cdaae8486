"""Gait: the pose at any time, from footfalls to feet, legs that reach them, and a body that follows the legs.

Arms, shoulders and hips swing by how far one ankle leads the other, so they come to rest with the feet.
"""

import math
from dataclasses import dataclass

import numpy as np

from utils.walker import skeleton
from utils.walker.kernel import Doubles
from utils.walker.skeleton import ARM_OUT, BONES, JOINTS, SHIN_M, THIGH_M, Bone, Pose
from utils.walker.steps import Footfall, Plan, forward, leftward, smooth

_PUSH, _LAND = 1.02, 0.36
"""Pitch of the foot at toe-off and at heel strike of a full stride, radians."""
_FULL_STRIDE_M = 1.40
_REACH_M = 0.996 * (THIGH_M + SHIN_M)
_HEEL = np.array([0.0, -skeleton.ANKLE_M, skeleton.HEEL_BACK_M])
_BALL = np.array([0.0, skeleton.BALL_HEIGHT_M - skeleton.ANKLE_M, -skeleton.BALL_FRONT_M])


@dataclass(frozen=True)
class Foot:
    """Pose of a foot: ankle position, heading, pitch of foot and toes (up is positive), and which parts touch."""

    ankle: Doubles
    heading: float
    pitch: float
    toe_pitch: float
    load: float
    heel_down: bool
    toe_down: bool


@dataclass(frozen=True)
class Manner:
    """Gestures of head and hands while standing: times and strengths."""

    greets_s: tuple[float, float] | None = None
    glance: float = 0.12


def turn(yaw: float, pitch: float = 0.0, roll: float = 0.0) -> Doubles:
    """Rotation matrix from heading, then pitch (toes or face up), then roll (own left side up)."""
    cy, sy, cp, sp, cr, sr = (f(a) for a in (yaw, pitch, roll) for f in (math.cos, math.sin))
    heading = np.array([[cy, 0, -sy], [0, 1, 0], [sy, 0, cy]])
    pitched = np.array([[1, 0, 0], [0, cp, -sp], [0, sp, cp]])
    rolled = np.array([[cr, -sr, 0], [sr, cr, 0], [0, 0, 1]])
    return np.asarray(heading @ pitched @ rolled)


def foot_at(plan: Plan, side: int, time_s: float) -> Foot:
    """Pose of one foot at one time."""
    now, then = plan.around(side, time_s)
    load = smooth((time_s - now.strike_s + 0.08) / 0.26) * (1 - smooth((time_s - now.toe_off_s + 0.16) / 0.26))
    load += smooth((time_s - then.strike_s + 0.08) / 0.26)
    if time_s >= now.toe_off_s:
        return _swinging(now, then, time_s, load)
    flat = _place_flat(now)
    if time_s < now.flat_s:
        pitch = _LAND * _vigour(now) * (1 - smooth((time_s - now.strike_s) / (now.flat_s - now.strike_s)))
        return Foot(_about(flat, _HEEL, now.heading, pitch), now.heading, pitch, pitch, load, True, False)
    q = smooth((time_s - now.heel_off_s) / (now.toe_off_s - now.heel_off_s))
    pitch = -_PUSH * _vigour(then) * q
    return Foot(_about(flat, _BALL, now.heading, pitch), now.heading, pitch, 0.0, load, q == 0, True)


def _swinging(now: Footfall, then: Footfall, time_s: float, load: float) -> Foot:
    """Pose of a swinging foot: from rotating about the old ball to rotating about the new heel, lifted in between."""
    s = (time_s - now.toe_off_s) / (then.strike_s - now.toe_off_s)
    push, land = -_PUSH * _vigour(then), _LAND * _vigour(then)
    pitch = push + (land - push) * smooth(min(1.0, s * 1.12))
    heading = now.heading + (then.heading - now.heading) * smooth(s)
    old = _about(_place_flat(now), _BALL, now.heading, pitch)
    new = _about(_place_flat(then), _HEEL, then.heading, pitch)
    share = s**3 * (4 - 3 * s)
    lift = 0.095 * _vigour(then) ** 0.5 * (4 * s * (1 - s)) ** 2 * (1 - 0.45 * s)
    ankle = np.asarray(old + (new - old) * share + np.array([0.0, lift, 0.0]))
    bend = -push * (1 - smooth(s / 0.45))
    return Foot(ankle, heading, pitch, pitch + bend, load, False, False)


def _vigour(fall: Footfall) -> float:
    """Foot action of the stride to a footfall, relative to a full stride (0 to 1)."""
    return min(1.0, 0.25 + 0.75 * fall.stride_m / _FULL_STRIDE_M)


def _place_flat(fall: Footfall) -> Doubles:
    """Ankle position of a foot that stands flat."""
    return np.asarray(fall.place + np.array([0.0, skeleton.ANKLE_M, 0.0]))


def _about(ankle: Doubles, pivot: Doubles, heading: float, pitch: float) -> Doubles:
    """Ankle position after the foot has pitched about a point of its sole."""
    return np.asarray(ankle + turn(heading) @ pivot - turn(heading, pitch) @ pivot)


def pose_at(plan: Plan, manner: Manner, time_s: float) -> tuple[Pose, tuple[Foot, Foot]]:
    """Pose of the whole body at one time, and of its feet."""
    feet = foot_at(plan, 0, time_s), foot_at(plan, 1, time_s)
    heading, middle = plan.path.heading(time_s), plan.path.place(time_s)
    ahead = [float((foot.ankle - middle) @ forward(heading)) for foot in feet]
    lead = ahead[0] - ahead[1]
    share = feet[0].load / (feet[0].load + feet[1].load)
    aside = [float((foot.ankle - middle) @ leftward(heading)) for foot in feet]
    idle = math.sin(time_s * 1.7) * 0.6 + math.sin(time_s * 0.9 + 1) * 0.4
    sway = 0.34 * (share * aside[0] + (1 - share) * aside[1]) + 0.007 * idle
    turns, joints = np.empty((BONES, 3, 3)), np.empty((BONES, 3))
    turns[Bone.PELVIS] = turn(heading - 0.16 * lead, -0.03, 0.11 * (share - 0.5))
    joints[Bone.PELVIS] = middle + leftward(heading) * sway + np.array([0.0, JOINTS[Bone.PELVIS][1], 0.0])
    joints[Bone.PELVIS][1] += _height(joints[Bone.PELVIS], turns[Bone.PELVIS], feet, abs(lead), time_s)
    _trunk(turns, joints, plan, manner, time_s, heading, lead, share)
    for side in (0, 1):
        _arm(turns, joints, side, lead, manner, time_s)
        _leg(turns, joints, side, feet[side], heading)
    return Pose(turns, joints), feet


def _hip(side: int) -> Doubles:
    return np.asarray(JOINTS[Bone.THIGH + side] - JOINTS[Bone.PELVIS])


def _height(pelvis: Doubles, turned: Doubles, feet: tuple[Foot, Foot], lead: float, time_s: float) -> float:
    """Vertical offset of the pelvis from its rest height, so that both legs reach their feet (smooth minimum)."""
    limits: list[float] = [-0.005 - 0.040 * (lead / 0.66) ** 2 + 0.0015 * math.sin(time_s * 1.57)]
    for side, foot in enumerate(feet):
        hip = pelvis + turned @ _hip(side)
        flat = math.hypot(hip[0] - foot.ankle[0], hip[2] - foot.ankle[2])
        limits.append(foot.ankle[1] + math.sqrt(max(0.04, _REACH_M**2 - flat**2)) - hip[1])
    soft = 0.006
    least = min(limits)
    return least - soft * math.log(sum(math.exp((least - limit) / soft) for limit in limits))


def _trunk(
    turns: Doubles, joints: Doubles, plan: Plan, manner: Manner, time_s: float, heading: float, lead: float,
    share: float,
) -> None:  # fmt: skip
    """Pose spine, chest, neck and head: shoulders turn against the hips and the head stays level."""
    breath = math.sin(time_s * 2 * math.pi / 3.4)
    brisk = smooth(abs(lead) / 0.4)
    chest = heading + 0.13 * lead
    looks = plan.path.heading(time_s + 0.22) + manner.glance * math.sin(time_s * 0.8 + 0.4) * (1 - brisk)
    turns[Bone.CHEST] = turn(chest, -0.030 - 0.05 * brisk + 0.008 * breath, -0.05 * (share - 0.5))
    turns[Bone.SPINE] = turn((2 * heading - 0.03 * lead) / 2, -0.02 - 0.02 * brisk, 0.03 * (share - 0.5))
    turns[Bone.NECK] = turn((chest + looks) / 2, -0.05)
    turns[Bone.HEAD] = turn(looks, 0.015 + 0.02 * math.sin(time_s * 0.6), 0.025 * math.sin(time_s * 0.5 + 1))
    for bone, parent in (
        (Bone.SPINE, Bone.PELVIS),
        (Bone.CHEST, Bone.SPINE),
        (Bone.NECK, Bone.CHEST),
        (Bone.HEAD, Bone.NECK),
    ):
        joints[bone] = joints[parent] + turns[parent] @ (JOINTS[bone] - JOINTS[parent])


def _arm(turns: Doubles, joints: Doubles, side: int, lead: float, manner: Manner, time_s: float) -> None:
    """Pose an arm: it swings against the leg of its side, and the elbow bends on the way forward."""
    out = 1 - 2 * side
    swing = -0.52 * lead * out + 0.02
    spread, bend, fore_spread, fore_yaw, twist = 0.13, 0.30 + 0.55 * swing, 0.06, 0.10, 0.0
    if side == 1 and manner.greets_s is not None:
        lift = greeting(manner, time_s)
        wave = math.sin((time_s - manner.greets_s[0]) * 2 * math.pi * 1.7)
        swing, spread = swing + 0.12 * lift, spread + 0.42 * lift
        bend, fore_spread = bend + (2.5 - bend) * lift, fore_spread + lift * (-0.34 + 0.24 * wave)
        twist = -1.45 * lift
    chest = turns[Bone.CHEST]
    upper, fore, hand = Bone.UPPER_ARM + side, Bone.FOREARM + side, Bone.HAND + side
    turns[upper] = chest @ turn(0, swing, -out * (ARM_OUT - spread))
    turns[fore] = chest @ turn(out * fore_yaw, swing + bend, -out * (ARM_OUT - fore_spread))
    turns[hand] = chest @ turn(
        out * fore_yaw * 1.5, swing + bend + 0.06 - 0.28 * twist, -out * (ARM_OUT - fore_spread - 0.03)
    )
    turns[hand] = turns[hand] @ _about_arm(out, twist)
    for bone, parent in ((upper, int(Bone.CHEST)), (fore, upper), (hand, fore)):
        joints[bone] = joints[parent] + turns[parent] @ (JOINTS[bone] - JOINTS[parent])


def _about_arm(out: int, angle: float) -> Doubles:
    """Rotation about the rest arm's axis, which shows the palm."""
    along = turn(0, 0, out * ARM_OUT)
    return np.asarray(along @ turn(out * angle) @ along.T)


def greeting(manner: Manner, time_s: float) -> float:
    """How far the right hand is raised to greet, 0 to 1."""
    if manner.greets_s is None:
        return 0.0
    start, stop = manner.greets_s
    return smooth((time_s - start) / 0.75) * smooth((stop - time_s) / 0.75)


def _leg(turns: Doubles, joints: Doubles, side: int, foot: Foot, heading: float) -> None:
    """Pose a leg by two-bone inverse kinematics; the knee points between pelvis and toes."""
    thigh, shin, ankle, toe = Bone.THIGH + side, Bone.SHIN + side, Bone.FOOT + side, Bone.TOE + side
    hip = joints[Bone.PELVIS] + turns[Bone.PELVIS] @ _hip(side)
    knee = knee_between(hip, foot.ankle, forward(0.5 * heading + 0.5 * foot.heading))
    back = -forward(0.5 * heading + 0.5 * foot.heading)
    joints[thigh], joints[shin], joints[ankle] = hip, knee, foot.ankle
    turns[thigh], turns[shin] = _along(hip - knee, back), _along(knee - foot.ankle, back)
    turns[ankle] = turn(foot.heading, foot.pitch)
    turns[toe] = turn(foot.heading, foot.toe_pitch)
    joints[toe] = foot.ankle + turns[ankle] @ _BALL


def knee_between(hip: Doubles, ankle: Doubles, ahead: Doubles) -> Doubles:
    """Knee position of a leg that bends forward."""
    line = ankle - hip
    length = float(np.linalg.norm(line))
    line = line / length
    along = (length**2 + THIGH_M**2 - SHIN_M**2) / (2 * length)
    bend = ahead - line * float(line @ ahead)
    return np.asarray(hip + line * along + bend / np.linalg.norm(bend) * math.sqrt(max(0.0, THIGH_M**2 - along**2)))


def _along(up: Doubles, back: Doubles) -> Doubles:
    """Rotation with a given up axis, and a back axis as near to `back` as possible."""
    up = up / np.linalg.norm(up)
    back = back - up * float(up @ back)
    back = back / np.linalg.norm(back)
    return np.stack([np.cross(up, back), up, back], 1)
