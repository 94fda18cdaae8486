"""The align job as one function that reads from top to bottom: `align_clips`."""

import json
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from pipeline.align.anchors import check_anchors, read_anchors
from pipeline.align.drafts import Drafts, Told
from pipeline.align.overlay import Look, Overlay
from pipeline.align.placing import PLACE, CachedPlace
from pipeline.align.reduced import (
    MATCHING,
    PROXIES,
    TOOLS,
    CachedPair,
    CachedProxies,
    check_given,
    given,
    matching_of,
    pair_of,
)
from pipeline.align.sound import check_sound
from pipeline.align.sound_check import SoundCheck
from pipeline.align.time_map import TimeMap
from pipeline.run import Run
from pipeline.stage import RunContext, Stage, Work
from pipeline.types import Done, Event
from utils.align.alignment import aligned
from utils.align.sound import Heard, heard
from utils.media.clip import Clip
from utils.media.write import ClipWriter, Encoding, Shape, times
from utils.prefetch import prefetch
from utils.store import Entry

MAP, CLIP, HEARD = "map.json", "aligned.mp4", "heard.json"


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


def align_clips(
    background: Clip, foreground: Clip, context: RunContext, *, composed: bool = True, told: Told | None = None
) -> Aligned:
    """Align a foreground with a background, and lay it over. Every stage is cached; `told` hears of every draft."""
    run = Run(context)
    held, reorder = read_anchors(context.settings["match.anchors"]), context.settings["match.order"] == "any"
    check_anchors(held, len(foreground), len(background), reorder=reorder)
    check_given(context.settings, background.size, foreground.size)
    if composed:
        check_sound(context.settings["laid.sound"], background, foreground)

    # 1. Reduce both clips, which is most of the work: each is decoded once, for all pairs that it is part of.
    behind, own = (CachedProxies(clip, run.take(PROXIES, clip=clip)) for clip in (background, foreground))

    # 2. Find the placement, and then the time of each frame: with other frames held, only the latter.
    found = _found(run, CachedPair(behind, own), told)
    run.events += [Event(ALIGN.name, remark) for remark in found.remarks]

    # 3. Ask the sound whether it agrees.
    checked = None
    if background.audio and foreground.audio:
        sound = run.take(LISTEN, background=background, foreground=foreground).read_bytes(HEARD)
        checked = SoundCheck.of(_heard(sound), found, background, foreground)
        if checked and not checked.agrees:
            run.events.append(Event(LISTEN.name, f"{checked.sentence.capitalize()}.", "warning"))

    # 4. Lay the foreground over, and encode each frame once.
    overlay = overlay_of(background, foreground, found, context.settings)
    entry = run.take(LAY_OVER, overlay=overlay) if composed else None
    known = (background, foreground, found, checked, entry, context.settings)
    return Aligned(*known, run.seconds, tuple(run.done), tuple(run.events))


def _found(run: Run, pair: CachedPair, told: Told | None) -> TimeMap:
    """The map of a pair; where it is shown as it gets finer, after coarser ones, and all the same."""
    drafts = Drafts.of(run, pair, told) if run.context.settings["match.shown"] == "progressive" else None
    if drafts:
        drafts.first()
    placed = CachedPlace(run.take(PLACE, pair=pair))
    if drafts:
        drafts.last(placed)
    found = TimeMap.from_json(run.take(ALIGN, pair=pair, placed=placed).read_bytes(MAP))
    if drafts:
        drafts.end(found)
    return found


def overlay_of(background: Clip, foreground: Clip, found: TimeMap, settings: Mapping[str, Any]) -> Overlay:
    """The foreground over the background as settings say."""
    look = Look(*(settings[f"laid.{name}"] for name in ("blend_px", "behind", "length", "sound")))
    return Overlay(background, foreground, found, look)


def _align(work: Work) -> None:
    pair, anchors = pair_of(work), read_anchors(work.settings["match.anchors"])
    matching, stays = matching_of(work.settings, anchors), given(work.settings) is not None
    placed: CachedPlace = work.inputs["placed"]
    found = aligned(pair, placed.placed, matching, work.cancel.check, stays=stays)
    (work.folder / MAP).write_text(TimeMap.of(found).to_json())


def _listen(work: Work) -> None:
    found = heard(work.inputs["background"], work.inputs["foreground"])
    (work.folder / HEARD).write_text(json.dumps(found and vars(found)))


def _heard(text: bytes) -> Heard | None:
    told = json.loads(text)
    return Heard(**told) if told else None


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


ALIGN = Stage("align", version=15, run=_align, settings=(*MATCHING, "match.anchors"), tools=TOOLS)
LISTEN = Stage("listen", version=1, run=_listen, tools=TOOLS)
LAY_OVER = Stage("lay over", version=2, run=_lay_over, settings=("encode.crf", "encode.x264_preset"), tools=TOOLS)
