"""Writes MP4 files: pictures encoded with x264, sound carried over; the file appears only when it is complete."""

import sys
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from errno import EACCES, EDQUOT, EFBIG, EIO, EISDIR, ENAMETOOLONG, ENOENT, ENOSPC, ENOTDIR, EPERM, EROFS
from fractions import Fraction
from math import ceil, lcm
from pathlib import Path
from types import TracebackType
from typing import Self

import av
import numpy as np
from av.codec.context import Flags
from av.video.stream import VideoStream

from utils.atomic_file import replacing
from utils.errors import WriteError
from utils.image import RGB, Size
from utils.media.audio import CarriedSound, SoundPackets
from utils.media.clip import Clip
from utils.media.colour import ColourConverter, ColourTags
from utils.media.encoders import ENCODERS, X264
from utils.media.followed_sound import Followed, FollowedSound
from utils.media.video import Frame

DISK_ERRORS = {ENOSPC, EDQUOT, EACCES, EPERM, ENOENT, ENOTDIR, EISDIR, EROFS, EFBIG, ENAMETOOLONG, EIO}
"""Error numbers whose remedy concerns the folder or the disk."""
REPRODUCIBLE = "cpu-independent=1"
"""x264 option that makes the same pictures give the same file on every machine. Without it x264's floating point
depends on the processor, and with AVX-512 even differs from run to run (1 in 10, measured)."""
PIXEL_FORMAT = "yuv420p"
MIN_TICKS_HZ = 90_000
MP4_LIMIT = 2**31 - 1
"""FINE_HZ is the least number of ticks per second for the pictures' times, LARGEST the limit of MP4's fields."""
TICKS_LIMIT_HZ = 20_000_000


@dataclass(frozen=True, slots=True)
class Encoding:
    """Settings of an encoder. The number of x264's threads is fixed because the encoded pictures depend on it."""

    crf: int = 16
    preset: str = "veryfast"
    threads: int = 4
    most_between_keys: int = 0
    """Frames from one key frame to the next, at most; the encoder decides where it is 0."""
    encoder: str = X264

    @property
    def options(self) -> dict[str, str]:
        """FFmpeg's options of the encoder."""
        if self.encoder != X264:
            keys = {"g": str(self.most_between_keys)} if self.most_between_keys else {}
            return {**ENCODERS[self.encoder].options(self.crf), **keys}
        keyint = f":keyint={self.most_between_keys}" if self.most_between_keys else ""
        return {"crf": str(self.crf), "preset": self.preset, "x264-params": REPRODUCIBLE + keyint}


@dataclass(frozen=True, slots=True)
class Shape:
    """Size, frame rate, time base and colour of a written video."""

    size: Size
    rate: Fraction
    time_base: Fraction
    colour: ColourTags

    @classmethod
    def like(cls, clip: Clip) -> "Shape":
        """The shape of a clip, for writing a video that matches it frame by frame.

        A constant rate is written exactly, even where the source's container rounded its times.
        """
        time_base = 1 / clip.rate if clip.constant_rate else clip.time_base
        return cls(clip.size, clip.rate, time_base, clip.colour.worked)

    @classmethod
    def steady(cls, size: Size, rate: Fraction) -> "Shape":
        """A constant rate with one tick per frame, in the standard colours of the size."""
        return cls(size, rate, 1 / rate, ColourTags.standard(size))

    @property
    def even_size(self) -> Size:
        """The size rounded up to even numbers, as 4:2:0 needs; an odd edge is repeated once."""
        return self.size.even


def write_clip(path: Path, frames: Iterable[Frame], like: Clip, encoding: Encoding | None = None) -> None:
    """Write frames with the times, colours and sound of the clip `like`."""
    places = times(like)
    with ClipWriter(path, Shape.like(like), encoding, sound=like) as writer:
        for frame in frames:
            writer.write(frame.rgb, *places[frame.index])


def times(like: Clip) -> list[tuple[int, int]]:
    """Start and duration of each frame of a clip, in ticks of `Shape.like`, counted from the first."""
    starts = tuple(range(len(like))) if like.constant_rate else tuple(pts - like.pts[0] for pts in like.pts)
    ends = (*starts[1:], starts[-1] + (1 if like.constant_rate else like.last_duration))
    return [(start, end - start) for start, end in zip(starts, ends, strict=True)]


class ClipWriter:
    """Writes an MP4. The file appears at its path when the `with` block succeeds; after an error nothing is left."""

    def __init__(
        self,
        path: Path,
        shape: Shape,
        encoding: Encoding | None = None,
        sound: Clip | Followed | None = None,
        *,
        index_first: bool = True,
    ) -> None:
        """`index_first` lets players begin before they have the whole file; it writes everything twice."""
        self._path, self._index_first = path.absolute(), index_first
        self._shape = shape
        self._colour = ColourConverter(shape.colour)
        self._encoding = encoding or Encoding()
        self._encoder = ENCODERS[self._encoding.encoder]
        self._sound_of = sound if sound is not None and sound.audio is not None else None
        self._ticks = max(1, min(ceil(shape.time_base * MIN_TICKS_HZ), MP4_LIMIT // shape.time_base.denominator))
        self._files = ExitStack()
        self._count = 0

    def __enter__(self) -> Self:
        try:
            with self._explained():
                if self._path.is_dir():
                    raise IsADirectoryError(EISDIR, "it is a folder")
                part = self._files.enter_context(replacing(self._path))
                self._output = av.open(str(part), "w", format="mp4", options=self._mux_options())
                self._files.callback(self._close)
                self._stream = self._add_pictures()
                self._sound = self._add_sound()
        except BaseException:
            self._discard(*sys.exc_info())
            raise
        return self

    def write(self, source: RGB | av.VideoFrame, pts: int, duration: int | None = None) -> None:
        """Encode one picture, shown from `pts` on, in ticks of the shape's time base, counted from the first picture.

        A VideoFrame must already have the encoder's pixel format and the shape's colours; it is not converted.
        """
        picture = self._checked(source) if isinstance(source, av.VideoFrame) else self._converted(source)
        if self._encoder.pixel_format != PIXEL_FORMAT:
            picture = picture.reformat(format=self._encoder.pixel_format)
        picture.pts, picture.time_base = pts, self._shape.time_base
        picture.duration = duration or round(1 / (self._shape.rate * self._shape.time_base))
        self._count += 1
        with self._explained():
            if self._sound is not None:
                for packet in self._sound.before(pts * self._shape.time_base + self._delay_s):
                    self._output.mux(packet)
            self._mux(self._stream.encode(picture))

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is not None:
            self._discard(kind, error, trace)
            return
        with self._explained(), self._files:
            self._finish()

    def _converted(self, rgb: RGB) -> av.VideoFrame:
        """An RGB picture converted for the encoder."""
        if rgb.shape != (self._shape.size.height_px, self._shape.size.width_px, 3) or rgb.dtype != np.uint8:
            raise ValueError(f"a picture of {rgb.shape} {rgb.dtype} in a video of {self._shape.size}")
        return self._colour.from_rgb(_padded_to_even(rgb), PIXEL_FORMAT)

    def _checked(self, picture: av.VideoFrame) -> av.VideoFrame:
        """A frame in the encoder's pixel format, checked and tagged with the shape's colours."""
        if (picture.width, picture.height) != self._shape.even_size or picture.format.name != PIXEL_FORMAT:
            raise ValueError(f"a picture of {picture.width}x{picture.height} {picture.format.name}, not {self._shape}")
        tags = self._shape.colour
        picture.colorspace, picture.color_range = tags.matrix, 2 if tags.full_range else 1
        return picture

    def _finish(self) -> None:
        """Flush the encoder, and complete the file."""
        if not self._count:
            raise WriteError(f"There was no picture to write to {self._path.name!r}.", "Give it at least one frame.")
        self._mux(self._stream.encode(None))
        if self._sound is not None:
            for packet in self._sound.rest():
                self._output.mux(packet)
        self._output.close()

    def _discard(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close all files after an error, which removes the part."""
        with suppress(av.FFmpegError, OSError):  # the first failure is the one that is told
            self._files.__exit__(kind, error, trace)

    def _close(self) -> None:
        """Close the output, which is done already unless something failed."""
        with suppress(av.FFmpegError, OSError):  # the first failure is the one that is told
            self._output.close()

    @property
    def _delay_s(self) -> Fraction:
        """Delay of the pictures, when the sound begins before them."""
        track = self._sound_of and self._sound_of.audio
        return max(Fraction(0), -track.start_s) if track else Fraction(0)

    def _mux_options(self) -> dict[str, str]:
        """Muxer options. Edit lists count in the movie's ticks, rounded down, so these must resolve all start times."""
        track = self._sound_of and self._sound_of.audio
        ticks_hz = track.rate_hz if track else MIN_TICKS_HZ
        if self._delay_s:
            ticks_hz = lcm(ticks_hz, (self._shape.time_base / self._ticks).denominator)
        flags = {"movflags": "+faststart"} if self._index_first else {}
        return {**flags, "movie_timescale": str(min(ticks_hz, TICKS_LIMIT_HZ))}

    def _mux(self, packets: list["av.Packet[VideoStream]"]) -> None:
        """Write encoded packets, with times in ticks fine enough for the start of the sound."""
        time_base = self._shape.time_base / self._ticks
        delay = round(self._delay_s / time_base)
        for packet in packets:
            packet.pts = (packet.pts or 0) * self._ticks + delay
            packet.dts = (packet.dts or 0) * self._ticks + delay
            packet.duration = (packet.duration or 0) * self._ticks
            packet.time_base = time_base
            self._output.mux(packet)

    def _add_pictures(self) -> VideoStream:
        shape, encoding, tags = self._shape, self._encoding, self._shape.colour
        stream = self._output.add_stream(
            self._encoder.codec,
            rate=_encodable(shape.rate),
            time_base=shape.time_base,
            width=shape.even_size.width_px,
            height=shape.even_size.height_px,
            pix_fmt=self._encoder.pixel_format,
            options=encoding.options,
        )
        assert isinstance(stream, VideoStream)
        stream.time_base = shape.time_base / self._ticks
        context = stream.codec_context
        if encoding.encoder == X264:
            context.thread_count = encoding.threads
        context.flags |= Flags.frame_duration
        context.colorspace, context.color_primaries = tags.matrix, tags.primaries
        context.color_trc, context.color_range = tags.transfer, 2 if tags.full_range else 1
        return stream

    def _add_sound(self) -> SoundPackets | None:
        source = self._sound_of
        if source is None or source.audio is None:
            return None
        if isinstance(source, Followed):
            sound: SoundPackets = FollowedSound(source, source.audio, self._output)
        else:
            sound = CarriedSound(source, source.audio, self._output, delay_s=self._delay_s)
        self._files.callback(sound.close)
        return sound

    @contextmanager
    def _explained(self) -> Iterator[None]:
        """Turn FFmpeg's and the system's errors into a WriteError about this file."""
        try:
            yield
        except (av.FFmpegError, OSError) as error:
            place = f"Check that {str(self._path.parent)!r} exists, may be written to and has room, and run it again."
            other = "Choose another size or rate; if the sound is at fault, convert the clip to MP4 first."
            raise WriteError(
                f"{self._path.name!r} could not be written: {error.strerror or error}.",
                place if error.errno in DISK_ERRORS else other,
            ) from error


def _encodable(rate: Fraction) -> Fraction:
    """The rate rounded to what the encoder can represent; the times themselves stay exact."""
    return rate.limit_denominator(1_000_000) if max(rate.numerator, rate.denominator) > 1 << 30 else rate


def _padded_to_even(rgb: RGB) -> RGB:
    """The picture with an odd last row or column repeated."""
    height, width = rgb.shape[:2]
    if height % 2 == 0 and width % 2 == 0:
        return rgb
    return np.pad(rgb, ((0, height % 2), (0, width % 2), (0, 0)), mode="edge")
