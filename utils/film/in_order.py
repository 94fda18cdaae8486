"""Frames of a clip in the order of a film: mostly forward, some twice, some not at all; each is decoded once."""

from collections.abc import Generator, Sequence

from utils.media.clip import Clip
from utils.media.colour import ColourTags
from utils.media.planes import Planes
from utils.media.video import ClipPlanes


class InOrder:
    """Gives the planes of a clip for each place of a film.

    `shown` is the frame of the clip for each place, or None where nobody will ask. As long as the places that are asked
    for follow each other, decoding goes on where it was.
    """

    def __init__(self, clip: Clip, colour: ColourTags, shown: Sequence[int | None]) -> None:
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
        while place < len(self._shown) and self._shown[place] is None:
            place += 1
        return place

    def _from(self, place: int) -> Generator[tuple[int, Planes]]:
        """The planes of every needed place from one on, read in runs that go forward."""
        places = [each for each in range(place, len(self._shown)) if self._shown[each] is not None]
        indices = [self._shown[each] or 0 for each in places]
        at = 0
        while at < len(places):
            stop = at + 1
            while stop < len(places) and indices[stop] >= indices[stop - 1]:
                stop += 1
            for frame in self._source.read(dict.fromkeys(indices[at:stop])):
                while at < stop and indices[at] == frame.index:
                    yield places[at], frame.planes
                    at += 1
