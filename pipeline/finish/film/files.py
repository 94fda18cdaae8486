"""The files that a plan names: opened once, cached by their content; one that cannot be used is left out and told."""

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from fractions import Fraction
from pathlib import Path
from typing import TypeVar

import numpy as np
from PIL import Image

from pipeline.run import Run
from pipeline.see.open_clip import ClipFile, open_clip
from pipeline.stage import Stage, Work
from pipeline.types import Event
from utils.digest import digest_file
from utils.errors import ReshootError, UnreadableClip
from utils.film.music import SoundFile
from utils.film.stamp import RGBA
from utils.image.picture_file import FORMATS, read_picture
from utils.media.aac import LAYOUTS
from utils.media.audio import decodable_tracks
from utils.media.clip import AudioTrack, Clip
from utils.media.loudness import Loudness, measure
from utils.speech.sound import SILENT

FACTS, METERED_HZ = "sound.json", 48_000
Found = TypeVar("Found")


@dataclass(frozen=True)
class HeardFile:
    """A file with sound, and how loud it is."""

    file: SoundFile
    loudness: Loudness
    number: int = 1
    """Which of its tracks is heard: the first that is not silent."""


Find = Callable[[str, str], Path]
"""From the name of a file in a plan, and what it is, to where it lies."""


def beside(folder: Path) -> Find:
    """Files are named relative to a folder."""
    return lambda name, what: folder / Path(name).expanduser()


@dataclass
class Files:
    """Opens what a plan names."""

    find: Find
    run: Run
    events: list[Event] = field(default_factory=list)

    def clip(self, name: str, what: str) -> Clip | None:
        """A clip, or nothing if it cannot be read."""
        return self._opened(name, "clip", what, lambda path: open_clip(path, replace(self.run.context, settings={})))

    def sound(self, name: str, what: str) -> HeardFile | None:
        """A file with sound; nothing if none of it decodes."""
        return self._opened(name, "sound", what, self._heard)

    def listened(self, clip: Clip) -> HeardFile:
        """What is heard of a clip that is not named by a plan, and how loud it is."""
        return self._heard(clip.path)

    def picture(self, name: str, what: str) -> RGBA | None:
        """A picture with its transparency."""
        return self._opened(name, "picture", what, _rgba)

    def path(self, name: str, content: str) -> Path:
        """Where a file lies."""
        return self.find(name, content)

    def _opened(self, name: str, content: str, what: str, open_: Callable[[Path], Found]) -> Found | None:
        try:
            path = self.path(name, content)
            if not path.is_file():
                raise UnreadableClip(f"There is no file {name!r:.80}.", "Correct its name in the plan.")
            return open_(path)
        except (ReshootError, OSError) as error:
            why = error.problem if isinstance(error, ReshootError) else f"{name!r} cannot be read ({error.strerror})."
            self.events.append(Event("film", f"{what} is left out: {why}", "warning"))
            return None

    def _heard(self, path: Path) -> HeardFile:
        told = json.loads(self.run.take(LISTEN_TO, file=ClipFile(path)).read_bytes(FACTS))
        if told is None:
            raise UnreadableClip(f"{path.name!r} has no sound that decodes.", "Choose another file.")
        track = told["track"] | {name: Fraction(told["track"][name]) for name in ("start_s", "duration_s")}
        loudness = Loudness(**told["loudness"] | {"peaks": tuple(told["loudness"]["peaks"])})
        return HeardFile(SoundFile(path, digest_file(path), AudioTrack(**track)), loudness, told["number"])


def _rgba(path: Path) -> RGBA:
    """A picture's pixels, upright; without transparency it is opaque throughout."""
    rgb = read_picture(path)  # refuses what is too large, and what is no picture
    with Image.open(path, formats=FORMATS) as picture:
        if not picture.has_transparency_data:
            return np.dstack([rgb, np.full(rgb.shape[:2], 255, np.uint8)])
        return np.array(picture.convert("RGBA"))


def _listen_to(work: Work) -> None:
    """Find the sound of a file, and measure how loud it is; where all of it is silent, the first track counts."""
    path, told = work.inputs["file"].path, None
    for number, track in enumerate(decodable_tracks(path, Fraction(0)), start=1):
        channels = min(2, track.channels) if track.channels in LAYOUTS else 2
        loudness = measure(SoundFile(path, "", track).blocks(METERED_HZ, channels), METERED_HZ)
        facts = asdict(track) | {"start_s": str(track.start_s), "duration_s": str(track.duration_s)}
        heard = loudness.peak >= SILENT
        if told is None or heard:
            told = {"track": facts, "loudness": asdict(loudness), "number": number}
        if heard:
            break
    (work.folder / FACTS).write_text(json.dumps(told))


LISTEN_TO = Stage("sound file", version=4, run=_listen_to, tools=("av", "numpy"))
