"""What is heard of a film, from its plan: the clip, music, sounds and b-roll; mixed once for the whole film."""

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from fractions import Fraction
from functools import cached_property
from itertools import chain

from pipeline.finish.film.files import Files
from pipeline.finish.film.plan import Plan
from pipeline.stage import Stage, Work
from pipeline.types import Event
from utils.digest import canonical_json, digest_bytes
from utils.film.gain import Gain, gain_to
from utils.film.music import Music, Once, SoundFile
from utils.film.sound import Form, Mix, Samples, Sound, Speech, write_sound
from utils.film.timeline import Timeline, exact
from utils.media.audio import count_tracks
from utils.media.clip import Clip
from utils.media.clip_part import part_of
from utils.media.loudness import measure
from utils.media.timebase import Span
from utils.speech.words import Cue

SOUND, FACTS = "sound.m4a", "sound.json"
SHORTEST_S, BESIDE_GAIN, TOLD_DB = 1.0, 0.25, 0.5
"""The shortest music that is looped; how loud b-roll is beside the speaker; by how much less loud is worth saying."""


@dataclass(frozen=True)
class HeardFilm:
    """The sound of a film, and how loud it is to be as a whole; None leaves that as it is."""

    mix: Mix
    target_lufs: float | None = None

    @property
    def silent(self) -> bool:
        """Whether nothing is heard at all."""
        return not self.mix.sounds

    @cached_property
    def digest(self) -> str:
        """Digest of all that decides what is heard."""
        return digest_bytes(canonical_json([self.mix.told(), self.target_lufs]))


def heard_film(plan: Plan, clip: Clip, timeline: Timeline, files: Files, cues: tuple[Cue, ...]) -> HeardFilm:
    """The sound of a plan's film."""
    clip = _with_sound(clip, files)
    speech: list[Sound] = [Speech(clip, timeline, _only(clip, files))] if clip.audio else []
    others: list[Music | Once] = [*_music(plan, timeline, files, cues), *_once(plan, timeline, files)]
    channels = max((each.file.track.channels for each in others), default=1)
    form = Form.of(timeline, clip, least_channels=min(2, channels))
    return HeardFilm(Mix(form, (*speech, *others)), plan.loudness_lufs)


def _with_sound(clip: Clip, files: Files) -> Clip:
    """The clip with the sound that is heard of it: where its first track is silent, that of the first that is not."""
    whole = clip.of_file
    if whole.audio is None or count_tracks(clip.path) < 2:
        return clip
    heard = files.listened(clip)
    track = heard.file.track
    if track.stream_index == whole.audio.stream_index:
        return clip
    files.events.append(Event("film", f"The clip's first sound track is silent; number {heard.number} is heard."))
    own = replace(track, start_s=track.start_s - whole.pts[0] * whole.time_base)
    return part_of(replace(whole, audio=own), Span(clip.start, clip.start + len(clip)))


def _only(clip: Clip, files: Files) -> int | None:
    """The channel that is heard on both sides, where the other one of two is silent."""
    if clip.audio is None or clip.audio.channels != 2:
        return None
    only = files.listened(clip).loudness.only
    if only is not None:
        side = ("left", "right")[only]
        files.events.append(Event("film", f"Only the {side} channel of the clip holds sound; both sides hear it."))
    return only


def _music(plan: Plan, timeline: Timeline, files: Files, cues: tuple[Cue, ...]) -> Iterator[Music]:
    wanted = plan.music
    if wanted is None or not wanted.on or (found := files.sound(wanted.file, "The music")) is None:
        return
    if found.file.track.duration_s < SHORTEST_S:
        files.events.append(Event("film", f"The music {wanted.file!r:.60} is shorter than a second and is left out."))
        return
    if found.loudness.silent:
        files.events.append(Event("film", f"The music {wanted.file!r:.60} is silent.", "warning"))
    speech = _speech(plan, timeline, cues)
    if not speech:
        sentence = "Nothing is known about where somebody speaks, so the music keeps one level."
        files.events.append(Event("film", sentence))
    gain = gain_to(wanted.loudness_lufs, found.loudness).factor
    yield Music(found.file, gain, 10 ** (-wanted.duck_db / 20), speech, wanted.fade_out_s)


def _speech(plan: Plan, timeline: Timeline, cues: tuple[Cue, ...]) -> tuple[tuple[int, int], ...]:
    """Where somebody speaks, in ms of the film."""
    said = [(Fraction(cue.start_ms, 1000), Fraction(cue.end_ms, 1000)) for cue in cues]
    if plan.speech is not None:
        said = [(exact(each.from_s), exact(each.to_s)) for each in plan.speech]
    spans = chain.from_iterable(timeline.spans(start, stop) for start, stop in said)
    return tuple((int(span.start / timeline.rate * 1000), int(span.stop / timeline.rate * 1000)) for span in spans)


def _once(plan: Plan, timeline: Timeline, files: Files) -> Iterator[Once]:
    """Sounds at their moments, and what is heard of b-roll."""
    length_s = float(len(timeline) / timeline.rate)
    for effect in plan.effects:
        found = files.sound(effect.file, f"The sound at {effect.at_s:g} s")
        start_s = float(timeline.frame_at(effect.at_s) / timeline.rate)
        if found is not None and start_s >= length_s:
            files.events.append(Event("film", f"The sound at {effect.at_s:g} s comes after the end and is left out."))
        elif found is not None:
            stop_s = min(length_s, start_s + float(found.file.track.duration_s))
            yield Once(found.file, start_s, stop_s, 10 ** (effect.gain_db / 20))
    for clip in plan.broll:
        if clip.sound == "mute" or (seen := files.clip(clip.file, f"The b-roll at {clip.at_s:g} s")) is None:
            continue
        start_s = float(timeline.frame_at(clip.at_s) / timeline.rate)
        stop_s = min(length_s, start_s + clip.seconds)
        if seen.audio is not None and start_s < stop_s:
            file = SoundFile(seen.path, seen.digest, seen.audio)
            yield Once(file, start_s, stop_s, BESIDE_GAIN, max(0.01, clip.fade_s), clip.from_s)


def _write(work: Work) -> None:
    """Measure the mix where a loudness is asked for, then encode it."""
    heard: HeardFilm = work.inputs["heard"]
    gain = Gain(1.0)
    if heard.target_lufs is not None:
        gain = gain_to(heard.target_lufs, measure(_reported(heard.mix, work), heard.mix.form.rate_hz))
    mix = Mix(heard.mix.form, heard.mix.sounds, gain.factor)
    write_sound(work.folder / SOUND, _reported(mix, work), mix.form)
    (work.folder / FACTS).write_text(json.dumps(asdict(gain)))


def _reported(mix: Mix, work: Work) -> Iterator[Samples]:
    at = 0
    for block in mix.blocks():
        at += block.shape[1]
        work.report(at, mix.form.samples)
        yield block


def remark(facts: bytes, target_lufs: float | None) -> str | None:
    """A sentence where a film is quieter than was asked for."""
    short_db = json.loads(facts)["short_db"]
    if short_db < TOLD_DB or target_lufs is None:
        return None
    return f"The film is {short_db:.1f} dB quieter than {target_lufs:g} LUFS: louder, its peaks would be cut off."


FILM_SOUND = Stage("film sound", version=4, run=_write, tools=("av", "numpy"))
