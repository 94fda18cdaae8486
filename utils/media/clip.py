"""Clip and AudioTrack: the facts about a video file and its sound."""

from dataclasses import asdict, dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

from utils.image import Orientation, Size
from utils.media.colour import ColourTags
from utils.media.timebase import Span


@dataclass(frozen=True, slots=True)
class AudioTrack:
    """A clip's sound track. `start_s` counts from the first picture; negative means earlier."""

    stream_index: int
    codec: str
    rate_hz: int
    channels: int
    start_s: Fraction
    duration_s: Fraction
    damaged: bool = False
    steady: bool = True
    """Whether sampling rate and number of channels stay the same throughout."""


@dataclass(frozen=True, slots=True)
class Clip:
    """The facts about a video file. Frozen; made by `utils.media.intake.probe`."""

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
    """Key frames, which decode without others. `key_bytes` holds their positions in the file (-1: unknown)."""
    key_bytes: tuple[int, ...]
    last_duration: int
    rate: Fraction
    constant_rate: bool
    seekable: bool
    audio: AudioTrack | None
    notes: tuple[str, ...]
    whole: "Clip | None" = None
    """The clip of all frames of the file, if this one is only a part of it (`utils.media.clip_part`)."""
    start: int = 0
    """The index, in the whole clip, of its first frame."""

    def __len__(self) -> int:
        return len(self.pts)

    @property
    def span(self) -> Span:
        return Span(0, len(self))

    @property
    def duration_s(self) -> Fraction:
        """Duration from the first picture to the end of the last."""
        return (self.pts[-1] - self.pts[0] + self.last_duration) * self.time_base

    def time_s(self, index: int) -> Fraction:
        """Time at which a frame is shown, counted from the first."""
        return (self.pts[index] - self.pts[0]) * self.time_base

    @property
    def of_file(self) -> "Clip":
        """The clip of all frames of the file."""
        return self.whole or self

    def to_json(self) -> dict[str, Any]:
        """The clip of the whole file as JSON values; fractions as "30000/1001"."""
        assert self.whole is None, "a part is made from the whole clip and not kept"
        return {
            **{name: value for name, value in asdict(self).items() if name not in ("whole", "start")},
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
        """Rebuild a clip from what `to_json` returned."""
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
