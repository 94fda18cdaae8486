"""The overlay: each frame of the foreground over what the background shows at its moment, drawn when asked for.

Pictures stay in the YUV planes in which the background is stored: outside the foreground its pixels are unchanged.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Literal

import av
import cv2
import numpy as np

from pipeline.align.laying import laid_planes
from pipeline.align.sound import Choice, sound_of
from pipeline.align.time_map import TimeMap
from pipeline.align.timeline import Timeline
from utils.digest import canonical_json, digest_bytes
from utils.image import Size
from utils.media.clip import Clip
from utils.media.colour import UNSPECIFIED, ColourTags
from utils.media.followed_sound import Followed
from utils.media.planes import FORMAT, Planes, copied, pad
from utils.media.video import ClipPlanes, PlanesFrame, Rolling

LEAST_SHARE = 0.02
"""A moment that is nearer to a frame of the background than this is that frame."""


@dataclass(frozen=True)
class Look:
    """How a foreground is laid over a background."""

    blend_px: int = 0
    behind: Literal["nearest", "blended"] = "nearest"
    length: Literal["matched", "whole"] = "matched"
    sound: Choice = "auto"


@dataclass(frozen=True)
class Overlay:
    """The foreground over the background."""

    background: Clip
    foreground: Clip
    map: TimeMap
    look: Look = Look()

    @property
    def digest(self) -> str:
        """Digest of everything that its pictures depend on."""
        clips = [self.background.digest, self.foreground.digest]
        return digest_bytes(canonical_json([*clips, self.map.to_json(), vars(self.look)]))

    @property
    def size(self) -> Size:
        """That of the background."""
        return self.background.size

    @property
    def colour(self) -> ColourTags:
        """That of its pictures."""
        return self.background.colour.worked

    @cached_property
    def timeline(self) -> Timeline:
        """What each of its pictures shows, and when."""
        kind = Timeline.whole if self.look.length == "whole" else Timeline.trimmed
        return kind(self.map, self.background, self.foreground)

    @property
    def sound(self) -> Clip | Followed | None:
        """What is heard with them."""
        return sound_of(self.look.sound, self.timeline, self.map, self.background, self.foreground)

    def pictures(self) -> Iterator[av.VideoFrame]:
        """The composed pictures, for the encoder; one at a time is held."""
        behind, own = (Rolling(ClipPlanes(clip, self.colour), keep=3) for clip in (self.background, self._own))
        laid = None
        for shown in self.timeline.shown:
            back = self._behind(behind, shown.moment)
            picture = av.VideoFrame(*self.size.even, FORMAT)
            planes = copied(back, picture)
            if shown.own is not None:
                over = next(own.read([shown.own])).planes
                place, sizes = self.map.placement, (self.foreground.size, self.size)
                laid = laid or laid_planes(place, *sizes, self.look.blend_px, over, back)
                for one, plane, onto in zip(laid, (over.brightness, *over.colours), planes, strict=True):
                    one.lay(plane, onto)
            pad(picture, planes)
            yield picture

    @property
    def _own(self) -> Clip:
        """The foreground. Where neither clip names a matrix, it has the background's, of which it was made."""
        tags, theirs = self.foreground.colour, self.background.colour
        if tags.matrix == theirs.matrix == UNSPECIFIED:
            return replace(self.foreground, colour=replace(tags, assumed_matrix=theirs.assumed_matrix))
        return self.foreground

    def _behind(self, frames: Rolling[PlanesFrame], moment: float) -> Planes:
        """What the background shows at a moment: a frame, or two mixed."""
        first = int(moment)
        share = moment - first
        if self.look.behind == "nearest" or not LEAST_SHARE < share < 1 - LEAST_SHARE:
            return next(frames.read([round(moment)])).planes
        one, other = (each.planes for each in frames.read([first, first + 1]))
        pairs = zip((one.brightness, *one.colours), (other.brightness, *other.colours), strict=True)
        brightness, *colours = (np.asarray(cv2.addWeighted(a, 1 - share, b, share, 0), np.uint8) for a, b in pairs)
        return Planes(brightness, (colours[0], colours[1]), one.sited)
