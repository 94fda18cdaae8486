"""Checks the reference pictures in settings from browsers: only the digest of a stored picture, never a path."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from pipeline.library.references import FOLDER, stay
from pipeline.settings.reading import from_mapping
from ui.problems import NotAllowed

NOT_ADDED = "The reference picture is not one that was added to this app."
ADD_IT = "Add the picture to the form."


def flat(settings: Mapping[str, Any]) -> dict[str, Any]:
    """The settings by their dotted names, whether they came nested in groups or not."""
    return {entry.name: entry.value for entry in from_mapping(settings)}


def settled(home: Path, settings: Mapping[str, Any], pictures: Iterable[str]) -> dict[str, Any]:
    """Settings from a browser by their dotted names; anything but a stored picture is refused with the same error.

    `pictures` are the names of the settings whose value is a picture.
    """
    result = flat(settings)
    for name in pictures:
        if result.get(name) in (None, ""):
            result.pop(name, None)
        elif digest := known(home, result[name]):
            result[name] = digest
        else:
            raise NotAllowed(NOT_ADDED, ADD_IT)
    return result


def known(home: Path, name: object) -> str | None:
    """The digest of the stored picture that is named; None for anything else.

    Orders of earlier versions name a picture by its path, so a path is accepted too. It is only compared as text: no
    folder but that of stored pictures is ever read.
    """
    if not isinstance(name, str):
        return None
    path = Path(name)
    digest = path.stem if path.parent == home.absolute() / FOLDER else name
    return digest if stay(home, digest) else None
