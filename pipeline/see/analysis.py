"""Analysis: camera path, the subject's joints and matte, cuts and exposure, measured in one pass over the frames.

Later stages read all of it through `Analysis`.
"""

import json
import warnings
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.see.who import SUBJECT_SETTINGS, subject_rule
from pipeline.stage import Stage, Work
from pipeline.types import Event
from utils.camera.path import CameraPath
from utils.camera.tracking import Mask, Motion, Tracker, camera_path
from utils.digest import canonical_json, digest_bytes
from utils.image import Box
from utils.media.chunk import read_strip, write_strip
from utils.media.clip import Clip
from utils.media.timebase import Span
from utils.media.video import ClipFrames, Frame, FrameSource
from utils.people.matte import refined
from utils.people.matte_files import read_mattes, write_mattes
from utils.people.pose import Poses
from utils.people.sighting import Sighting, sightings
from utils.people.smoothing import remove_outliers
from utils.people.subject import choose_subject
from utils.prefetch import prefetch
from utils.store import Entry

SAMPLE = "sample"
FOUND_SHARE = 0.03
"""Of the frames: somebody who is seen in fewer is taken for an error of the detector."""
DARK_LUMA = 12.0
"""Frames of a lower mean brightness, of 255, count as nearly black."""


@dataclass(frozen=True)
class Analysis:
    """The measurements on a clip, read from the cache; only small arrays are held in memory."""

    entry: Entry
    mended: Entry | None = None
    """Mattes that take the place of those found: given or mended by people."""

    @property
    def digest(self) -> str:
        if self.mended is None:
            return self.entry.digest
        return digest_bytes(canonical_json([self.entry.digest, self.mended.digest]))

    @cached_property
    def camera(self) -> CameraPath:
        """The measured camera: homographies from each source frame to the background picture."""
        return CameraPath.from_json(self.entry.read_bytes("camera.json").decode())

    @cached_property
    def poses(self) -> Poses:
        """The subject's joints as measured, not smoothed."""
        joints = np.array(self.entry.load_array("poses.npy"))
        if self.mended is not None:
            joints[~_inside(joints[:, :, :2], self.boxes)] = (np.nan, np.nan, 0)
        return Poses(joints[:, :, :2], joints[:, :, 2], np.array(self.entry.load_array("measured.npy")))

    @cached_property
    def sure_poses(self) -> Poses:
        """The measured joints without those that jump away for a moment."""
        return remove_outliers(self.poses, self.camera.times_s())

    @cached_property
    def boxes(self) -> tuple[Box | None, ...]:
        """The bounding box of the matte in each frame; None where it is empty."""
        return tuple(Box(*box) if box else None for box in self._matte_facts["boxes"])

    @cached_property
    def luma(self) -> NDArray[np.float64]:
        """Mean brightness of each frame, 0 to 255."""
        return np.array(self._facts["luma"])

    @cached_property
    def background_points(self) -> list[NDArray[np.float32]]:
        """For each frame, n x 4: where points of the background were in the frame before, and are in this one."""
        stops = np.cumsum(self.entry.load_array("point_counts.npy"))
        return np.split(np.array(self.entry.load_array("points.npy")), stops[:-1])

    @property
    def events(self) -> list[Event]:
        mended = self._matte_facts["events"] if self.mended else []
        return [Event(**each) for each in (*self._facts["events"], *mended)]

    @property
    def has_subject(self) -> bool:
        """Whether a person is seen in enough frames to be restyled."""
        return sum(box is not None for box in self.boxes) >= max(1, FOUND_SHARE * len(self.boxes))

    @property
    def detected_fraction(self) -> float:
        """The share of frames with a person."""
        return sum(box is not None for box in self.boxes) / len(self.boxes)

    def sample_frames(self) -> Iterator[Frame]:
        """The frames, spread over the clip, from which the subject was chosen before the pass over all frames."""
        indices = self._facts["sample_frames"]
        pictures = read_strip(self.entry.folder, SAMPLE, len(indices), range(len(indices)))
        for index, rgb in zip(indices, pictures, strict=True):
            yield Frame(index, self.camera.pts[index], rgb)

    def mattes(self, wanted: Iterable[int]) -> Iterator[Mask]:
        """The subject's mattes in the wanted frames, ascending."""
        return read_mattes((self.mended or self.entry).folder, self.camera.size, wanted)

    @cached_property
    def _matte_facts(self) -> dict[str, Any]:
        return self._facts if self.mended is None else dict(json.loads(self.mended.read_bytes("facts.json")))

    @cached_property
    def _facts(self) -> dict[str, Any]:
        return dict(json.loads(self.entry.read_bytes("facts.json")))


def _inside(joints: NDArray[np.float32], boxes: Sequence[Box | None]) -> NDArray[np.bool_]:
    """For each frame, whether the middle of the joints lies in the box of the matte; if not, they are another's."""
    with np.errstate(invalid="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # no joints at all
        middles = np.nanmean(joints, axis=1)
        sides = np.array([box or (0, 0, 0, 0) for box in boxes], np.float32)
        result: NDArray[np.bool_] = (middles >= sides[:, :2]).all(axis=1) & (middles < sides[:, 2:]).all(axis=1)
    return result


class _Measurements:
    """What the pass collects besides mattes: a few numbers per frame."""

    def __init__(self) -> None:
        self.motions: list[Motion] = []
        self.joints: list[NDArray[np.float32]] = []
        self.measured: list[bool] = []
        self.luma: list[float] = []
        self.sample_frames: list[int] = []

    def add(self, sighting: Sighting, motion: Motion) -> None:
        """Add the next frame."""
        self.motions.append(motion)
        self.joints.append(np.concatenate([sighting.keypoints, sighting.confidence[:, None]], 1))
        self.measured.append(sighting.measured)
        self.luma.append(float(sighting.frame.rgb[::8, ::8].mean()))


class _Recorder:
    """A frame source that keeps the frames that are read from it."""

    def __init__(self, source: FrameSource) -> None:
        self._source, self.size = source, source.size
        self.frames: list[Frame] = []

    def __len__(self) -> int:
        return len(self._source)

    def read(self, wanted: Iterable[int]) -> Iterator[Frame]:
        """The wanted frames, each of which is kept too."""
        for frame in self._source.read(wanted):
            self.frames.append(frame)
            yield frame


def _analyse(work: Work) -> None:
    clip: Clip = work.inputs["clip"]
    measurements = _Measurements()
    boxes = write_mattes(work.folder, _mattes(work, clip, measurements))
    camera = camera_path(clip, measurements.motions)
    (work.folder / "camera.json").write_text(camera.to_json())
    np.save(work.folder / "poses.npy", np.array(measurements.joints, np.float32))
    np.save(work.folder / "measured.npy", np.array(measurements.measured))
    np.save(work.folder / "points.npy", np.concatenate([motion.points for motion in measurements.motions]))
    np.save(work.folder / "point_counts.npy", np.array([len(motion.points) for motion in measurements.motions]))
    facts = {
        "boxes": boxes,
        "sample_frames": measurements.sample_frames,
        "luma": [round(value, 3) for value in measurements.luma],
        "events": [{"stage": "analyse", "sentence": sentence} for sentence in _remarks(measurements, camera, boxes)],
    }
    (work.folder / "facts.json").write_text(json.dumps(facts))


def _mattes(work: Work, clip: Clip, measurements: _Measurements) -> Iterator[Mask]:
    """The matte of each frame; all else is added to the measurements. Detection and matting run ahead in threads."""
    frames, tracker = ClipFrames.of(clip), Tracker()
    samples = _Recorder(frames)
    subject = choose_subject(samples, subject_rule(work.settings, clip, work.inputs.get("shown")))
    measurements.sample_frames = [frame.index for frame in samples.frames]
    write_strip(work.folder, SAMPLE, (frame.rgb for frame in samples.frames))
    found = sightings(iter(frames), every=work.settings["analysis.pose_every"], subject=subject)
    for sighting, matte in prefetch((each, refined(each.mask, each.frame.rgb)) for each in prefetch(found)):
        motion = tracker.motion(sighting.frame.rgb, matte, cut=sighting.cut)
        measurements.add(sighting, motion)
        work.report(sighting.frame.index + 1, len(clip))
        yield matte


def _remarks(measurements: _Measurements, camera: CameraPath, boxes: Sequence[Box | None]) -> Iterator[str]:
    """Sentences on what a user should know of this clip: dark frames, lost camera, cuts, frames without the person."""
    yield from timing_remarks(camera)
    if dark := stretches([value < DARK_LUMA for value in measurements.luma]):
        yield f"Nearly black: frames {listed(dark)}."
    lost = [motion.confidence == 0 for motion in measurements.motions]
    if blind := stretches(lost):
        yield f"The camera could not be followed in frames {listed(blind)}; it counts as standing still there."
    cuts = [index for index, motion in enumerate(measurements.motions) if motion.cut and index]
    if cuts:
        yield f"The clip has {len(cuts) + 1} shots; new ones begin at frames {', '.join(map(str, cuts))}."
    gone = [box is None for box in boxes]
    if any(gone) and not all(gone):
        yield f"Nobody is seen in frames {listed(stretches(gone))}; they stay as they are."


def timing_remarks(camera: CameraPath) -> Iterator[str]:
    """A sentence on timestamps that are not believed."""
    if camera.mistimed:
        frames = listed(stretches(np.isin(np.arange(len(camera)), camera.mistimed).tolist()))
        yield (
            f"The timestamps of frames {frames} do not fit the motion in the picture, which is even there: "
            "the camera and the feet are measured without them, and the result keeps them."
        )


def stretches(flags: Sequence[bool]) -> list[Span]:
    """The runs of true flags."""
    padded = np.diff(np.concatenate([[0], np.asarray(flags, int), [0]]))
    edges = zip(np.flatnonzero(padded > 0), np.flatnonzero(padded < 0), strict=True)
    return [Span(int(start), int(stop)) for start, stop in edges]


def listed(spans: Sequence[Span], most: int = 5) -> str:
    """Frame ranges in a sentence, at most `most` of them."""
    texts = [str(span.start) if len(span) == 1 else f"{span.start}-{span.stop - 1}" for span in spans]
    more = f" and {len(texts) - most} more stretches" if len(texts) > most else ""
    return ", ".join(texts[:most]) + more


ANALYSE = Stage(
    "analyse",
    version=10,
    run=_analyse,
    settings=("analysis.pose_every", *SUBJECT_SETTINGS),
    tools=("mediapipe", "opencv-contrib-python", "av", "numpy"),
)
