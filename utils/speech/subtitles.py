"""SRT, VTT and ASS: the cues of subtitle files as they stand there, and files of cues."""

import html
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from utils.speech.words import Cue

_CLOCK = r"-?(?:\d{1,4}:)?\d{1,2}:\d{1,2}(?:[.,]\d{1,9})?"
_TIMES = re.compile(rf"^\s*({_CLOCK})\s*-->\s*({_CLOCK})(?:\s|$)")
_MARKUP = re.compile(r"<[^<>\n]{0,200}>|\{\\[^{}\n]{0,200}\}")
"""Tags of SRT and VTT, such as <i> and <v Ann>, and the overrides of ASS that some players put into SRT."""
ASS_HEAD = """[Script Info]
ScriptType: v4.00+
PlayResX: {size[0]}
PlayResY: {size[1]}
WrapStyle: 0
ScaledBorderAndShadow: yes

[V4+ Styles]
Format: Name, Fontname, Fontsize, PrimaryColour, SecondaryColour, OutlineColour, BackColour, Bold, Italic, Underline, \
StrikeOut, ScaleX, ScaleY, Spacing, Angle, BorderStyle, Outline, Shadow, Alignment, MarginL, MarginR, MarginV, Encoding
Style: Default,{font},{height_px},{colours},{bold},0,0,0,100,100,0,0,{border},{outline_px:g},0,{place},{margins},1

[Events]
Format: Layer, Start, End, Style, Name, MarginL, MarginR, MarginV, Effect, Text
"""
PLACES = {"bottom": 2, "middle": 5, "top": 8}

Colour = tuple[int, int, int]
RawCue = tuple[int, int, str]
"""Start and end in ms as they stand in a file, which may be negative or the wrong way round, and the text."""


def read_cues(text: str) -> Iterator[RawCue]:
    """The cues of an SRT or VTT text: what follows a line of times, up to an empty line or the next one's times."""
    lines, index = text.replace("\r\n", "\n").replace("\r", "\n").split("\n"), 0
    while index < len(lines):
        times = _TIMES.match(lines[index])
        index += 1
        if times is None:
            continue
        said = []
        while index < len(lines) and lines[index].strip() and not _TIMES.match(lines[index]):
            said.append(lines[index])
            index += 1
        if index < len(lines) and lines[index].strip() and said and said[-1].strip().isdigit():
            said.pop()  # the number of the next cue, where the empty line between the two is missing
        yield _ms(times[1]), _ms(times[2]), _plain("\n".join(said))


def as_srt(cues: Sequence[Cue]) -> str:
    """Cues as an SRT file."""
    return "".join(
        f"{number}\n{_clock(cue.start_ms, ',')} --> {_clock(cue.end_ms, ',')}\n{_lines(cue.text)}\n\n"
        for number, cue in enumerate(cues, 1)
    )


def as_vtt(cues: Sequence[Cue]) -> str:
    """Cues as a WebVTT file."""
    blocks = [
        f"{_clock(cue.start_ms, '.')} --> {_clock(cue.end_ms, '.')}\n{html.escape(_lines(cue.text), quote=False)}\n"
        for cue in cues
    ]
    return "\n".join(["WEBVTT\n", *blocks])


@dataclass(frozen=True)
class AssStyle:
    """What subtitles look like in an ASS file, for a picture of a size."""

    size: tuple[int, int]
    font: str = "Sans"
    height_px: int = 24
    bold: bool = False
    colour: Colour = (255, 255, 255)
    spoken: Colour = (255, 214, 64)
    """The colour of what was said by now, for karaoke."""
    outline_px: float = 1.5
    outline_colour: Colour = (0, 0, 0)
    box: float = 0.0
    """How opaque a box behind the text is, in place of an outline."""
    box_colour: Colour = (0, 0, 0)
    place: str = "bottom"
    margins_px: tuple[int, int, int] = (12, 12, 12)
    """Left, right, and above or below."""

    @classmethod
    def usual(cls, width_px: int, height_px: int) -> "AssStyle":
        """Plain white text that fits a picture of this size."""
        shorter_px = min(width_px, height_px)
        letters_px, margin_px = max(8, shorter_px // 15), max(4, shorter_px // 20)
        outline_px = max(1, letters_px // 16)
        margins_px = (margin_px, margin_px, margin_px)
        return cls((width_px, height_px), height_px=letters_px, outline_px=outline_px, margins_px=margins_px)

    def head(self, *, karaoke: bool) -> str:
        """All of the file that comes before its cues."""
        behind = (self.box_colour, 1 - self.box) if self.box else (self.outline_colour, 0.0)
        colours = ((self.spoken if karaoke else self.colour, 0.0), (self.colour, 0.0), behind, (self.box_colour, 0.0))
        told = vars(self) | {
            "colours": ",".join(_abgr(*each) for each in colours),
            "bold": -1 if self.bold else 0,
            "border": 3 if self.box else 1,
            "place": PLACES[self.place],
            "margins": ",".join(map(str, self.margins_px)),
        }
        return ASS_HEAD.format(**told)


def as_ass(cues: Sequence[Cue], style: AssStyle, *, karaoke: bool = False) -> str:
    """Cues as an ASS file; with `karaoke`, words light up when they are said."""
    events = [
        f"Dialogue: 0,{_ass_clock(cue.start_ms)},{_ass_clock(cue.end_ms)},Default,,0,0,0,,{_ass_text(cue, karaoke)}\n"
        for cue in cues
    ]
    return style.head(karaoke=karaoke and any(cue.words for cue in cues)) + "".join(events)


def _plain(text: str) -> str:
    """A cue's text without markup, without empty lines."""
    bare = html.unescape(_MARKUP.sub("", text))
    return "\n".join(" ".join(line.split()) for line in bare.split("\n") if line.strip())


def _lines(text: str) -> str:
    """A text that ends no cue early: without empty lines, and without an arrow that would begin another."""
    return "\n".join(line.strip().replace("-->", "→") for line in text.splitlines() if line.strip())


def _ms(clock: str) -> int:
    """Milliseconds of `[-][H:]MM:SS[,mmm]`."""
    sign, digits = (-1, clock[1:]) if clock.startswith("-") else (1, clock)
    *whole, last = digits.replace(",", ".").split(":")
    seconds, _, part = last.partition(".")
    hours, minutes = (int(each) for each in ([0] * (2 - len(whole)) + whole))
    return sign * (((hours * 60 + minutes) * 60 + int(seconds)) * 1000 + round(float(f"0.{part or 0}") * 1000))


def _clock(ms: int, point: str) -> str:
    seconds, rest = divmod(ms, 1000)
    return f"{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}{point}{rest:03d}"


def _ass_clock(ms: int) -> str:
    """Hundredths, rounded down: a cue that begins with a frame is not late for it."""
    seconds, rest = divmod(ms // 10, 100)
    return f"{seconds // 3600}:{seconds // 60 % 60:02d}:{seconds % 60:02d}.{rest:02d}"


def _ass_text(cue: Cue, karaoke: bool) -> str:
    """The text of an event: braces and backslashes are signs of ASS itself, so look-alikes stand for them."""
    if not karaoke or not cue.words:
        return "\\N".join(_escaped(line) for line in cue.text.splitlines() if line.strip())
    starts = [max(cue.start_ms, word.start_ms) // 10 for word in cue.words]
    stops = [*starts[1:], cue.end_ms // 10]
    lit = [
        f"{{\\k{max(0, stop - start)}}}{_escaped(word.text)}"
        for word, start, stop in zip(cue.words, starts, stops, strict=True)
    ]
    lead = starts[0] - cue.start_ms // 10
    return (f"{{\\k{lead}}}" if lead else "") + " ".join(lit)


def _abgr(colour: Colour, clear: float) -> str:
    """A colour as ASS has it: how clear it is, then blue, green and red."""
    red, green, blue = colour
    return f"&H{round(255 * clear):02X}{blue:02X}{green:02X}{red:02X}"


def _escaped(text: str) -> str:
    return text.strip().replace("\\", "＼").replace("{", "｛").replace("}", "｝")
