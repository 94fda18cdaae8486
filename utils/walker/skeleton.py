"""Skeleton: bones in the rest pose, and the landmarks attached to them.

Metres; x to the picture's right, y up, z away from the camera. The rest pose faces the camera (-z), so that the
figure's own left is +x; its arms hang 35 degrees out, which keeps sleeves clear of the body while they are modelled.
"""

import math
from dataclasses import dataclass
from enum import IntEnum

import numpy as np

from utils.walker.kernel import Doubles

HEIGHT_M = 1.765
ANKLE_M, KNEE_M, HIP_M = 0.085, 0.485, 0.925
THIGH_M, SHIN_M = HIP_M - KNEE_M, KNEE_M - ANKLE_M
HIP_SIDE_M, FOOT_SIDE_M = 0.092, 0.092
HEEL_BACK_M, BALL_FRONT_M, TOE_FRONT_M, BALL_HEIGHT_M = 0.062, 0.118, 0.198, 0.018
SHOULDER = (0.178, 1.425, 0.012)
UPPER_ARM_M, FOREARM_M = 0.285, 0.255
ARM_OUT = math.radians(35)


class Bone(IntEnum):
    """Index of a bone in arrays of transforms; the left one of a pair comes first."""

    PELVIS = 0
    SPINE = 1
    CHEST = 2
    NECK = 3
    HEAD = 4
    UPPER_ARM = 5
    FOREARM = 7
    HAND = 9
    THIGH = 11
    SHIN = 13
    FOOT = 15
    TOE = 17


BONES = 19


def _arm(side: int, along_m: float) -> tuple[float, float, float]:
    """A point on the rest arm's axis; side is +1 on the figure's left."""
    x, y, z = SHOULDER
    return side * (x + math.sin(ARM_OUT) * along_m), y - math.cos(ARM_OUT) * along_m, z


def _rest_joints() -> Doubles:
    joints = np.zeros((BONES, 3))
    joints[Bone.PELVIS] = 0, 0.955, 0
    joints[Bone.SPINE] = 0, 1.06, 0.012
    joints[Bone.CHEST] = 0, 1.20, 0.018
    joints[Bone.NECK] = 0, 1.465, 0.022
    joints[Bone.HEAD] = 0, 1.56, 0.012
    for k, side in enumerate((1, -1)):
        joints[Bone.UPPER_ARM + k] = _arm(side, 0)
        joints[Bone.FOREARM + k] = _arm(side, UPPER_ARM_M)
        joints[Bone.HAND + k] = _arm(side, UPPER_ARM_M + FOREARM_M)
        joints[Bone.THIGH + k] = side * HIP_SIDE_M, HIP_M, 0
        joints[Bone.SHIN + k] = side * FOOT_SIDE_M, KNEE_M, 0
        joints[Bone.FOOT + k] = side * FOOT_SIDE_M, ANKLE_M, 0
        joints[Bone.TOE + k] = side * FOOT_SIDE_M, BALL_HEIGHT_M, -BALL_FRONT_M
    return joints


JOINTS = _rest_joints()

LANDMARKS = 33
"""MediaPipe's pose landmarks, in its order."""

NAMES = (
    "nose", "left_eye_inner", "left_eye", "left_eye_outer", "right_eye_inner", "right_eye", "right_eye_outer",
    "left_ear", "right_ear", "mouth_left", "mouth_right", "left_shoulder", "right_shoulder", "left_elbow",
    "right_elbow", "left_wrist", "right_wrist", "left_pinky", "right_pinky", "left_index", "right_index",
    "left_thumb", "right_thumb", "left_hip", "right_hip", "left_knee", "right_knee", "left_ankle", "right_ankle",
    "left_heel", "right_heel", "left_foot_index", "right_foot_index",
)  # fmt: skip


def _landmarks() -> list[tuple[Bone, int, tuple[float, float, float]]]:
    """Bone, side (0 left, 1 right) and rest position of each landmark."""
    face = {0: (0, 1.608, -0.113), 1: (0.018, 1.640, -0.09), 2: (0.031, 1.640, -0.09), 3: (0.044, 1.640, -0.08),
            7: (0.08, 1.628, 0.005), 9: (0.024, 1.572, -0.085)}  # fmt: skip
    left: dict[int, tuple[Bone, tuple[float, float, float]]] = {
        **{index: (Bone.HEAD, place) for index, place in face.items()},
        11: (Bone.UPPER_ARM, _arm(1, 0.0)),
        13: (Bone.FOREARM, _arm(1, UPPER_ARM_M)),
        15: (Bone.HAND, _arm(1, UPPER_ARM_M + FOREARM_M)),
        17: (Bone.HAND, _offset(_arm(1, UPPER_ARM_M + FOREARM_M + 0.09), 0.03)),
        19: (Bone.HAND, _offset(_arm(1, UPPER_ARM_M + FOREARM_M + 0.10), -0.025)),
        21: (Bone.HAND, _offset(_arm(1, UPPER_ARM_M + FOREARM_M + 0.06), -0.045)),
        23: (Bone.PELVIS, (HIP_SIDE_M, HIP_M, 0.0)),
        25: (Bone.SHIN, (FOOT_SIDE_M, KNEE_M, 0.0)),
        27: (Bone.FOOT, (FOOT_SIDE_M, ANKLE_M, 0.0)),
        29: (Bone.FOOT, (FOOT_SIDE_M, 0.0, HEEL_BACK_M)),
        31: (Bone.TOE, (FOOT_SIDE_M, 0.0, -TOE_FRONT_M)),
    }
    mirror = {1: 4, 2: 5, 3: 6, 7: 8, 9: 10, **{index: index + 1 for index in range(11, 33, 2)}}
    rows = [(Bone.HEAD, 0, (0.0, 0.0, 0.0))] * LANDMARKS
    for index, (bone, (x, y, z)) in left.items():
        rows[index] = (bone, 0, (x, y, z))
        if index in mirror:
            rows[mirror[index]] = (bone, 1, (-x, y, z))
    return rows


def _offset(place: tuple[float, float, float], z_m: float) -> tuple[float, float, float]:
    return place[0], place[1], place[2] + z_m


@dataclass(frozen=True)
class Pose:
    """Pose of the skeleton: rotations (b x 3 x 3) and joint positions (b x 3) in the world, metres."""

    turns: Doubles
    joints: Doubles

    def __post_init__(self) -> None:
        assert self.turns.shape == (BONES, 3, 3) and self.joints.shape == (BONES, 3)

    def carry(self, bone: int, rest: Doubles) -> Doubles:
        """Move a rest-pose point with a bone."""
        return np.asarray(self.turns[bone] @ (rest - JOINTS[bone]) + self.joints[bone])

    def landmarks(self) -> Doubles:
        """World positions of the landmarks (33 x 3), in MediaPipe's order."""
        middle = [bone < Bone.UPPER_ARM for bone, _, _ in _ROWS]
        return np.array(
            [self.carry(int(bone) + (0 if mid else side), np.array(rest))
             for (bone, side, rest), mid in zip(_ROWS, middle, strict=True)]
        )  # fmt: skip


_ROWS = _landmarks()
