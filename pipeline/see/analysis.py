"""Analysis: everything that is measured on the source, in one pass over its frames.

Camera against the background, the subject's joints and matte, cuts, exposure. Later stages read it through `Analysis`.
"""

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.stage import Stage, Work
from pipeline.types import Event
from utils.camera.path import CameraPath
from utils.camera.tracking import Mask, Tracker
from utils.image import Box
from utils.media.chunk import read_strip, write_strip
from utils.media.clip import Clip
from utils.media.timebase import Span
from utils.media.video import ClipFrames, Frame, FrameSource
from utils.people.matte import refined
from utils.people.matte_files import read_mattes, write_mattes
from utils.people.pose import Poses
from utils.people.sighting import Sighting, sightings
from utils.people.subject import choose_subject
from utils.prefetch import prefetch
from utils.store import Entry

SAMPLE = "sample"
FOUND_SHARE = 0.03
"""Of the frames: somebody seen in fewer is an error of the detector."""
DARK_LUMA = 12.0


@dataclass(frozen=True)
class Analysis:
    """What was measured on a clip, read from the cache; only small numbers are held in memory."""

    entry: Entry

    @property
    def digest(self) -> str:
        return self.entry.digest

    @cached_property
    def camera(self) -> CameraPath:
        """Frame -> background picture."""
        return CameraPath.from_json(self.entry.read_bytes("camera.json").decode())

    @cached_property
    def poses(self) -> Poses:
        """As measured, not smoothed."""
        joints = np.array(self.entry.load_array("poses.npy"))
        return Poses(joints[:, :, :2], joints[:, :, 2], np.array(self.entry.load_array("measured.npy")))

    @cached_property
    def boxes(self) -> tuple[Box | None, ...]:
        """Where the matte is not empty, frame by frame."""
        return tuple(Box(*each) if each else None for each in self._facts["boxes"])

    @cached_property
    def luma(self) -> NDArray[np.float64]:
        """Mean brightness of each frame, 0 to 255."""
        return np.array(self._facts["luma"])

    @property
    def events(self) -> list[Event]:
        return [Event(**each) for each in self._facts["events"]]

    @property
    def has_subject(self) -> bool:
        """Whether there is somebody to restyle."""
        return sum(box is not None for box in self.boxes) >= max(1, FOUND_SHARE * len(self.boxes))

    @property
    def detected_fraction(self) -> float:
        """The share of frames with a person."""
        return sum(box is not None for box in self.boxes) / len(self.boxes)

    def sample_frames(self) -> Iterator[Frame]:
        """The frames in which the subject was chosen, before all others were looked at; spread over the clip."""
        indices = self._facts["sample_frames"]
        pictures = read_strip(self.entry.folder, SAMPLE, len(indices), range(len(indices)))
        for index, rgb in zip(indices, pictures, strict=True):
            yield Frame(index, self.camera.pts[index], rgb)

    def mattes(self, wanted: Iterable[int]) -> Iterator[Mask]:
        """The subject's soft outline in the wanted frames, ascending."""
        return read_mattes(self.entry.folder, self.camera.size, wanted)

    @cached_property
    def _facts(self) -> dict[str, Any]:
        return dict(json.loads(self.entry.read_bytes("facts.json")))


class _Notes:
    """What the pass collects besides pictures: one small row per frame."""

    def __init__(self) -> None:
        self.motions: list[tuple[NDArray[np.float64], float, bool]] = []
        self.joints: list[NDArray[np.float32]] = []
        self.measured: list[bool] = []
        self.luma: list[float] = []
        self.sample_frames: list[int] = []

    def add(self, sighting: Sighting, matrix: NDArray[np.float64], confidence: float) -> None:
        """One frame."""
        self.motions.append((matrix, confidence, sighting.cut))
        self.joints.append(np.concatenate([sighting.keypoints, sighting.confidence[:, None]], 1))
        self.measured.append(sighting.measured)
        self.luma.append(float(sighting.frame.rgb[::8, ::8].mean()))

    def camera(self, clip: Clip) -> CameraPath:
        """The measured path."""
        matrices, confidence, cuts = zip(*self.motions, strict=True)
        return CameraPath(
            np.array(matrices),
            np.array(confidence),
            clip.pts,
            clip.time_base,
            clip.size,
            clip.size,
            tuple(index for index, cut in enumerate(cuts) if cut and index),
        )


class _Kept:
    """A few frames of a source on their way to somebody else."""

    def __init__(self, source: FrameSource) -> None:
        self._source, self.size = source, source.size
        self.kept: list[Frame] = []

    def __len__(self) -> int:
        return len(self._source)

    def read(self, wanted: Iterable[int]) -> Iterator[Frame]:
        """The wanted frames."""
        for frame in self._source.read(wanted):
            self.kept.append(frame)
            yield frame


def _analyse(work: Work) -> None:
    clip: Clip = work.inputs["clip"]
    notes = _Notes()
    boxes = write_mattes(work.folder, _looked_at(work, clip, notes))
    (work.folder / "camera.json").write_text(notes.camera(clip).to_json())
    np.save(work.folder / "poses.npy", np.array(notes.joints, np.float32))
    np.save(work.folder / "measured.npy", np.array(notes.measured))
    facts = {
        "boxes": boxes,
        "sample_frames": notes.sample_frames,
        "luma": [round(value, 3) for value in notes.luma],
        "events": [{"stage": "analyse", "sentence": sentence} for sentence in _remarks(clip, notes, boxes)],
    }
    (work.folder / "facts.json").write_text(json.dumps(facts))


def _looked_at(work: Work, clip: Clip, notes: _Notes) -> Iterator[Mask]:
    """The matte of each frame; all else goes into the notes. People are found, cut out and left behind side by side."""
    frames, tracker = ClipFrames.of(clip), Tracker()
    samples = _Kept(frames)
    subject = choose_subject(samples, work.settings["analysis.subject"])
    notes.sample_frames = [frame.index for frame in samples.kept]
    write_strip(work.folder, SAMPLE, (frame.rgb for frame in samples.kept))
    seen = sightings(iter(frames), every=work.settings["analysis.pose_every"], subject=subject)
    for sighting, matte in prefetch((each, refined(each.mask, each.frame.rgb)) for each in prefetch(seen)):
        motion = tracker.motion(sighting.frame.rgb, matte, cut=sighting.cut)
        notes.add(sighting, motion.matrix, motion.confidence)
        work.report(sighting.frame.index + 1, len(clip))
        yield matte


def _remarks(clip: Clip, notes: _Notes, boxes: Sequence[Box | None]) -> Iterator[str]:
    """What a user should know of this clip."""
    if dark := _stretches([value < DARK_LUMA for value in notes.luma]):
        yield f"Nearly black: frames {_listed(dark)}."
    lost = [confidence == 0 for _, confidence, _ in notes.motions]
    if stretches := _stretches(lost):
        yield f"The camera could not be followed in frames {_listed(stretches)}; it counts as standing still there."
    cuts = [index for index, (_, _, cut) in enumerate(notes.motions) if cut and index]
    if cuts:
        yield f"The clip has {len(cuts) + 1} shots; new ones begin at frames {', '.join(map(str, cuts))}."
    gone = [box is None for box in boxes]
    if any(gone) and not all(gone):
        yield f"Nobody is seen in frames {_listed(_stretches(gone))}; they stay as they are."


def _stretches(flags: Sequence[bool]) -> list[Span]:
    """The runs of true ones."""
    padded = np.diff(np.concatenate([[0], np.asarray(flags, int), [0]]))
    edges = zip(np.flatnonzero(padded > 0), np.flatnonzero(padded < 0), strict=True)
    return [Span(int(start), int(stop)) for start, stop in edges]


def _listed(spans: Sequence[Span], most: int = 5) -> str:
    texts = [str(span.start) if len(span) == 1 else f"{span.start}-{span.stop - 1}" for span in spans]
    more = f" and {len(texts) - most} more stretches" if len(texts) > most else ""
    return ", ".join(texts[:most]) + more


ANALYSE = Stage(
    "analyse",
    version=7,
    run=_analyse,
    settings=("analysis.pose_every", "analysis.subject"),
    tools=("mediapipe", "opencv-contrib-python", "av", "numpy"),
)
