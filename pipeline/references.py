"""Reference pictures away from where they lay: a result names one by its content, a home keeps it under that name."""

import re
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from utils.digest import digest_file
from utils.errors import SettingsError

FOLDER = "references"
SETTINGS = ("generate.reference",)
"""Those whose value is a picture."""


_NAME = re.compile(r"[0-9a-f]{64}")


def portable(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Settings without paths, which mean nothing elsewhere and are nobody's business."""
    result = dict(settings)
    for name in SETTINGS:
        if picture := result.pop(name, None):
            with suppress(OSError):  # it is gone meanwhile
                result[name] = digest_file(Path(picture))
    return result


def find(home: Path, name: object) -> Path | None:
    """Where a home keeps the picture that a result names so."""
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        return None
    return next((home.absolute() / FOLDER).glob(f"{name}.*"), None)


def at_home(settings: Mapping[str, Any], home: Path) -> dict[str, Any]:
    """Settings of a result made elsewhere, with its pictures where this home keeps them."""
    result = dict(settings)
    for name in SETTINGS:
        if isinstance(result[name], str) and _NAME.fullmatch(result[name]):
            found = find(home, result[name])
            if found is None:
                raise SettingsError(
                    "The reference picture of these settings is not on this machine.", "Give it with --reference."
                )
            result[name] = str(found)
    return result
