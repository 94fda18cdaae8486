"""What is known about a clip, found in the order in which one thing needs another: `know`."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from pipeline.finish.known.changes import Changed, Changes
from pipeline.finish.known.contents import BY_STATISTICS, CONTENTS, LOUDNESS, Contents, read_loudness
from pipeline.finish.known.correction import corrected, corrector
from pipeline.finish.known.hearing import HeardSound, Silences, hear
from pipeline.finish.known.seeing import SEEN, Seen
from pipeline.finish.known.transcript import GivenFile, transcribe
from pipeline.run import Run
from pipeline.stage import RunContext
from pipeline.types import Done, Event
from utils.media.clip import Clip
from utils.media.loudness import Loudness
from utils.progress import one_at_a_time
from utils.speech.silence import without_words
from utils.speech.words import Spans, Transcript

CUE_TIMES_ONLY = ("srt", "vtt")
"""Where words have estimated times, which say nothing of pauses."""


@dataclass(frozen=True)
class Known:
    """Everything that is known about a clip, and what people changed of it."""

    clip: Clip
    sound: HeardSound
    silences: Silences
    understood: Transcript
    """The transcript before its correction."""
    corrected: Transcript | None
    changes: Changes
    contents: Contents | None
    loudness: Loudness | None
    seen: Seen
    breath_ms: int
    seconds: float
    done: tuple[Done, ...]
    events: tuple[Event, ...]

    @cached_property
    def changed(self) -> Changed:
        """The transcript that counts: corrected, if it was, and as people changed it."""
        return self.changes.of_words(self.corrected or self.understood)

    @property
    def transcript(self) -> Transcript:
        return self.changed.transcript

    @cached_property
    def pauses(self) -> Spans:
        """What may be cut as silence; no word whose time is known lies in it."""
        words = () if self.transcript.source in CUE_TIMES_ONLY else self.transcript.words
        return without_words(self.silences.pauses, words, self.breath_ms)

    @cached_property
    def cuts(self) -> tuple[int, ...]:
        """The frames that begin a new shot."""
        return self.changes.of_cuts(self.seen.cuts)

    @cached_property
    def focus(self) -> NDArray[np.float64]:
        """Where the picture is looked at, n x 3: time in s, x and y from 0 to 1."""
        return self.changes.of_focus(self.seen.focus(self.cuts))


def know(
    clip: Clip,
    context: RunContext,
    given: GivenFile | None = None,
    changes: Changes | None = None,
    language_model: str | None = None,
) -> Known:
    """Find out everything about a clip. Every stage is cached, so that a stopped run resumes where it was."""
    changes = changes or Changes()
    context = replace(context, listener=one_at_a_time(context.listener))
    run, beside = Run(context), Run(context)
    corrects = corrector(run, language_model)

    with ThreadPoolExecutor(1, "seeing") as side:
        # 1. Beside all that is heard, see it: cuts, faces, focal points.
        looking = side.submit(lambda: (Seen(beside.take(SEEN, clip=clip), clip), beside.take(LOUDNESS, clip=clip)))

        # 2. Hear it: the sound for speech models, who speaks when, and pauses.
        sound, voice, silences = hear(run, clip)

        # 3. Write down what is said, and have it corrected where that is wanted.
        understood = transcribe(run, clip, sound, voice, given)
        better = corrected(run, understood, corrects)

        # 4. People have the last word; then see what can go, and what it is about.
        before = better or understood
        changed = changes.of_words(before)
        contents = None
        if changed.transcript.cues:
            taken = run.take(CONTENTS, transcript=changed.transcript, understood=before, sound=sound)
            contents = Contents(taken)
            run.events.append(Event(CONTENTS.name, BY_STATISTICS))
        seen, loud = looking.result()

    if changed.lost:
        said = ", ".join(f"{change.was!r:.30} at {change.at_ms / 1000:.1f} s" for change in changed.lost[:5])
        told = f"{len(changed.lost)} changes of words fit no word any more and wait for one: {said}."
        run.events.append(Event("changes", told, "warning"))
    return Known(
        clip, sound, silences, understood, better, changes, contents, read_loudness(loud), seen,
        round(1000 * context.settings["silence.breath_s"]), run.seconds,
        (*run.done, *beside.done), (*run.events, *beside.events),
    )  # fmt: skip
