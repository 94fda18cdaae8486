"""The steady job as one function that reads from top to bottom: `steady`."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from pipeline.compose.encoded import encoded_facts
from pipeline.plan.stable_path import STABILISE, StablePath
from pipeline.run import Run
from pipeline.see.analysis import timing_remarks
from pipeline.stage import RunContext, Stage, Work
from pipeline.types import Done, Event
from utils.camera.path import CameraPath
from utils.camera.stabilized_copy import followed, write_steady
from utils.media.clip import Clip
from utils.media.write import Encoding
from utils.store import Entry

CAMERA, COPY, FACTS = "camera.json", "steady.mp4", "facts.json"


@dataclass(frozen=True)
class Track:
    """The camera of a clip as it was measured, read from the cache."""

    entry: Entry

    @property
    def digest(self) -> str:
        return self.entry.digest

    @cached_property
    def camera(self) -> CameraPath:
        """The camera path of the source."""
        return CameraPath.from_json(self.entry.read_bytes(CAMERA).decode())


@dataclass(frozen=True)
class SteadyClip:
    """Everything that a finished run produced."""

    clip: Clip
    settings: Mapping[str, Any]
    track: Track
    stable: StablePath
    copy: Entry
    seconds: float
    done: tuple[Done, ...]
    events: tuple[Event, ...]

    @property
    def path(self) -> Path:
        """The finished clip."""
        return self.copy.path(COPY)

    @property
    def facts(self) -> dict[str, Any]:
        """Frames in and out, the rate, and the offset of the sound."""
        return dict(json.loads(self.copy.read_bytes(FACTS)))


def steady(clip: Clip, context: RunContext) -> SteadyClip:
    """Take the shake out of a clip. Every stage is cached, so that a stopped run resumes where it was."""
    run = Run(context)

    # 1. Follow the camera.
    track = Track(run.take(TRACK, clip=clip))

    # 2. Find a calm path near to it.
    stable = StablePath(run.take(STABILISE, analysis=track))

    # 3. Write every frame as the calm camera sees it.
    copy = run.take(STEADY_COPY, clip=clip, stable=stable)
    events = (*run.events, *(Event("track", sentence) for sentence in timing_remarks(track.camera)))
    return SteadyClip(clip, context.settings, track, stable, copy, run.seconds, tuple(run.done), events)


def _track(work: Work) -> None:
    clip: Clip = work.inputs["clip"]
    camera = followed(clip, lambda index: work.report(index + 1, len(clip)))
    (work.folder / CAMERA).write_text(camera.to_json())


def _copy(work: Work) -> None:
    clip: Clip = work.inputs["clip"]
    stable: StablePath = work.inputs["stable"]
    encoding = Encoding(work.settings["encode.crf"], work.settings["encode.x264_preset"])
    path = work.folder / COPY
    write_steady(path, clip, stable.path, encoding, lambda index: work.report(index + 1, len(clip)))
    (work.folder / FACTS).write_text(json.dumps(encoded_facts(clip, path)))


TRACK = Stage("track", version=2, run=_track, tools=("numpy", "opencv-contrib-python"))
STEADY_COPY = Stage(
    "steady copy", version=3, run=_copy, settings=("encode.crf", "encode.x264_preset"), tools=("av", "numpy")
)
