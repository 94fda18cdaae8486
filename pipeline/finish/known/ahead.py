"""What finishing will ask of a clip, found out before anybody asks: `find_ahead`; and of music: `listen_ahead`.

Results of the clip's bytes alone come first, then those by the settings of the last clip that was looked into. No
language model is asked: words leave this machine only in a run that somebody began.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from pipeline.finish.film.files import LISTEN_TO
from pipeline.finish.known.contents import LOUDNESS
from pipeline.finish.known.hearing import hear
from pipeline.finish.known.seeing import SEEN
from pipeline.finish.known.settings import KnownSettings
from pipeline.finish.known.transcript import transcribe
from pipeline.preview.web_copies import COPY_TO_SCRUB
from pipeline.run import Run
from pipeline.see.open_clip import ClipFile
from pipeline.stage import RunContext
from pipeline.types import Done
from utils.errors import SettingsError
from utils.media.audio import count_tracks
from utils.media.clip import Clip
from utils.store import Store

OF_ANY_CLIP = ("silence", "speech", "seen")
"""Groups of settings that one clip is looked into by as another one was; others are about that clip alone."""


def context_ahead(store: Store, settings: Mapping[str, Any]) -> RunContext:
    """The context of such a run: what was set for another clip, where it can be used here, and a store that marks."""
    known = {field.name for field in KnownSettings.fields() if field.group in OF_ANY_CLIP}
    wanted = {name: value for name, value in settings.items() if name in known}
    try:
        return RunContext(store, KnownSettings.load("", wanted).flat())
    except SettingsError:  # of another version
        return RunContext(store, KnownSettings().flat())


def find_ahead(clip: Clip, context: RunContext) -> Iterator[Done]:
    """Find out, one thing after the other, what `know` and films ask, and make the copy to look into; each is told."""
    run = Run(context)
    sound, voice, _ = hear(run, clip)
    yield from run.done
    for stage in (LOUDNESS, SEEN):
        run.take(stage, clip=clip)
        yield run.done[-1]
    known = len(run.done)
    transcribe(run, clip, sound, voice, None)
    yield from run.done[known:]
    if clip.audio and (clip.audio.channels == 2 or count_tracks(clip.path) > 1):  # films hear which side has sound
        yield from listen_ahead(clip.path, context)
    run.take(COPY_TO_SCRUB, clip=clip)
    yield run.done[-1]


def listen_ahead(music: Path, context: RunContext) -> Iterator[Done]:
    """Find out what a film asks of music before it is mixed: its track, and how loud that is."""
    run = Run(context)
    run.take(LISTEN_TO, file=ClipFile(music))
    yield from run.done
