"""The composite: a frame source of a clip's finished pictures, each composed when it is read.

Encoding and measuring both read from it. Generated frames are put back into the result's camera, over source or plate.
"""

from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from functools import cached_property

from pipeline.compose.compositor import Backdrop, Compositor, Restyled
from pipeline.compose.foot_correction import FootCorrection
from pipeline.compose.person_frames import PersonFrames, PlacedFrame
from pipeline.compose.plates import Plates
from pipeline.compose.result_camera import ResultCamera
from pipeline.plan.stable_picture import StablePicture
from utils.camera.tracking import Mask
from utils.digest import canonical_json, digest_bytes
from utils.image import RGB, Size
from utils.media.video import ClipFrames, Frame
from utils.prefetch import prefetch

VERSION = 2
"""Part of the digest; it grows whenever finished pictures may change."""


@dataclass(frozen=True)
class Composed:
    """A finished picture, with the source frame and matte that it was composed of, as the result's camera sees them."""

    source: Frame
    matte: Mask
    picture: RGB
    placed: PlacedFrame | None
    """The generated frame; None where no window covers it."""


@dataclass(frozen=True)
class CompositeSettings:
    """The settings by which generated frames are composited with the source."""

    restyled: Restyled
    feather_px: int
    over_plate: bool
    """Whether the plate replaces the whole background, or only what the source's person covered."""
    camera_strength: float
    """How much of the camera's movement is put back, 0 to 1."""


@dataclass(frozen=True)
class Composite:
    """The finished clip before it is encoded."""

    stable: StablePicture
    frames: PersonFrames
    feet: FootCorrection
    plates: Plates | None
    settings: CompositeSettings

    @cached_property
    def digest(self) -> str:
        """The digest of everything that its pictures depend on."""
        parts = [self.stable.digest, self.frames.digest, self.feet.digest, self.plates.digest if self.plates else ""]
        return digest_bytes(canonical_json([VERSION, asdict(self.settings), *parts]))

    @property
    def size(self) -> Size:
        return self.stable.clip.size

    def __len__(self) -> int:
        return len(self.stable.clip)

    def read(self, wanted: Iterable[int]) -> Iterator[Frame]:
        """The finished pictures of the wanted frames, ascending."""
        for composed in self.composed(wanted):
            yield Frame(composed.source.index, composed.source.pts, composed.picture)

    def composed(self, wanted: Iterable[int]) -> Iterator[Composed]:
        """The wanted frames, ascending, each with what it was composed of."""
        indices = list(wanted)
        for frame, matte, placed in prefetch(self._parts(indices)):
            source, matte_in_result = self.camera.shown(frame, matte)
            picture = self._compositor.frame(source, matte_in_result, placed, frame.rgb)
            yield Composed(source, matte_in_result, picture, placed)

    @cached_property
    def camera(self) -> ResultCamera:
        """The camera of the result."""
        return ResultCamera.of(self.stable.path, self.settings.camera_strength)

    @cached_property
    def _compositor(self) -> Compositor:
        backdrop = Backdrop(self.plates.behind, self.settings.over_plate) if self.plates else None
        return Compositor(
            self.stable, self.settings.restyled, self.settings.feather_px, self.feet.field, self.camera, backdrop
        )

    def _parts(self, indices: list[int]) -> Iterator[tuple[Frame, Mask, PlacedFrame | None]]:
        frames = ClipFrames.of(self.stable.clip).read(indices)
        mattes = self.stable.analysis.mattes(indices)
        yield from zip(frames, mattes, prefetch(self.frames.read(indices)), strict=True)
