"""Measuring: every number of a result and its contact sheet, taken from the composite as one cached stage.

Where the result is encoded in the same run, its pictures are measured as they pass by on their way to the encoder, so
that none is composed twice.
"""

import json
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from pipeline.compose.composite import Composed, Composite
from pipeline.compose.foot_correction import Slides
from pipeline.plan.segments import Segments
from pipeline.report.colour_drift import colour_drift
from pipeline.report.contact_sheet import Stills
from pipeline.report.measures import Measures, number
from pipeline.see.foot_contacts import FootContacts
from pipeline.stage import Stage, Work
from utils.digest import canonical_json, digest_bytes
from utils.prefetch import prefetch
from utils.store import Entry

NUMBERS, SHEET = "numbers.json", "sheet.jpg"


@dataclass(frozen=True)
class Measured:
    """The numbers of a result, read from the cache."""

    entry: Entry

    @cached_property
    def numbers(self) -> dict[str, Any]:
        """As the report has them."""
        return dict(json.loads(self.entry.read_bytes(NUMBERS)))

    @property
    def sheet(self) -> bytes:
        """The contact sheet, a JPEG."""
        return self.entry.read_bytes(SHEET)


class Measuring:
    """The measures of one composite, fed with its pictures in order, by whoever makes them first."""

    def __init__(self, composite: Composite, segments: Segments, contacts: FootContacts) -> None:
        self.composite, self._segments, self._contacts = composite, segments, contacts
        self._begin()

    @property
    def digest(self) -> str:
        """The digest of all that the numbers depend on."""
        parts = (self.composite, self._segments, self._contacts)
        return digest_bytes(canonical_json([each.digest for each in parts]))

    def see(self, composed: Composed) -> None:
        """One picture, the next one; what comes out of order, as after a break, begins anew with the first."""
        index = composed.source.index
        if index == 0 and self._seen:
            self._begin()
        if index != self._seen:
            return
        self._seen += 1
        self._measures.add(composed)
        self._slides.add(index, composed.picture)
        self._stills.add(index, composed.source.rgb, composed.picture, composed.matte)

    def finish(self, work: Work) -> None:
        """See what was not seen yet, and keep the numbers and the sheet."""
        count = len(self.composite)
        if self._seen < count:
            self._begin()
            for composed in prefetch(self.composite.composed(range(count))):
                self.see(composed)
                work.report(self._seen, count)
        told = {
            **self._measures.told(),
            "slide": self._slides.told(),
            "colour_drift": number(colour_drift(self.composite.frames, self.composite.stable)),
            "crop": round(self.composite.camera.kept_share, 5),
        }
        (work.folder / NUMBERS).write_text(json.dumps(told))
        self._stills.write(work.folder / SHEET)

    def _begin(self) -> None:
        stable, camera = self.composite.stable, self.composite.camera
        self._seen = 0
        self._measures = Measures(stable, camera, self._segments.hold, self.composite.frames.joins)
        self._slides = Slides(stable, self._contacts, camera)
        self._stills = Stills(len(self.composite), whole=self.composite.laying.restyled != "person")


def _measure(work: Work) -> None:
    measuring: Measuring = work.inputs["measuring"]
    measuring.finish(work)


MEASURE = Stage("measure", version=1, run=_measure, tools=("numpy", "opencv-contrib-python", "av"))
