"""python -m scripts.picture: makes the pictures of the README and of the app's form, from the walker."""

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np

from pipeline.engines import engine
from pipeline.engines.base import Style, View, Window
from pipeline.engines.looks import LOOKS
from pipeline.engines.sessions import Sessions
from pipeline.settings import Settings
from utils.image import RGB, Box
from utils.image.jpeg import write_jpeg
from utils.walker import Scene, Shot
from utils.walker.show import overlay, sheet

MOMENTS = (60, 118, 160, 246)
STANDING = Box(520, 96, 760, 696)
"""Around the walker at `MOMENTS[2]`."""
COLUMNS = 10
"""Looks in a row of the picture of the README."""
HALF, TILE = slice(0, 240), (160, 160)
"""Of that picture: what the form shows, and how large."""


def main() -> None:
    """Four moments of the walk with what is known of each; and one moment in every look."""
    scene = Scene(Shot())
    frames = [scene.frame(index) for index in MOMENTS]
    plain = [picture for picture, _ in frames]
    known = [overlay(picture, truth) for picture, truth in frames]
    _write("docs/walker", sheet([*plain, *known], columns=len(MOMENTS)))
    looks = list(_looks(scene))
    _write("docs/looks", _rows([_named(picture, name) for name, picture in looks]))
    for name, picture in looks[1:]:
        _write(f"ui/static/looks/{name}", cv2.resize(picture[HALF], TILE, interpolation=cv2.INTER_AREA))


def _looks(scene: Scene) -> Iterator[tuple[str, RGB]]:
    """The source, and the same in each look, with its name."""
    picture, truth = scene.frame(MOMENTS[2])
    part = STANDING.slices
    view = View(0, np.ascontiguousarray(picture[part]), truth.matte[part], truth.keypoints - STANDING[:2])
    yield "source", view.rgb
    for look in LOOKS:
        settings = Settings.load("balanced", {"generate.look": look}).flat()
        window = Window.single(view, settings, Style(look, [view]), Fraction(25))
        with Sessions().use(engine("restyle"), settings, lambda share, note: None) as session:
            yield look, session.preview(window, view.index)


def _rows(tiles: list[RGB]) -> RGB:
    """Tiles of one size in rows, the last one filled up with white."""
    tiles += [np.full_like(tiles[0], 255)] * (-len(tiles) % COLUMNS)
    rows = [np.concatenate(tiles[at : at + COLUMNS], axis=1) for at in range(0, len(tiles), COLUMNS)]
    return np.concatenate(rows)


def _named(picture: RGB, name: str) -> RGB:
    small = cv2.resize(picture, (144, 360), interpolation=cv2.INTER_AREA)
    label = np.full((28, 144, 3), 255, np.uint8)
    cv2.putText(label, name, (6, 19), cv2.FONT_HERSHEY_SIMPLEX, 0.5, (40, 40, 40), 1, cv2.LINE_AA)
    return np.concatenate([small, label])


def _write(name: str, picture: RGB) -> None:
    path = Path(f"{name}.jpg")
    path.parent.mkdir(parents=True, exist_ok=True)
    write_jpeg(path, picture, 88)


if __name__ == "__main__":
    main()
