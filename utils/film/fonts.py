"""Fonts: which file draws a character. Where the chosen font lacks it, fontconfig names others that have it.

Without fontconfig, the font that comes with the plotting library is what there is.
"""

import re
import shutil
import subprocess
import unicodedata
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib.util import find_spec
from pathlib import Path

from fontTools.ttLib import TTFont, TTLibError
from PIL import ImageFont

from utils.digest import digest_file

FALLBACKS, ASKED_S = 12, 20
"""How many fonts fontconfig is asked for, and how many seconds it may take."""
FILES = (".ttf", ".otf", ".ttc", ".otc")
"""Endings of files that a font can be named by."""
PICTURES_PX, EMOJI = 109, 0x1F000
"""The height of fonts of pictures, and the first character that is better shown as one."""
SILENT = {"Cf", "Cc", "Mn", "Me"}
"""Categories of characters that need no glyph of their own: marks and joiners belong to the one before."""


@dataclass(frozen=True)
class Face:
    """A font file, and the number of the font in it."""

    path: Path
    number: int = 0

    @property
    def digest(self) -> str:
        """The digest of the file."""
        return digest_file(self.path)

    def has(self, character: str) -> bool:
        """Whether it draws a character."""
        return ord(character) in _characters(self)

    @property
    def pictures(self) -> bool:
        """Whether its characters are coloured pictures of one size, as those of emoji fonts are."""
        return _kind(self) == "pictures"

    def at(self, px: int) -> ImageFont.FreeTypeFont:
        """The font at a height; one of pictures has its own."""
        return _opened(self, PICTURES_PX if self.pictures else px)

    def width(self, text: str, px: int) -> float:
        """How wide a text is at a height."""
        return self.at(px).getlength(text) * (px / PICTURES_PX if self.pictures else 1)


@cache
def _known(face: Face) -> tuple[frozenset[int], str]:
    """The characters of a font, and what they are drawn as; none where it cannot be read or drawn."""
    try:
        with TTFont(face.path, fontNumber=face.number, lazy=True) as font:
            outlined = any(table in font for table in ("glyf", "CFF ", "CFF2"))
            kind = "outlines" if outlined else "pictures" if "CBDT" in font else ""
            return frozenset(font.getBestCmap() or {}) if kind else frozenset(), kind
    except (TTLibError, OSError, KeyError, ValueError, AssertionError):
        return frozenset(), ""


def _characters(face: Face) -> frozenset[int]:
    return _known(face)[0]


def _kind(face: Face) -> str:
    return _known(face)[1]


@lru_cache(64)
def _opened(face: Face, px: int) -> ImageFont.FreeTypeFont:
    return ImageFont.truetype(str(face.path), px, index=face.number)


@dataclass(frozen=True)
class Fonts:
    """A font by its family, or by its file, and those that help it out."""

    family: str = "Sans"
    bold: bool = False

    def face(self, character: str) -> Face | None:
        """The first font that has a character; None if no font here has it."""
        return _face_of(self, character)

    @property
    def first(self) -> Face:
        """The font that is used wherever it has the characters: the first one that can be read."""
        return next((face for face in self.chain if _characters(face)), self.chain[-1])

    @property
    def chain(self) -> tuple[Face, ...]:
        """All fonts that are tried for every character, the wanted one first."""
        return _chain(self)

    @property
    def is_file(self) -> bool:
        """Whether it is named by its file."""
        return Path(self.family).suffix.lower() in FILES

    @property
    def found(self) -> bool:
        """Whether the family that was asked for is here, or its file can be read."""
        if self.is_file:
            return bool(_characters(Face(Path(self.family))))
        told = _asked("fc-match", "--format=%{family}\n", _pattern(self.family))
        generic = self.family.lower() in ("sans", "sans-serif", "serif", "monospace")
        return generic or any(self.family.lower() in line.lower() for line in told)


@cache
def _chain(fonts: Fonts) -> tuple[Face, ...]:
    given = [Face(Path(fonts.family))] if fonts.is_file else []
    family = "Sans" if given else _pattern(fonts.family)
    found = _listed("fc-match", "-s", f"{family}:bold" if fonts.bold else family)
    return tuple(dict.fromkeys((*given, *found[:FALLBACKS], *_bundled(bold=fonts.bold))))


@lru_cache(4096)
def _face_of(fonts: Fonts, character: str) -> Face | None:
    if ord(character) < EMOJI and (face := next((each for each in fonts.chain if each.has(character)), None)):
        return face
    others = _listed("fc-list", f":charset={ord(character):x}")
    able = [face for face in (*fonts.chain, *others) if face.has(character)]
    return next((face for face in able if face.pictures), next(iter(able), None))


def _listed(*command: str) -> list[Face]:
    """The fonts that fontconfig names."""
    lines = _asked(command[0], "--format=%{file}|%{index}\n", *command[1:])
    parts = (line.rsplit("|", 1) for line in lines if "|" in line)
    return [Face(Path(path), int(number or 0) & 0xFFFF) for path, number in parts]


@lru_cache(1024)
def _asked(program: str, *arguments: str) -> tuple[str, ...]:
    """What a program of fontconfig says, line by line; nothing where there is none."""
    path = shutil.which(program)
    if path is None:
        return ()
    try:
        done = subprocess.run([path, *arguments], capture_output=True, text=True, timeout=ASKED_S, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return ()
    return tuple(done.stdout.splitlines())


def _pattern(family: str) -> str:
    """A family as fontconfig takes it: signs have a meaning of their own there."""
    return re.sub(r"[^\w ]", " ", family).strip() or "Sans"


def _bundled(*, bold: bool) -> list[Face]:
    """The font that packages bring along."""
    regular, strong = _of_bundle()
    return [strong, regular] if bold else [regular]


@cache
def _of_bundle() -> tuple[Face, Face]:
    spec = find_spec("matplotlib")
    folder = Path(next(iter(spec.submodule_search_locations or ["."]))) if spec else Path()
    fonts = folder / "mpl-data" / "fonts" / "ttf"
    return Face(fonts / "DejaVuSans.ttf"), Face(fonts / "DejaVuSans-Bold.ttf")


@dataclass(frozen=True)
class Run:
    """Characters that one font draws."""

    text: str
    face: Face


@dataclass(frozen=True)
class Drawable:
    """A text as runs of one font each, and the characters that no font has."""

    runs: tuple[Run, ...]
    missing: tuple[str, ...] = ()


@lru_cache(32_768)
def drawable(text: str, fonts: Fonts) -> Drawable:
    """Assign a font to each character; one that none has is left out, because fonts draw a box for it."""
    runs, missing = list[Run](), list[str]()
    for character in text:
        silent = unicodedata.category(character) in SILENT
        face = runs[-1].face if runs and silent else fonts.face(character)
        if face is None:
            missing += [] if silent else [character]
        elif runs and runs[-1].face == face:
            runs[-1] = Run(runs[-1].text + character, face)
        else:
            runs.append(Run(character, face))
    return Drawable(tuple(runs), tuple(dict.fromkeys(missing)))
