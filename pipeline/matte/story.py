"""The matte job as one function that reads from top to bottom: `find_matte`."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline.compose.encoded import encoded_facts
from pipeline.run import Run
from pipeline.see.analysis import Analysis
from pipeline.see.mended_matte import analysed
from pipeline.stage import RunContext, Stage, Work
from pipeline.types import Done, Event
from utils.media.clip import Clip
from utils.media.video import ClipFrames, Frame
from utils.media.write import Encoding, write_clip
from utils.people.matte_exchange import write_matte
from utils.people.matte_overlay import shown_matte
from utils.prefetch import prefetch
from utils.store import Entry

OVERLAY, MATTE, PICTURES, FACTS = "overlay.mp4", "matte.mkv", "matte.zip", "facts.json"


@dataclass(frozen=True)
class FoundMatte:
    """Everything that a finished run produced."""

    clip: Clip
    settings: Mapping[str, Any]
    analysis: Analysis
    files: Entry
    seconds: float
    done: tuple[Done, ...]
    events: tuple[Event, ...]

    @property
    def overlay(self) -> Path:
        """The clip with the matte shown over it."""
        return self.files.path(OVERLAY)

    @property
    def facts(self) -> dict[str, Any]:
        """Frames in and out, the rate, and the offset of the sound."""
        return dict(json.loads(self.files.read_bytes(FACTS)))


def find_matte(clip: Clip, context: RunContext) -> FoundMatte:
    """Find the person in each frame of a clip. Every stage is cached, and a restyle job of the same clip uses it."""
    run = Run(context)

    # 1. Analyse the clip, and mend the matte by what people gave.
    analysis = analysed(run.take, clip, context.settings)

    # 2. Write the matte for other programs, and over the clip for people.
    files = run.take(MATTE_FILES, clip=clip, analysis=analysis)
    events = (*run.events, *analysis.events)
    return FoundMatte(clip, context.settings, analysis, files, run.seconds, tuple(run.done), events)


def _write(work: Work) -> None:
    clip: Clip = work.inputs["clip"]
    analysis: Analysis = work.inputs["analysis"]
    encoding = Encoding(work.settings["encode.crf"], work.settings["encode.x264_preset"])
    write_matte(work.folder / MATTE, analysis.mattes(clip.span), clip.rate)
    write_matte(work.folder / PICTURES, analysis.mattes(clip.span), clip.rate)
    write_clip(work.folder / OVERLAY, prefetch(_overlay(work, clip, analysis)), clip, encoding)
    (work.folder / FACTS).write_text(json.dumps(encoded_facts(clip, work.folder / OVERLAY)))


def _overlay(work: Work, clip: Clip, analysis: Analysis) -> Iterator[Frame]:
    for frame, matte in zip(ClipFrames.of(clip), analysis.mattes(clip.span), strict=True):
        work.report(frame.index + 1, len(clip))
        yield Frame(frame.index, frame.pts, shown_matte(frame.rgb, matte))


MATTE_FILES = Stage(
    "matte files",
    version=1,
    run=_write,
    settings=("encode.crf", "encode.x264_preset"),
    tools=("av", "numpy", "opencv-contrib-python", "pillow"),
)
