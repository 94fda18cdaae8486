"""Text on a film: lines within the safe area, fonts that help out, no boxes, right-to-left order, words being said."""

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from utils.film.fonts import Face, Fonts, drawable
from utils.film.stamp import RGBA
from utils.film.text import Text, TextStyle
from utils.image import Size

SIZE = Size(640, 360)
MONO = next(Path("/").glob("usr/share/fonts/**/DejaVuSansMono.ttf"), None)
EMOJI = next(Path("/").glob("usr/share/fonts/**/NotoColorEmoji.ttf"), None)
needs_mono = pytest.mark.skipif(MONO is None, reason="DejaVu Sans Mono is not installed")


def text(words: str, **style: object) -> Text:
    return Text(words, TextStyle(**style), SIZE)  # type: ignore[arg-type]


def shares(drawn: RGBA) -> NDArray[np.bool_]:
    return drawn[..., 3] > 128


def test_text_lies_in_the_middle_within_the_safe_area() -> None:
    drawn = text("Hello there").draw()
    width = drawn.rgba.shape[1]
    assert abs(drawn.left + width / 2 - 320) <= 1
    rows = np.flatnonzero(shares(drawn.rgba).any(axis=1)) + drawn.top
    assert rows[0] > 360 * 0.8 and rows[-1] < 360 * 0.93
    top = text("Hello there", place="top").draw()
    assert top.top == round(0.08 * 360)


def test_long_text_breaks_into_lines_of_about_one_length() -> None:
    shown = text("this is a rather long sentence that does not fit into one line of the picture at all")
    lengths = [line[-1].left + line[-1].width for line in shown.lines]
    assert len(lengths) == 2 and min(lengths) > 0.7 * max(lengths) and max(lengths) <= 0.84 * 640
    assert sorted(word.number for line in shown.lines for word in line) == list(range(18))
    assert [len(line) for line in text("one\ntwo three").lines] == [1, 2]


def test_a_word_that_is_wider_than_the_picture_is_still_drawn() -> None:
    assert text("x" * 200).draw().rgba.shape[1] > 640


def test_a_missing_glyph_is_told_and_never_a_box() -> None:
    """A private character that no font has: what is drawn is what is drawn without it."""
    shown, plain = text("a\U000f1234b"), text("ab")
    assert shown.missing == ("\U000f1234",)
    assert np.array_equal(shown.draw().rgba, plain.draw().rgba)
    only = text("\U000f1234")
    assert not shares(only.draw().rgba).any()


@needs_mono
def test_another_font_helps_out_where_one_lacks_a_character() -> None:
    fonts = Fonts(str(MONO))
    found = drawable("abאב", fonts)
    assert [run.text for run in found.runs] == ["ab", "אב"]
    assert found.runs[0].face == Face(MONO) != found.runs[1].face  # type: ignore[arg-type]
    assert not found.missing and fonts.found


@pytest.mark.skipif(EMOJI is None, reason="no font of coloured emoji is installed")
def test_emoji_are_in_colour_and_as_large_as_the_text() -> None:
    fonts = Fonts(str(EMOJI), bold=True)
    found = drawable("a😀👍🏽", fonts)
    assert [(run.text, run.face.pictures) for run in found.runs] == [("a", False), ("😀👍🏽", True)]
    drawn = text("😀", fonts=fonts, height=0.2).draw().rgba
    rows = np.flatnonzero(shares(drawn).any(axis=1))
    assert 0.8 * 72 < len(rows) < 1.4 * 72
    seen = drawn[shares(drawn)][:, :3].astype(int)
    assert (seen.max(axis=1) - seen.min(axis=1)).mean() > 60


def test_a_font_that_is_not_here_is_told() -> None:
    assert not Fonts("No Such Family At All").found
    assert not Fonts("/no/such/file.ttf").found
    assert Fonts("Sans").found
    assert not Fonts("--help :file=/etc/passwd").found
    assert shares(text("abc", fonts=Fonts("/no/such/file.ttf")).draw().rgba).any()


def test_right_to_left_words_stand_in_their_order() -> None:
    (line,) = text("שלום עולם abc def טוב").lines
    assert [word.number for word in line] == [4, 2, 3, 1, 0]
    (other,) = text("say שלום עולם now").lines
    assert [word.number for word in other] == [0, 2, 1, 3]


def test_characters_of_east_asia_break_anywhere_and_have_no_gaps() -> None:
    shown = Text("ab中文字符cd", TextStyle(), SIZE)
    assert shown.spoken_numbers == [0]
    assert len(shown._words) == 6


def test_the_word_being_said_has_its_colour() -> None:
    shown = text("one two three")
    plain, said = shown.draw().rgba, shown.draw(1).rgba
    changed = np.flatnonzero((plain != said).any(axis=(0, 2)))
    (line,) = shown.lines
    pad = (plain.shape[1] - (line[-1].left + line[-1].width)) / 2
    assert changed.min() >= pad + line[1].left - 2 and changed.max() <= pad + line[1].left + line[1].width + 2
    assert np.array_equal(plain[..., 3], said[..., 3]), "nothing moves"


def test_an_outline_surrounds_letters_and_a_box_lies_behind() -> None:
    bare = text("Box", outline=0.0).draw().rgba
    outlined = text("Box", outline=0.1).draw().rgba
    assert shares(outlined).sum() > 1.3 * shares(bare).sum()
    dark = (outlined[..., :3].max(axis=2) < 60) & shares(outlined)
    assert dark.sum() > 100
    boxed = text("Box", box=0.6, outline=0.0).draw().rgba
    assert boxed[boxed.shape[0] // 2, 2, 3] == round(255 * 0.6)


def test_what_is_drawn_is_the_letters() -> None:
    """The fill is drawn over the outline, as large as the style says."""
    drawn = text("H", height=0.2, outline=0.0).draw().rgba
    rows = np.flatnonzero(shares(drawn).any(axis=1))
    assert 0.6 * 72 < len(rows) < 0.8 * 72
    assert Image.fromarray(drawn).getbbox() is not None
