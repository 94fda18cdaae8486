"""The sound of a clip: scanning it, and carrying it into a result, copied where MP4 allows it and else encoded."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from fractions import Fraction
from math import ceil
from pathlib import Path

import av
from av.audio.stream import AudioStream
from av.container import InputContainer, OutputContainer

from utils.media.aac import AacTrack
from utils.media.clip import AudioTrack, Clip
from utils.media.cut_sound import packets_between, samples_between
from utils.media.decode import Losses, decode_sound, moment_s, open_input, packets

COPIED_INTO_MP4 = ("aac", "mp3", "ac3", "eac3", "alac", "opus", "flac")
"""Codecs whose packets an MP4 file can hold."""
LOWEST_MP3_HZ = 16_000
"""MP4 cannot hold MP3 of lower sample rates."""
FLAC_HEADER_BYTES = 34
TAIL_S = 5
"""Sound that begins more than this after the last picture is left out."""


def scan_audio(path: Path, start_s: Fraction) -> tuple[AudioTrack | None, list[str]]:
    """The first sound track that decodes, with times counted from the first picture, and notes on its problems."""
    track = next(decodable_tracks(path, start_s), None)
    if track is not None:
        return track, _notes(track)
    return None, ["Its sound does not decode; the result will be silent."] if count_tracks(path) else []


def count_tracks(path: Path) -> int:
    """How many sound tracks a file has, whether they decode or not."""
    with open_input(path) as container:
        return len(container.streams.audio)


def decodable_tracks(path: Path, start_s: Fraction) -> Iterator[AudioTrack]:
    """The sound tracks that decode, in their order, with times counted from this one."""
    for number in range(count_tracks(path)):
        with open_input(path) as container:
            track = _scan_track(container, container.streams.audio[number], start_s)
        if track is not None:
            yield track


def _scan_track(container: InputContainer, stream: AudioStream, start_s: Fraction) -> AudioTrack | None:
    """Facts about one sound track, found by decoding all of it; None when nothing decodes."""
    losses = Losses()
    first: av.AudioFrame | None = None
    first_s = end_s = Fraction(0)
    forms = set()
    for frame in decode_sound(container, stream, losses):
        time_s = moment_s(frame)
        if first is None:
            first, first_s = frame, time_s
        end_s = max(end_s, time_s + Fraction(frame.samples, frame.sample_rate))
        forms.add((frame.sample_rate, frame.layout.nb_channels))
    if first is None:
        return None
    return AudioTrack(
        stream_index=stream.index,
        codec=stream.codec_context.codec.canonical_name,
        rate_hz=first.sample_rate,
        channels=first.layout.nb_channels,
        start_s=first_s - start_s,
        duration_s=end_s - first_s,
        damaged=losses.any,
        steady=len(forms) == 1,
    )


def _notes(track: AudioTrack) -> list[str]:
    """Sentences for the user about damage, changes of format and channels that are mixed."""
    facts = [
        (track.damaged, "A part of its sound does not decode."),
        (not track.steady, "Its sound changes its form on the way; it is encoded anew in the first one."),
        (track.channels > 8, f"Its {track.channels} channels of sound are mixed to two."),
    ]
    return [note for true, note in facts if true]


def _copies(track: AudioTrack) -> bool:
    """Whether the packets can be copied into an MP4 without encoding."""
    too_low = track.codec == "mp3" and track.rate_hz < LOWEST_MP3_HZ
    return track.codec in COPIED_INTO_MP4 and track.steady and not too_low


class SoundPackets:
    """The packets of a result's sound, in order, handed out as the pictures advance."""

    def __init__(self, packets: Iterator["av.Packet[AudioStream]"], close: Callable[[], None]) -> None:
        self._packets, self.close = packets, close
        self._next_packet: av.Packet[AudioStream] | None = next(self._packets, None)

    def before(self, time_s: Fraction) -> Iterator["av.Packet[AudioStream]"]:
        """The remaining packets that start before a time."""
        while self._next_packet is not None and (self._next_packet.dts or 0) * self._next_packet.time_base < time_s:
            yield self._next_packet
            self._next_packet = next(self._packets, None)

    def rest(self) -> Iterator["av.Packet[AudioStream]"]:
        """All remaining packets."""
        while self._next_packet is not None:
            yield self._next_packet
            self._next_packet = next(self._packets, None)


class CarriedSound(SoundPackets):
    """The packets of a clip's sound for a result."""

    def __init__(self, clip: Clip, track: AudioTrack, output: OutputContainer, delay_s: Fraction) -> None:
        files = ExitStack()
        container = files.enter_context(open_input(clip.path))
        source = next(stream for stream in container.streams.audio if stream.index == track.stream_index)
        origin_s = clip.pts[0] * clip.time_base - delay_s
        end_s = clip.duration_s + delay_s + (0 if clip.whole else TAIL_S)
        if _copies(track):
            target = output.add_stream_from_template(source)
            timed = _timed_in_samples(
                packets(container, source, Losses()), source, track, _start_s(clip, track) + delay_s, origin_s
            )
            cut = packets_between(timed, clip.duration_s) if clip.whole else timed
            carried = _assigned(cut, target, end_s)
        else:
            encoded = AacTrack(output, track, origin_s, end_s)
            decoded = decode_sound(container, source, Losses())
            cut_sound = samples_between(decoded, origin_s, clip.duration_s) if clip.whole else decoded
            carried = encoded.packets(cut_sound)
        super().__init__(carried, files.close)


def _start_s(clip: Clip, track: AudioTrack) -> Fraction:
    """When the sound of the file starts, counted from the first picture of the clip, which may be a part."""
    whole = clip.of_file
    return whole.audio.start_s - whole.time_s(clip.start) if clip.whole and whole.audio else track.start_s


def _assigned(
    source_packets: Iterator["av.Packet[AudioStream]"], target: AudioStream, end_s: Fraction
) -> Iterator["av.Packet[AudioStream]"]:
    """Assign copied packets to the output stream `target`, up to the end of the pictures."""
    for packet in source_packets:
        if (packet.pts or 0) * packet.time_base > end_s:
            return
        packet.stream = target
        yield packet


def _timed_in_samples(
    source_packets: Iterator["av.Packet[AudioStream]"],
    source: AudioStream,
    track: AudioTrack,
    start_s: Fraction,
    origin_s: Fraction,
) -> Iterator["av.Packet[AudioStream]"]:
    """Packets with exact times in samples, without gaps where the container rounded their times more coarsely.

    The first packet starts before `start_s` by the samples that the decoder skips (the codec's priming).
    """
    rate_hz, tick_s = track.rate_hz, Fraction(source.time_base or Fraction(1, track.rate_hz))
    tolerance, fixed = ceil(tick_s * rate_hz), _packet_samples(source)
    due: int | None = None
    for packet in source_packets:
        if packet.pts is None or packet.size == 0:
            continue
        pts = round((packet.pts * tick_s - origin_s) * rate_hz)
        if due is None and packet.has_sidedata("skip_samples"):
            pts = round(start_s * rate_hz) - int.from_bytes(bytes(packet.get_sidedata("skip_samples"))[:4], "little")
        elif due is not None and pts <= due + tolerance:
            pts = due
        length = fixed or round((packet.duration or 0) * tick_s * rate_hz)
        due = pts + max(1, length)
        packet.pts, packet.dts, packet.duration, packet.time_base = pts, pts, length, Fraction(1, rate_hz)
        yield packet


def _packet_samples(source: AudioStream) -> int:
    """How many samples each packet holds; 0 where that differs or is unknown. FLAC says it in its own header alone."""
    context = source.codec_context
    if context.name == "flac" and context.extradata and len(context.extradata) >= FLAC_HEADER_BYTES:
        least, most = (int.from_bytes(context.extradata[at : at + 2], "big") for at in (0, 2))
        return most if least == most else 0
    return context.frame_size or 0
