"""Actor: a person in the shot, with body, clothes, footfalls and gestures."""

from dataclasses import dataclass

import numpy as np

from utils.walker.figure import Figure, figure
from utils.walker.gait import Foot, Manner, pose_at
from utils.walker.kernel import Doubles, Floats
from utils.walker.palette import palette
from utils.walker.raster import Seen, look, project
from utils.walker.shot import Lens, Shot
from utils.walker.skeleton import Bone, Pose
from utils.walker.skin import Posed, posed
from utils.walker.steps import Plan, Straight, UpAndOff, smooth

_SETTLES_S = 0.35
_COMING, _LEAVING = 0.10, 1.53
_PASSER_Z_M = 8.3


@dataclass(frozen=True)
class Actor:
    """An actor's properties that stay the same in all frames."""

    figure: Figure
    palette: Floats
    plan: Plan
    manner: Manner
    blinks_s: float

    def blink(self, time_s: float) -> float:
        """How far the eyes are shut at a time, 0 to 1."""
        since = (time_s + self.blinks_s) % 3.1
        return smooth(since / 0.07) * (1 - smooth((since - 0.09) / 0.10))


@dataclass(frozen=True)
class Stance:
    """An actor posed at one time and projected by one camera; `projected` is n x 3 (x_px, y_px, nearness)."""

    actor: Actor
    pose: Pose
    feet: tuple[Foot, Foot]
    body: Posed
    projected: Floats
    seen: Seen

    def __post_init__(self) -> None:
        assert self.projected.shape == self.body.points.shape

    @property
    def middle(self) -> Doubles:
        """World position of the pelvis."""
        return np.asarray(self.pose.joints[Bone.PELVIS])


def stance(actor: Actor, time_s: float, camera: Doubles, size: tuple[int, int]) -> Stance:
    """Pose an actor and rasterise it through a 3 x 4 camera."""
    pose, feet = pose_at(actor.plan, actor.manner, time_s)
    body = posed(actor.figure, pose)
    projected = project(body.points, camera)
    return Stance(actor, pose, feet, body, projected, look(projected, actor.figure.mesh.triangles, size))


def walker(shot: Shot, lens: Lens) -> Actor:
    """The subject: walks up, stands, greets if there is time, and leaves to the right."""
    hold, leave = (shot.time_s(index) for index in shot.phases)
    path = UpAndOff((0.0, lens.stand_m), _COMING, _LEAVING, hold - _SETTLES_S, leave)
    greets = (hold + 0.3, min(hold + 2.9, leave - 0.2)) if leave - hold > 2.0 else None
    manner = Manner(greets)
    rng = shot.rng(2)
    return Actor(figure(False), palette(rng, shot.seed == 0), Plan(path, path.stop_s, leave), manner, 0.9)


def passer_by(shot: Shot, subject: Actor) -> Actor:
    """The second person: crosses behind the subject from the right, in the middle of the shot."""
    meets = float(shot.seconds) * 0.5
    path = Straight((1.3 * meets, _PASSER_Z_M), -1.5, 1.30)
    rng = shot.rng(3)
    return Actor(figure(True), palette(rng, False, subject.palette), Plan.steady(path), Manner(None, 0.05), 2.0)
