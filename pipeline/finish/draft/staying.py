"""Staying: what people put back of a clip's cuts stays in its film, whatever is found anew."""

from bisect import bisect_right
from dataclasses import dataclass

from pipeline.finish.known.story import Known
from utils.speech.silence import joined
from utils.speech.words import Spans, Word, spans_between


@dataclass(frozen=True)
class Staying:
    """The stretches of a clip that stay: those that were put back, and words that were, where they are said now."""

    spans: Spans

    @classmethod
    def of(cls, known: Known) -> "Staying":
        """What people put back of what is known."""
        put_back = [(each.from_ms, each.to_ms) for each in known.changes.kept]
        return cls(joined(sorted([*put_back, *known.changed.kept]), 1))

    def holds(self, word: Word) -> bool:
        """Whether a word stays, by its middle."""
        return any(self._within(middle := (word.start_ms + word.end_ms) // 2, middle + 1))

    def rest_of(self, first_ms: int, last_ms: int) -> Spans:
        """The parts of a stretch that may go."""
        return spans_between(self._within(first_ms, last_ms), first_ms, last_ms)

    def _within(self, first_ms: int, last_ms: int) -> Spans:
        """What stays of a stretch."""
        at = bisect_right(self.spans, first_ms, key=lambda span: span[1])
        found = list[tuple[int, int]]()
        while at < len(self.spans) and self.spans[at][0] < last_ms:
            found.append((max(first_ms, self.spans[at][0]), min(last_ms, self.spans[at][1])))
            at += 1
        return tuple(found)
