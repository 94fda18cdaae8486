"""The align job as one function that reads from top to bottom: `align_clips`."""

import json
from collections.abc import Mapping
from contextlib import closing
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.align.anchors import check_anchors, read_anchors
from pipeline.align.overlay import Look, Overlay
from pipeline.align.sound import check_sound
from pipeline.align.sound_check import SoundCheck
from pipeline.align.time_map import TimeMap
from pipeline.run import Run
from pipeline.stage import RunContext, Stage, Work
from pipeline.types import Done, Event
from utils.align.alignment import aligned
from utils.align.content import check_content
from utils.align.matching import Matching, Places
from utils.align.pair import Pair
from utils.align.placed import Placed, place
from utils.align.placement import Placement
from utils.align.proxies import Proxies, StoredPictures, times_of, write
from utils.align.sound import Heard, heard
from utils.digest import canonical_json, digest_bytes
from utils.media.clip import Clip
from utils.media.write import ClipWriter, Encoding, Shape, times
from utils.prefetch import prefetch
from utils.store import Entry

CARE = {"fast": (48, 1), "balanced": (64, 2), "precise": (96, 3)}
"""How wide the pictures are that are compared, and how often placement and times are refined."""
BORDER_WIDTH_PX = 200
"""How wide they are where only a border counts, which is thin."""
LUMA, TIMES, MAP, CLIP, HEARD = "luma.npy", "times.npy", "map.json", "aligned.mp4", "heard.json"
PLACE_FILE = "place.json"


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

    def check(self) -> None:
        """Refuse clips of which nothing can be told."""
        check_content(self.background.proxies, self.foreground.proxies)

    @cached_property
    def _pairs(self) -> dict[tuple[int, int, bool], Pair]:
        return {}

    def of(self, matching: Matching) -> Pair:
        """The pair, looked at in one way."""
        looked = matching.width_px, matching.border_px, matching.reorder
        if looked not in self._pairs:
            self._pairs[looked] = Pair(self.background.proxies, self.foreground.proxies, matching)
        return self._pairs[looked]


@dataclass(frozen=True)
class CachedPlace:
    """Where the foreground lies, read from the cache: it is the same whichever frames are held."""

    entry: Entry

    @property
    def digest(self) -> str:
        return self.entry.digest

    @property
    def placed(self) -> Placed:
        return Placed.from_json(json.loads(self.entry.read_bytes(PLACE_FILE)))


@dataclass(frozen=True)
class Aligned:
    """Everything that a finished run produced."""

    background: Clip
    foreground: Clip
    map: TimeMap
    sound: SoundCheck | None
    """What the sound says of it, where both clips have some that is alike."""
    overlay: Entry | None
    settings: Mapping[str, Any]
    seconds: float
    done: tuple[Done, ...]
    events: tuple[Event, ...]

    @property
    def laid(self) -> Overlay:
        """The composed pictures, drawn when asked for."""
        return overlay_of(self.background, self.foreground, self.map, self.settings)

    @property
    def path(self) -> Path:
        """The composed clip."""
        assert self.overlay is not None, "no clip was asked for"
        return self.overlay.path(CLIP)


def align_clips(background: Clip, foreground: Clip, context: RunContext, *, composed: bool = True) -> Aligned:
    """Align a foreground with a background, and lay it over. Every stage is cached."""
    run = Run(context)
    check_anchors(read_anchors(context.settings["match.anchors"]), len(foreground), len(background))
    if composed:
        check_sound(context.settings["laid.sound"], background, foreground)

    # 1. Reduce both clips, which is most of the work: each is decoded once, for all pairs that it is part of.
    behind, own = (CachedProxies(clip, run.take(PROXIES, clip=clip)) for clip in (background, foreground))

    # 2. Find the placement, and then the time of each frame: with other frames held, only the latter.
    found = _found(run, CachedPair(behind, own))
    run.events += [Event(ALIGN.name, remark) for remark in found.remarks]

    # 3. Ask the sound whether it agrees.
    checked = None
    if background.audio and foreground.audio:
        told = run.take(LISTEN, background=background, foreground=foreground).read_bytes(HEARD)
        checked = SoundCheck.of(_heard(told), found, background, foreground)
        if checked and not checked.agrees:
            run.events.append(Event(LISTEN.name, f"{checked.sentence.capitalize()}.", "warning"))

    # 4. Lay the foreground over, and encode each frame once.
    overlay = overlay_of(background, foreground, found, context.settings)
    entry = run.take(LAY_OVER, overlay=overlay) if composed else None
    known = (background, foreground, found, checked, entry, context.settings)
    return Aligned(*known, run.seconds, tuple(run.done), tuple(run.events))


def _found(run: Run, pair: CachedPair) -> TimeMap:
    placed = CachedPlace(run.take(PLACE, pair=pair))
    return TimeMap.from_json(run.take(ALIGN, pair=pair, placed=placed).read_bytes(MAP))


def overlay_of(background: Clip, foreground: Clip, found: TimeMap, settings: Mapping[str, Any]) -> Overlay:
    """The foreground over the background as settings say."""
    look = Look(*(settings[f"laid.{name}"] for name in ("blend_px", "behind", "length", "sound")))
    return Overlay(background, foreground, found, look)


def _reduce(work: Work) -> None:
    clip: Clip = work.inputs["clip"]
    write(clip, work.folder / LUMA, check=lambda done: work.report(done, len(clip)))
    np.save(work.folder / TIMES, times_of(clip))


def _place(work: Work) -> None:
    pair, matching = _asked(work)
    given = Placement(*(work.settings[f"space.{name}"] for name in ("scale", "x_px", "y_px")))
    is_given = work.settings["space.match"] == "fixed"
    placed = Placed.given(pair, given) if is_given else place(pair, matching, work.cancel.check)
    (work.folder / PLACE_FILE).write_text(json.dumps(asdict(placed)))


def _align(work: Work) -> None:
    pair, matching = _asked(work)
    placed: CachedPlace = work.inputs["placed"]
    anchors = read_anchors(work.settings["match.anchors"])
    stays = work.settings["space.match"] == "fixed"
    found = aligned(pair, placed.placed, replace(matching, anchors=anchors), work.cancel.check, stays=stays)
    (work.folder / MAP).write_text(TimeMap.of(found).to_json())


def _asked(work: Work) -> tuple[Pair, Matching]:
    """The pair, which is refused if nothing can be told of it, and how it is looked at."""
    cached: CachedPair = work.inputs["pair"]
    cached.check()
    matching = _matching(work.settings)
    return cached.of(matching), matching


def _listen(work: Work) -> None:
    found = heard(work.inputs["background"], work.inputs["foreground"])
    (work.folder / HEARD).write_text(json.dumps(found and vars(found)))


def _heard(text: bytes) -> Heard | None:
    told = json.loads(text)
    return Heard(**told) if told else None


def _matching(settings: Mapping[str, Any]) -> Matching:
    border_px = settings["match.border_px"] if settings["match.time"] == "border" else 0
    width_px, refinements = CARE[settings["match.quality"]]
    width_px = BORDER_WIDTH_PX if border_px else width_px
    places: Places = settings["space.match"] if settings["space.match"] != "fixed" else "precise"
    reorder, most_keyframes = settings["match.order"] == "any", settings["space.max_keyframes"]
    return Matching({}, reorder, width_px, refinements, border_px, places, most_keyframes)


def _lay_over(work: Work) -> None:
    overlay: Overlay = work.inputs["overlay"]
    clip = overlay.timeline.clip
    shape = replace(Shape.like(clip), size=overlay.size, colour=overlay.colour)
    encoding = Encoding(work.settings["encode.crf"], work.settings["encode.x264_preset"])
    with (
        ClipWriter(work.folder / CLIP, shape, encoding, sound=overlay.sound) as writer,
        closing(prefetch(overlay.pictures())) as pictures,
    ):
        for index, (picture, place) in enumerate(zip(pictures, times(clip), strict=True)):
            work.report(index + 1, len(clip))
            writer.write(picture, *place)


TOOLS = ("av", "numpy", "opencv-contrib-python")
PROXIES = Stage("proxies", version=2, run=_reduce, tools=TOOLS)
SPACE = ("space.match", "space.max_keyframes", "space.x_px", "space.y_px", "space.scale")
MATCH = ("match.quality", "match.time", "match.border_px", "match.order")
PLACE = Stage("place", version=2, run=_place, settings=(*SPACE, *MATCH), tools=TOOLS)
ALIGN = Stage("align", version=11, run=_align, settings=(*SPACE, *MATCH, "match.anchors"), tools=TOOLS)
LISTEN = Stage("listen", version=1, run=_listen, tools=TOOLS)
LAY_OVER = Stage("lay over", version=2, run=_lay_over, settings=("encode.crf", "encode.x264_preset"), tools=TOOLS)
