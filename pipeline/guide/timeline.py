"""The timeline of a job, read: which structure video leads which frames, and which frames are given as pictures.

In a job, files are inputs with roles. The timeline is written as on the command line, with roles in place of files:
`clip_2,at=40:81,type=edge` for a structure video, `0:anchor` for an anchor.
"""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from pipeline.guide.asked import AskedGuide, AskedStructure, read_anchor, read_rate, read_size, read_structure
from pipeline.guide.settings import CLIP, ROLES
from utils.errors import SettingsError


def asked_guide(files: Mapping[str, Path], settings: Mapping[str, Any]) -> AskedGuide:
    """The guide that the settings of a job describe; `files` are its inputs by role."""
    own = {name: settings[f"structure.{name}"] for name in ("treatment", "type", "strength")}
    width, height, fps = (settings[f"guide.{name}"] for name in ("width", "height", "fps"))
    if bool(width) != bool(height):
        raise SettingsError("A guide has a width and no height, or the other way round.", "Give both, or neither.")
    return AskedGuide(
        read_structures(settings["timeline.structures"], files, AskedStructure("", **own)),
        read_anchors(settings["timeline.anchors"], files),
        size=read_size(f"{width}x{height}") if width else None,
        rate=read_rate(f"{fps:.6g}") if fps else None,
        frames=settings["guide.frames"] or None,
        fit=settings["guide.fit"],
    )


def read_structures(text: str, files: Mapping[str, Path], usual: AskedStructure) -> list[AskedStructure]:
    """The structure videos of a timeline; the first clip alone where it is empty. `usual` says what a line does not."""
    lines = [line.strip() for line in text.splitlines() if line.strip()] or [CLIP]
    return [_with_file(read_structure(line, usual), files) for line in lines]


def read_anchors(text: str, files: Mapping[str, Path]) -> dict[int, Path]:
    """The anchors of a timeline by their index."""
    anchors: dict[int, Path] = {}
    for index, role in map(read_anchor, text.split()):
        if index in anchors:
            raise SettingsError(f"Two anchors are placed at frame {index}.", "Move or remove one of them.")
        anchors[index] = _file(str(role), files)
    return anchors


def _with_file(asked: AskedStructure, files: Mapping[str, Path]) -> AskedStructure:
    return replace(asked, file=str(_file(asked.file, files)))


def _file(role: str, files: Mapping[str, Path]) -> Path:
    if role not in files or role not in ROLES:
        known = ", ".join(each for each in ROLES if each in files)
        raise SettingsError(f"The timeline names {role!r:.60}, which was not given.", f"It can name {known}.")
    return files[role]
