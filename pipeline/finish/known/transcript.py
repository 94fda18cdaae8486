"""The transcript of a clip: by Whisper, the best model that is here, or of a file that somebody gives."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from importlib.util import find_spec
from pathlib import Path

from pipeline.finish.known.hearing import HeardSound, Voice
from pipeline.models.finding import Found, find
from pipeline.models.places import Places
from pipeline.models.registry import Model, Registry
from pipeline.run import Run
from pipeline.stage import Stage, Work
from pipeline.types import Event
from utils.digest import digest_bytes
from utils.errors import ModelError
from utils.media.clip import Clip
from utils.speech.cues import cues_of
from utils.speech.silence import STEP_MS
from utils.speech.snapping import in_cues, snapped
from utils.speech.transcript_file import between, file_bytes, read_transcript, spread
from utils.speech.whisper import Whisper, card_unused, device, windows_of
from utils.speech.words import Cue, Spans, Transcript, Word, overlap_ms

ENGINE = "speech"
ORDER: Mapping[str, tuple[str, ...]] = {
    "cuda": ("whisper-large-v3-turbo", "whisper-small", "whisper-base", "whisper-tiny.en"),
    "cpu": ("whisper-small", "whisper-base", "whisper-tiny.en", "whisper-large-v3-turbo"),
}
"""Which model is taken of those that are here, the best first that is quick enough."""
USUAL, ENGLISH = "whisper-base", ".en"
"""The model that is named where none is here, and how the names of those end that know English alone."""
OR_GIVE = "Or give a transcript: an SRT, VTT or JSON file."
ON_SPEECH = 0.3
"""Less of a given transcript than this on speech is doubtful."""
FILE = "transcript.json"


@dataclass(frozen=True)
class Weights:
    """The folder of a Whisper model."""

    name: str
    folder: Path
    digest: str


@dataclass(frozen=True)
class GivenFile:
    """A transcript that somebody gives, as it lies in a file."""

    name: str
    data: bytes

    @classmethod
    def read(cls, path: Path) -> "GivenFile":
        """The file at a path; TranscriptError in a sentence where it cannot be read."""
        return cls(path.name, file_bytes(path))

    @cached_property
    def digest(self) -> str:
        """Digest of its content."""
        return digest_bytes(self.data)


def transcribe(run: Run, clip: Clip, sound: HeardSound, voice: Voice | None, given: GivenFile | None) -> Transcript:
    """What is said; empty where nobody speaks or nothing can write it down, which is noted."""
    if given is not None:
        taken = run.take(GIVEN, clip=clip, sound=sound, file=given)
        transcript = Transcript.from_json(json.loads(taken.read_bytes(FILE)))
        remarks = [*json.loads(taken.read_bytes("remarks.json")), *_doubts(transcript, voice)]
        run.events += [Event(GIVEN.name, remark, "warning") for remark in remarks]
        return transcript
    nothing = Transcript(None, (), "")
    if voice is None or not voice.spans:
        if sound.audible and voice is None:
            run.events.append(_no_transcript("faster-whisper is not installed.", _installing()))
        return nothing
    try:
        weights = _weights(run)
    except ModelError as error:
        run.events.append(_no_transcript(error.problem, error.remedy))
        return nothing
    if unused := card_unused():
        run.events.append(Event(TRANSCRIPT.name, unused, "warning"))
    if weights.name.endswith(ENGLISH) and not run.context.settings["speech.language"]:
        run.events.append(Event(TRANSCRIPT.name, f"{weights.name} takes every language for English."))
    stage = replace(TRANSCRIPT, machine=(device(),))
    taken = run.take(stage, {weights.name: weights.digest}, sound=sound, voice=voice, weights=weights)
    run.events += [Event(TRANSCRIPT.name, each, "warning") for each in json.loads(taken.read_bytes("remarks.json"))]
    return Transcript.from_json(json.loads(taken.read_bytes(FILE)))


def _no_transcript(problem: str, remedy: str) -> Event:
    return Event(TRANSCRIPT.name, f"There is no transcript: {problem} {remedy} {OR_GIVE}", "warning")


def _installing() -> str:
    return "Run `pip install -r requirements-speech.txt -c constraints.txt`."


def _weights(run: Run) -> Weights:
    """The model that is set, or the best that is here; ModelError with size and command where none is."""
    if find_spec("faster_whisper") is None or find_spec("ctranslate2") is None:
        raise ModelError("faster-whisper is not installed.", _installing())
    places = Places.usual()
    registry = Registry.load(places.home)
    named, language = run.context.settings["speech.model"], run.context.settings["speech.language"]
    wanted = [registry.model(named)] if named else _choices(registry, language)
    for model in wanted:
        if model.family.engine != ENGINE:
            raise ModelError(
                f"{model.name} writes no transcripts.", "`python -m pipeline models list` shows what does."
            )
        if isinstance(found := find(model, places), Found):
            return Weights(model.name, found.path, found.digest)
    missing = find(wanted[0] if named else registry.model(USUAL), places)
    assert not isinstance(missing, Found)
    raise ModelError(missing.sentence, missing.remedy)


def _choices(registry: Registry, language: str) -> list[Model]:
    """The models that can be taken, the preferred ones first; for another language, none of English alone."""
    order = ORDER[device()]
    fit = [model for model in registry.choices(ENGINE) if language in ("", "en") or not model.name.endswith(ENGLISH)]
    return sorted(fit, key=lambda model: order.index(model.name) if model.name in order else len(order))


def _doubts(transcript: Transcript, voice: Voice | None) -> list[str]:
    """A sentence where hardly any of a given transcript lies on speech."""
    total = sum(cue.end_ms - cue.start_ms for cue in transcript.cues)
    if voice is None or not voice.spans or not total:
        return []
    share = sum(overlap_ms(voice.spans, cue.start_ms, cue.end_ms) for cue in transcript.cues) / total
    if share >= ON_SPEECH:
        return []
    return [f"Only {100 * share:.0f} % of the given transcript lies where somebody speaks: is it that of this clip?"]


def _write(work: Work) -> None:
    sound: HeardSound = work.inputs["sound"]
    voice: Voice = work.inputs["voice"]
    weights: Weights = work.inputs["weights"]
    windows = windows_of(voice.spans, sound.levels, STEP_MS, sound.length_ms)
    whisper = Whisper(weights.folder, language=work.settings["speech.language"] or None)
    words, remarks = list[Word](), list[str]()
    for heard in whisper.transcribe(sound.samples, windows):
        words += heard.words
        if heard.looped:
            remarks.append(f"{_seconds(heard.window)}: only one phrase again and again was understood, and left out.")
        elif not heard.words:
            remarks.append(f"{_seconds(heard.window)}: somebody speaks, and no word was understood.")
        work.report(heard.window[1], sound.length_ms)
    if whisper.fallback:
        remarks.append(f"The graphics card failed ({whisper.fallback}); the processor went on.")
    cues = cues_of(snapped(words, sound.quiet))
    _save(work, Transcript(whisper.language, cues, weights.name), remarks)


def _read(work: Work) -> None:
    clip: Clip = work.inputs["clip"]
    sound: HeardSound = work.inputs["sound"]
    file: GivenFile = work.inputs["file"]
    whole = clip.of_file
    given = read_transcript(file.data, file.name, round(whole.duration_s * 1000))
    begin_s = whole.time_s(clip.start)
    part = between(given.transcript, round(begin_s * 1000), round((begin_s + clip.duration_s) * 1000))
    remarks, cues = list(given.remarks), part.cues
    if any(not cue.words for cue in cues):
        remarks.append("The given transcript has no times of words; they are estimated from those of its cues.")
        cues = tuple(cue if cue.words else _estimated(cue, sound.quiet) for cue in cues)
    words = snapped([word for cue in cues for word in cue.words], sound.quiet)
    _save(work, replace(given.transcript, cues=in_cues(cues, words)), remarks)


def _estimated(cue: Cue, quiet: Spans) -> Cue:
    """A cue with times of its words, spread over what of it is not silent."""
    first = next((last for begin, last in quiet if begin <= cue.start_ms < last), cue.start_ms)
    last = next((begin for begin, end in quiet if begin < cue.end_ms <= end), cue.end_ms)
    inside = (first, last) if cue.start_ms <= first < last <= cue.end_ms else (cue.start_ms, cue.end_ms)
    return replace(cue, words=spread(cue.text, *inside))


def _save(work: Work, transcript: Transcript, remarks: list[str]) -> None:
    (work.folder / FILE).write_text(json.dumps(transcript.to_json()))
    (work.folder / "remarks.json").write_text(json.dumps(remarks))


def _seconds(window: tuple[int, int]) -> str:
    return f"From {window[0] / 1000:.1f} to {window[1] / 1000:.1f} s"


TRANSCRIPT = Stage(
    "transcript",
    version=1,
    run=_write,
    settings=("speech.language",),
    tools=("faster-whisper", "ctranslate2", "numpy"),
)
GIVEN = Stage("given transcript", version=1, run=_read, tools=("numpy",))
