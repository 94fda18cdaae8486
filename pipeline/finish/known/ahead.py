"""What finishing will ask of a clip, found out before anybody asks: `find_ahead`.

Results of the clip's bytes alone come first, then those by the usual settings. No language model is asked: words leave
this machine only in a run that somebody began.
"""

from collections.abc import Iterator

from pipeline.finish.known.contents import LOUDNESS
from pipeline.finish.known.hearing import hear
from pipeline.finish.known.seeing import SEEN
from pipeline.finish.known.settings import KnownSettings
from pipeline.finish.known.transcript import transcribe
from pipeline.preview.web_copies import COPY_TO_SCRUB
from pipeline.run import Run
from pipeline.stage import RunContext
from pipeline.types import Done
from utils.media.clip import Clip
from utils.store import Store


def context_ahead(store: Store) -> RunContext:
    """The context of such a run: the usual settings, and a store that marks what it computes."""
    return RunContext(store, KnownSettings.load("", {}).flat())


def find_ahead(clip: Clip, context: RunContext) -> Iterator[Done]:
    """Find out, one thing after the other, what `know` asks first, and make the copy to look into; each is told."""
    run = Run(context)
    sound, voice, _ = hear(run, clip)
    yield from run.done
    for stage in (LOUDNESS, SEEN):
        run.take(stage, clip=clip)
        yield run.done[-1]
    known = len(run.done)
    transcribe(run, clip, sound, voice, None)
    yield from run.done[known:]
    run.take(COPY_TO_SCRUB, clip=clip)
    yield run.done[-1]
