"""Following: where a zoom looks, from where a face is now and then; it moves seldom, and never quickly."""

from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise

from utils.film.zoom import Focus

Seen = tuple[float, float, float]
"""Seconds of the film, and a place as shares of the picture's width and height."""


@dataclass(frozen=True)
class Calm:
    """How calmly a point follows."""

    dead: float = 0.08
    """So far from the point, as a share of the picture, a face may move without being followed."""
    most_a_s: float = 0.06
    """The largest share of the picture that the point moves in a second."""


def followed(seen: Iterable[Seen], rate: Fraction, calm: Calm | None = None) -> tuple[Focus, ...]:
    """Points that a zoom keeps in their places, one for each time at which a face was seen."""
    calm, places = calm or Calm(), sorted(seen)
    if not places:
        return ()
    points = [places[0]]
    for (before_s, *_), (time_s, x, y) in pairwise(places):
        most = calm.most_a_s * (time_s - before_s)
        nearer = (_moved(now, wanted, calm.dead, most) for now, wanted in zip(points[-1][1:], (x, y), strict=True))
        points.append((time_s, *nearer))  # type: ignore[arg-type]
    return tuple(Focus(round(time_s * rate), x, y) for time_s, x, y in points)


def _moved(now: float, wanted: float, dead: float, most: float) -> float:
    """A coordinate that follows another one to the edge of its dead zone, by so much at most."""
    away = wanted - now
    needed = max(0.0, abs(away) - dead)
    step = min(needed, most)
    return now + step if away > 0 else now - step
