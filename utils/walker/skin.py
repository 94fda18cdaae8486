"""Skinning: moves the mesh with the bones."""

from dataclasses import dataclass

import numpy as np

from utils.walker.figure import Figure
from utils.walker.kernel import Doubles, Floats, Ints, kernel
from utils.walker.skeleton import JOINTS, Pose


@dataclass(frozen=True)
class Posed:
    """A posed mesh: vertices (n x 3) and unit normals (n x 3) in the world."""

    points: Floats
    normals: Floats

    def __post_init__(self) -> None:
        assert self.points.shape == self.normals.shape


def posed(figure: Figure, pose: Pose) -> Posed:
    """Linear blend skinning: move every vertex with its weighted bones."""
    shifts = pose.joints - np.einsum("bij,bj->bi", pose.turns, JOINTS)
    transforms = np.concatenate([pose.turns, shifts[:, :, None]], 2)
    points, normals = _carry(
        figure.mesh.points, figure.mesh.normals, figure.weights.bones, figure.weights.shares, transforms
    )
    return Posed(points, normals)


@kernel
def _carry(points: Floats, normals: Floats, bones: Ints, shares: Floats, transforms: Doubles) -> tuple[Floats, Floats]:
    moved, turned = np.empty_like(points), np.empty_like(normals)
    m = np.empty((3, 4))
    for index in range(len(points)):
        m[:] = 0
        for slot in range(bones.shape[1]):
            share = shares[index, slot]
            if share > 0:
                t = transforms[bones[index, slot]]
                for row in range(3):
                    for column in range(4):
                        m[row, column] += share * t[row, column]
        x, y, z = points[index]
        u, v, w = normals[index]
        total = 0.0
        for row in range(3):
            moved[index, row] = m[row, 0] * x + m[row, 1] * y + m[row, 2] * z + m[row, 3]
            n = m[row, 0] * u + m[row, 1] * v + m[row, 2] * w
            turned[index, row] = n
            total += n * n
        turned[index] /= np.sqrt(total)
    return moved, turned
