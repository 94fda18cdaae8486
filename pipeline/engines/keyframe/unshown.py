"""Frames that show what no painted key does: told in a sentence, and read from one again, by whoever draws them."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from utils.media.timebase import Span

MOST_UNSHOWN = 0.08
"""The share of what is painted in a frame that no key may show without people being told."""
SENTENCE = re.compile(
    r"Frames? (?P<start>\d+)(?: to (?P<last>\d+))? shows? what no painted key does, up to (?P<share>\d+)% of it: "
    r"paint frame (?P<frame>\d+) too\."
)


@dataclass(frozen=True)
class Unshown:
    """A stretch of frames, the share of what is painted that no key shows in the worst of them, and which that is."""

    span: Span
    share: float
    frame: int

    @property
    def sentence(self) -> str:
        """What people are told."""
        start, last = self.span.start, self.span.stop - 1
        frames = f"Frames {start} to {last} show" if last > start else f"Frame {start} shows"
        return f"{frames} what no painted key does, up to {self.share:.0%} of it: paint frame {self.frame} too."

    @classmethod
    def read(cls, sentence: str) -> "Unshown | None":
        """What a sentence says of it; None if it is about something else."""
        found = SENTENCE.match(sentence)
        if found is None:
            return None
        start = int(found["start"])
        return cls(Span(start, int(found["last"] or start) + 1), int(found["share"]) / 100, int(found["frame"]))


def stretches(unshown: Mapping[int, float]) -> Iterator[Unshown]:
    """The stretches of frames of which people are told, from the share of each frame."""
    poor = [index for index, share in unshown.items() if share > MOST_UNSHOWN]
    while poor:
        stretch = Span(poor[0], poor[0] + 1)
        while stretch.stop in poor:
            stretch = Span(stretch.start, stretch.stop + 1)
        worst = max(stretch, key=unshown.__getitem__)
        poor = poor[len(stretch) :]
        yield Unshown(stretch, unshown[worst], worst)
