"""SRT, VTT and ASS: the cues of subtitle files as they stand there, and files of cues."""

import html
import re
from collections.abc import Iterator, Sequence

from utils.speech.words import Cue

_CLOCK = r"-?(?:\d{1,4}:)?\d{1,2}:\d{1,2}(?:[.,]\d{1,9})?"
_TIMES = re.compile(rf"^\s*({_CLOCK})\s*-->\s*({_CLOCK})(?:\s|$)")
_MARKUP = re.compile(r"<[^<>\n]{0,200}>|\{\\[^{}\n]{0,200}\}")
"""Tags of SRT and VTT, such as <i> and <v Ann>, and the overrides of ASS that some players put into SRT."""
ASS_HEAD = """[Script Info]
ScriptType: v4.00+
PlayResX: {width_px}
PlayResY: {height_px}
WrapStyle: 0
ScaledBorderAndShadow: yes

[V4+ Styles]
Format: Name, Fontname, Fontsize, PrimaryColour, SecondaryColour, OutlineColour, BackColour, Bold, Italic, Underline, \
StrikeOut, ScaleX, ScaleY, Spacing, Angle, BorderStyle, Outline, Shadow, Alignment, MarginL, MarginR, MarginV, Encoding
Style: Default,Sans,{size_px},&H00FFFFFF,&H0000FFFF,&H00000000,&H80000000,0,0,0,0,100,100,0,0,1,{outline_px},0,2,\
{margin_px},{margin_px},{margin_px},1

[Events]
Format: Layer, Start, End, Style, Name, MarginL, MarginR, MarginV, Effect, Text
"""

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


def as_ass(cues: Sequence[Cue], width_px: int, height_px: int, *, karaoke: bool = False) -> str:
    """Cues as an ASS file for a picture of this size; with `karaoke`, words light up when they are said."""
    size_px = max(8, min(width_px, height_px) // 15)
    head = ASS_HEAD.format(
        width_px=width_px,
        height_px=height_px,
        size_px=size_px,
        outline_px=max(1, size_px // 16),
        margin_px=max(4, min(width_px, height_px) // 20),
    )
    events = [
        f"Dialogue: 0,{_ass_clock(cue.start_ms)},{_ass_clock(cue.end_ms)},Default,,0,0,0,,{_ass_text(cue, karaoke)}"
        for cue in cues
    ]
    return head + "\n".join(events) + ("\n" if events else "")


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
    hundredths = round(ms / 10)
    seconds, rest = divmod(hundredths, 100)
    return f"{seconds // 3600}:{seconds // 60 % 60:02d}:{seconds % 60:02d}.{rest:02d}"


def _ass_text(cue: Cue, karaoke: bool) -> str:
    """The text of an event: braces and backslashes are signs of ASS itself, so look-alikes stand for them."""
    if karaoke and cue.words:
        starts = [*(word.start_ms for word in cue.words[1:]), cue.end_ms]
        lead = max(0, cue.words[0].start_ms - cue.start_ms)
        first = f"{{\\k{round(lead / 10)}}}" if lead else ""
        lit = [
            f"{{\\kf{max(0, round((stop - word.start_ms) / 10))}}}{_escaped(word.text)}"
            for word, stop in zip(cue.words, starts, strict=True)
        ]
        return first + " ".join(lit)
    return "\\N".join(_escaped(line) for line in cue.text.splitlines() if line.strip())


def _escaped(text: str) -> str:
    return text.strip().replace("\\", "＼").replace("{", "｛").replace("}", "｝")
