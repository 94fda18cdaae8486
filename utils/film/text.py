"""Text on a film: words are laid out in lines, and drawn once as a picture with transparency.

Whatever is seen in a preview and in the film comes from here. Pillow draws, with RAQM where it is built in, which puts
the letters of right-to-left and joined scripts in order.
"""

import unicodedata
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import groupby
from pathlib import Path
from typing import Literal

import numpy as np
from PIL import Image, ImageDraw

from utils.film.fonts import PICTURES_PX, Drawable, Face, Fonts, Run, drawable
from utils.film.stamp import RGBA
from utils.image import Size
from utils.speech.subtitles import AssStyle

Place = Literal["bottom", "middle", "top"]
Colour = tuple[int, int, int]
LEADING = 1.25
"""Distance of lines, in heights of the font."""
Measured = tuple[int, str, Drawable, float]
"""A word: its number, its letters, its fonts, and how wide it is."""
WIDE = ("W", "F")
"""Characters of East Asia, between which lines may break."""


@dataclass(frozen=True)
class TextStyle:
    """What text looks like. Lengths are shares of the picture's height, or of the font's where it says so."""

    fonts: Fonts = field(default_factory=lambda: Fonts(bold=True))
    height: float = 0.05
    colour: Colour = (255, 255, 255)
    spoken: Colour = (255, 214, 64)
    """The colour of the word that is being said, for karaoke."""
    outline: float = 0.08
    """In heights of the font."""
    outline_colour: Colour = (0, 0, 0)
    box: float = 0.0
    """How opaque the box behind the text is."""
    box_colour: Colour = (0, 0, 0)
    place: Place = "bottom"
    margin: float = 0.08
    """The safe area: how far from the edges text stays."""

    def px(self, size: Size) -> int:
        """The font's height."""
        return max(6, round(self.height * size.height_px))

    def in_file(self, size: Size) -> AssStyle:
        """This style as subtitle files write it; a font that is a file goes by its name there."""
        fonts, height_px = self.fonts, self.px(size)
        across_px, along_px = (round(self.margin * side) for side in size)
        return AssStyle(
            (size.width_px, size.height_px), Path(fonts.family).stem if fonts.is_file else fonts.family, height_px,
            fonts.bold, self.colour, self.spoken, round(self.outline * height_px, 1), self.outline_colour,
            self.box, self.box_colour, self.place, (across_px, across_px, along_px),
        )  # fmt: skip


@dataclass(frozen=True)
class Word:
    """A word of a line: its runs, its place from the left of the line, and its number in the text."""

    number: int
    runs: tuple[Run, ...]
    left: float
    width: float


@dataclass(frozen=True)
class Drawn:
    """A picture of text, and where its left upper corner belongs."""

    rgba: RGBA
    left: int
    top: int


@dataclass(frozen=True)
class Text:
    """A text in a style on a film of a size."""

    text: str
    style: TextStyle
    size: Size

    @cached_property
    def _words(self) -> list[tuple[str, Drawable]]:
        """Words and line breaks, each with its fonts; a break is an empty word."""
        parts = list[str]()
        for number, line in enumerate(self.text.strip().splitlines()):
            parts += ([""] if number else []) + [word for each in line.split() for word in _breakable(each)]
        return [(part, drawable(part, self.style.fonts)) for part in parts]

    @property
    def missing(self) -> tuple[str, ...]:
        """The characters that no font here has, and that are left out."""
        return tuple(dict.fromkeys(each for _, word in self._words for each in word.missing))

    @property
    def faces(self) -> tuple[Face, ...]:
        """The fonts that draw it."""
        return tuple(dict.fromkeys(run.face for _, word in self._words for run in word.runs))

    @property
    def spoken_numbers(self) -> list[int]:
        """For each word between spaces, the number of its first part here."""
        numbers, number = list[int](), 0
        for each in self.text.split():
            numbers.append(number)
            number += len(list(_breakable(each)))
        return numbers

    @cached_property
    def lines(self) -> list[list[Word]]:
        """The words of each line in their places, the lines about equally long."""
        return [self._placed(line) for line in self._broken()]

    def _broken(self) -> list[list[Measured]]:
        """Words put into lines that fit between the margins."""
        most = (1 - 2 * self.style.margin) * self.size.width_px
        lines: list[list[Measured]] = []
        paragraphs: list[list[Measured]] = [[]]
        number = 0
        for part, word in self._words:
            if not part:
                paragraphs.append([])
                continue
            paragraphs[-1].append((number, part, word, self._width(word.runs)))
            number += 1
        for words in paragraphs:
            total = sum(width + self._gap(part) for _, part, _, width in words)
            count = max(1, -(-int(total) // max(1, int(most))))
            target = min(most, total / count * 1.1)
            evenly = _filled(words, target, self._gap)
            lines += evenly if len(evenly) <= count else _filled(words, most, self._gap)
        return [line for line in lines if line]

    def _gap(self, part: str) -> float:
        """The space before a word; there is none between characters of East Asia."""
        return 0.0 if _is_wide(part[0]) else 0.27 * self.style.px(self.size)

    def _width(self, runs: Sequence[Run]) -> float:
        return sum(run.face.width(run.text, self.style.px(self.size)) for run in runs)

    def _placed(self, line: list[Measured]) -> list[Word]:
        """The words of a line from left to right, whatever the directions of their scripts."""
        placed, left = list[Word](), 0.0
        for number, part, word, width in _visual(line):
            left += self._gap(part) if placed else 0
            runs = word.runs[::-1] if _direction(part) == "right" else word.runs
            placed.append(Word(number, runs, left, width))
            left += width
        return placed

    def draw(self, spoken: int | None = None) -> Drawn:
        """The picture; the word of this number has the colour of what is being said."""
        style, px = self.style, self.style.px(self.size)
        pad = round(px * (0.35 if style.box else 0.1) + style.outline * px) + 2
        widths = [line[-1].left + line[-1].width for line in self.lines] or [0.0]
        step = round(px * LEADING)
        width, height = round(max(widths)) + 2 * pad, step * max(1, len(self.lines)) + 2 * pad
        picture = Image.new("RGBA", (width, height), (*style.outline_colour, 0))
        if style.box:
            ImageDraw.Draw(picture).rounded_rectangle(
                (0, 0, width - 1, height - 1), px * 0.25, fill=(*style.box_colour, round(255 * style.box))
            )
        for outlined in (True, False):
            for number, (line, own) in enumerate(zip(self.lines, widths, strict=False)):
                base = pad + number * step + round(px * 1.0)
                self._draw_line(picture, line, (width - own) / 2, base, spoken, outlined=outlined)
        return Drawn(np.asarray(picture), *self._corner(width, height))

    def _draw_line(
        self, picture: Image.Image, line: list[Word], left: float, base: int, spoken: int | None, *, outlined: bool
    ) -> None:
        """The outlines of a line, or what is within them: no outline lies over a letter."""
        style, px = self.style, self.style.px(self.size)
        stroke, draw = round(style.outline * px), ImageDraw.Draw(picture)
        if outlined and not stroke:
            return
        for word in line:
            x = left + word.left
            colour = style.outline_colour if outlined else style.spoken if word.number == spoken else style.colour
            for run in word.runs:
                if not run.face.pictures:
                    width = stroke if outlined else 0
                    draw.text((x, base), run.text, (*colour, 255), run.face.at(px), anchor="ls", stroke_width=width)
                elif not outlined:
                    _paste(picture, run, round(x), base, px)
                x += run.face.width(run.text, px)

    def _corner(self, width: int, height: int) -> tuple[int, int]:
        """Where it belongs: in the middle of the width, and within the safe area."""
        margin = round(self.style.margin * self.size.height_px)
        tops = {
            "top": margin,
            "middle": (self.size.height_px - height) // 2,
            "bottom": self.size.height_px - margin - height,
        }
        return (self.size.width_px - width) // 2, tops[self.style.place]


def _paste(picture: Image.Image, run: Run, left: int, base: int, px: int) -> None:
    """Draw characters that are pictures, made as large as the text."""
    font, scale = run.face.at(px), px / PICTURES_PX
    own = Image.new("RGBA", (round(font.getlength(run.text)) + 2, 2 * PICTURES_PX))
    ImageDraw.Draw(own).text((0, 1.5 * PICTURES_PX), run.text, font=font, anchor="ls", embedded_color=True)
    small = own.resize((max(1, round(own.width * scale)), max(1, round(own.height * scale))), Image.Resampling.BOX)
    picture.alpha_composite(small, (left, max(0, base - round(1.5 * PICTURES_PX * scale))))


def _filled(words: list[Measured], most: float, gap: Callable[[str], float]) -> list[list[Measured]]:
    """Words in lines of a width at most; a word that is wider has a line of its own."""
    lines: list[list[Measured]] = [[]]
    length = 0.0
    for word in words:
        added = (gap(word[1]) if lines[-1] else 0.0) + word[3]
        if lines[-1] and length + added > most:
            lines.append([])
            length, added = 0.0, word[3]
        lines[-1].append(word)
        length += added
    return lines


def _breakable(word: str) -> Iterator[str]:
    """A word in parts between which a line may break: each character of East Asia is one."""
    for wide, letters in groupby(word, _is_wide):
        if wide:
            yield from letters
        else:
            yield "".join(letters)


def _is_wide(character: str) -> bool:
    return unicodedata.east_asian_width(character) in WIDE and unicodedata.category(character) == "Lo"


def _direction(part: str) -> str | None:
    """Where the script of a word runs to; None for numbers and signs."""
    for character in part:
        kind = unicodedata.bidirectional(character)
        if kind in ("R", "AL"):
            return "right"
        if kind == "L":
            return "left"
    return None


def _visual(line: Iterable[Measured]) -> list[Measured]:
    """Words in the order in which they stand from left to right: the first one with a direction decides the line's."""
    words = list(line)
    known = [_direction(part) for _, part, _, _ in words]
    base = next((each for each in known if each), "left")
    current, directions = base, list[str]()
    for each in known:
        current = each or current
        directions.append(current)
    groups = [
        [word for word, _ in group][:: -1 if way == "right" else 1]
        for way, group in groupby(zip(words, directions, strict=True), key=lambda pair: pair[1])
    ]
    return [word for group in groups[:: -1 if base == "right" else 1] for word in group]
