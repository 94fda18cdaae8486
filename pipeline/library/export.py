"""Delivery: what a run hands over, each file whole or not there."""

import os
import shutil
import tempfile
import tomllib
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

from pipeline.library.references import portable
from pipeline.report.journey import Journey
from pipeline.report.report import to_json
from pipeline.settings import Settings
from utils.disk import sync
from utils.errors import WriteError
from utils.media.xmp import write_settings

FORMAT = 1
"""Of the document that travels inside a finished clip."""
PROJECT = Path(__file__).resolve().parents[2] / "pyproject.toml"


def deliver(journey: Journey, out: Path, preset: str) -> None:
    """The finished clip, at its place, with the settings that made it inside."""
    source, document = journey.encoded.path, _document(journey, preset)

    def make(part: Path) -> None:
        shutil.copyfile(source, part)
        write_settings(part, document, _described(journey, preset))

    _appear(out, make)


def _document(journey: Journey, preset: str) -> dict[str, Any]:
    """All that is needed to do it again: settings are told where the defaults or the preset say something else."""
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
    """In a sentence, for people who look at the file with other programs."""
    chosen = journey.settings
    return (
        f"Restyled with Reshoot: look {chosen['generate.look']}, engine {chosen['generate.engine']}, preset {preset}. "
        "Reshoot can read all settings from this file."
    )


@cache
def _version() -> str:
    return str(tomllib.loads(PROJECT.read_text("utf-8"))["project"]["version"])


def write_report(journey: Journey, told: dict[str, Any], folder: Path) -> None:
    """The page, its numbers, the camera paths and the contact sheet, in a folder that is made when it is missing."""
    from pipeline.report.page import page

    sheet, stable = journey.measured.sheet, journey.stable
    texts = {
        "report.json": to_json(told),
        "report.html": page(told, sheet),
        "camera.json": stable.camera.to_json(),
        "stable.json": stable.path.to_json(),
    }
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise WriteError(
            f"The folder {str(folder)!r} could not be made: {error.strerror}.", "Give --report another folder."
        ) from error
    for name, text in texts.items():
        _appear(folder / name, _writing(text.encode()))
    _appear(folder / "sheet.jpg", _writing(sheet))


def _writing(content: bytes) -> Callable[[Path], object]:
    return lambda part: part.write_bytes(content)


def _appear(path: Path, make: Callable[[Path], object]) -> None:
    """Made beside its place and moved there when it is whole."""
    part: Path | None = None
    try:
        handle, name = tempfile.mkstemp(dir=path.absolute().parent, prefix=".", suffix=".part")
        os.close(handle)
        part = Path(name)
        make(part)
        part.chmod(0o644)
        sync(part)
        part.replace(path)
    except OSError as error:
        raise WriteError(
            f"{str(path)!r} could not be written: {error.strerror or error}.",
            f"Check that {str(path.absolute().parent)!r} may be written to and has room, and run it again: "
            "what was computed is kept.",
        ) from error
    finally:
        if part is not None:
            part.unlink(missing_ok=True)
