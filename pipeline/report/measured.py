"""Measuring: every number of a result and its contact sheet, taken from the composite as one cached stage.

Where the result is encoded in the same run, its pictures are measured as they pass by on their way to the encoder, so
that no picture is composed twice.
"""

import json
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from pipeline.compose.composite import Composed, Composite
from pipeline.compose.foot_correction import SlideMeter
from pipeline.plan.segments import Segments
from pipeline.report.contact_sheet import ContactSheet
from pipeline.report.measures import Measures, colour_drift, number
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
        """The numbers, in the form of the report's JSON."""
        return dict(json.loads(self.entry.read_bytes(NUMBERS)))

    @property
    def sheet(self) -> bytes:
        """The bytes of the contact sheet, a JPEG."""
        return self.entry.read_bytes(SHEET)


class Measuring:
    """Measures one composite; fed with its pictures in order, by the encoder or, failing that, by itself."""

    def __init__(self, composite: Composite, segments: Segments, contacts: FootContacts) -> None:
        self.composite, self._segments, self._contacts = composite, segments, contacts
        self._begin()

    @property
    def digest(self) -> str:
        """The digest of everything that the numbers depend on."""
        parts = (self.composite, self._segments, self._contacts)
        return digest_bytes(canonical_json([part.digest for part in parts]))

    def see(self, composed: Composed) -> None:
        """Measure the next picture. The first one starts over, as after a broken run; the rest must come in order."""
        index = composed.source.index
        if index == 0 and self._seen:
            self._begin()
        if index != self._seen:
            return
        self._seen += 1
        self._measures.add(composed)
        self._slides.add(index, composed.picture)
        self._sheet.add(index, composed.source.rgb, composed.picture, composed.matte)

    def finish(self, work: Work) -> None:
        """Measure everything, unless all pictures passed by already; write the numbers and the sheet."""
        count = len(self.composite)
        if self._seen < count:
            self._begin()
            for composed in prefetch(self.composite.composed(range(count))):
                self.see(composed)
                work.report(self._seen, count)
        numbers = {
            **self._measures.numbers(),
            "slide": self._slides.numbers(),
            "colour_drift": number(colour_drift(self.composite.frames, self.composite.stable)),
            "crop": round(self.composite.camera.kept_share, 5),
        }
        (work.folder / NUMBERS).write_text(json.dumps(numbers))
        self._sheet.write(work.folder / SHEET)

    def _begin(self) -> None:
        stable, camera = self.composite.stable, self.composite.camera
        self._seen = 0
        self._measures = Measures(stable, camera, self._segments.hold, self.composite.frames.joins)
        self._slides = SlideMeter(stable, self._contacts, camera)
        self._sheet = ContactSheet(len(self.composite), whole=self.composite.settings.restyled != "person")


def _measure(work: Work) -> None:
    measuring: Measuring = work.inputs["measuring"]
    measuring.finish(work)


MEASURE = Stage("measure", version=1, run=_measure, tools=("numpy", "opencv-contrib-python", "av"))
