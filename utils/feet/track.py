"""Where planted feet really lie in any pictures, to a fraction of a pixel; joints alone are ten times too coarse.

While a foot is planted, the piece of the picture around its heel or toe is laid into the background picture and looked
for from frame to frame, starting in the middle of the contact. The ground does not move there, so what looks as it did
before the foot came is not counted. What the same search finds in the source, where the foot does stand, is its error.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import cv2
import numpy as np

from utils.feet.contacts import SIDES, Contact
from utils.feet.patch import Doubles, Floats, Piece, Warp, at, cut_out
from utils.image import RGB
from utils.image.geometry import Matrix, inverse, moved, shift
from utils.people.pose import ANKLES, HEELS, HIPS, KNEES, TOES, Keypoints

WINDOW_LEG = 0.3
"""Side of the piece that is looked for."""
ROOM_LEG = 0.2
"""How far a foot may have slid, each way, and still be looked for."""
CORE_LEG = 0.045
"""Standard deviation of what counts around the planted part."""
LARGEST_PX = 56
"""Pieces are looked at smaller where they would be larger than this."""
BEFORE = range(5, 21, 3)
"""Frames before a contact in which the bare ground is seen."""
HELD = 64
"""Frames that are kept until a contact's middle is known."""
BARE = 12.0
"""Grey levels from the bare ground that a foot differs by, at least."""
REFERENCES = (0.5, 0.25, 0.75)
"""Where in a contact the frame is taken that others are compared with; the next one where something hid the foot."""
CLEAR = 0.85
"""The mean likeness with which the first of them will do."""
ROLLING = 0.12
"""A foot whose form changes by more than this share tips over, and its planted point is not well known."""
ALIKE = 0.9
"""Likeness below which a foot was not found."""


@dataclass(frozen=True)
class Offsets:
    """How far a contact's foot lay from its usual place: n x 2 px of the background over its span; NaN where unknown.

    `likeness` (n) is how sure that is, at most 1.
    """

    contact: Contact
    px: Doubles
    likeness: Doubles
    leg_px: float

    def beyond(self, source: "Offsets") -> "Offsets":
        """What is left when it is compared with the source's foot, which stands.

        A foot that rolls or tips over seems to move, and does so as much in both.
        """
        return replace(self, px=_from_median(self.px - source.px))

    def during(self, contact: Contact) -> "Offsets":
        """The part that belongs to a shorter contact."""
        part = slice(contact.span.start - self.contact.span.start, contact.span.stop - self.contact.span.start)
        return replace(self, contact=contact, px=_from_median(self.px[part]), likeness=self.likeness[part])


class FootTracker:
    """Takes pictures in ascending order; keeps small pieces of the current contacts and a few numbers of past ones."""

    def __init__(self, contacts: Sequence[Contact]) -> None:
        self._coming = sorted(contacts, key=lambda each: each.span.start, reverse=True)
        self._current: list[_Follower] = []
        self._done: list[_Follower] = []

    def add(self, index: int, picture: RGB, keypoints: Keypoints, to_background: Matrix) -> None:
        """One picture (h x w x 3), its joints (33 x 2 px of it), and how it lies to the background (3 x 3)."""
        while self._coming and self._coming[-1].span.start - BEFORE[-1] <= index:
            self._current.append(_Follower(self._coming.pop()))
        joints = keypoints.astype(float)
        for follower in self._current:
            follower.add(index, picture, joints, to_background)
        ended = [each for each in self._current if each.contact.span.stop <= index + 1]
        for follower in ended:
            follower.finish()
        self._done += ended
        self._current = [each for each in self._current if each not in ended]

    def offsets(self) -> tuple[Offsets, ...]:
        """Of every contact that was reached, in the order of their beginnings."""
        for follower in self._current:
            follower.finish()
        return tuple(each.offsets() for each in sorted(self._done + self._current, key=lambda each: each.order))


@dataclass(eq=False)
class _Follower:
    """Looks for the foot of one contact."""

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

    def add(self, index: int, picture: RGB, joints: Doubles, to_background: Matrix) -> None:
        """One picture: of the bare ground before the contact, or of the foot."""
        before = self.contact.span.start - index
        if before > 0 and before not in BEFORE:
            return
        self._view = self._view or _View.of(self.contact, joints, to_background)
        if self._view is None or index >= self.contact.span.stop:
            return
        view = self._view.seen(picture, to_background)
        if before > 0:
            self._ground.append(view)
            return
        if self._search:
            self._places[index] = self._search.next(view)
            return
        self._feet.append(self._view.foot(self.contact, joints, to_background))
        self._held[index] = view
        if len(self._held) == HELD:
            self._look_back()

    def finish(self) -> None:
        """The contact is over; what was kept of it is looked at."""
        if self._held and not self._search:
            self._look_back()
        self._search = None

    def _look_back(self) -> None:
        """Backwards and forwards from the frame, of a few, from which the foot is found best."""
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
                if best > CLEAR:
                    break
        self._held.clear()
        self._feet.clear()

    def offsets(self) -> Offsets:
        """From the median of where it lay."""
        span = self.contact.span
        px, likeness = np.full((len(span), 2), np.nan), np.zeros(len(span))
        scale = self._view.scale if self._view else 1.0
        for index, (place, alike) in self._places.items():
            likeness[index - span.start] = alike
            if alike >= ALIKE:
                px[index - span.start] = place / scale
        return Offsets(self.contact, _from_median(px), likeness, self._view.leg_px if self._view else np.nan)


def _from_median(px: Doubles) -> Doubles:
    """Places as ways from their usual one."""
    usual: Doubles = np.nanmedian(px, axis=0) if np.isfinite(px).any() else np.zeros(2)
    return px - usual


@dataclass(frozen=True)
class _View:
    """A square of the background picture about a contact's anchor, in which its foot is looked for."""

    from_background: Matrix
    size_px: int
    scale: float
    leg_px: float

    @classmethod
    def of(cls, contact: Contact, joints: Doubles, to_background: Matrix) -> "_View | None":
        """None where no leg is seen from which to tell the size."""
        legs = [moved(to_background, joints[[pair[side] for pair in (HIPS, KNEES, ANKLES)]]) for side in (0, 1)]
        lengths = [float(np.linalg.norm(np.diff(leg, axis=0), axis=1).sum()) for leg in legs]
        if not np.isfinite(lengths).any():
            return None
        leg_px = max(float(np.nanmax(lengths)), 16.0)
        scale = min(1.0, LARGEST_PX / (WINDOW_LEG * leg_px))
        half = scale * (WINDOW_LEG / 2 + ROOM_LEG) * leg_px
        x, y = scale * np.array(contact.anchor)
        return cls(
            shift(round(half) - x, round(half) - y) @ np.diag([scale, scale, 1.0]), 2 * round(half) + 1, scale, leg_px
        )

    @property
    def planted(self) -> Doubles:
        """Where the anchor lies in the square."""
        return np.array([self.size_px // 2, self.size_px // 2], float)

    @property
    def window_px(self) -> int:
        return 2 * round(self.scale * WINDOW_LEG * self.leg_px / 2) + 1

    def seen(self, picture: RGB, to_background: Matrix) -> Floats:
        """The square as grey values, a little softened so that it can be looked at between pixels."""
        back = inverse(self.from_background @ to_background)
        flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        square = cv2.warpPerspective(
            picture, back, (self.size_px, self.size_px), flags=flags, borderMode=cv2.BORDER_REPLICATE
        )
        grey: Floats = cv2.GaussianBlur(cv2.cvtColor(square, cv2.COLOR_RGB2GRAY).astype(np.float32), (0, 0), 0.8)
        return grey

    def foot(self, contact: Contact, joints: Doubles, to_background: Matrix) -> Doubles:
        """Heel, toe and ankle in the square, 3 x 2."""
        side = SIDES.index(contact.foot)
        return moved(self.from_background @ to_background, joints[[pair[side] for pair in (HEELS, TOES, ANKLES)]])


class _Search:
    """Goes from frame to frame; compares with one frame while the foot looks as it did there, then with a later one."""

    def __init__(self, view: _View, foot: Doubles, ground: Floats | None) -> None:
        self._view, self._ground = view, ground
        self._piece: Piece | None = None
        self._last: Floats | None = None
        self._warp = at(foot.mean(axis=0))
        self._foot = foot - foot.mean(axis=0)
        self._pivot = view.planted - foot.mean(axis=0)

    def next(self, square: Floats) -> tuple[Doubles, float]:
        """Where the planted point lies in the next frame, px of the square, and how alike the foot is."""
        if self._piece is None:
            self._piece, self._last = self._cut(square), square
            return self._planted(self._warp), 1.0 if self._piece else 0.0
        warp, alike = self._found(self._piece, square)
        if alike < ALIKE and self._last is not None and (later := self._cut(self._last)):
            again = self._found(later, square)
            if again[1] > alike:
                self._piece, (warp, alike) = later, again
        if alike >= ALIKE:
            self._warp, self._last = warp, square
        return self._planted(warp), alike

    def _found(self, piece: Piece, square: Floats) -> tuple[Warp, float]:
        """How a piece lies, from where it lay; as alike as nothing where it would have tipped over."""
        warp, alike = piece.find(square, self._warp)
        return (self._warp, 0.0) if np.abs(warp[:, :2] - np.eye(2)).max() > ROLLING else (warp, alike)

    def _planted(self, warp: Doubles) -> Doubles:
        planted: Doubles = warp[:, :2] @ self._pivot + warp[:, 2]
        return planted

    def _cut(self, square: Floats) -> Piece | None:
        """What lies at the present place."""
        size = self._view.window_px
        values = cut_out(square, self._warp, size)
        weights = _about(self._foot, size, CORE_LEG * self._view.leg_px * self._view.scale)
        if self._ground is not None:
            weights = weights * _bare(values, cut_out(self._ground, self._warp, size))
        return Piece.of(values, weights)


def _about(foot: Doubles, size_px: int, deviation_px: float) -> Floats:
    """0..1: a bell about the triangle of heel, toe and ankle, px from the middle of the piece."""
    outside = np.full((size_px, size_px), 255, np.uint8)
    cv2.fillConvexPoly(outside, np.rint(16 * (foot + size_px // 2)).astype(np.int32), 0, shift=4)
    cv2.polylines(outside, [np.rint(16 * (foot + size_px // 2)).astype(np.int32)], True, 0, shift=4)
    away = cv2.distanceTransform(outside, cv2.DIST_L2, 5)
    bell: Floats = np.exp(-0.5 * (away / deviation_px) ** 2).astype(np.float32)
    return bell


def _bare(values: Floats, ground: Floats) -> Floats:
    """0..1: what does not look like the bare ground; 1 everywhere where nothing does, or too little."""
    foot = np.clip(np.abs(values - ground) / BARE - 0.5, 0, 1)
    foot = cv2.GaussianBlur(cv2.dilate(foot, np.ones((3, 3), np.uint8)), (0, 0), 1).astype(np.float32)
    return foot if foot.mean() > 0.1 else np.ones_like(foot)
