"""Looking: faces and focal points of a clip lead the zoom of its film, and what stands out is shown larger."""

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from pipeline.finish.draft.cutting import SILENCE
from pipeline.finish.film.plan import Cut, Face, Punch, ZoomPlan
from pipeline.finish.known.story import Known

SAME = 0.02
"""How far, as a share of the picture, places in between may be off a straight way to be left out of a plan."""
SHORTEST_S, LONGEST_S = 1.5, 5.0
"""For how long a highlight is shown larger; a shorter one would be a jerk."""


def zoom_of(known: Known, cuts: Sequence[Cut], *, punch: bool = True) -> ZoomPlan:
    """A slow zoom that looks at faces, and where there are none at what stands out, with a punch-in by highlight."""
    faces = tuple(Face(at_s=round(at, 3), x=round(x, 3), y=round(y, 3)) for at, x, y in straightened(known.focus))
    return ZoomPlan(faces=faces, punches=tuple(_punches(known, cuts)) if punch else ())


def straightened(points: NDArray[np.float64], same: float = SAME) -> list[tuple[float, float, float]]:
    """Places over time, n x 3, without those that lie between others anyway (Ramer, Douglas and Peucker)."""
    if len(points) < 3:
        return [(row[0], row[1], row[2]) for row in points.tolist()]
    kept, open_ = {0, len(points) - 1}, [(0, len(points) - 1)]
    while open_:
        first, last = open_.pop()
        part = points[first : last + 1]
        share = (part[:, :1] - part[0, 0]) / max(1e-9, part[-1, 0] - part[0, 0])
        off = np.abs(part[:, 1:] - part[0, 1:] - share * (part[-1, 1:] - part[0, 1:])).max(axis=1)
        middle = first + int(off.argmax())
        if off.max() > same and first < middle < last:
            kept.add(middle)
            open_ += [(first, middle), (middle, last)]
    return [(row[0], row[1], row[2]) for row in points[sorted(kept)].tolist()]


def _punches(known: Known, cuts: Sequence[Cut]) -> Iterator[Punch]:
    """The cues that stand out, but for those that are cut out."""
    for index in known.contents.highlights if known.contents else ():
        cue = known.transcript.cues[index]
        from_s, to_s = cue.start_ms / 1000, min(cue.end_ms / 1000, cue.start_ms / 1000 + LONGEST_S)
        is_gone = any(cut.why != SILENCE and cut.from_s <= (from_s + to_s) / 2 < cut.to_s for cut in cuts)
        if to_s - from_s >= SHORTEST_S and not is_gone:
            yield Punch(from_s=from_s, to_s=to_s)
