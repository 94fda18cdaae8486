"""The overlay: each frame of the foreground over the frame of the background that it shows, drawn when asked for."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.align.time_map import TimeMap
from utils.digest import canonical_json, digest_bytes
from utils.image import RGB, Box, Size
from utils.media.clip import Clip
from utils.media.timebase import Span
from utils.media.video import ClipFrames, Rolling

SNAP_PX = 0.25
"""A foreground that lies so near to whole px everywhere is laid there unchanged, without resampling."""


@dataclass(frozen=True)
class Overlay:
    """The foreground over the background, from the first frame that matches to the last one."""

    background: Clip
    foreground: Clip
    map: TimeMap
    blend_px: int = 0

    @property
    def digest(self) -> str:
        """Digest of everything that its pictures depend on."""
        clips = [self.background.digest, self.foreground.digest]
        return digest_bytes(canonical_json([*clips, self.map.to_json(), self.blend_px]))

    @property
    def size(self) -> Size:
        """That of the background."""
        return self.background.size

    @cached_property
    def span(self) -> Span:
        """The frames of the foreground that are shown."""
        matched = self.map.matched()
        return Span(int(matched[0]), int(matched[-1]) + 1)

    def pictures(self) -> Iterator[RGB]:
        """The composed pictures, in the foreground's time."""
        behind = Rolling(ClipFrames.of(self.background), keep=3)
        wanted = self._frames_behind()
        for frame, index in zip(ClipFrames.of(self.foreground).read(self.span), wanted, strict=True):
            yield self._laid(next(behind.read([index])).rgb, frame.rgb)

    def _frames_behind(self) -> list[int]:
        """The nearest frame of the background for each frame shown; in a gap the way from one side to the other."""
        matched = self.map.matched()
        moments = np.interp(np.arange(self.span.start, self.span.stop), matched, self.map.moments[matched])
        return [int(each) for each in np.clip(np.rint(moments), 0, len(self.background) - 1)]

    def _laid(self, behind: RGB, own: RGB) -> RGB:
        if self._whole is not None:
            picture, mask = np.zeros_like(behind), np.zeros(behind.shape[:2], np.float32)
            inside = self._whole & Box(0, 0, *self.size)
            picture[inside.slices] = own[inside.within(self._whole).slices]
            mask[inside.slices] = self._soft_mask[inside.within(self._whole).slices]
        else:
            flags = cv2.INTER_AREA if self.map.placement.scale < 1 else cv2.INTER_CUBIC
            picture = np.asarray(cv2.warpAffine(own, self._matrix, self.size, flags=flags), np.uint8)
            mask = np.asarray(cv2.warpAffine(self._soft_mask, self._matrix, self.size, flags=cv2.INTER_LINEAR))
        if not self.blend_px and self._whole is not None:
            return np.where(mask[..., None] > 0, picture, behind)
        mixed = behind + mask[..., None] * (picture.astype(np.float32) - behind)
        return np.asarray(np.clip(np.rint(mixed), 0, 255), np.uint8)

    @cached_property
    def _whole(self) -> Box | None:
        """Where the foreground lies if that is on whole px, unscaled."""
        place, size = self.map.placement, self.foreground.size
        left, top = round(place.left), round(place.top)
        ends = [place.left + place.scale * size.width_px, place.top + place.scale * size.height_px]
        off = [place.left - left, place.top - top, ends[0] - left - size.width_px, ends[1] - top - size.height_px]
        return Box(left, top, left + size.width_px, top + size.height_px) if max(map(abs, off)) < SNAP_PX else None

    @cached_property
    def _matrix(self) -> NDArray[np.float64]:
        """From px of the foreground to px of the background."""
        place = self.map.placement
        middle = 0.5 * place.scale - 0.5
        return np.array([[place.scale, 0, place.left + middle], [0, place.scale, place.top + middle]])

    @cached_property
    def _soft_mask(self) -> NDArray[np.float32]:
        """How much of the foreground is shown at each of its pixels: all of it, less towards its edges."""
        width, height = self.foreground.size
        if not self.blend_px:
            return np.ones((height, width), np.float32)
        away = [np.minimum(np.arange(side) + 0.5, side - 0.5 - np.arange(side)) for side in (height, width)]
        soft = [np.clip(each * self.map.placement.scale / self.blend_px, 0, 1) for each in away]
        return np.asarray(np.minimum(soft[0][:, None], soft[1][None]), np.float32)
