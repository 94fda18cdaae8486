"""Reference pictures of the form: kept in the home under their content, because jobs outlive the form."""

import shutil
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from pipeline.references import FOLDER, PART
from pipeline.settings import Field
from utils.digest import digest_file
from utils.errors import SettingsError

KINDS = {
    b"\x89PNG": ".png",
    b"\xff\xd8\xff": ".jpg",
    b"RIFF": ".webp",
    b"BM": ".bmp",
    b"II*\0": ".tif",
    b"MM\0*": ".tif",
}
"""What pictures begin with. The worker looks at them more closely."""


def kept(home: Path, fields: Sequence[Field], values: Iterable[Any]) -> list[Any]:
    """The values of a form, with every picture in it at a place that lasts."""
    return [
        _kept(home, value) if field.kind == "file" and value else value
        for field, value in zip(fields, values, strict=True)
    ]


def known(home: Path, said: object) -> str | None:
    """The path of a picture that this home keeps; None for every other path."""
    folder = (home.absolute() / FOLDER).resolve()
    try:
        path = Path(str(said)).resolve()
        return str(path) if path.parent == folder and path.is_file() else None
    except (OSError, ValueError):  # no path can hold this
        return None


def _kept(home: Path, picture: str) -> str:
    if found := known(home, picture):
        return found
    source, folder = Path(picture), home.absolute() / FOLDER
    place = folder / f"{digest_file(source)}{_suffix(source)}"
    if not place.exists():
        folder.mkdir(parents=True, exist_ok=True)
        part = place.with_suffix(PART)
        shutil.copyfile(source, part)
        part.replace(place)
    return str(place)


def _suffix(source: Path) -> str:
    with source.open("rb") as file:
        start = file.read(8)
    for magic, suffix in KINDS.items():
        if start.startswith(magic):
            return suffix
    raise SettingsError(f"{source.name[:80]!r} is not a picture that can be read.", "Choose a PNG or JPEG file.")
