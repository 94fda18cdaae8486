"""What of a clip's words can go, and what they are about; how loud the clip is."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any

from pipeline.finish.known.hearing import HeardSound
from pipeline.stage import Stage, Work
from utils.media.clip import Clip
from utils.media.loudness import Loudness, loudness_of
from utils.speech.repeats import Stretch, find_fillers, find_takes
from utils.speech.silence import STEP_MS
from utils.speech.topics import Topic, highlights, topics_of
from utils.speech.words import Cue, Transcript
from utils.store import Entry

CONTENTS_FILE, LOUDNESS_FILE = "contents.json", "loudness.json"
BY_STATISTICS = "Keywords and highlights are by plain statistics of the words and by how loud they are said."


@dataclass(frozen=True)
class Contents:
    """Filler words, repeated takes, topics and highlights, read from the cache."""

    entry: Entry

    @property
    def digest(self) -> str:
        return self.entry.digest

    @property
    def fillers(self) -> tuple[Stretch, ...]:
        """Words that say nothing."""
        return tuple(Stretch(**each) for each in self._facts["fillers"])

    @property
    def takes(self) -> tuple[Stretch, ...]:
        """Takes that are said again, all but the last of each."""
        return tuple(Stretch(**each) for each in self._facts["takes"])

    @property
    def topics(self) -> tuple[Topic, ...]:
        """For each cue its keywords, and how much it stands out."""
        return tuple(Topic(tuple(each["keywords"]), each["weight"]) for each in self._facts["topics"])

    @property
    def highlights(self) -> tuple[int, ...]:
        """The cues that stand out most."""
        return tuple(self._facts["highlights"])

    @cached_property
    def _facts(self) -> Mapping[str, Any]:
        return dict(json.loads(self.entry.read_bytes(CONTENTS_FILE)))


def read_loudness(entry: Entry) -> Loudness | None:
    """The loudness in an entry; None where there is nothing to hear."""
    facts = json.loads(entry.read_bytes(LOUDNESS_FILE))
    return Loudness(**facts | {"peaks": tuple(facts["peaks"])}) if facts else None


def _contents(work: Work) -> None:
    transcript: Transcript = work.inputs["transcript"]
    sound: HeardSound = work.inputs["sound"]
    chosen = work.settings
    words = transcript.words
    topics, heard = (_topics(each, sound) for each in (transcript, work.inputs["understood"]))
    own = [word for word in chosen["retakes.fillers"].split(",") if word.strip()]
    facts = {
        "fillers": [asdict(each) for each in find_fillers(words, transcript.language, own)],
        "takes": [
            asdict(each)
            for each in find_takes(words, chosen["retakes.least_words"], round(1000 * chosen["retakes.within_s"]))
        ],
        "topics": [asdict(each) for each in topics],
        "highlights": highlights(transcript.cues, heard, sound.length_ms),  # a word that people correct moves none
    }
    (work.folder / CONTENTS_FILE).write_text(json.dumps(facts))


def _topics(transcript: Transcript, sound: HeardSound) -> tuple[Topic, ...]:
    levels_db = [_level_db(cue, sound) for cue in transcript.cues]
    return topics_of(transcript.cues, levels_db if sound.audible else None)


def _level_db(cue: Cue, sound: HeardSound) -> float:
    """How loud a cue is said: the mean of its levels."""
    levels = sound.levels[cue.start_ms // STEP_MS : max(cue.start_ms // STEP_MS + 1, cue.end_ms // STEP_MS)]
    return round(float(levels.mean()), 2) if len(levels) else 0.0


def _loudness(work: Work) -> None:
    clip: Clip = work.inputs["clip"]
    measured = loudness_of(clip)
    (work.folder / LOUDNESS_FILE).write_text(json.dumps(asdict(measured) if measured else None))


CONTENTS = Stage(
    "contents",
    version=2,
    run=_contents,
    settings=("retakes.least_words", "retakes.within_s", "retakes.fillers"),
    tools=("numpy",),
)
LOUDNESS = Stage("loudness", version=2, run=_loudness, tools=("av",))
