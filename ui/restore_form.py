"""Fills the form again from a settings file, a result, or a job that is to be edited."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from pipeline.kinds import USUAL, find_kind
from pipeline.library.clips import Clips, NoClip
from pipeline.library.inputs import clip_id
from pipeline.settings import Field
from ui import form, references
from ui.studio import Studio
from utils.errors import SettingsError
from utils.untrusted_json import UntrustedJson, read_object

NO_PICTURE = "The settings are in the form, but not their reference picture: it is not here. Add it again."
NO_CLIP = "The settings are in the form, but not the clip: it did not come in through this page. Add it."


@dataclass(frozen=True)
class RestoredForm:
    """The values for the form, and a message about what could not be restored."""

    preset: str
    values: list[Any]
    clips: list[dict[str, str]] | None = None
    """Clips that replace those in the form; None leaves them."""
    missing: str = ""


def restored(studio: Studio, asked: object, fields: Sequence[Field]) -> RestoredForm:
    """The form for a request of a browser, as JSON text. The request is untrusted, and no path in it is opened."""
    request = _object(asked)
    if request.get("kind") != "edit":
        return _filled(studio, request.get("preset") or "balanced", request.get("settings") or {}, fields)
    order = studio.ledger.get(str(request.get("job"))).order
    form_of = _filled(studio, order.preset, order.chosen, fields)
    clips = _clip(studio, order.inputs["clip"])
    missing = form_of.missing or ("" if clips else NO_CLIP)
    return RestoredForm(form_of.preset, form_of.values, clips or [], missing)


def _filled(studio: Studio, preset: object, settings: object, fields: Sequence[Field]) -> RestoredForm:
    if not isinstance(preset, str) or not isinstance(settings, dict):
        raise SettingsError("These settings are not in a form that can be read.", "Choose the settings of a result.")
    asked, missing = references.flat(settings), ""
    for name in find_kind(USUAL).file_settings.values():
        if asked.get(name):
            asked[name] = references.known(studio.home, asked[name])
            missing = missing if asked[name] else NO_PICTURE
    return RestoredForm(preset, form.filled(preset, asked, fields), None, missing)


def _clip(studio: Studio, value: str) -> list[dict[str, str]]:
    """The clip of a job, if this home still stores it."""
    try:
        clip = Clips(studio.home).get(clip_id(studio.home, value))
    except NoClip:
        return []
    return [{"id": clip.id, "title": clip.title}]


def _object(text: object) -> dict[str, Any]:
    try:
        return read_object(text if isinstance(text, str) else "")
    except UntrustedJson as error:
        problem = "These settings are not in a form that can be read."
        raise SettingsError(problem, "Choose the settings of a result.") from error
