"""What is known of a piece of footage, and of the sound that goes with it."""

from dataclasses import asdict, dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

from utils.image import Orientation, Size
from utils.media.colour import ColourTags
from utils.media.timebase import Span


@dataclass(frozen=True, slots=True)
class AudioTrack:
    """The sound that goes with a clip. `start_s` counts from the first picture; negative is earlier."""

    stream_index: int
    codec: str
    rate_hz: int
    channels: int
    start_s: Fraction
    duration_s: Fraction
    damaged: bool = False
    steady: bool = True
    """One sampling rate and one number of channels throughout."""


@dataclass(frozen=True, slots=True)
class Clip:
    """What is known of a piece of footage. Frozen; made by `utils.media.intake.probe`."""

    path: Path
    digest: str
    container: str
    codec: str
    pixel_format: str
    size: Size
    stored_size: Size
    orientation: Orientation
    colour: ColourTags
    time_base: Fraction
    pts: tuple[int, ...]
    keys: tuple[int, ...]
    """The frames that can be decoded without others, and where in the file each begins (-1: unknown)."""
    key_bytes: tuple[int, ...]
    last_duration: int
    rate: Fraction
    constant_rate: bool
    seekable: bool
    audio: AudioTrack | None
    notes: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.pts)

    @property
    def span(self) -> Span:
        return Span(0, len(self))

    @property
    def duration_s(self) -> Fraction:
        """From the first picture to the end of the last."""
        return (self.pts[-1] - self.pts[0] + self.last_duration) * self.time_base

    def time_s(self, index: int) -> Fraction:
        """When a frame is shown, counted from the first."""
        return (self.pts[index] - self.pts[0]) * self.time_base

    def to_json(self) -> dict[str, Any]:
        """Plain values; fractions as "30000/1001"."""
        return {
            **asdict(self),
            "path": str(self.path),
            "time_base": str(self.time_base),
            "rate": str(self.rate),
            "audio": self.audio
            and {
                **asdict(self.audio),
                "start_s": str(self.audio.start_s),
                "duration_s": str(self.audio.duration_s),
            },
        }

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> "Clip":
        """The inverse of `to_json`."""
        audio = data["audio"]
        return cls(
            **{
                **data,
                "path": Path(data["path"]),
                "size": Size(*data["size"]),
                "stored_size": Size(*data["stored_size"]),
                "orientation": Orientation(**data["orientation"]),
                "colour": ColourTags(**data["colour"]),
                "time_base": Fraction(data["time_base"]),
                "rate": Fraction(data["rate"]),
                "pts": tuple(data["pts"]),
                "keys": tuple(data["keys"]),
                "key_bytes": tuple(data["key_bytes"]),
                "notes": tuple(data["notes"]),
                "audio": audio
                and AudioTrack(
                    **{
                        **audio,
                        "start_s": Fraction(audio["start_s"]),
                        "duration_s": Fraction(audio["duration_s"]),
                    }
                ),
            }
        )
