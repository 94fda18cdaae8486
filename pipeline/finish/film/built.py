"""Building: a plan becomes the layers, the sound and the subtitles of a film. What cannot be used is told."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from functools import partial
from typing import Any

import cv2
import numpy as np

from pipeline.finish.film.cues import Line, in_film, read_cues
from pipeline.finish.film.files import Files
from pipeline.finish.film.heard import HeardFilm, heard_film
from pipeline.finish.film.plan import Broll, LookPlan, Picture, Plan, Style, Title
from pipeline.types import Event
from utils.digest import digest_file
from utils.errors import Cancelled, ReshootError
from utils.film.fade import Fade
from utils.film.film import Film
from utils.film.following import followed
from utils.film.fonts import Fonts
from utils.film.inset import Inset
from utils.film.layer import Layer
from utils.film.repaint import Repaint
from utils.film.stamp import RGBA, Patch, Stamp
from utils.film.text import Text, TextStyle
from utils.film.timeline import Timeline, exact, grid_length, rounded
from utils.film.zoom import Punch, Zoom
from utils.image import Box, Size
from utils.media.clip import Clip
from utils.media.timebase import Span
from utils.speech.transcript_file import file_bytes
from utils.speech.words import Cue

MOST_TOLD = 8
"""How many characters without a glyph an event names."""


@dataclass(frozen=True)
class Built:
    """A film as it will be rendered."""

    film: Film
    heard: HeardFilm
    lines: tuple[Line, ...]
    """Its subtitles, in frames of the film."""
    style: TextStyle
    events: tuple[Event, ...]
    whole: bool = True
    """Whether nothing is left out that is made when the film is rendered."""


def timeline_of(plan: Plan, clip: Clip) -> Timeline:
    """The frames that a plan keeps of a clip."""
    rate = Fraction(plan.rate) if plan.rate else None
    return Timeline.without(clip, ((each.from_s, each.to_s) for each in plan.cut), rate)


@dataclass
class Builder:
    """Builds the film of one plan."""

    plan: Plan
    clip: Clip
    files: Files
    size: Size
    copied: Clip | None = None
    """The clip itself, where a quick copy of it stands in for it: then nothing is made that takes long."""
    timeline: Timeline = field(init=False)
    whole: bool = field(default=True, init=False)

    def __post_init__(self) -> None:
        self.timeline = timeline_of(self.plan, self.clip)

    def built(self) -> Built:
        """The film: what is drawn first lies lowest."""
        cues = self._cues()
        lines, style = (
            tuple(in_film(cues, self.timeline)),
            self._style(self.plan.subtitles.style if self.plan.subtitles else None),
        )
        layers = [
            *self._zoom(),
            *(layer for each in self.plan.broll for layer in self._broll(each)),
            *(layer for each in self.plan.looks for layer in self._look(each)),
            *(layer for each in self.plan.pictures for layer in self._picture(each)),
            *(layer for each in self.plan.titles for layer in self._title(each)),
            *self._subtitles(lines, style),
            *self._fades(),
        ]
        film = Film(self.clip, self.timeline, self.size, tuple(layers))
        heard = heard_film(self.plan, self.clip, self.timeline, self.files, cues)
        return Built(film, heard, lines, style, tuple(dict.fromkeys(self.files.events)), self.whole)

    def _tell(self, sentence: str) -> None:
        self.files.events.append(Event("film", sentence, "warning"))

    def _span(self, from_s: float, to_s: float) -> Span:
        """The frames of the film from one time of the clip to another."""
        start, stop = self.timeline.frame_at(from_s), self.timeline.frame_at(to_s)
        return Span(start, max(start, stop))

    def _is_seen(self, span: Span, what: str) -> bool:
        if not len(span):
            self._tell(f"{what} is cut out, or comes after the end of the film.")
        return bool(len(span))

    def _frames(self, seconds: float) -> int:
        return rounded(exact(seconds) * self.timeline.rate)

    def _cues(self) -> tuple[Cue, ...]:
        wanted = self.plan.subtitles
        if wanted is None or not wanted.on:
            return ()
        clip_ms = round(self.clip.duration_s * 1000)
        try:
            data, name = wanted.cues.encode(), "the plan"
            if not data:
                path = self.files.path(wanted.file, "subtitles")
                data, name = file_bytes(path), path.name
            found = read_cues(data, name, clip_ms)
        except ReshootError as error:
            self._tell(f"There are no subtitles: {error.problem}")
            return ()
        for remark in found.remarks:
            self._tell(remark)
        return found.transcript.cues

    def _zoom(self) -> Iterator[Layer]:
        wanted = self.plan.zoom
        if wanted is None or not wanted.on or (wanted.most == 1 and not wanted.punches):
            return
        punches = tuple(
            Punch(span, each.scale, self._frames(each.ease_s))
            for each in wanted.punches
            if len(span := self._span(each.from_s, each.to_s))
        )
        whole = Span(0, len(self.timeline))
        rate = self.timeline.rate
        seen = ((float(self.timeline.frame_at(each.at_s) / rate), each.x, each.y) for each in wanted.faces)
        yield Zoom(whole, rate, wanted.most, wanted.cycle_s, punches, followed(seen, rate))

    def _broll(self, wanted: Broll) -> Iterator[Layer]:
        clip = self.files.clip(wanted.file, f"The b-roll at {wanted.at_s:g} s")
        start = self.timeline.frame_at(wanted.at_s)
        if clip is None:
            return
        if start >= len(self.timeline):
            self._tell(f"The b-roll at {wanted.at_s:g} s comes after the end of the film and is left out.")
            return
        rate = self.timeline.rate
        first, end = self._frames(wanted.from_s), grid_length(clip, rate)
        frames = min(self._frames(wanted.seconds), len(self.timeline) - start, end - first)
        if frames < 1:
            self._tell(f"{wanted.file!r:.60} has nothing after {wanted.from_s:g} s, so its b-roll is left out.")
            return
        shown = tuple(Timeline(rate, (Span(first, first + frames),)).shown(clip))
        fade = min(self._frames(wanted.fade_s), frames // 2)
        span, box = Span(start, start + frames), self._box(wanted)
        yield Inset(clip, span, shown, box, self.size, self.clip.colour.worked, wanted.fit, fade, fade)

    def _box(self, wanted: Broll) -> Box:
        """Where b-roll is seen, at even pixels; all of the picture is all of it, also where a side is odd."""
        width, height = self.size
        sides = (wanted.left, wanted.top, wanted.left + wanted.width, wanted.top + wanted.height)
        if sides == (0.0, 0.0, 1.0, 1.0):
            return Box(0, 0, width, height)
        left, top, right, bottom = (
            min(side, round(share * side / 2) * 2)
            for share, side in zip(sides, (width, height, width, height), strict=True)
        )
        return Box(left, top, max(left + 2, right), max(top + 2, bottom))

    def _look(self, wanted: LookPlan) -> Iterator[Layer]:
        """A look lies over zoom and b-roll, so that all that was filmed is alike, and below pictures and text."""
        span = self._span(wanted.from_s, wanted.to_s)
        if not self._is_seen(span, f"The look {wanted.look!r}") or not wanted.strength:
            return
        from pipeline.finish.film.looks import DrawnLook, tone_of  # looks are slow to load

        drawn = DrawnLook(wanted.look, wanted.seed, tone_of(self.copied or self.clip, self.size, self.files.run))
        fade = min(self._frames(wanted.fade_s), len(span) // 2)
        colour, cuts = self.clip.colour.worked, self.timeline.cuts
        steady = self.copied is None
        yield Repaint(span, cuts, drawn.paint, drawn.told, colour, wanted.strength, fade, fade, steady)

    def _picture(self, wanted: Picture) -> Iterator[Layer]:
        span = self._span(wanted.from_s, wanted.to_s)
        if not self._is_seen(span, f"The picture {wanted.named}") or (found := self._pixels(wanted)) is None:
            return
        rgba, digest = found
        left, top = round(wanted.left * self.size.width_px), round(wanted.top * self.size.height_px)
        width_px = max(1, round(wanted.width * self.size.width_px))
        content = [
            "picture",
            digest,
            left,
            top,
            width_px,
            list(self.size),
        ]
        draw = partial(self._drawn_picture, rgba, left, top, width_px)
        fade = min(self._frames(wanted.fade_s), len(span) // 2)
        yield Stamp(span, draw, content, fade, fade, wanted.opacity)

    def _pixels(self, wanted: Picture) -> tuple[RGBA, str] | None:
        """The pixels of a picture, and the digest of what they come from; nothing where it cannot be had."""
        if wanted.file:
            rgba = self.files.picture(wanted.file, f"The picture {wanted.named}")
            return None if rgba is None else (rgba, digest_file(self.files.path(wanted.file, "picture")))
        from pipeline.finish.film.painted import Moment, NotMadeYet, painted  # engines are slow to load

        of_s = wanted.from_s if wanted.of_s is None else wanted.of_s
        try:
            moment = Moment(self.copied or self.clip, self._shown_at(of_s), wanted.engine)
            made = painted(moment, wanted, self.files.run, only_known=self.copied is not None)
        except Cancelled:
            raise
        except ReshootError as error:
            self.whole = self.whole and not isinstance(error, NotMadeYet)
            self._tell(f"The picture {wanted.named} is left out: {error.problem} {error.remedy}")
            return None
        self.files.events.append(Event("film", f"The picture {wanted.named} was {made.how}."))
        return made.rgba, made.digest

    def _shown_at(self, clip_s: float) -> int:
        """The clip's frame at a time of it, whether the film shows it or not."""
        rate = self.timeline.rate
        grid = min(rounded(exact(clip_s) * rate), grid_length(self.clip, rate) - 1)
        return Timeline(rate, (Span(grid, grid + 1),)).shown(self.clip)[0]

    def _drawn_picture(self, rgba: RGBA, left: int, top: int, width_px: int) -> Patch:
        height_px = max(1, round(rgba.shape[0] * width_px / rgba.shape[1]))
        smaller = width_px < rgba.shape[1]
        kind = cv2.INTER_AREA if smaller else cv2.INTER_CUBIC
        weighted = rgba.astype(np.float32)
        weighted[..., :3] *= weighted[..., 3:] / 255
        scaled = np.asarray(cv2.resize(weighted, (width_px, height_px), interpolation=kind))
        scaled[..., :3] *= 255 / np.maximum(scaled[..., 3:], 1)
        pixels = np.asarray(np.rint(scaled).clip(0, 255), np.uint8)
        return Patch.of(pixels, left, top, self.size, self.clip.colour.worked)

    def _style(self, wanted: Style | None) -> TextStyle:
        wanted = wanted or Style()
        fonts = self._fonts(wanted)
        if not fonts.found:
            self._tell(f"There is no font {wanted.font!r:.60} here; {fonts.first.path.stem} is used.")
        colours = (wanted.colour, wanted.spoken_colour, wanted.outline_colour)
        colour, spoken, outline = (tuple(bytes.fromhex(each[1:])) for each in colours)
        return TextStyle(
            fonts, wanted.height, colour, spoken, wanted.outline, outline, wanted.box,  # type: ignore[arg-type]
            place=wanted.place, margin=wanted.margin,
        )  # fmt: skip

    def _fonts(self, wanted: Style) -> Fonts:
        """The font of a style; a file is found as the plan's other files are."""
        fonts = Fonts(wanted.font, wanted.bold)
        if not fonts.is_file:
            return fonts
        try:
            return Fonts(str(self.files.path(wanted.font, "font")), wanted.bold)
        except ReshootError as error:
            self._tell(f"The font {wanted.font!r:.60} is not used: {error.problem}")
            return Fonts(bold=wanted.bold)

    def _text(self, text: str, style: TextStyle) -> Text:
        made = Text(text, style, self.size)
        if made.missing:
            named = " ".join(made.missing[:MOST_TOLD]) + (" ..." if len(made.missing) > MOST_TOLD else "")
            self._tell(f"No font here has {named}, so that is left out of {text!r:.40}.")
        return made

    def _stamp(self, text: Text, span: Span, fade: int = 0, spoken: int | None = None) -> Stamp:
        content = ["text", text.text, _told(text.style), list(self.size), spoken, [face.digest for face in text.faces]]
        return Stamp(span, partial(self._drawn_text, text, spoken), content, fade, fade)

    def _drawn_text(self, text: Text, spoken: int | None) -> Patch:
        drawn = text.draw(spoken)
        return Patch.of(drawn.rgba, drawn.left, drawn.top, self.size, self.clip.colour.worked)

    def _title(self, wanted: Title) -> Iterator[Layer]:
        span = self._span(wanted.from_s, wanted.to_s)
        if self._is_seen(span, f"The title {wanted.text!r:.40}"):
            text = self._text(wanted.text, self._style(wanted.style))
            yield self._stamp(text, span, min(self._frames(wanted.fade_s), len(span) // 2))

    def _subtitles(self, lines: tuple[Line, ...], style: TextStyle) -> Iterator[Layer]:
        """A stamp for each cue; for karaoke one for each word that is said."""
        karaoke = bool(self.plan.subtitles and self.plan.subtitles.karaoke)
        if karaoke and lines and not any(line.said for line in lines):
            self._tell("The subtitles have no times of words, so no word is marked while it is said.")
        for line in lines:
            text = self._text(line.text, style)
            if not karaoke or not line.said:
                yield self._stamp(text, line.span)
                continue
            bounds = [line.span.start, *(min(max(each, line.span.start), line.span.stop) for each in line.said)]
            numbers: list[int | None] = [None, *text.spoken_numbers]
            for number, start, stop in zip(numbers, bounds, [*bounds[1:], line.span.stop], strict=True):
                if stop > start:
                    yield self._stamp(text, Span(start, stop), spoken=number)

    def _fades(self) -> Iterator[Layer]:
        wanted, end = self.plan.fades, len(self.timeline)
        if wanted is None or not wanted.on:
            return
        if into := min(end, self._frames(wanted.in_s)):
            yield Fade(Span(0, into))
        if out := min(end, self._frames(wanted.out_s)):
            yield Fade(Span(end - out, end), out=True)


def _told(style: TextStyle) -> list[Any]:
    """A style as JSON values."""
    told = dict(vars(style)) | {"fonts": [style.fonts.family, style.fonts.bold]}
    return [[name, list(value) if isinstance(value, tuple) else value] for name, value in sorted(told.items())]
