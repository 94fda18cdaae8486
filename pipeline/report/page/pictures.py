"""The pictures section of the report page: pairs of the contact sheet, shown one by one so that the row can wrap."""

import base64

import cv2
import numpy as np

from pipeline.report.contact_sheet import COLUMNS, MOMENTS
from pipeline.report.page.clock import Clock
from pipeline.report.page.markup import Markup, tag
from pipeline.report.page.plot import figure
from utils.image import Size


def pictures(sheet_jpg: bytes, clock: Clock) -> Markup:
    """The pairs of the contact sheet, each with its time."""
    size = _size(sheet_jpg)
    if size is None or not clock.frames:
        return tag("p", "There are no pictures of this run.", class_="nothing")
    shown = np.linspace(0, clock.frames - 1, min(MOMENTS, clock.frames)).round().astype(int).tolist()
    columns = min(COLUMNS, len(shown))
    width, height = size[0] / columns, size[1] / -(-len(shown) // columns)
    cells = [
        _moment(clock.moment(index), (at % columns * width, at // columns * height, width, height))
        for at, index in enumerate(shown)
    ]
    uri = "data:image/jpeg;base64," + base64.b64encode(sheet_jpg).decode()
    whole = tag("image", id="sheet", href=uri, width=size[0], height=size[1])
    return figure(
        "Above the source, below the result, at even steps through the clip.",
        tag("svg", tag("defs", whole), class_="store", aria_hidden="true", width=0, height=0),
        tag("ol", *cells, class_="moments" + (" upright" if height > 2.2 * width else "")),
    )


def _moment(when: str, part: tuple[float, float, float, float]) -> Markup:
    """One pair of pictures; `part` is its left, top, width and height on the sheet."""
    window = " ".join(f"{value:g}" for value in part)
    label = f"Source above, result below, {when}"
    drawn = tag("svg", tag("use", href="#sheet"), viewBox=window, role="img", aria_label=label)
    return tag("li", drawn, tag("span", when[0].upper() + when[1:]))


def _size(jpg: bytes) -> Size | None:
    """Width and height of a JPEG; None when it is no picture."""
    picture = cv2.imdecode(np.frombuffer(jpg, np.uint8), cv2.IMREAD_COLOR) if jpg else None
    return None if picture is None else Size.of(picture)
