"""Hearing a clip: its sound for speech models, speech and silence, and where they were found by level alone, why."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from pipeline.run import Run
from pipeline.stage import Stage, Work
from pipeline.types import Event
from utils.media.clip import Clip
from utils.speech.silence import (
    Levels,
    Pauses,
    joined,
    levels_of,
    loud_spans,
    pauses_between,
    quiet_spans,
    threshold_db,
)
from utils.speech.sound import RATE_HZ, Samples, Sound, blocks, write_sound
from utils.speech.voice import VoiceModel, find_voice_model, speech_spans
from utils.speech.words import Spans
from utils.store import Entry

SOUND_FILE, LEVELS_FILE, FACTS = "sound.npy", "levels.npy", "facts.json"
QUIET_BELOW_DB = 30.0
"""How far below the loud parts there is no word: of the clip alone, whatever is cut as silence."""
LEAST_SPOKEN = 0.1
"""Where less than this share of what is loud is speech, a clip is a song or the like, and nothing of it is a pause."""
NO_NETWORK = (
    "Pauses are found by level alone, so music and noise count as speech: Silero VAD is not installed. "
    "`pip install -r requirements-speech.txt` brings it."
)


@dataclass(frozen=True)
class HeardSound:
    """The sound of a clip, read from the cache."""

    entry: Entry

    @property
    def digest(self) -> str:
        return self.entry.digest

    @cached_property
    def samples(self) -> Samples:
        """16 kHz, one channel, mapped."""
        return self.entry.load_array(SOUND_FILE)

    @cached_property
    def levels(self) -> Levels:
        """Decibels of every 10 ms: also what a waveform is drawn from."""
        return self.entry.load_array(LEVELS_FILE)

    @property
    def length_ms(self) -> int:
        return len(self.samples) * 1000 // RATE_HZ

    @cached_property
    def quiet(self) -> Spans:
        """Pauses, the short ones too: where no word is."""
        return quiet_spans(self.levels, QUIET_BELOW_DB, self.length_ms)

    @cached_property
    def facts(self) -> Sound:
        """Track, channels and peak."""
        return Sound(**json.loads(self.entry.read_bytes(FACTS)))

    @property
    def audible(self) -> bool:
        """Whether there is anything to hear."""
        return self.facts.track is not None


@dataclass(frozen=True)
class Voice:
    """Where somebody speaks, by the network."""

    entry: Entry

    @property
    def digest(self) -> str:
        return self.entry.digest

    @cached_property
    def spans(self) -> Spans:
        """Stretches of speech."""
        return tuple((first, last) for first, last in json.loads(self.entry.read_bytes("speech.json")))


@dataclass(frozen=True)
class Silences:
    """Speech, and the pauses that may be cut, with how they were found."""

    entry: Entry

    @property
    def digest(self) -> str:
        return self.entry.digest

    @property
    def speech(self) -> Spans:
        """Stretches of speech, those together between which nothing may be cut."""
        return self._spans("speech")

    @property
    def pauses(self) -> Spans:
        """What may be cut; a breath is left at either end."""
        return self._spans("pauses")

    @property
    def threshold_db(self) -> float:
        """The level below which there is silence, in dB of full scale."""
        return float(self.facts["threshold_db"])

    @property
    def by(self) -> str:
        """voice or level."""
        return str(self.facts["by"])

    @cached_property
    def facts(self) -> Mapping[str, Any]:
        return dict(json.loads(self.entry.read_bytes("silence.json")))

    def _spans(self, name: str) -> Spans:
        return tuple((first, last) for first, last in self.facts[name])


def hear(run: Run, clip: Clip) -> tuple[HeardSound, Voice | None, Silences]:
    """Sound, speech by the network if it is here, and silences; what people should know is noted."""
    sound = HeardSound(run.take(SOUND, clip=clip))
    run.events += [Event(SOUND.name, remark) for remark in sound.facts.remarks]
    model, voice = find_voice_model(), None
    if sound.audible and model:
        voice = Voice(run.take(VOICE, sound=sound, model=model))
        if not voice.spans:
            run.events.append(Event(VOICE.name, "Nobody is heard to speak, so nothing is cut as silence."))
    elif sound.audible and run.context.settings["silence.by"] == "voice":
        run.events.append(Event(VOICE.name, NO_NETWORK, "warning"))
    inputs = {"sound": sound} | ({"voice": voice} if voice else {})
    silences = Silences(run.take(SILENCE, **inputs))
    if silences.facts["is_song"]:
        said = "Hardly anything that is heard is speech, so nothing is cut as silence."
        run.events.append(Event(SILENCE.name, said))
    return sound, voice, silences


def _sound(work: Work) -> None:
    clip: Clip = work.inputs["clip"]
    facts = write_sound(clip, work.folder / SOUND_FILE)
    work.report(1, 2)
    samples: Samples = np.load(work.folder / SOUND_FILE, mmap_mode="r", allow_pickle=False)
    np.save(work.folder / LEVELS_FILE, levels_of(blocks(samples)))
    (work.folder / FACTS).write_text(json.dumps(vars(facts)))


def _voice(work: Work) -> None:
    sound: HeardSound = work.inputs["sound"]
    model: VoiceModel = work.inputs["model"]

    def counted() -> Any:
        for index, block in enumerate(blocks(sound.samples)):
            work.report(index * len(block), len(sound.samples))
            yield block

    found = speech_spans(model.probabilities(counted()), sound.length_ms)
    (work.folder / "speech.json").write_text(json.dumps(found))


def _silence(work: Work) -> None:
    sound: HeardSound = work.inputs["sound"]
    voice: Voice | None = work.inputs.get("voice")
    chosen = work.settings
    pauses = Pauses(chosen["silence.below_db"], chosen["silence.least_s"], chosen["silence.breath_s"])
    by_voice = voice is not None and chosen["silence.by"] == "voice"
    loud = loud_spans(sound.levels, pauses.below_db, sound.length_ms) if sound.audible else ()
    found = voice.spans if voice and by_voice else loud
    spoken_ms, loud_ms = (sum(last - first for first, last in spans) for spans in (found, loud))
    is_song = bool(found) and spoken_ms < LEAST_SPOKEN * loud_ms
    facts = {
        "by": "voice" if by_voice else "level",
        "threshold_db": round(threshold_db(sound.levels, pauses.below_db), 1),
        "speech": joined(found, round(1000 * pauses.least_s)),
        "is_song": is_song,
        "pauses": () if is_song else pauses_between(found, pauses, sound.length_ms),
    }
    (work.folder / "silence.json").write_text(json.dumps(facts))


SOUND = Stage("sound", version=1, run=_sound, tools=("av", "numpy"))
VOICE = Stage("voice", version=1, run=_voice, tools=("onnxruntime", "numpy"))
SILENCE = Stage(
    "silence",
    version=2,
    run=_silence,
    settings=("silence.by", "silence.below_db", "silence.least_s", "silence.breath_s"),
    tools=("numpy",),
)
