"""The matte of a run: the one found in the clip or one that people gave, mended by brush strokes."""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import count, islice
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from pipeline.see.analysis import ANALYSE, Analysis
from pipeline.see.who import Shown
from pipeline.stage import Stage, Work
from utils.camera.tracking import Mask
from utils.errors import ClipError
from utils.image import RGB, Size
from utils.media.chunk import read_strip, write_strip
from utils.media.clip import Clip
from utils.media.timebase import Span
from utils.media.video import ClipFrames
from utils.people.carrying import LONGEST_PX, carried
from utils.people.matte_exchange import MatteFile
from utils.people.matte_files import read_mattes, write_mattes
from utils.people.mending import mended
from utils.people.strokes import Signed, Strokes
from utils.store import Entry

SMALL = "small"
"""The strip of reduced pictures in which strokes are carried; it is deleted afterwards."""

Take = Callable[..., Entry]
"""Takes the result of a stage: `Run.take`."""


@dataclass(frozen=True)
class GivenMatte:
    """A matte that people gave, checked against its clip and read from the cache."""

    entry: Entry
    size: Size

    @property
    def digest(self) -> str:
        return self.entry.digest

    @cached_property
    def shown(self) -> Shown:
        """A point well inside of it, in the frame where it is largest."""
        return Shown(*json.loads(self.entry.read_bytes("facts.json"))["shown"])

    def mattes(self, wanted: Iterable[int]) -> Iterator[Mask]:
        """The mattes of the wanted frames, ascending."""
        return read_mattes(self.entry.folder, self.size, wanted)


def analysed(take: Take, clip: Clip, settings: Mapping[str, Any]) -> Analysis:
    """The analysis of a clip, with the matte that the settings give or mend."""
    strokes = strokes_of(settings, clip)
    given = given_matte(take, clip, settings)
    if given is None:
        found = Analysis(take(ANALYSE, clip=clip))
    else:
        found = replace(Analysis(take(ANALYSE, clip=clip, shown=given.shown)), mended=given.entry)
    return found if strokes is None else replace(found, mended=take(MEND, clip=clip, found=found, strokes=strokes))


def given_matte(take: Take, clip: Clip, settings: Mapping[str, Any]) -> GivenMatte | None:
    """The matte file of the settings, if there is one."""
    path = settings["analysis.matte"]
    return GivenMatte(take(TAKE_MATTE, clip=clip, file=MatteFile(Path(path), clip.size)), clip.size) if path else None


def strokes_of(settings: Mapping[str, Any], clip: Clip) -> Strokes | None:
    """The brush strokes of the settings, if there are any; strokes for another clip are refused."""
    path = settings["analysis.strokes"]
    if not path:
        return None
    return Strokes.of_file(Path(path)).on(clip)


def _take_matte(work: Work) -> None:
    clip: Clip = work.inputs["clip"]
    largest = _Largest()
    boxes = write_mattes(work.folder, _checked(work, clip, largest))
    facts = {"boxes": boxes, "shown": largest.point(), "events": []}
    (work.folder / "facts.json").write_text(json.dumps(facts))


def _checked(work: Work, clip: Clip, largest: "_Largest") -> Iterator[Mask]:
    """The mattes of a file; an error if they do not fit the clip."""
    file: MatteFile = work.inputs["file"]
    frames = file.count
    if frames not in (len(clip), len(clip.of_file)):
        problem = f"{file.title} has {frames} frames; this clip has {len(clip)}."
        raise ClipError(problem, "Give a matte with one frame for each frame of the clip.")
    first = clip.start if frames != len(clip) else 0
    for index, matte in enumerate(islice(file.mattes(), first, first + len(clip))):
        largest.see(index, matte)
        work.report(index + 1, len(clip))
        yield matte
    if largest.matte is None:
        raise ClipError(f"{file.title} is empty: it shows nobody in any frame.", "Paint the person white in it.")


class _Largest:
    """Remembers the largest matte that it sees."""

    def __init__(self) -> None:
        self.matte: Mask | None = None
        self._index, self._area_px = 0, 0

    def see(self, index: int, matte: Mask) -> None:
        area_px = int(np.count_nonzero(matte > 127))
        if area_px > self._area_px:
            self.matte, self._index, self._area_px = matte, index, area_px

    def point(self) -> tuple[float, float, int]:
        """The point of it that is farthest from its edge: x, y and the frame."""
        assert self.matte is not None
        inside = cv2.distanceTransform((self.matte > 127).view(np.uint8), cv2.DIST_L2, 3)
        y, x = np.unravel_index(int(inside.argmax()), inside.shape)
        return float(x), float(y), self._index


def _mend(work: Work) -> None:
    clip: Clip = work.inputs["clip"]
    found: Analysis = work.inputs["found"]
    strokes: Strokes = work.inputs["strokes"]
    small = clip.size.scaled(min(1.0, LONGEST_PX / max(clip.size)))
    painted_in = strokes.frames
    all_shots = [Span(shot.start, shot.stop) for shot in found.camera.shots]
    shots = [shot for shot in all_shots if any(shot.start <= index < shot.stop for index in painted_in)]
    pictures = _Pictures(work, clip, small, Span(shots[0].start, shots[-1].stop))
    reduced = {index: _reduced(strokes.painted(index), small) for index in painted_in}
    followed = count(1)
    corrections = carried(reduced, shots, pictures.read, lambda: work.report(0, len(clip), f"step {next(followed)}"))
    pictures.delete()

    def mattes() -> Iterator[Mask]:
        corrected = set(corrections.frames)
        rgb = ClipFrames.of(clip).read(sorted(corrected))
        for index, matte in enumerate(found.mattes(clip.span)):
            work.report(index + 1, len(clip))
            if index in corrected:
                correction = _enlarged(corrections.at(index, small), clip.size)
                if index in painted_in:
                    own = strokes.painted(index)
                    correction = np.where(own != 0, own, correction)
                matte = mended(matte, correction, next(rgb).rgb)
            yield matte

    boxes = write_mattes(work.folder, mattes())
    events = [{"stage": "matte", "sentence": each} for each in _remarks(strokes, all_shots, corrections.frames)]
    (work.folder / "facts.json").write_text(json.dumps({"boxes": boxes, "events": events}))


class _Pictures:
    """The reduced pictures of a span of a clip, on disk, so that they can be read backwards too."""

    def __init__(self, work: Work, clip: Clip, size: Size, span: Span) -> None:
        self._folder, self._span = work.folder, span
        write_strip(self._folder, SMALL, self._reduced(work, clip, size))

    def _reduced(self, work: Work, clip: Clip, size: Size) -> Iterator[RGB]:
        for frame in ClipFrames.of(clip, size).read(self._span):
            work.cancel.check()
            yield frame.rgb

    def read(self, span: Span) -> Iterator[RGB]:
        """The pictures of a part of the span."""
        start = self._span.start
        return read_strip(self._folder, SMALL, len(self._span), range(span.start - start, span.stop - start))

    def delete(self) -> None:
        for path in self._folder.glob(f"{SMALL}-*"):
            path.unlink()


def _reduced(painted: Signed, size: Size) -> Signed:
    """What is painted in a frame, in a reduced picture."""
    return np.asarray(cv2.resize(painted, size, interpolation=cv2.INTER_NEAREST), np.int8)


def _enlarged(correction: Signed | None, size: Size) -> Signed:
    """A correction in the clip's own size."""
    if correction is None:
        return np.zeros((size.height_px, size.width_px), np.int8)
    large = cv2.resize(correction.astype(np.float32), size, interpolation=cv2.INTER_LINEAR)
    return np.asarray(np.rint(large), np.int8)


def _remarks(strokes: Strokes, shots: Sequence[Span], corrected: Sequence[int]) -> Iterator[str]:
    """Sentences on how far the strokes reach."""
    frames = ", ".join(map(str, strokes.frames[:8])) + (" and more" if len(strokes.frames) > 8 else "")
    yield f"The person's outline was mended by hand in frames {frames}, which changes {len(corrected)} frames."
    for shot in shots[:-1]:
        if any(shot.start <= index < shot.stop for index in strokes.frames):
            yield f"Brush strokes before frame {shot.stop} end there, at a cut: paint again after it if it is needed."


TAKE_MATTE = Stage("given matte", version=1, run=_take_matte, tools=("av", "numpy", "opencv-contrib-python", "pillow"))
MEND = Stage("matte", version=1, run=_mend, tools=("av", "numpy", "opencv-contrib-python", "scipy"))
