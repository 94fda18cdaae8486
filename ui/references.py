"""Reference pictures in what browsers say: a digest of one that this home keeps, and never a path of this machine."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pipeline.library.references import FOLDER, PICTURES, stay
from pipeline.settings.reading import from_mapping
from ui.problems import NotAllowed

NOT_ADDED = "The reference picture is not one that was added to this app."
ADD_IT = "Add the picture to the form."


def flat(settings: Mapping[str, Any]) -> dict[str, Any]:
    """The same settings, none of them in groups."""
    return {each.name: each.value for each in from_mapping(settings)}


def settled(home: Path, settings: Mapping[str, Any]) -> dict[str, Any]:
    """Settings of a browser by their dotted names. Whatever does not name a kept picture is refused alike."""
    result = flat(settings)
    for name in PICTURES:
        if result.get(name) in (None, ""):
            result.pop(name, None)
        elif digest := known(home, result[name]):
            result[name] = digest
        else:
            raise NotAllowed(NOT_ADDED, ADD_IT)
    return result


def known(home: Path, said: object) -> str | None:
    """The digest of the kept picture that is named; None for everything else.

    Orders of former versions name a picture by its path, so that is understood too. It is only compared: nothing but
    the folder of kept pictures is ever looked into.
    """
    if not isinstance(said, str):
        return None
    path = Path(said)
    digest = path.stem if path.parent == home.absolute() / FOLDER else said
    return digest if stay(home, digest) else None
