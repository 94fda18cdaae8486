"""Reference pictures away from where they lay: a result names one by its content, a home keeps it under that name."""

import re
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from pipeline.settings import Settings
from utils.digest import digest_file
from utils.errors import SettingsError
from utils.home import home

FOLDER = "references"
PICTURES = tuple(field.name for field in Settings.fields() if field.kind == "file")
"""Settings whose value is a picture."""
PART = ".part"
"""Of a picture that is still being copied."""
_NAME = re.compile(r"[0-9a-f]{64}")


def portable(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Settings without paths, which mean nothing elsewhere and are nobody's business."""
    result = dict(settings)
    for name in PICTURES:
        if picture := result.pop(name, None):
            with suppress(OSError):  # it is gone meanwhile
                result[name] = digest_file(Path(picture))
    return result


def find(under: Path, name: object) -> Path | None:
    """Where a home keeps the picture that a result names so."""
    if not _is_name(name):
        return None
    kept = (under.absolute() / FOLDER).glob(f"{name}.*")
    return next((path for path in kept if path.suffix != PART), None)


def at_home(settings: Mapping[str, Any], under: Path | None = None) -> dict[str, Any]:
    """Settings of a result made elsewhere, with its pictures where a home keeps them, by default this user's."""
    result = dict(settings)
    for name in filter(lambda each: _is_name(result[each]), PICTURES):
        found = find(under or home(), result[name])
        if found is None:
            raise SettingsError(
                "The reference picture of these settings is not on this machine.", "Give it with --reference."
            )
        result[name] = str(found)
    return result


def _is_name(said: object) -> bool:
    return isinstance(said, str) and _NAME.fullmatch(said) is not None
