"""Figure: one mesh of all body parts in the rest pose, with material and bone weights of each vertex."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum
from functools import lru_cache

import numpy as np

from utils.walker import clothes, hands, head, weights
from utils.walker.kernel import Floats, Ints
from utils.walker.mesh import Mesh, Solid, mesh_of
from utils.walker.skeleton import Bone
from utils.walker.solids import vector
from utils.walker.weights import Weights


class Part(IntEnum):
    """Material of a vertex."""

    SKIN = 0
    HAIR = 1
    JACKET = 2
    TROUSERS = 3
    SHOE = 4


@dataclass(frozen=True)
class Figure:
    """A mesh in the rest pose, the part of each vertex, and its bones."""

    mesh: Mesh
    parts: Ints
    weights: Weights

    def __post_init__(self) -> None:
        assert len(self.parts) == len(self.mesh.points) == len(self.weights.bones)


_Piece = tuple[Mesh, Part, Floats]


@lru_cache(maxsize=2)
def figure(long_hair: bool) -> Figure:
    """Build a figure's mesh; it takes a second or two and is cached in the process."""
    pieces = [_head(), _hair(long_hair)]
    pieces.append(_piece(clothes.jacket, clothes.JACKET_BOX, 0.0090, Part.JACKET, weights.jacket_weights))
    pieces.append(_piece(clothes.trousers, clothes.TROUSERS_BOX, 0.0090, Part.TROUSERS, weights.trouser_weights))
    pieces += _pair(clothes.shoe, clothes.SHOE_BOX, 0.0062, Part.SHOE, weights.shoe_weights)
    pieces += _pair(hands.hand, hands.HAND_BOX, 0.0056, Part.SKIN, weights.hand_weights)
    return _join(pieces)


def _piece(
    solid: Solid, box: tuple[tuple[float, ...], tuple[float, ...]], step_m: float, part: Part,
    carried: Callable[[Floats], Floats],
) -> _Piece:  # fmt: skip
    mesh = mesh_of(solid, box[0], box[1], step_m)
    return mesh, part, carried(mesh.points)


def _head() -> _Piece:
    return _piece(head.head, (head.LOW, head.HIGH), 0.0044, Part.SKIN, weights.head_weights)


def _hair(long_hair: bool) -> _Piece:
    solid = head.long_hair if long_hair else head.short_hair
    low, high = (-0.125, 1.47, -0.13), (0.125, 1.82, 0.155)
    mesh, part, table = _piece(solid, (low, high), 0.0054, Part.HAIR, weights.head_weights)
    table[:] = 0
    table[:, Bone.HEAD] = 1
    return mesh, part, table


def _pair(
    solid: Solid, box: tuple[tuple[float, ...], tuple[float, ...]], step_m: float, part: Part,
    carried: Callable[[Floats, int], Floats],
) -> list[_Piece]:  # fmt: skip
    """A piece of the left side and its mirror image."""
    left = mesh_of(solid, box[0], box[1], step_m)
    flip = vector((-1, 1, 1))
    right = Mesh(left.points * flip, left.normals * flip, np.ascontiguousarray(left.triangles[:, ::-1]))
    return [(mesh, part, carried(mesh.points, side)) for side, mesh in enumerate((left, right))]


def _join(pieces: list[_Piece]) -> Figure:
    """Join meshes into one, with renumbered triangles."""
    first = np.cumsum([0] + [len(mesh.points) for mesh, _, _ in pieces])
    mesh = Mesh(
        np.concatenate([mesh.points for mesh, _, _ in pieces]),
        np.concatenate([mesh.normals for mesh, _, _ in pieces]),
        np.concatenate([mesh.triangles + np.int32(start) for (mesh, _, _), start in zip(pieces, first, strict=False)]),
    )
    parts = np.concatenate([np.full(len(mesh.points), part, np.int32) for mesh, part, _ in pieces])
    return Figure(mesh, parts, weights.kept(np.concatenate([table for _, _, table in pieces])))
