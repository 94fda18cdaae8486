"""Skinning weights: smooth ramps along the limbs, with at most four bones per vertex."""

from dataclasses import dataclass

import numpy as np

from utils.walker.clothes import along_arm
from utils.walker.kernel import Floats, Ints
from utils.walker.skeleton import BALL_FRONT_M, BONES, HIP_M, KNEE_M, UPPER_ARM_M, Bone

MOST = 4


@dataclass(frozen=True)
class Weights:
    """Bone indices (n x 4) and their weights (n x 4), which add up to one."""

    bones: Ints
    shares: Floats

    def __post_init__(self) -> None:
        assert self.bones.shape == self.shares.shape and self.bones.shape[1] == MOST


def ramp(low: float, high: float, x: Floats) -> Floats:
    """Smoothstep from 0 to 1 between two bounds."""
    t = np.clip((x - low) / (high - low), 0, 1)
    return np.asarray(t * t * (3 - 2 * t), np.float32)


def kept(table: Floats) -> Weights:
    """The four largest of n x b weights, normalised to add up to one."""
    bones = np.argsort(-table, axis=1, kind="stable")[:, :MOST]
    shares = np.take_along_axis(table, bones, 1)
    return Weights(bones.astype(np.int32), np.asarray(shares / shares.sum(1, keepdims=True), np.float32))


def head_weights(points: Floats) -> Floats:
    """Weights of the head: chest below the collar, then neck, then head, with the chin."""
    _x, y, z = points.T
    table = np.zeros((len(points), BONES), np.float32)
    head = ramp(1.495, 1.565, y + 0.9 * np.clip(-z - 0.02, 0, 0.06))
    chest = 1 - ramp(1.43, 1.49, y)
    table[:, Bone.HEAD] = head
    table[:, Bone.CHEST] = chest * (1 - head)
    table[:, Bone.NECK] = (1 - head) * (1 - chest)
    return table


def jacket_weights(points: Floats) -> Floats:
    """Weights of the jacket: trunk by height, sleeves by distance along the arm, the hem partly with the thighs."""
    mirrored = points.copy()
    mirrored[:, 0] = np.abs(points[:, 0])
    y = points[:, 1]
    down, out = along_arm(mirrored)
    arm = ramp(-0.115, -0.040, out) * ramp(-0.050, 0.085, down)
    table = np.zeros((len(points), BONES), np.float32)
    pelvis, chest = 1 - ramp(0.99, 1.13, y), ramp(1.09, 1.25, y)
    hem = 0.42 * (1 - ramp(0.85, 0.97, y))
    collar = 0.35 * ramp(1.45, 1.51, y)
    trunk = 1 - arm
    table[:, Bone.PELVIS] = trunk * pelvis * (1 - hem)
    table[:, Bone.CHEST] = trunk * chest * (1 - collar)
    table[:, Bone.NECK] = trunk * chest * collar
    table[:, Bone.SPINE] = trunk * (1 - pelvis - chest)
    forearm = ramp(UPPER_ARM_M - 0.05, UPPER_ARM_M + 0.05, down)
    for k, share in enumerate(_sides(points, 0.06)):
        own = (points[:, 0] > 0) == (k == 0)
        table[:, Bone.THIGH + k] = trunk * pelvis * hem * share
        table[:, Bone.UPPER_ARM + k] = own * arm * (1 - forearm)
        table[:, Bone.FOREARM + k] = own * arm * forearm
    return table


def trouser_weights(points: Floats) -> Floats:
    """Weights of the trousers: pelvis, thighs and shins."""
    x, y, _z = points.T
    table = np.zeros((len(points), BONES), np.float32)
    thigh = ramp(-0.075, 0.085, HIP_M - y + 0.25 * (np.abs(x) - 0.09))
    shin = ramp(-0.062, 0.062, KNEE_M - y)
    table[:, Bone.PELVIS] = 1 - thigh
    for k, share in enumerate(_sides(points, 0.022)):
        table[:, Bone.THIGH + k] = thigh * share * (1 - shin)
        table[:, Bone.SHIN + k] = thigh * share * shin
    return table


def shoe_weights(points: Floats, side: int) -> Floats:
    """Weights of a shoe: the foot, and the toes in front of the ball."""
    table = np.zeros((len(points), BONES), np.float32)
    toe = ramp(-0.018, 0.018, -points[:, 2] - BALL_FRONT_M)
    table[:, Bone.FOOT + side] = 1 - toe
    table[:, Bone.TOE + side] = toe
    return table


def hand_weights(points: Floats, side: int) -> Floats:
    """Weights of a hand, without the part inside the cuff."""
    mirrored = points.copy()
    mirrored[:, 0] = np.abs(points[:, 0])
    down, _ = along_arm(mirrored)
    table = np.zeros((len(points), BONES), np.float32)
    hand = ramp(0.51, 0.56, down)
    table[:, Bone.HAND + side] = hand
    table[:, Bone.FOREARM + side] = 1 - hand
    return table


def _sides(points: Floats, blend_m: float) -> tuple[Floats, Floats]:
    """Shares of the left and the right bone across the middle of the body."""
    left = ramp(-blend_m, blend_m, points[:, 0])
    return left, np.asarray(1 - left, np.float32)
