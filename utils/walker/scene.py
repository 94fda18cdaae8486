"""Scene: renders any frame of a shot with its ground truth, in any order, or all frames as a stream."""

import os
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import cv2
import numpy as np

from utils.walker.actor import Actor, Stance, passer_by, stance, walker
from utils.walker.develop import Sensor, over
from utils.walker.flow import flow_between
from utils.walker.handheld import View, hand, reach
from utils.walker.kernel import Bytes, Doubles, Floats
from utils.walker.occlusion import light_on
from utils.walker.place import painted
from utils.walker.raster import SAMPLES
from utils.walker.shade import shade
from utils.walker.shadow import cast, laid
from utils.walker.shot import EYE_M, Lens, Shot
from utils.walker.truth import PHASES, Flags, TrueFlow, Truth

_FOLLOWED_IN, _FOLLOWED_OFF = 0.8, 0.07
_HIDDEN_M = 0.14
"""Largest depth of a joint under the skin; a surface farther in front hides it."""


class Scene:
    """The frames of a shot. Each depends on its index alone, so order and threads do not matter."""

    def __init__(self, shot: Shot) -> None:
        self.shot = shot
        self.lens = Lens.of(shot)
        self.walker = walker(shot, self.lens)
        self.passer_by = passer_by(shot, self.walker) if shot.second_person else None
        start = self.walker.plan.path.place(0.0)
        follows = (_FOLLOWED_IN * float(start[0] / start[2]), _FOLLOWED_OFF)
        hold, leave = (shot.time_s(index) for index in shot.phases)
        self.hand = hand(shot, self.lens, hold, leave, follows)
        self.place = painted(self.lens, reach(self.hand, shot))
        """Clean plate in the stable picture, larger than the frame."""
        self._sensor = Sensor(shot)

    def __len__(self) -> int:
        return self.shot.frames

    def frame(self, index: int) -> tuple[Bytes, Truth]:
        """Render one frame (h x w x 3 RGB), with its truth."""
        time_s, view = self.shot.time_s(index), self.view(index)
        plate = self.plate(index)
        image, empty = plate.copy(), np.zeros(plate.shape[:2], np.uint8)
        shadow, mattes = empty.copy(), {id(actor): empty.copy() for actor in self._actors()}
        stances = sorted(self._stances(index), key=lambda each: -each.middle[2])
        ground = np.linalg.inv(view.camera) @ self.lens.ground()
        for each in stances:
            laid(cast(each.body.points, each.middle), ground, image, shadow)
        for number, each in enumerate(stances):
            light = light_on(each.body.points, each.body.normals, each.actor.figure.mesh.triangles)
            eye = np.array([0, EYE_M, 0], np.float32)
            layer = shade(each.seen, each.projected, each.actor.figure, each.body, light, eye,
                          each.actor.palette, each.actor.blink(time_s), self.lens.focal_px)  # fmt: skip
            over(layer, image, [mattes[id(earlier.actor)] for earlier in stances[: number + 1]])
        subject = next(each for each in stances if each.actor is self.walker)
        keypoints, visible = self._keypoints(subject, stances, view)
        truth = Truth(
            index, time_s, self.phase(index), view, self._sensor.gain(time_s), keypoints, visible,
            np.array([foot.heel_down for foot in subject.feet]), np.array([foot.toe_down for foot in subject.feet]),
            mattes[id(self.walker)], mattes.get(id(self.passer_by), empty), shadow, plate,
        )  # fmt: skip
        return self._sensor.expose(image, index), truth

    def view(self, index: int) -> View:
        """The camera of a frame."""
        return self.hand.view(self.shot.time_s(index))

    def plate(self, index: int) -> Bytes:
        """The background alone, as a frame's camera sees it, before gain and noise."""
        matrix = self.place.from_stable @ self.view(index).camera
        image = cv2.warpPerspective(
            self.place.image, matrix, self.shot.size, flags=cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP,
            borderMode=cv2.BORDER_REPLICATE,
        )  # fmt: skip
        return np.asarray(image, np.uint8)

    def stable_plate(self) -> Bytes:
        """The background alone in the stable picture, cropped to the frame's size."""
        width, height = self.shot.size
        move = np.linalg.inv(self.place.from_stable)
        return np.asarray(cv2.warpPerspective(self.place.image, move, (width, height), borderMode=cv2.BORDER_REPLICATE))

    def phase(self, index: int) -> str:
        """Phase of a frame: approach, hold or exit."""
        return PHASES[sum(index >= first for first in self.shot.phases)]

    def flow(self, source: int, target: int) -> TrueFlow:
        """Exact optical flow from one frame to another."""
        views = self.view(source).camera, self.view(target).camera
        pair = list(zip(self._stances(source), self._stances(target), strict=True))
        return flow_between(source, target, views, pair, self.shot.size)

    def frames(self) -> Iterator[tuple[Bytes, Truth]]:
        """All frames in order; a few are rendered ahead in threads."""
        workers = os.cpu_count() or 1
        with ThreadPoolExecutor(workers) as pool:
            ahead: deque[Future[tuple[Bytes, Truth]]] = deque()
            try:
                for index in range(len(self)):
                    ahead.append(pool.submit(self.frame, index))
                    if len(ahead) > workers:
                        yield ahead.popleft().result()
                while ahead:
                    yield ahead.popleft().result()
            finally:
                for future in ahead:
                    future.cancel()

    def _actors(self) -> list[Actor]:
        return [self.walker] if self.passer_by is None else [self.walker, self.passer_by]

    def _stances(self, index: int) -> list[Stance]:
        camera = np.linalg.inv(self.view(index).camera) @ self.lens.matrix
        return [stance(actor, self.shot.time_s(index), camera, self.shot.size) for actor in self._actors()]

    def _keypoints(self, subject: Stance, stances: list[Stance], view: View) -> tuple[Floats, Flags]:
        """Landmarks in the frame (NaN outside it), and which of them are visible."""
        camera = np.linalg.inv(view.camera) @ self.lens.matrix
        points = _through(camera, subject.pose.landmarks())
        width, height = self.shot.size
        inside = ((points[:, :2] >= -0.5) & (points[:, :2] < [width - 0.5, height - 0.5])).all(1) & (points[:, 2] > 0)
        visible = inside & ~np.logical_or.reduce([_hidden(points, each) for each in stances])
        return np.asarray(np.where(inside[:, None], points[:, :2], np.nan), np.float32), visible


def _through(camera: Doubles, points: Doubles) -> Doubles:
    """Project world points to n x 3 (x_px, y_px, nearness)."""
    homogeneous = points @ camera[:, :3].T + camera[:, 3]
    return np.concatenate([homogeneous[:, :2] / homogeneous[:, 2:], 1 / homogeneous[:, 2:]], 1)


def _hidden(points: Doubles, each: Stance) -> Flags:
    """Marks points that an actor's surface hides."""
    rows, columns = each.seen.nearness.shape
    x = np.floor((points[:, 0] + 0.5 - each.seen.left) * SAMPLES).astype(int)
    y = np.floor((points[:, 1] + 0.5 - each.seen.top) * SAMPLES).astype(int)
    inside = (x >= 0) & (y >= 0) & (x < columns) & (y < rows)
    near = np.zeros(len(points))
    near[inside] = each.seen.nearness[y[inside], x[inside]]
    return np.asarray((near > 0) & (1 / np.maximum(near, 1e-9) < 1 / points[:, 2] - _HIDDEN_M))


def walk(shot: Shot) -> Iterator[tuple[Bytes, Truth]]:
    """Each frame, h x w x 3 RGB, with its truth; memory does not grow with the length."""
    return Scene(shot).frames()
