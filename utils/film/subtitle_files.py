"""Subtitles beside a film, as SRT and ASS, in times of the film; players round them to the frame that is meant."""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from utils.film.text import TextStyle
from utils.image import Size
from utils.media.timebase import Span

ALIGNED = {"bottom": 2, "middle": 5, "top": 8}


@dataclass(frozen=True)
class Line:
    """A text on frames of a film, and the frame from which each word is said."""

    span: Span
    text: str
    said: tuple[int, ...] = ()


def srt(lines: Sequence[Line], rate: Fraction) -> str:
    """The lines as SRT."""
    blocks = (
        f"{number}\n{_clock(each.span.start, rate)} --> {_clock(each.span.stop, rate)}\n{each.text}\n"
        for number, each in enumerate(lines, start=1)
    )
    return "\n".join(blocks)


def ass(lines: Sequence[Line], rate: Fraction, style: TextStyle, size: Size) -> str:
    """The lines as ASS, in the style in which they are drawn; words that are being said as karaoke."""
    px, outline = style.px(size), round(style.outline * style.px(size), 1)
    border = 3 if style.box else 1
    margins = ",".join(str(round(style.margin * side)) for side in (size.width_px, size.width_px, size.height_px))
    first = style.spoken if any(each.said for each in lines) else style.colour
    colours = ",".join(_bgr(each) for each in (first, style.colour, style.outline_colour, style.box_colour))
    head = [
        "[Script Info]", "ScriptType: v4.00+", f"PlayResX: {size.width_px}", f"PlayResY: {size.height_px}", "",
        "[V4+ Styles]",
        "Format: Name,Fontname,Fontsize,PrimaryColour,SecondaryColour,OutlineColour,BackColour,Bold,BorderStyle,"
        "Outline,Shadow,Alignment,MarginL,MarginR,MarginV,Encoding",
        f"Style: Film,{style.fonts.family},{px},{colours},{-1 if style.fonts.bold else 0},{border},{outline},0,"
        f"{ALIGNED[style.place]},{margins},1", "",
        "[Events]", "Format: Layer,Start,End,Style,Text",
    ]  # fmt: skip
    events = [
        f"Dialogue: 0,{_short(each.span.start, rate)},{_short(each.span.stop, rate)},Film,{_karaoke(each, rate)}"
        for each in lines
    ]
    return "\n".join([*head, *events, ""])


def _clock(index: int, rate: Fraction) -> str:
    """The start of a frame to the millisecond, rounded down so that it is not late."""
    total = int(index / rate * 1000)
    return f"{total // 3_600_000:02}:{total // 60_000 % 60:02}:{total // 1000 % 60:02},{total % 1000:03}"


def _short(index: int, rate: Fraction) -> str:
    total = int(index / rate * 100)
    return f"{total // 360_000}:{total // 6000 % 60:02}:{total // 100 % 60:02}.{total % 100:02}"


def _karaoke(line: Line, rate: Fraction) -> str:
    text = line.text.replace("\\", "⧵").replace("{", "(").replace("}", ")")
    if not line.said:
        return text.replace("\n", "\\N")
    ends = (*line.said[1:], line.span.stop)
    parts = [f"{{\\k{max(0, line.said[0] - line.span.start) * 100 // rate}}}"]
    for word, start, stop in zip(text.split(), line.said, ends, strict=True):
        parts.append(f"{{\\k{max(0, round((stop - start) * 100 / rate))}}}{word} ")
    return "".join(parts).rstrip()


def _bgr(colour: tuple[int, int, int]) -> str:
    red, green, blue = colour
    return f"&H00{blue:02X}{green:02X}{red:02X}"
