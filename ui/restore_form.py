"""Settings that come back into the form: of a file, of a result, or of a job that is to be run again."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline.library.clips import Clips, NoClip
from pipeline.library.references import PICTURES
from pipeline.settings import Field
from ui import form, references
from ui.studio import Studio
from utils.errors import SettingsError
from utils.untrusted_json import UntrustedJson, read_object

NO_PICTURE = "The settings are in the form, but not their reference picture: it is not here. Add it again."
NO_CLIP = "The settings are in the form, but not the clip: it did not come in through this page. Add it."


@dataclass(frozen=True)
class Used:
    """What the form is to show, and what is to be said of it."""

    preset: str
    values: list[Any]
    clips: list[dict[str, str]] | None = None
    """To stand in the form instead of what is there; None leaves it."""
    missing: str = ""


def used(studio: Studio, said: object, fields: Sequence[Field]) -> Used:
    """What was said comes from a browser: nothing of it is taken for granted, and no path in it leads anywhere."""
    told = _object(said)
    if told.get("kind") != "edit":
        return _filled(studio, told.get("preset") or "balanced", told.get("settings") or {}, fields)
    order = studio.ledger.get(str(told.get("job"))).order
    form_of = _filled(studio, order.preset, dict(order.settings), fields)
    clips = _clip(studio, order.clip)
    missing = form_of.missing or ("" if clips else NO_CLIP)
    return Used(form_of.preset, form_of.values, clips or [], missing)


def _filled(studio: Studio, preset: object, settings: object, fields: Sequence[Field]) -> Used:
    if not isinstance(preset, str) or not isinstance(settings, dict):
        raise SettingsError("These settings are not in a form that can be read.", "Choose the settings of a result.")
    asked, missing = references.flat(settings), ""
    for name in PICTURES:
        if asked.get(name):
            asked[name] = references.known(studio.home, asked[name])
            missing = missing if asked[name] else NO_PICTURE
    return Used(preset, form.filled(preset, asked, fields), None, missing)


def _clip(studio: Studio, path: str) -> list[dict[str, str]]:
    """The clip of a job, if it is one that this home keeps."""
    try:
        kept = Clips(studio.home).get(Path(path).parent.name)
    except NoClip:
        return []
    return [{"id": kept.id, "title": kept.title}]


def _object(said: object) -> dict[str, Any]:
    try:
        return read_object(said if isinstance(said, str) else "")
    except UntrustedJson as error:
        problem = "These settings are not in a form that can be read."
        raise SettingsError(problem, "Choose the settings of a result.") from error
