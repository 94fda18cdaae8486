"""The measure of the foot correction: how much foot slide is left of an engine whose planted feet slide."""

from collections.abc import Iterator

import cv2
import numpy as np
from numpy.typing import NDArray

from benchmarks.journey_ground import Ground, Line, at_most
from pipeline.compose.compositor import Backdrop, Compositor, over
from pipeline.compose.person_frames import PlacedFrame
from pipeline.compose.result_camera import ResultCamera
from pipeline.engines.base import Caps, EngineFrame, View
from pipeline.report.journey import Journey
from tests.engines import Drawing
from utils.image import RGB, Box
from utils.media.video import ClipFrames
from utils.people.pose import ANKLES, HEELS, HIPS, KNEES, TOES

FURTHEST_PX = 12.0
"""The largest distance that a foot slides."""
PERIODS = (46, 38)
"""The period of the slide of the left and the right foot, in frames."""
FOOT_LEG, SOFT_LEG = 0.12, 0.12
"""How far around the foot the picture moves as one piece, and over what distance that fades."""
REACH_PX = 14
"""How far a foot is searched for: a little further than the engine moves it, since the other foot may lie beyond."""
PIECE_LEG = 0.1
"""Half the side of the piece that is searched for, in lengths of a leg."""
LEAST = 5
"""The shortest contact, in frames, whose median place is known."""
STUDIO = (0, 255, 0)
"""The background colour while feet are measured: a white shoe without an outline could be matched anywhere."""


def slid(view: View) -> EngineFrame:
    """A view and its matte, warped so that the feet slide to and fro on the ground."""
    height, width = view.matte.shape
    row, column = np.mgrid[:height, :width].astype(np.float32)
    weights, move = np.zeros((2, height, width), np.float32), np.zeros((height, width), np.float32)
    joints, leg_px = view.keypoints.astype(float), _leg_px(view.keypoints.astype(float))
    for side, period in enumerate(PERIODS):
        foot = joints[[ANKLES[side], HEELS[side], TOES[side]]].mean(axis=0)
        if np.isfinite(foot).all() and np.isfinite(leg_px):
            away = np.hypot(column - foot[0], row - foot[1]) / leg_px
            weights[side] = np.exp(-(np.maximum(away - FOOT_LEG, 0) ** 2) / (2 * (SOFT_LEG / 2) ** 2))
            move += weights[side] * FURTHEST_PX / 2 * (1 - np.cos(2 * np.pi * view.index / period))
    move /= np.maximum(weights.sum(axis=0), 1)
    pictures = [
        cv2.remap(each, column - move, row, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
        for each in (view.rgb, view.matte)
    ]
    return EngineFrame(np.asarray(pictures[0]), np.asarray(pictures[1]))


def _leg_px(joints: NDArray[np.float64]) -> float:
    """The length of the longer leg."""
    legs = [np.linalg.norm(np.diff(joints[[hip, knee, ankle]], axis=0), axis=1).sum()
            for hip, knee, ankle in zip(HIPS, KNEES, ANKLES, strict=True)]  # fmt: skip
    return float(np.fmax(*legs))


def sliding(ground: Ground) -> Iterator[Line]:
    """The distance of planted feet from where the source has them, less what is constant during a contact."""
    made = ground.journey(Drawing("sliding", lambda window: slid, Caps("frame")))
    ways = _ways(ground, made)
    contacts = list(_contacts(ground))
    for kind, name in enumerate(("generated", "finished")):
        left = [
            np.linalg.norm(found - np.nanmedian(found, axis=0), axis=1)
            for part, side, start, stop in contacts
            if np.isfinite(found := ways[kind, part, side, start:stop]).all(axis=1).sum() >= LEAST
        ]
        every = np.concatenate(left)
        every = every[np.isfinite(every)]
        mean, late = float(every.mean()), float(np.percentile(every, 95))
        if name == "generated":
            yield Line(f"slide as {name}, mean and p95", "(for scale)", f"{mean:.2f} and {late:.2f} px", None)
            continue
        yield at_most(f"slide left, mean ({len(every)} frames)", 1.0, mean, " px")
        yield at_most("slide left, p95", 2.5, late, " px")


def _ways(ground: Ground, made: Journey) -> NDArray[np.float64]:
    """The offset of feet from the source's: 2 (uncorrected, corrected) x 2 (heel, toe) x 2 (left, right) x n x 2 px.

    Found by matching the source's own foot in the result, which has the same time and the same camera; both are cut out
    and laid over one colour.
    """
    stable, truth = made.stable, ground.truth
    studio = np.full((stable.clip.size.height_px, stable.clip.size.width_px, 3), STUDIO, np.uint8)
    behind = Backdrop(lambda frame, matte: studio, everywhere=True)
    free, held = (
        Compositor(stable, "person", made.settings["composite.feather_px"], bending, ResultCamera(), behind)
        for bending in (lambda placed: None, made.feet.field)
    )
    ways = np.full((2, 2, 2, len(made.clip), 2), np.nan)
    generated = iter(made.frames)
    placed = next(generated, None)
    for frame, matte in zip(ClipFrames.of(made.clip), stable.analysis.mattes(made.clip.span), strict=True):
        if placed is None or placed.index != frame.index:
            continue
        joints, own = truth.keypoints[frame.index].astype(float), over(studio, frame.rgb, matte)
        shown = free.frame(frame, matte, placed)
        for kind, picture in enumerate((shown, held.frame(frame, matte, placed) if _moves(made, placed) else shown)):
            for part, pair in enumerate((HEELS, TOES)):
                for side in (0, 1):
                    if truth.visible[frame.index, pair[side]]:
                        place, reach = joints[pair[side]], PIECE_LEG * _leg_px(joints)
                        ways[kind, part, side, frame.index] = _way(own, picture, place, reach)
        placed = next(generated, None)
    return ways


def _moves(made: Journey, placed: PlacedFrame) -> bool:
    """Whether the correction moves a foot in this frame."""
    return bool(made.feet.moves_px[placed.index].any())


def _way(source: RGB, result: RGB, place: NDArray[np.float64], reach_px: float) -> NDArray[np.float64]:
    """The subpixel offset of the piece around a place in the result, by Gaussian-weighted template matching."""
    lost = np.full(2, np.nan)
    if not np.isfinite(reach_px):
        return lost
    (x, y), reach = np.rint(place).astype(int), max(5, round(reach_px))
    height, width = source.shape[:2]
    piece = Box(x - reach, y - reach, x + reach + 1, y + reach + 1) & Box(0, 0, width, height)
    row, column = np.mgrid[piece.slices]
    away = np.hypot(column - place[0], row - place[1])
    weights = np.exp(-2 * (away / reach) ** 2).astype(np.float32)
    edged = np.pad(result, ((REACH_PX, REACH_PX), (REACH_PX, REACH_PX), (0, 0)), mode="edge")
    room = Box(piece.left, piece.top, piece.right + 2 * REACH_PX, piece.bottom + 2 * REACH_PX)
    field = edged[room.slices]
    unlike = cv2.matchTemplate(field, source[piece.slices], cv2.TM_SQDIFF, mask=cv2.merge([weights] * 3))
    _, _, (column, row), _ = cv2.minMaxLoc(unlike)
    if not (0 < column < 2 * REACH_PX and 0 < row < 2 * REACH_PX):
        return lost
    across, along = unlike[row, column - 1 : column + 2], unlike[row - 1 : row + 2, column]
    return np.array([column + _vertex(across) - REACH_PX, row + _vertex(along) - REACH_PX])


def _vertex(three: NDArray[np.float32]) -> float:
    """The minimum of a parabola through three values, relative to the middle one."""
    bend = float(three[0] - 2 * three[1] + three[2])
    return 0.5 * float(three[0] - three[2]) / bend if bend > 0 else 0.0


def _contacts(ground: Ground) -> Iterator[tuple[int, int, int, int]]:
    """Every true contact: heel or toe, left or right, its first frame and the one after its last."""
    for part, down in enumerate((ground.truth.heel_down, ground.truth.toe_down)):
        for side in (0, 1):
            edges = np.flatnonzero(np.diff(np.concatenate([[0], down[:, side].astype(int), [0]])))
            for start, stop in zip(edges[::2], edges[1::2], strict=True):
                yield part, side, int(start), int(stop)
