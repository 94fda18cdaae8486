"""Subpixel tracking of planted feet in any pictures; the joints alone are ten times too coarse.

During a contact the patch around heel or toe is warped into the ground picture and registered from frame to frame,
starting in the middle of the contact. Pixels that look as they did before the foot came are ground and get no weight.
The same search in the source, where the foot does stand, gives its error.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import cv2
import numpy as np

from utils.feet.contacts import SIDES, Contact
from utils.feet.patch import Doubles, Floats, Patch, Warp, at, cut_out
from utils.image import RGB
from utils.image.geometry import Matrix, inverse, moved, shift
from utils.people.pose import ANKLES, HEELS, HIPS, KNEES, TOES, Keypoints

WINDOW_LEG = 0.3
"""Side of the patch, in leg lengths."""
SEARCH_LEG = 0.2
"""Largest slide in each direction that is searched, in leg lengths."""
WEIGHT_LEG = 0.045
"""Standard deviation of the Gaussian weights around the foot, in leg lengths."""
MAX_PATCH_PX = 56
"""Larger patches are scaled down to this size."""
FRAMES_BEFORE = range(5, 21, 3)
"""Frames before a contact in which the bare ground is sampled."""
MAX_KEPT = 64
"""Most frames kept in memory until a contact is searched from its middle."""
GROUND_LEVELS = 12.0
"""Grey levels by which a foot differs from the bare ground, at least."""
REFERENCES = (0.5, 0.25, 0.75)
"""Positions in a contact of the reference frame; the next one is tried when something hid the foot in the first."""
GOOD_LIKENESS = 0.85
"""Mean likeness from which on a reference frame is good enough."""
MAX_SHAPE_CHANGE = 0.12
"""A foot whose shape changes by more than this share is tipping over, and its planted point is not well known."""
MIN_LIKENESS = 0.9
"""Least likeness with which a foot counts as found."""


@dataclass(frozen=True)
class Offsets:
    """Distance of a contact's foot from its usual place: n x 2 px of the ground over its span; NaN where unknown.

    `likeness` (n) is the correlation with which it was found, at most 1; `zoom` is how many px of the ground picture a
    px of the filmed picture was.
    """

    contact: Contact
    px: Doubles
    likeness: Doubles
    leg_px: float
    zoom: float = 1.0

    def beyond(self, source: "Offsets") -> "Offsets":
        """These offsets minus those of the source's foot, which stands.

        A foot that rolls or tips over appears to move, by the same amount in both.
        """
        return replace(self, px=_from_median(self.px - source.px))

    def during(self, contact: Contact) -> "Offsets":
        """The offsets during a shorter contact."""
        part = slice(contact.span.start - self.contact.span.start, contact.span.stop - self.contact.span.start)
        return replace(self, contact=contact, px=_from_median(self.px[part]), likeness=self.likeness[part])


class FootTracker:
    """Tracks the feet of all contacts through pictures in ascending order.

    It keeps only small patches of the current contacts and the results of past ones.
    """

    def __init__(self, contacts: Sequence[Contact]) -> None:
        self._pending = sorted(contacts, key=lambda each: each.span.start, reverse=True)
        self._current: list[_ContactTracker] = []
        self._done: list[_ContactTracker] = []

    def add(self, index: int, picture: RGB, keypoints: Keypoints, to_ground: Matrix) -> None:
        """Add a picture (h x w x 3), its joints (33 x 2 px) and its homography into the ground."""
        while self._pending and self._pending[-1].span.start - FRAMES_BEFORE[-1] <= index:
            self._current.append(_ContactTracker(self._pending.pop()))
        joints = keypoints.astype(float)
        for tracker in self._current:
            tracker.add(index, picture, joints, to_ground)
        ended = [each for each in self._current if each.contact.span.stop <= index + 1]
        for tracker in ended:
            tracker.finish()
        self._done += ended
        self._current = [each for each in self._current if each not in ended]

    def offsets(self) -> tuple[Offsets, ...]:
        """The offsets of every contact that was reached, sorted by start."""
        for tracker in self._current:
            tracker.finish()
        return tuple(each.offsets() for each in sorted(self._done + self._current, key=lambda each: each.order))


@dataclass(eq=False)
class _ContactTracker:
    """Tracks the foot of one contact."""

    contact: Contact
    _view: "_View | None" = None
    _ground: list[Floats] = field(default_factory=list)
    _held: dict[int, Floats] = field(default_factory=dict)
    _feet: list[Doubles] = field(default_factory=list)
    _places: dict[int, tuple[Doubles, float]] = field(default_factory=dict)
    _search: "_Search | None" = None

    @property
    def order(self) -> tuple[int, int, str, str]:
        return self.contact.span.start, self.contact.span.stop, self.contact.foot, self.contact.part

    def add(self, index: int, picture: RGB, joints: Doubles, to_ground: Matrix) -> None:
        """Add a picture: of the bare ground before the contact, or of the foot."""
        before = self.contact.span.start - index
        if before > 0 and before not in FRAMES_BEFORE:
            return
        self._view = self._view or _View.of(self.contact, joints, to_ground)
        if self._view is None or index >= self.contact.span.stop:
            return
        view = self._view.seen(picture, to_ground)
        if before > 0:
            self._ground.append(view)
            return
        if self._search:
            self._places[index] = self._search.next(view)
            return
        self._feet.append(self._view.foot(self.contact, joints, to_ground))
        self._held[index] = view
        if len(self._held) == MAX_KEPT:
            self._look_back()

    def finish(self) -> None:
        """End the contact: search in the frames that were kept."""
        if self._held and not self._search:
            self._look_back()
        self._search = None

    def _look_back(self) -> None:
        """Search backwards and forwards from the reference frame that gives the best likeness."""
        held, view = list(self._held.items()), self._view
        feet = [foot for foot in self._feet if np.isfinite(foot).all()]
        if view and feet:
            foot = np.median(feet, axis=0)
            ground = np.median(self._ground, axis=0).astype(np.float32) if self._ground else None
            best = -1.0
            for share in REFERENCES:
                middle = int(share * (len(held) - 1))
                places: dict[int, tuple[Doubles, float]] = {}
                for part in (held[middle::-1], held[middle:]):
                    search = _Search(view, foot, ground)
                    places |= {index: search.next(square) for index, square in part}
                found = float(np.mean([alike for _, alike in places.values()]))
                if found > best:
                    best, self._search, self._places = found, search, places
                if best > GOOD_LIKENESS:
                    break
        self._held.clear()
        self._feet.clear()

    def offsets(self) -> Offsets:
        """Offsets from the median position."""
        span = self.contact.span
        px, likeness = np.full((len(span), 2), np.nan), np.zeros(len(span))
        scale, leg_px, zoom = (
            (self._view.scale, self._view.leg_px, self._view.zoom) if self._view else (1.0, np.nan, 1.0)
        )
        for index, (place, alike) in self._places.items():
            likeness[index - span.start] = alike
            if alike >= MIN_LIKENESS:
                px[index - span.start] = place / scale
        return Offsets(self.contact, _from_median(px), likeness, leg_px, zoom)


def _from_median(px: Doubles) -> Doubles:
    """Positions relative to their median."""
    usual: Doubles = np.nanmedian(px, axis=0) if np.isfinite(px).any() else np.zeros(2)
    return px - usual


@dataclass(frozen=True)
class _View:
    """A square of the ground picture around a contact's anchor, in which its foot is searched."""

    from_ground: Matrix
    size_px: int
    scale: float
    leg_px: float
    zoom: float

    @classmethod
    def of(cls, contact: Contact, joints: Doubles, to_ground: Matrix) -> "_View | None":
        """The square for a contact; None when no leg is seen that gives the size."""
        legs = [joints[[pair[side] for pair in (HIPS, KNEES, ANKLES)]] for side in (0, 1)]
        filmed_px, ground_px = (
            np.array([np.linalg.norm(np.diff(leg, axis=0), axis=1).sum() for leg in each])
            for each in (legs, [moved(to_ground, leg) for leg in legs])
        )
        if not np.isfinite(ground_px).any():
            return None
        longest = int(np.nanargmax(ground_px))
        zoom = float(ground_px[longest] / max(filmed_px[longest], 1e-6))
        leg_px = zoom * max(float(filmed_px[longest]), 16.0)
        scale = min(1.0, MAX_PATCH_PX * zoom / (WINDOW_LEG * leg_px)) / zoom
        half = scale * (WINDOW_LEG / 2 + SEARCH_LEG) * leg_px
        x, y = scale * np.array(contact.anchor)
        return cls(
            shift(round(half) - x, round(half) - y) @ np.diag([scale, scale, 1.0]),
            2 * round(half) + 1,
            scale,
            leg_px,
            zoom,
        )

    @property
    def planted(self) -> Doubles:
        """The anchor's position in the square."""
        return np.array([self.size_px // 2, self.size_px // 2], float)

    @property
    def window_px(self) -> int:
        return 2 * round(self.scale * WINDOW_LEG * self.leg_px / 2) + 1

    def seen(self, picture: RGB, to_ground: Matrix) -> Floats:
        """The square cut from a picture, in grey, slightly blurred for interpolation between pixels."""
        back = inverse(self.from_ground @ to_ground)
        flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        square = cv2.warpPerspective(
            picture, back, (self.size_px, self.size_px), flags=flags, borderMode=cv2.BORDER_REPLICATE
        )
        grey: Floats = cv2.GaussianBlur(cv2.cvtColor(square, cv2.COLOR_RGB2GRAY).astype(np.float32), (0, 0), 0.8)
        return grey

    def foot(self, contact: Contact, joints: Doubles, to_ground: Matrix) -> Doubles:
        """Positions of heel, toe and ankle in the square, 3 x 2."""
        side = SIDES.index(contact.foot)
        return moved(self.from_ground @ to_ground, joints[[pair[side] for pair in (HEELS, TOES, ANKLES)]])


class _Search:
    """Searches from frame to frame with one reference patch; when the foot's look changes, with a later patch."""

    def __init__(self, view: _View, foot: Doubles, ground: Floats | None) -> None:
        self._view, self._ground = view, ground
        self._patch: Patch | None = None
        self._last: Floats | None = None
        self._warp = at(foot.mean(axis=0))
        self._foot = foot - foot.mean(axis=0)
        self._pivot = view.planted - foot.mean(axis=0)

    def next(self, square: Floats) -> tuple[Doubles, float]:
        """Position of the planted point in the next frame, px of the square, and the foot's likeness."""
        if self._patch is None:
            self._patch, self._last = self._cut(square), square
            return self._planted(self._warp), 1.0 if self._patch else 0.0
        warp, alike = self._registered(self._patch, square)
        if alike < MIN_LIKENESS and self._last is not None and (later := self._cut(self._last)):
            again = self._registered(later, square)
            if again[1] > alike:
                self._patch, (warp, alike) = later, again
        if alike >= MIN_LIKENESS:
            self._warp, self._last = warp, square
        return self._planted(warp), alike

    def _registered(self, patch: Patch, square: Floats) -> tuple[Warp, float]:
        """Register a patch, from its last position; likeness 0 when its shape changed as of a tipping foot."""
        warp, alike = patch.find(square, self._warp)
        return (self._warp, 0.0) if np.abs(warp[:, :2] - np.eye(2)).max() > MAX_SHAPE_CHANGE else (warp, alike)

    def _planted(self, warp: Doubles) -> Doubles:
        planted: Doubles = warp[:, :2] @ self._pivot + warp[:, 2]
        return planted

    def _cut(self, square: Floats) -> Patch | None:
        """The patch at the current position, weighted by foot shape and difference from the ground."""
        size = self._view.window_px
        values = cut_out(square, self._warp, size)
        weights = _foot_weights(self._foot, size, WEIGHT_LEG * self._view.leg_px * self._view.scale)
        if self._ground is not None:
            weights = weights * _weights_off_ground(values, cut_out(self._ground, self._warp, size))
        return Patch.of(values, weights)


def _foot_weights(foot: Doubles, size_px: int, deviation_px: float) -> Floats:
    """Weights (0..1) with Gaussian fall-off around the triangle of heel, toe and ankle (px from the patch's middle)."""
    outside = np.full((size_px, size_px), 255, np.uint8)
    cv2.fillConvexPoly(outside, np.rint(16 * (foot + size_px // 2)).astype(np.int32), 0, shift=4)
    cv2.polylines(outside, [np.rint(16 * (foot + size_px // 2)).astype(np.int32)], True, 0, shift=4)
    away = cv2.distanceTransform(outside, cv2.DIST_L2, 5)
    weights: Floats = np.exp(-0.5 * (away / deviation_px) ** 2).astype(np.float32)
    return weights


def _weights_off_ground(values: Floats, ground: Floats) -> Floats:
    """Weights (0..1) of pixels that differ from the bare ground; 1 everywhere when too few differ."""
    weights = np.clip(np.abs(values - ground) / GROUND_LEVELS - 0.5, 0, 1)
    weights = cv2.GaussianBlur(cv2.dilate(weights, np.ones((3, 3), np.uint8)), (0, 0), 1).astype(np.float32)
    return weights if weights.mean() > 0.1 else np.ones_like(weights)
