"""Checks the files that settings from browsers name: only the digest of a stored file, never a path."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from pipeline.library import given
from pipeline.settings.reading import from_mapping
from ui.problems import NotAllowed


def flat(settings: Mapping[str, Any]) -> dict[str, Any]:
    """The settings by their dotted names, whether they came nested in groups or not."""
    return {entry.name: entry.value for entry in from_mapping(settings)}


def settled(home: Path, settings: Mapping[str, Any], files: Iterable[str]) -> dict[str, Any]:
    """Settings from a browser by their dotted names; anything but a stored file is refused with the same error.

    `files` are the names of the settings whose value is a file.
    """
    result = flat(settings)
    for name in files:
        if result.get(name) in (None, ""):
            result.pop(name, None)
        elif digest := known(home, name, result[name]):
            result[name] = digest
        else:
            raise not_added(name)
    return result


def known(home: Path, setting: str, value: object) -> str | None:
    """The digest of the stored file that a setting names; None for anything else."""
    return given.known(home, given.role_of(setting), value)


def not_added(setting: str) -> NotAllowed:
    """The refusal of a file that was not added to the app."""
    title = given.TITLES[given.role_of(setting)]
    return NotAllowed(f"The {title} is not one that was added to this app.", "Add it to the form.")
