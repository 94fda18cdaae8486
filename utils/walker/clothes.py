"""Jacket, trousers and shoes as solids in the rest pose, folds included."""

import math

import numpy as np

from utils.walker.kernel import Floats
from utils.walker.noise import noise_at
from utils.walker.skeleton import ARM_OUT, FOOT_SIDE_M, FOREARM_M, HIP_M, HIP_SIDE_M, SHOULDER, UPPER_ARM_M
from utils.walker.solids import capsule, ellipsoid, loft, smooth_cut, smooth_union, vector

JACKET_BOX = (-0.56, 0.83, -0.19), (0.56, 1.56, 0.22)
TROUSERS_BOX = (-0.23, 0.05, -0.17), (0.23, 1.09, 0.18)
SHOE_BOX = (0.02, -0.02, -0.235), (0.17, 0.16, 0.10)


def along_arm(points: Floats) -> tuple[Floats, Floats]:
    """Coordinates on the left sleeve: metres down the rest arm from the shoulder, and metres out from its axis."""
    x, y = points[:, 0] - SHOULDER[0], points[:, 1] - SHOULDER[1]
    down = x * math.sin(ARM_OUT) - y * math.cos(ARM_OUT)
    out = x * math.cos(ARM_OUT) + y * math.sin(ARM_OUT)
    return np.asarray(down, np.float32), np.asarray(out, np.float32)


def jacket(points: Floats) -> Floats:
    """Solid of a short jacket with a ribbed hem, cuffs and a standing collar."""
    p = points.copy()
    p[:, 0] = np.abs(p[:, 0])
    body = loft(p, (0, 0.815, 0.006), (0, 1.475, 0.022), (1, 0, 0), [
        (0.0, 0.189, 0.139, 0.004), (0.14, 0.187, 0.140, 0.004), (0.20, 0.193, 0.149, 0.002),
        (0.42, 0.170, 0.130, 0.006),
        (0.65, 0.186, 0.134, 0.006), (0.80, 0.182, 0.126, 0.0), (0.92, 0.148, 0.094, -0.002), (1.0, 0.072, 0.062, 0.0),
    ], 2.35)  # fmt: skip
    body = smooth_cut(body, np.asarray(p[:, 1] - 0.862, np.float32), 0.010)
    shoulder = capsule(p, (0.048, 1.460, 0.020), (SHOULDER[0] - 0.016, SHOULDER[1] - 0.012, SHOULDER[2]), 0.040, 0.055)
    solid = smooth_union(smooth_union(body, shoulder, 0.045), _sleeve(p), 0.042)
    collar = loft(p, (0, 1.452, 0.020), (0, 1.512, 0.012), (1, 0, 0),
                  [(0, 0.072, 0.070, 0), (1, 0.066, 0.066, 0)])  # fmt: skip
    collar = smooth_cut(collar, loft(p, (0, 1.44, 0.020), (0, 1.56, 0.012), (1, 0, 0),
                                     [(0, 0.056, 0.054, 0), (1, 0.056, 0.056, 0)]), 0.006)  # fmt: skip
    collar = smooth_cut(collar, ellipsoid(p, (0, 1.50, -0.085), (0.048, 0.095, 0.085)), 0.008)
    return np.asarray(smooth_union(solid + _jacket_folds(points, p), collar, 0.012), np.float32)


def _sleeve(p: Floats) -> Floats:
    s, c = math.sin(ARM_OUT), math.cos(ARM_OUT)
    length = UPPER_ARM_M + FOREARM_M - 0.008
    wrist = (SHOULDER[0] + s * length, SHOULDER[1] - c * length, SHOULDER[2])
    return loft(p, SHOULDER, wrist, (c, s, 0), [
        (0.0, 0.053, 0.062, 0), (0.12, 0.058, 0.064, 0), (0.25, 0.058, 0.063, 0),
        (0.5, 0.052, 0.056, 0), (0.62, 0.051, 0.054, 0),
        (0.86, 0.045, 0.047, 0), (0.905, 0.046, 0.048, 0), (0.93, 0.037, 0.038, 0), (1.0, 0.035, 0.036, 0),
    ])  # fmt: skip


def _jacket_folds(points: Floats, p: Floats) -> Floats:
    """Height of the jacket's creases, which gather at the elbow, the cuff and above the hem."""
    down, _ = along_arm(p)
    on_arm = np.clip((p[:, 0] - 0.20) / 0.05, 0, 1)
    elbow = np.exp(-(((down - UPPER_ARM_M) / 0.09) ** 2))
    cuff = np.exp(-(((down - UPPER_ARM_M - FOREARM_M + 0.07) / 0.05) ** 2))
    rings = np.sin(down * 150 + 3.2 * noise_at(points, 14, 14, 14)) * noise_at(points, 9, 9, 13)
    arm = rings * (0.0015 + 0.0045 * elbow + 0.004 * cuff)
    loose = noise_at(points, 9, 17, 11) * 0.006 + noise_at(points, 20, 34, 22) * 0.003
    y = points[:, 1]
    blouse = np.exp(-(((y - 0.955) / 0.06) ** 2)) * np.sin(y * 120 + noise_at(points, 12, 5, 12) * 5)
    trunk = loose * np.clip((y - 0.90) / 0.05, 0, 1) + blouse * 0.0035
    return np.asarray(arm * on_arm + trunk * (1 - on_arm), np.float32)


def trousers(points: Floats) -> Floats:
    """Solid of straight jeans that break a little over the shoe."""
    p = points.copy()
    p[:, 0] = np.abs(p[:, 0])
    hips = loft(p, (0, 0.87, 0.004), (0, 1.06, 0.004), (1, 0, 0), [
        (0.0, 0.150, 0.098, 0.006), (0.35, 0.158, 0.108, 0.008), (0.7, 0.150, 0.104, 0.002), (1.0, 0.142, 0.098, 0),
    ], 2.2)  # fmt: skip
    leg = loft(p, (HIP_SIDE_M - 0.004, HIP_M - 0.03, 0.004), (FOOT_SIDE_M, 0.072, 0.006), (1, 0, 0), [
        (0.0, 0.084, 0.099, 0.0), (0.15, 0.083, 0.095, 0.0), (0.35, 0.075, 0.083, 0.0), (0.5, 0.066, 0.070, 0.002),
        (0.62, 0.064, 0.067, -0.006), (0.72, 0.064, 0.068, -0.009), (0.9, 0.058, 0.063, -0.003),
        (1.0, 0.058, 0.070, 0.004),
    ])  # fmt: skip
    seat = ellipsoid(p, (0.075, 0.905, 0.062), (0.078, 0.085, 0.062))
    solid = smooth_union(smooth_union(hips, leg, 0.03), seat, 0.03)
    solid = smooth_cut(solid, np.asarray(points[:, 1] - 0.062, np.float32), 0.004)
    return np.asarray(solid + _trouser_folds(points), np.float32)


def _trouser_folds(points: Floats) -> Floats:
    """Height of the trousers' creases: behind the knee, at the groin and stacked above the shoe."""
    _, y, z = points.T
    knee = np.exp(-(((y - 0.47) / 0.085) ** 2))
    stack = np.exp(-(((y - 0.13) / 0.07) ** 2))
    groin = np.exp(-(((y - 0.85) / 0.06) ** 2))
    bend = noise_at(points, 15, 7, 15) * 4
    rings = np.sin(y * 135 + bend + z * 30) * noise_at(points + np.float32(3.1), 10, 12, 10)
    fan = np.sin(y * 95 + np.abs(points[:, 0]) * 120 + bend * 0.5) * noise_at(points, 12, 12, 12)
    drape = noise_at(points, 16, 5, 16) * 0.004
    return np.asarray(rings * (0.0008 + 0.004 * knee + 0.0055 * stack) + fan * groin * 0.003 + drape, np.float32)


def shoe(points: Floats) -> Floats:
    """Solid of the left sneaker: cup sole, upper, tongue and ridge of the laces."""
    p = points - vector((FOOT_SIDE_M, 0, 0))
    inward = vector((1, 0, 0))
    sole = loft(p, (0.0, 0.014, 0.026), (0.006, 0.014, -0.158), inward, [
        (0.0, 0.037, 0.5, 0), (0.35, 0.036, 0.5, 0), (0.75, 0.048, 0.5, 0), (1.0, 0.043, 0.5, 0),
    ])  # fmt: skip
    beyond = np.maximum(np.maximum(p[:, 2] - 0.024, -0.155 - p[:, 2]), 0)
    sole = np.asarray(np.hypot(np.maximum(sole + 0.037, 0), beyond) - 0.037, np.float32)
    spring = 0.010 * np.clip((-p[:, 2] - 0.15) / 0.05, 0, 1) ** 2
    slab = np.asarray(np.abs(p[:, 1] - 0.016 - 0.5 * spring) - (0.016 - 0.5 * spring), np.float32)
    base = smooth_cut(sole, -slab, 0.006)
    upper = loft(p, (0.0, 0.040, 0.028), (0.006, 0.032, -0.160), inward, [
        (0.0, 0.034, 0.052, 0), (0.3, 0.034, 0.056, -0.004), (0.55, 0.040, 0.044, 0.0), (0.8, 0.044, 0.030, 0.0),
        (1.0, 0.037, 0.022, 0.002),
    ])  # fmt: skip
    ankle = capsule(p, (0, 0.07, 0.012), (0, 0.125, 0.014), 0.040, 0.039)
    tongue = capsule(p, (0.002, 0.085, -0.055), (0, 0.118, -0.026), 0.020, 0.022)
    upper = smooth_union(smooth_union(upper, ankle, 0.03), tongue, 0.015)
    upper = smooth_cut(upper, np.asarray(p[:, 1] - 0.012, np.float32), 0.004)
    laces = np.sin(p[:, 2] * 420) * 0.0016 * np.exp(-((p[:, 0] / 0.018) ** 2)) * (np.abs(p[:, 2] + 0.075) < 0.04)
    return smooth_union(np.asarray(upper - laces, np.float32), base, 0.004)
