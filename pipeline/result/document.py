"""The document inside a finished clip: everything that is needed to make it again, as metadata of the MP4."""

import shutil
import tomllib
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from pipeline.kind import Kind
from pipeline.library.given import portable
from utils.atomic_file import explained, replacing
from utils.media.clip import Clip
from utils.media.xmp import write_settings
from utils.project import PROJECT_ROOT

FORMAT = 2
"""Version of the document; format 1 knew no kinds of jobs, and all were restyled clips."""
PROJECT = PROJECT_ROOT / "pyproject.toml"


def deliver(finished: Path, out: Path, kind: Kind, clip: Clip, preset: str, settings: Mapping[str, Any]) -> None:
    """Copy a finished clip to `out`, with the document of its job embedded."""
    with explained(out, remedy(out)), replacing(out) as part:
        shutil.copyfile(finished, part)
        embed(part, kind, clip, preset, settings)


def embed(path: Path, kind: Kind, clip: Clip, preset: str, settings: Mapping[str, Any]) -> None:
    """Write the document of a job into a finished clip that lies where it is wanted."""
    write_settings(path, _document(kind, clip, preset, settings), _description(kind, preset, settings))


def copy_clip(finished: Path, out: Path) -> None:
    """Copy a finished clip, as it is, to a place of the user's."""
    with explained(out, remedy(out)), replacing(out) as part:
        shutil.copyfile(finished, part)


def _document(kind: Kind, clip: Clip, preset: str, settings: Mapping[str, Any]) -> dict[str, Any]:
    """Everything needed to repeat the run; settings that equal both the default and the preset are left out."""
    defaults, usual = kind.settings().flat(), kind.settings.load(preset).flat()
    chosen = {name: value for name, value in settings.items() if not value == defaults[name] == usual[name]}
    return {
        "format": FORMAT,
        "version": _version(),
        "kind": kind.name,
        "preset": preset,
        "settings": portable(chosen, kind.file_settings.values()),
        "clip": clip.of_file.digest,
    }


def _description(kind: Kind, preset: str, settings: Mapping[str, Any]) -> str:
    """A description for people who open the file with other programs."""
    about = ", ".join(filter(None, (kind.summary(settings), preset and f"preset {preset}")))
    return f"Made with Reshoot ({kind.title.lower()}: {about}). Reshoot can read all settings from this file."


@cache
def _version() -> str:
    return str(tomllib.loads(PROJECT.read_text("utf-8"))["project"]["version"])


def remedy(path: Path) -> str:
    """What to do when a file of a result cannot be written."""
    folder = str(path.absolute().parent)
    return f"Check that {folder!r} may be written to and has room, and run it again: what was computed is kept."
