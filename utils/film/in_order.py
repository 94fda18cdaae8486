"""Frames of a clip in the order of a film: mostly forward, some twice, some not at all; each is decoded once."""

from collections.abc import Generator, Iterator, Sequence

from utils.media.clip import Clip
from utils.media.colour import ColourTags
from utils.media.planes import Planes
from utils.media.video import ClipPlanes

UNSEEN = -1


class InOrder:
    """Gives the planes of a clip for each place of a film.

    `shown` is the frame of the clip for each place, or UNSEEN where nobody will ask. As long as the places that are
    asked for follow each other, decoding goes on where it was.
    """

    def __init__(self, clip: Clip, colour: ColourTags, shown: Sequence[int]) -> None:
        self._source, self._shown = ClipPlanes(clip, colour), shown
        self._decoding: Generator[tuple[int, Planes]] | None = None
        self._place = -1
        self._planes: Planes | None = None

    def at(self, place: int) -> Planes:
        """What the film shows at a place."""
        if self._planes is not None and place == self._place:
            return self._planes
        if self._decoding is None or place != self._needed(self._place + 1):
            self.close()
            self._decoding = self._from(place)
        self._place, self._planes = following = next(self._decoding)
        return following[1]

    def close(self) -> None:
        """Stop decoding."""
        if self._decoding is not None:
            self._decoding.close()
        self._decoding = self._planes = None

    def _needed(self, place: int) -> int:
        """The next place, from one on, that somebody will ask for."""
        while place < len(self._shown) and self._shown[place] == UNSEEN:
            place += 1
        return place

    def _from(self, place: int) -> Generator[tuple[int, Planes]]:
        """The planes of every needed place from one on, read in runs that go forward."""
        while (place := self._needed(place)) < len(self._shown):
            stop = self._end_of_run(place)
            for frame in self._source.read(self._distinct(place, stop)):
                while place < stop and (shown := self._shown[place]) in (UNSEEN, frame.index):
                    if shown != UNSEEN:
                        yield place, frame.planes
                    place += 1

    def _end_of_run(self, place: int) -> int:
        """The first needed place that shows an earlier frame than the one before it."""
        last = UNSEEN
        for each in range(place, len(self._shown)):
            if UNSEEN != self._shown[each] < last:
                return each
            last = max(last, self._shown[each])
        return len(self._shown)

    def _distinct(self, place: int, stop: int) -> Iterator[int]:
        """The frames that these places show, each once."""
        last = UNSEEN
        for each in range(place, stop):
            if self._shown[each] not in (UNSEEN, last):
                yield (last := self._shown[each])
