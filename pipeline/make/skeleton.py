"""The skeleton as OpenPose draws it: the joints, limbs and colours that models led by a pose were trained on."""

import cv2
import numpy as np
from numpy.typing import NDArray

from utils.image import RGB
from utils.people.pose import ANKLES, EARS, ELBOWS, EYES, HIPS, KNEES, NOSE, SHOULDERS, WRISTS, Keypoints

NECK = 1
JOINTS = (NOSE, None, *(each[1] for each in (SHOULDERS, ELBOWS, WRISTS)),
          *(each[0] for each in (SHOULDERS, ELBOWS, WRISTS)), *(each[1] for each in (HIPS, KNEES, ANKLES)),
          *(each[0] for each in (HIPS, KNEES, ANKLES)), EYES[1], EYES[0], EARS[1], EARS[0])  # fmt: skip
"""OpenPose's 18 joints as MediaPipe's landmarks: the person's right side first; the neck is between the shoulders."""
LIMBS = ((1, 2), (1, 5), (2, 3), (3, 4), (5, 6), (6, 7), (1, 8), (8, 9), (9, 10), (1, 11), (11, 12), (12, 13), (1, 0),
         (0, 14), (14, 16), (0, 15), (15, 17))  # fmt: skip
"""Pairs of joints, each drawn in the colour of its own place in this list."""
THICKNESS_SHARE = 4 / 512
"""Half the width of a limb, and the radius of a joint, as shares of the picture's height."""
LIMB_BRIGHTNESS = 0.6


def skeleton(keypoints: Keypoints, picture: RGB) -> RGB:
    """The skeleton on black, at the size of a picture; joints that are missing are left out, with their limbs."""
    drawn, joints = np.zeros_like(picture), openpose_joints(keypoints)
    half_px = max(1, round(THICKNESS_SHARE * picture.shape[0]))
    for number, ends in enumerate(LIMBS):
        start, stop = joints[list(ends)]
        if np.isfinite([start, stop]).all():
            x, y = np.rint((start + stop) / 2).astype(int).tolist()
            length_px, angle = np.hypot(*(stop - start)), np.degrees(np.arctan2(*(stop - start)[::-1]))
            outline = cv2.ellipse2Poly((x, y), (round(length_px / 2), half_px), round(angle), 0, 360, 10)
            cv2.fillConvexPoly(drawn, outline, colour(number, LIMB_BRIGHTNESS), cv2.LINE_AA)
    for number, joint in enumerate(joints):
        if np.isfinite(joint).all():
            x, y = np.rint(joint).astype(int).tolist()
            cv2.circle(drawn, (x, y), half_px, colour(number), -1, cv2.LINE_AA)
    return drawn


def openpose_joints(keypoints: Keypoints) -> NDArray[np.float32]:
    """OpenPose's 18 joints (x and y, NaN where missing) from MediaPipe's 33 landmarks."""
    joints: NDArray[np.float32] = np.stack([keypoints[0 if landmark is None else landmark] for landmark in JOINTS])
    joints[NECK] = keypoints[list(SHOULDERS)].mean(axis=0)
    return joints


def colour(number: int, brightness: float = 1.0) -> tuple[int, int, int]:
    """The colour of a joint or limb: 18 hues around the circle."""
    hue = np.array([[[number * 20, 1.0, brightness]]], np.float32)
    red, green, blue = np.rint(255 * cv2.cvtColor(hue, cv2.COLOR_HSV2RGB)[0, 0]).astype(int).tolist()
    return red, green, blue
