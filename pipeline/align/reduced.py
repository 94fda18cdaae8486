"""Both clips of a pair as they are compared: reduced, kept in the cache, and looked at as settings say."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from pipeline.stage import Stage, Work
from utils.align.content import check_content
from utils.align.matching import Matching, Places
from utils.align.pair import Pair
from utils.align.placement import Placement
from utils.align.proxies import Proxies, StoredPictures, times_of, write
from utils.digest import canonical_json, digest_bytes
from utils.errors import SettingsError
from utils.media.clip import Clip
from utils.size import Size
from utils.store import Entry

CARE = {"fast": (48, 1), "balanced": (64, 2), "precise": (96, 3)}
"""How wide the pictures are that are compared, and how often placement and times are refined."""
BORDER_WIDTH_PX = 200
"""How wide they are where only a border counts, which is thin."""
LUMA, TIMES = "luma.npy", "times.npy"
TOOLS = ("av", "numpy", "opencv-contrib-python")
LEAST_INSIDE = 0.1
"""So much of the foreground's width, and of its height, lies inside the background at least."""
MATCHING = (
    *("space.match", "space.max_keyframes", "space.x_px", "space.y_px", "space.scale"),
    *("match.quality", "match.time", "match.border_px", "match.order"),
)
"""The settings of how a pair is looked at."""


@dataclass(frozen=True)
class CachedProxies:
    """The proxies of a clip, read from the cache: one background serves many foregrounds."""

    clip: Clip
    entry: Entry

    @property
    def digest(self) -> str:
        return self.entry.digest

    @cached_property
    def proxies(self) -> Proxies:
        """The proxies; they take no memory until they are used."""
        return Proxies(StoredPictures(self.entry.path(LUMA)), np.array(self.entry.load_array(TIMES)), self.clip.size)


@dataclass(frozen=True)
class CachedPair:
    """The proxies of both clips, and the pair of them that stages share while they follow one another."""

    background: CachedProxies
    foreground: CachedProxies

    @property
    def digest(self) -> str:
        return digest_bytes(canonical_json([self.background.digest, self.foreground.digest]))

    @property
    def proxies(self) -> tuple[Proxies, Proxies]:
        """Those of the background and of the foreground."""
        return self.background.proxies, self.foreground.proxies

    @cached_property
    def _pairs(self) -> dict[tuple[int, int, bool], Pair]:
        return {}

    def of(self, matching: Matching) -> Pair:
        """The pair, looked at in one way."""
        looked = matching.width_px, matching.border_px, matching.reorder
        if looked not in self._pairs:
            self._pairs[looked] = Pair(*self.proxies, matching)
        return self._pairs[looked]


def pair_of(work: Work) -> Pair:
    """The pair as a stage looks at it, which is refused if nothing can be told of it."""
    cached: CachedPair = work.inputs["pair"]
    check_content(*cached.proxies)
    return cached.of(matching_of(work.settings))


def matching_of(settings: Mapping[str, Any], anchors: Mapping[int, int] | None = None) -> Matching:
    """How a pair is looked at, with frames that are held."""
    border_px = settings["match.border_px"] if settings["match.time"] == "border" else 0
    width_px, refinements = CARE[settings["match.quality"]]
    width_px = BORDER_WIDTH_PX if border_px else width_px
    places: Places = settings["space.match"] if settings["space.match"] != "fixed" else "precise"
    reorder, most_keyframes = settings["match.order"] == "any", settings["space.max_keyframes"]
    return Matching(anchors or {}, reorder, width_px, refinements, border_px, places, most_keyframes)


def given(settings: Mapping[str, Any]) -> Placement | None:
    """The placement that is given, if it is."""
    if settings["space.match"] != "fixed":
        return None
    return Placement(*(settings[f"space.{name}"] for name in ("scale", "x_px", "y_px")))


def check_given(settings: Mapping[str, Any], background: Size, foreground: Size) -> None:
    """Refuse a placement under which the foreground lies outside of the background, or all but."""
    placement = given(settings)
    if placement is None:
        return
    starts = (placement.left, placement.top)
    for start, side, room in zip(starts, foreground, background, strict=True):
        if min(start + placement.scale * side, room) - max(start, 0) < LEAST_INSIDE * placement.scale * side:
            raise SettingsError(
                f"The foreground would lie outside of the background, which is {background}.",
                "Correct --x, --y and --scale (the settings of space).",
            )


def _reduce(work: Work) -> None:
    clip: Clip = work.inputs["clip"]
    write(clip, work.folder / LUMA, check=lambda done: work.report(done, len(clip)))
    np.save(work.folder / TIMES, times_of(clip))


PROXIES = Stage("proxies", version=2, run=_reduce, tools=TOOLS)
