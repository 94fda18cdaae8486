"""Ground truth files: an .npz that is written and read frame by frame, without pickle.

One array each, n frames long unless noted:

    size (2)  rate (2: numerator, denominator)  seed  phases (2: first frame of hold and of exit)  names (33)
    time_s (n)  gain (n)
    camera, intended, shake (n x 3 x 3)   source -> stable; camera = intended @ shake, up to scale
    keypoints (n x 33 x 2)                px in the source frame, MediaPipe's order, NaN outside the picture
    visible (n x 33)  heel_down, toe_down (n x 2: left, right)
    stable_plate (h x w x 3)              the background alone in the stable picture

and one member per frame, numbered with six digits: `matte/000000`, `others/000000`, `shadow/000000` (h x w, 0..255);
with flows also `forward/`, `backward/` (h x w x 2 px), `forward_valid/`, `backward_valid/` (h x w); with plates
`plate/` (h x w x 3). Flows and plates are large; `Scene.flow` and `Scene.plate` give them again at any time.
"""

import zipfile
from contextlib import ExitStack
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from utils.atomic_file import explained, replacing
from utils.errors import ClipError
from utils.walker.kernel import Bytes, Doubles, Floats
from utils.walker.skeleton import NAMES
from utils.walker.truth import Flags, Truth

_SMALL = ("time_s", "gain", "camera", "intended", "shake", "keypoints", "visible", "heel_down", "toe_down")
_PICTURES = ("matte", "others", "shadow")


@dataclass
class TruthWriter:
    """Writes a truth file; it appears at its path when the `with` block succeeds."""

    path: Path
    size: tuple[int, int]
    rate: Fraction
    seed: int
    phases: tuple[int, int]
    _rows: list[dict[str, Any]] = field(default_factory=list)

    def __enter__(self) -> Self:
        with explained(self.path), ExitStack() as files:
            part = files.enter_context(replacing(self.path, durable=False))
            self._zip = files.enter_context(zipfile.ZipFile(part, "w", zipfile.ZIP_DEFLATED, compresslevel=4))
            self._files = files.pop_all()
        return self

    def add(self, truth: Truth, **more: npt.NDArray[Any]) -> None:
        """Add the truth of the next frame, and further arrays to store with it."""
        view = {"camera": truth.view.camera, "intended": truth.view.intended, "shake": truth.view.shake}
        self._rows.append({name: view[name] if name in view else getattr(truth, name) for name in _SMALL})
        for name in _PICTURES:
            self._put(f"{name}/{truth.index:06d}", getattr(truth, name))
        for name, array in more.items():
            self._put(f"{name}/{truth.index:06d}", array)

    def put_plate(self, plate: Bytes) -> None:
        """Add the background alone in the stable picture."""
        self._put("stable_plate", plate)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is not None:
            self._files.__exit__(kind, error, trace)
            return
        with explained(self.path), self._files:
            self._finish()

    def _finish(self) -> None:
        for name in _SMALL:
            self._put(name, np.array([row[name] for row in self._rows]))
        facts = {"size": self.size, "rate": (self.rate.numerator, self.rate.denominator), "seed": self.seed}
        for name, value in {**facts, "phases": self.phases, "names": NAMES}.items():
            self._put(name, np.array(value))

    def _put(self, name: str, array: npt.NDArray[Any]) -> None:
        with explained(self.path), self._zip.open(_member(name), "w", force_zip64=True) as member:
            np.save(member, np.asarray(array, order="C"), allow_pickle=False)


def _member(name: str) -> zipfile.ZipInfo:
    """A compressed zip member without a date, so that the same truth gives the same bytes."""
    info = zipfile.ZipInfo(f"{name}.npy")
    info.compress_type = zipfile.ZIP_DEFLATED
    return info


@dataclass(frozen=True)
class TruthFile:
    """A truth file read back: small arrays are loaded at once, pictures on demand."""

    path: Path
    size: tuple[int, int]
    rate: Fraction
    seed: int
    phases: tuple[int, int]
    camera: Doubles
    intended: Doubles
    shake: Doubles
    gain: Doubles
    keypoints: Floats
    visible: Flags
    heel_down: Flags
    toe_down: Flags

    @classmethod
    def load(cls, path: Path) -> "TruthFile":
        """Read everything but the pictures."""
        try:
            with np.load(path, allow_pickle=False) as file:
                rate = Fraction(*(int(value) for value in file["rate"]))
                width, height = (int(value) for value in file["size"])
                hold, leave = (int(value) for value in file["phases"])
                arrays = {name: file[name] for name in _SMALL if name != "time_s"}
                return cls(path, (width, height), rate, int(file["seed"]), (hold, leave), **arrays)
        except (OSError, ValueError, KeyError, zipfile.BadZipFile) as error:
            raise ClipError(f"{path.name!r} is not a truth file of the walker: {error}.", "Render it again.") from error

    def __len__(self) -> int:
        return len(self.camera)

    def picture(self, name: str, index: int) -> npt.NDArray[Any]:
        """A frame's picture by name: `matte`, `others`, `shadow`, or another stored array."""
        with np.load(self.path, allow_pickle=False) as file:
            return np.asarray(file[f"{name}/{index:06d}"])

    def matte(self, index: int) -> Bytes:
        """The walker's soft matte, h x w."""
        return self.picture("matte", index)

    def stable_plate(self) -> Bytes:
        """The background alone in the stable picture, h x w x 3."""
        with np.load(self.path, allow_pickle=False) as file:
            return np.asarray(file["stable_plate"])
