"""Export: writes the finished clip and the report of a run, each file by atomic rename."""

import shutil
import tomllib
from functools import cache
from pathlib import Path
from typing import Any

from pipeline.library.references import portable
from pipeline.report.journey import Journey
from pipeline.report.report import to_json
from pipeline.settings import Settings
from utils.atomic_file import explained, replacing, write_atomically
from utils.errors import WriteError
from utils.media.xmp import write_settings
from utils.project import PROJECT_ROOT

FORMAT = 1
"""Of the document that travels inside a finished clip."""
PROJECT = PROJECT_ROOT / "pyproject.toml"


def deliver(journey: Journey, out: Path, preset: str) -> None:
    """Write the finished clip to `out`, with its settings embedded."""
    source, document = journey.encoded.path, _document(journey, preset)
    with explained(out, _remedy(out)), replacing(out) as part:
        shutil.copyfile(source, part)
        write_settings(part, document, _described(journey, preset))


def _document(journey: Journey, preset: str) -> dict[str, Any]:
    """Everything needed to repeat the run; settings that equal both the default and the preset are left out."""
    defaults, usual = Settings().flat(), Settings.load(preset).flat()
    settings = {name: value for name, value in journey.settings.items() if not value == defaults[name] == usual[name]}
    return {
        "format": FORMAT,
        "version": _version(),
        "preset": preset,
        "settings": portable(settings),
        "clip": journey.clip.digest,
    }


def _described(journey: Journey, preset: str) -> str:
    """A description for people who open the file with other programs."""
    chosen = journey.settings
    return (
        f"Restyled with Reshoot: look {chosen['generate.look']}, engine {chosen['generate.engine']}, preset {preset}. "
        "Reshoot can read all settings from this file."
    )


@cache
def _version() -> str:
    return str(tomllib.loads(PROJECT.read_text("utf-8"))["project"]["version"])


def write_report(journey: Journey, numbers: dict[str, Any], folder: Path) -> None:
    """Write the report page, its numbers, the camera paths and the contact sheet; creates the folder if needed."""
    from pipeline.report.page import page

    sheet, stable = journey.measured.sheet, journey.stable
    contents: dict[str, str | bytes] = {
        "report.json": to_json(numbers),
        "report.html": page(numbers, sheet),
        "camera.json": stable.camera.to_json(),
        "stable.json": stable.path.to_json(),
        "sheet.jpg": sheet,
    }
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise WriteError(
            f"The folder {str(folder)!r} could not be made: {error.strerror}.", "Give --report another folder."
        ) from error
    for name, content in contents.items():
        with explained(folder / name, _remedy(folder / name)):
            write_atomically(folder / name, content)


def _remedy(path: Path) -> str:
    folder = str(path.absolute().parent)
    return f"Check that {folder!r} may be written to and has room, and run it again: what was computed is kept."
