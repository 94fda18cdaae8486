"""The composite: the finished pictures of a clip, each made when it is asked for. A frame source like any other.

Encoding and measuring both pull from it. What is made is put back into the source's own camera, over source or plate.
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

VERSION = 1


@dataclass(frozen=True)
class Composed:
    """A finished picture, beside what it was made of: source and matte as the result's camera sees them."""

    source: Frame
    matte: Mask
    picture: RGB
    placed: PlacedFrame | None
    """What was generated for this frame."""


@dataclass(frozen=True)
class Laying:
    """How generated frames are laid over the source."""

    restyled: Restyled
    feather_px: int
    over_plate: bool
    """Whether the plate replaces the whole background, or only what the person covered before."""
    camera_strength: float
    """How much of the camera's movement is put back, 0 to 1."""


@dataclass(frozen=True)
class Composite:
    """The finished film before it is encoded."""

    stable: StablePicture
    frames: PersonFrames
    feet: FootCorrection
    plates: Plates | None
    laying: Laying

    @cached_property
    def digest(self) -> str:
        """The digest of all that its pictures are made of."""
        parts = [self.stable.digest, self.frames.digest, self.feet.digest, self.plates.digest if self.plates else ""]
        return digest_bytes(canonical_json([VERSION, asdict(self.laying), *parts]))

    @property
    def size(self) -> Size:
        return self.stable.clip.size

    def __len__(self) -> int:
        return len(self.stable.clip)

    def read(self, wanted: Iterable[int]) -> Iterator[Frame]:
        """The wanted frames, ascending."""
        for composed in self.composed(wanted):
            yield Frame(composed.source.index, composed.source.pts, composed.picture)

    def composed(self, wanted: Iterable[int]) -> Iterator[Composed]:
        """The wanted frames, ascending, beside what they were made of."""
        indices = list(wanted)
        for frame, matte, placed in prefetch(self._parts(indices)):
            source, outline = self.camera.shown(frame, matte)
            picture = self._compositor.frame(source, outline, placed, frame.rgb)
            yield Composed(source, outline, picture, placed)

    @cached_property
    def camera(self) -> ResultCamera:
        """How each frame of the source is moved into the result."""
        return ResultCamera.of(self.stable.path, self.laying.camera_strength)

    @cached_property
    def _compositor(self) -> Compositor:
        backdrop = Backdrop(self.plates.behind, self.laying.over_plate) if self.plates else None
        return Compositor(
            self.stable, self.laying.restyled, self.laying.feather_px, self.feet.field, self.camera, backdrop
        )

    def _parts(self, indices: list[int]) -> Iterator[tuple[Frame, Mask, PlacedFrame | None]]:
        frames = ClipFrames.of(self.stable.clip).read(indices)
        mattes = self.stable.analysis.mattes(indices)
        yield from zip(frames, mattes, prefetch(self.frames.read(indices)), strict=True)
