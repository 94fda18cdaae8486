"""Probing: opens a file, decodes every frame once, and returns a Clip with the facts.

The whole file is decoded because only that tells how many frames there really are; it costs about a millisecond
per 720p frame. Untrusted files are scanned in a child process, see `utils.media.intake`.
"""

from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.container import InputContainer
from av.video.stream import VideoStream

from utils.digest import digest_file
from utils.errors import RefusedClip, UnreadableClip
from utils.image import Orientation, Size
from utils.media.audio import scan_audio
from utils.media.clip import AudioTrack, Clip
from utils.media.colour import ColourTags, usual_matrix
from utils.media.decode import Losses, decode, open_input, packets, picture_stream
from utils.media.timebase import Cadence, cadence, timeline

ALPHA_FORMATS = ("yuva", "rgba", "bgra", "argb", "abgr", "gbrap", "ya8", "pal8")


@dataclass(frozen=True, slots=True)
class Limits:
    """Limits on time, memory, picture size and length while an untrusted file is probed."""

    wall_s: float = 300.0
    memory_bytes: int = 6 << 30
    pixels: int = 8192 * 4320
    frames: int = 200_000


@dataclass(frozen=True, slots=True)
class _Declared:
    """What the container declares about its video, before anything is decoded."""

    container: str
    codec: str
    frames: int
    time_base: Fraction | None
    rates: tuple[Fraction, ...]
    pixel_aspect: Fraction

    @classmethod
    def by(cls, container: InputContainer, stream: VideoStream) -> "_Declared":
        return cls(
            container.format.name,
            stream.codec_context.name,
            stream.frames,
            stream.time_base,
            tuple(Fraction(rate) for rate in (stream.guessed_rate, stream.average_rate) if rate),
            Fraction(stream.sample_aspect_ratio or 1),
        )


@dataclass(slots=True)
class _Pictures:
    """Facts gathered in one pass over the pictures."""

    declared: _Declared
    losses: Losses = field(default_factory=Losses)
    pts: list[int | None] = field(default_factory=list)
    keys: list[int] = field(default_factory=list)
    last_duration: int = 0
    last_pts: int = -(1 << 62)
    first: av.VideoFrame | None = None
    sizes: set[tuple[int, int]] = field(default_factory=set)

    @property
    def missing(self) -> int:
        """Number of frames that the container declares and that did not decode."""
        return max(0, self.declared.frames - len(self.pts) - self.losses.hidden_packets)

    @property
    def suspect(self) -> bool:
        """Whether a slower pass may find more: something failed, or there were more packets than frames."""
        came_out = len(self.pts) + self.losses.hidden_packets
        return self.losses.any or self.losses.flawed_frames > 0 or self.losses.packets > came_out

    def add(self, frame: av.VideoFrame) -> None:
        """Record the facts of the next frame."""
        self.first = self.first or frame
        if frame.key_frame:
            self.keys.append(len(self.pts))
        self.pts.append(frame.pts)
        self.sizes.add((frame.width, frame.height))
        if frame.pts is None or frame.pts > self.last_pts:
            self.last_pts, self.last_duration = frame.pts or 0, frame.duration or 0


def scan(path: Path, limits: Limits) -> Clip:
    """Probe a file; ClipError with a remedy when it cannot be used as a clip."""
    _check_file(path)
    pictures = _gather(path, limits, intact=True)
    if pictures.suspect:
        slower = _gather(path, limits, intact=False)
        pictures = slower if slower.suspect or len(slower.pts) > len(pictures.pts) else pictures
    first, declared = pictures.first, pictures.declared
    if first is None:
        raise UnreadableClip(
            f"No frame of {path.name!r} decodes; its video data is damaged or missing.",
            "Export the clip again from where it came from, or choose another one.",
        )
    rate = next(iter(declared.rates), Fraction(25))
    times = timeline(pictures.pts, declared.time_base, rate, pictures.last_duration)
    time_base, pts = times.time_base, times.pts
    orientation, turning_note = _orientation(first)
    pace = cadence(pts, time_base, declared.rates)
    stored = Size(first.width, first.height)
    size = orientation.size(_square(stored, declared.pixel_aspect))
    _check_pixels(path, size, limits)
    audio, sound_notes = scan_audio(path, start_s=pts[0] * time_base)
    return Clip(
        path=path,
        digest=digest_file(path),
        container=declared.container,
        codec=declared.codec,
        pixel_format=first.format.name,
        size=size,
        stored_size=stored,
        orientation=orientation,
        colour=_tags(first),
        time_base=time_base,
        pts=pts,
        keys=tuple(pictures.keys),
        key_bytes=tuple(pictures.losses.key_bytes.get(pictures.pts[key] or 0, -1) for key in pictures.keys),
        last_duration=times.last_duration or max(1, round(1 / (pace.rate * time_base))),
        rate=pace.rate,
        constant_rate=pace.constant,
        seekable=times.note is None and not (pictures.losses.any or pictures.losses.flawed_frames or pictures.missing),
        audio=audio,
        notes=(
            *_loss_notes(pictures.losses, pictures.missing),
            *(note for note in (times.note, turning_note) if note),
            *_picture_notes(first, pictures, pace),
            *sound_notes,
        ),
    )


@dataclass(frozen=True, slots=True)
class Count:
    """What the packets of a finished file say, without decoding its pictures."""

    frames: int
    rate: Fraction
    audio: AudioTrack | None

    @classmethod
    def of(cls, path: Path) -> "Count":
        """Count a file of our own making; strangers' files are scanned."""
        with open_input(path) as container:
            stream = picture_stream(container, path)
            shown = (packet for packet in packets(container, stream, Losses()) if packet.size and not packet.is_discard)
            pts = sorted(packet.pts or 0 for packet in shown)
            declared = _Declared.by(container, stream)
        time_base = declared.time_base or Fraction(1)
        audio, _ = scan_audio(path, start_s=pts[0] * time_base)
        return cls(len(pts), cadence(pts, time_base, declared.rates).rate, audio)


def _check_file(path: Path) -> None:
    """Refuse everything but a regular, non-empty file: a pipe or a device could block for ever."""
    if not path.exists():
        raise UnreadableClip(f"There is no file {str(path)!r}.", "Check the path and try again.")
    if not path.is_file():
        raise RefusedClip(f"{str(path)!r} is not a file.", "Give the path of one video file.")
    if path.stat().st_size == 0:
        raise UnreadableClip(f"{path.name!r} is empty.", "Copy or upload it again; perhaps that broke off.")


def _check_pixels(path: Path, size: Size, limits: Limits) -> None:
    """Refuse pictures larger than the limit."""
    if size.area_px > limits.pixels:
        raise RefusedClip(
            f"{path.name!r} has pictures of {size}, more than the limit of {limits.pixels / 1e6:.0f} megapixels.",
            "Scale it down before adding it.",
        )


def _gather(path: Path, limits: Limits, *, intact: bool) -> _Pictures:
    """Decode all pictures once; only the first one is kept."""
    with open_input(path) as container:
        stream = picture_stream(container, path, intact=intact)
        _check_pixels(path, Size(stream.width, stream.height), limits)
        pictures = _Pictures(_Declared.by(container, stream))
        for index, frame in enumerate(decode(container, stream, pictures.losses)):
            if index == limits.frames:
                raise RefusedClip(f"{path.name!r} has more than {limits.frames} frames.", "Cut it into shorter clips.")
            _check_pixels(path, Size(frame.width, frame.height), limits)
            pictures.add(frame)
        return pictures


def _orientation(frame: av.VideoFrame) -> tuple[Orientation, str | None]:
    """Orientation from the display matrix on a frame, and a note when it is not supported."""
    data = frame.side_data.get("DISPLAYMATRIX")
    if data is None:
        return Orientation(), None
    turned = Orientation.from_matrix(np.frombuffer(data, np.int32))  # type: ignore[call-overload]
    if turned is None:
        return Orientation(), "It asks to be turned by an odd angle; that was ignored."
    return turned, None


def _square(stored: Size, aspect: Fraction) -> Size:
    """The size in square pixels: anamorphic footage is stretched, never shrunk."""
    if aspect == 1 or not Fraction(1, 8) < aspect < 8:
        return stored
    if aspect > 1:
        return Size(round(stored.width_px * aspect), stored.height_px)
    return Size(stored.width_px, round(stored.height_px / aspect))


def _tags(frame: av.VideoFrame) -> ColourTags:
    """Colour tags of a decoded frame."""
    return ColourTags(
        matrix=int(frame.colorspace),
        primaries=int(frame.color_primaries),
        transfer=int(frame.color_trc),
        full_range=int(frame.color_range) == 2 or frame.format.name.startswith("yuvj") or frame.format.is_rgb,
        assumed_matrix=usual_matrix(Size(frame.width, frame.height)),
    )


def _loss_notes(losses: Losses, missing: int) -> list[str]:
    """Sentences for the user about frames that are missing or damaged."""
    notes = []
    lost = max(missing, losses.dropped_frames)
    if losses.any or missing:
        count = f"{lost} frame{'s' * (lost != 1)}" if lost else "A part of it"
        notes.append(f"{count} could not be decoded and {'is' if lost < 2 else 'are'} left out.")
    if losses.flawed_frames:
        one = losses.flawed_frames == 1
        notes.append(f"{losses.flawed_frames} frame{' is' if one else 's are'} damaged and show{'s' * one} flaws.")
    return notes


def _picture_notes(first: av.VideoFrame, pictures: _Pictures, pace: Cadence) -> list[str]:
    """Sentences for the user about properties of the pictures that are changed or ignored."""
    name, tags = first.format.name, _tags(first)
    depth = max((component.bits for component in first.format.components), default=8)
    facts = [
        (
            not pace.constant,
            f"Its frame rate varies around {float(pace.rate):.2f}; each frame keeps its time.",
        ),
        (depth > 8, f"It has {depth} bits a channel; it is worked on with 8."),
        (tags.guessed, "Its colour matrix is a rare one; the usual one of its size is taken for it."),
        (tags.hdr is not None, f"It is {tags.hdr} high dynamic range; it is brought to standard range."),
        (name.startswith(ALPHA_FORMATS), "Its transparency is left out."),
        (len(pictures.sizes) > 1, "Its picture size changes on the way; all is scaled to the first."),
        (bool(first.interlaced_frame), "It is interlaced; both fields are kept in one frame."),
    ]
    return [note for true, note in facts if true]
