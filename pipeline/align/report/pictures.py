"""The picture files of the report: the check sheet, and the strip by which people slide through both clips."""

from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from pipeline.align.report.matched_frames import MatchedFrame, MatchedFrames
from pipeline.align.report.words import Row, rows_of
from pipeline.stage import Stage, Work
from utils.image import RGB, Size
from utils.image.jpeg import write_jpeg

SHEET, STRIP = "sheet.png", "strip.jpg"
COLUMNS = 6
"""Pairs in a row of the strip: each the foreground above the background."""
QUALITY = 86
SQUARES, AMPLIFIED = 8, 2
"""Squares of a checkerboard across a picture; how much stronger differences are shown than they are."""
LABEL_PX, GAP_PX, HEAD_PX, LETTERS_PX = 250, 6, 34, 15
GROUND, INK, SOFT = (24, 25, 23), (235, 232, 225), (170, 165, 154)
HEADS = ("foreground", "background", "both by turns", "difference, doubled")


def write_pictures(frames: MatchedFrames, folder: Path, work: Work) -> None:
    """Write the check sheet and the strip."""
    rows = {row.index: row for row in rows_of(frames)}
    shown: list[RGB] = []
    on_sheet: list[tuple[Row, MatchedFrame]] = []
    for done, frame in enumerate(frames.pictures(work.cancel.check), 1):
        shown.append(np.concatenate([frame.foreground, frame.behind]))
        if rows[frame.index].why:
            on_sheet.append((rows[frame.index], frame))
        work.report(done, len(rows))
    write_jpeg(folder / STRIP, _grid(shown), QUALITY)
    on_sheet.sort(key=lambda each: (each[0].why != "worst", each[0].index))
    (folder / SHEET).write_bytes(_sheet(on_sheet, frames.tile))


def _grid(pictures: list[RGB]) -> RGB:
    """Pictures of one size from left to right, `COLUMNS` in a row."""
    blank = np.zeros_like(pictures[0])
    full = pictures + [blank] * (-len(pictures) % COLUMNS)
    return np.concatenate(
        [np.concatenate(full[at : at + COLUMNS], axis=1) for at in range(0, len(full), COLUMNS)]
    )  # fmt: skip


def checkerboard(one: RGB, other: RGB) -> RGB:
    """Squares of two pictures by turns: edges run on from square to square where they agree."""
    side = max(1, round(max(one.shape[:2]) / SQUARES))
    down, across = np.indices(one.shape[:2]) // side
    return np.where(((down + across) % 2 == 0)[..., None], one, other)


def difference(one: RGB, other: RGB) -> RGB:
    """How far two pictures differ, amplified."""
    apart: NDArray[np.int16] = np.abs(one.astype(np.int16) - other)
    return np.asarray(np.clip(AMPLIFIED * apart, 0, 255), np.uint8)


def _sheet(rows: list[tuple[Row, MatchedFrame]], tile: Size) -> bytes:
    """The check sheet as a PNG: a row for each frame, with its words at the left."""
    height = max(tile.height_px, 6 * LETTERS_PX) + GAP_PX
    size = LABEL_PX + len(HEADS) * (tile.width_px + GAP_PX), HEAD_PX + height * len(rows)
    sheet = Image.new("RGB", size, GROUND)
    pen, font = ImageDraw.Draw(sheet), ImageFont.load_default(LETTERS_PX)
    for column, head in enumerate(HEADS):
        pen.text((LABEL_PX + column * (tile.width_px + GAP_PX), 9), head, SOFT, font)
    for number, (row, frame) in enumerate(rows):
        top = HEAD_PX + number * height
        for line, (text, colour) in enumerate(_label(row)):
            pen.text((12, top + 4 + 1.35 * LETTERS_PX * line), text, colour, font)
        behind = frame.behind
        four = frame.foreground, behind, checkerboard(frame.foreground, behind), difference(frame.foreground, behind)
        for column, picture in enumerate(four):
            sheet.paste(Image.fromarray(picture), (LABEL_PX + column * (tile.width_px + GAP_PX), top))
    written = BytesIO()
    sheet.save(written, "PNG")
    return written.getvalue()


def _label(row: Row) -> Iterator[tuple[str, tuple[int, int, int]]]:
    yield f"Frame {row.index}, {row.why}", INK
    for line in row.lines:
        yield line, SOFT


def _pictures(work: Work) -> None:
    write_pictures(work.inputs["frames"], work.folder, work)


PICTURES = Stage("check pictures", version=1, run=_pictures, tools=("av", "numpy", "opencv-contrib-python", "pillow"))
