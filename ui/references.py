"""Reference pictures of the form: kept in the home under their content, because jobs outlive the form."""

import shutil
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from pipeline.settings import Field
from utils.digest import digest_file

FOLDER = "references"
SUFFIXES = (".png", ".jpg", ".jpeg", ".webp")


def kept(home: Path, fields: Sequence[Field], values: Iterable[Any]) -> list[Any]:
    """The values of a form, with every picture in it at a place that lasts."""
    return [
        _kept(home, value) if field.kind == "file" and value else value
        for field, value in zip(fields, values, strict=True)
    ]


def _kept(home: Path, picture: str) -> str:
    source, folder = Path(picture), home.absolute() / FOLDER
    if source.is_relative_to(folder):
        return picture
    suffix = source.suffix.lower() if source.suffix.lower() in SUFFIXES else ".png"
    place = folder / f"{digest_file(source)}{suffix}"
    if not place.exists():
        folder.mkdir(parents=True, exist_ok=True)
        part = place.with_suffix(".part")
        shutil.copyfile(source, part)
        part.replace(place)
    return str(place)
