"""Renders a shot into files: the clip, its ground truth, the truth drawn on the clip, and a contact sheet."""

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from utils.atomic_file import explained, write_atomically
from utils.errors import WriteError
from utils.image import Size
from utils.media.write import ClipWriter, Shape
from utils.walker.kernel import Bytes
from utils.walker.record import TruthWriter
from utils.walker.scene import Scene
from utils.walker.shot import Shot
from utils.walker.show import overlay, sheet
from utils.walker.truth import Truth

_ON_SHEET, _COLUMNS = 20, 5


@dataclass(frozen=True)
class Reels:
    """Paths of the output files; None leaves a file out."""

    clip: Path
    truth: Path | None = None
    overlay: Path | None = None
    sheet: Path | None = None
    flows: bool = False
    plates: bool = False
    """Whether the truth file stores flow and plates of every frame."""


def film(shot: Shot, reels: Reels, progress: Callable[[int], None] = lambda done: None) -> None:
    """Render a shot; files appear only when they are complete. Progress counts frames."""
    _check_folders(reels)
    shape = Shape.steady(Size(*shot.size), shot.rate)
    with ExitStack() as files:
        clip = files.enter_context(ClipWriter(reels.clip, shape))
        drawn = files.enter_context(ClipWriter(reels.overlay, shape)) if reels.overlay else None
        known = None
        if reels.truth:
            known = files.enter_context(TruthWriter(reels.truth, shot.size, shot.rate, shot.seed, shot.phases))
        scene = Scene(shot)
        kept = set(np.linspace(0, len(scene) - 1, _ON_SHEET).round().astype(int)) if reels.sheet else set()
        stills = []
        for picture, truth in scene.frames():
            clip.write(picture, truth.index)
            if drawn:
                drawn.write(overlay(picture, truth), truth.index)
            if known:
                known.add(truth, **_more(scene, truth, reels))
            if truth.index in kept:
                stills.append(_small(overlay(picture, truth) if reels.overlay else picture))
            progress(truth.index + 1)
        if known:
            known.put_plate(scene.stable_plate())
    if reels.sheet:
        _write_png(reels.sheet, sheet(stills, _COLUMNS))


def _more(scene: Scene, truth: Truth, reels: Reels) -> dict[str, npt.NDArray[Any]]:
    """Optional arrays of a truth file; the first frame has no backward flow, the last no forward flow."""
    more: dict[str, npt.NDArray[Any]] = {"plate": truth.plate} if reels.plates else {}
    if reels.flows:
        for name, step in (("forward", 1), ("backward", -1)):
            if 0 <= truth.index + step < len(scene):
                flow = scene.flow(truth.index, truth.index + step)
                more |= {name: flow.vectors, f"{name}_valid": flow.valid}
    return more


def _small(picture: Bytes) -> Bytes:
    """A frame reduced for the contact sheet."""
    scale = min(1.0, 480 / picture.shape[1])
    return np.asarray(cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA), np.uint8)


def _check_folders(reels: Reels) -> None:
    """Check the output paths before anything is rendered."""
    paths = [path for path in (reels.clip, reels.truth, reels.overlay, reels.sheet) if path]
    for path in paths:
        if not path.parent.is_dir():
            raise WriteError(f"The folder {str(path.parent)!r} does not exist.", "Make it, or choose another place.")
        if path.is_dir():
            raise WriteError(f"{str(path)!r} is a folder.", "Name a file in it.")
    if len({path.resolve() for path in paths}) < len(paths):
        raise WriteError("Two results have the same name.", "Give each a name of its own.")


def _write_png(path: Path, picture: Bytes) -> None:
    _, data = cv2.imencode(".png", np.ascontiguousarray(picture[..., ::-1]))
    with explained(path, "Choose another place."):
        write_atomically(path, data.tobytes(), durable=False)
