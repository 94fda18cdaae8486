"""One moment of a film, drawn by the same layers at half the size, without encoding, for people who edit its plan."""

from collections import OrderedDict
from dataclasses import dataclass, field, replace
from typing import Any

from pipeline.finish.film.built import Builder, Built
from pipeline.finish.film.files import Files, Find
from pipeline.finish.film.plan import Plan
from pipeline.preview.web_copies import CLIP as COPY
from pipeline.preview.web_copies import COPY_TO_SCRUB, scrubbed_size
from pipeline.run import Run
from pipeline.see.open_clip import open_clip
from pipeline.stage import RunContext
from utils.film.film import Film, Showing
from utils.image import RGB, Size
from utils.media.clip import Clip
from utils.media.colour import ColourConverter
from utils.media.timebase import Span

KEPT = 4
"""How many plans stay built, for the next moment to come quickly."""
_built: OrderedDict[tuple[str, str], Built] = OrderedDict()


@dataclass(frozen=True)
class FilmMoment:
    """A frame of a film, and the same moment of the clip alone."""

    index: int
    frames: int
    before: RGB = field(repr=False)
    after: RGB = field(repr=False)
    events: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """All but the pictures, as plain values."""
        size = Size.of(self.after)
        shape = {"width": size.width_px, "height": size.height_px, "frames": self.frames}
        return {"at": self.index, **shape, "events": list(self.events)}


def moment(clip: Clip, plan: Plan, find: Find, context: RunContext, at: float | None = None) -> FilmMoment:
    """The film at a share of its length, by default in the middle."""
    built = _kept(clip, plan, find, context)
    film = built.film
    index = round((0.5 if at is None else min(1.0, max(0.0, at))) * (len(film) - 1))
    sentences = tuple(event.sentence for event in built.events)
    return FilmMoment(index, len(film), *drawn(film, index), sentences)


def drawn(film: Film, index: int) -> tuple[RGB, RGB]:
    """A frame of a film as a picture, without its layers and with them; decoded once, if none of them hides it."""
    colour, hidden = ColourConverter(film.colour), film.is_hidden(index)
    below = Showing(Film(film.clip, film.timeline, film.size) if hidden else film)
    above = Showing(film) if hidden else below
    try:
        before = colour.to_rgb(below.bare(index), film.size)
        (picture,) = above.pictures(Span(index, index + 1))
        return before, colour.to_rgb(picture, film.size)
    finally:
        below.close()
        above.close()


def _kept(clip: Clip, plan: Plan, find: Find, context: RunContext) -> Built:
    """The film of a plan, which is built once for many moments; of the copy to scrub in, where there is one."""
    plan.check_for(clip)
    shown = _to_scrub(clip, context) or clip
    key = shown.digest, plan.model_dump_json()
    if key not in _built or not _built[key].whole:
        size = scrubbed_size(clip)
        _built[key] = Builder(plan, replace(shown, audio=None), Files(find, Run(context)), size, copied=clip).built()
        while len(_built) > KEPT:
            _built.popitem(last=False)
    _built.move_to_end(key)
    return _built[key]


def _to_scrub(clip: Clip, context: RunContext) -> Clip | None:
    """The copy of a clip in which any frame is found quickly, if a job has made it."""
    if not COPY_TO_SCRUB.known(context, clip=clip):
        return None
    with COPY_TO_SCRUB.result(context, clip=clip) as entry:
        copy = open_clip(entry.path(COPY), replace(context, settings={}))
    return copy if len(copy) == len(clip) else None
