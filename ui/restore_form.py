"""Fills a form again from a settings file, a result, or a job that is to be edited."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pipeline.jobs.job import JobError
from pipeline.jobs.order import Order
from pipeline.kind import Kind
from pipeline.kinds import USUAL, find_kind
from pipeline.library import given
from pipeline.library.clips import Clips, NoClip
from pipeline.library.inputs import clip_id
from ui import given_files
from ui.problems import NotHere
from ui.studio import Studio
from utils.errors import SettingsError

JOB = re.compile(r"[0-9a-f]{24}")
NO_FILE = "The settings are in the form, but not their {}: it is not here. Add it again."
NO_CLIP = "The settings are in the form, but not the clip: it did not come in through this page. Add it."


@dataclass(frozen=True)
class RestoredForm:
    """The values for a form, and a message about what could not be restored."""

    form: str
    """The name of the kind of job."""
    preset: str
    values: dict[str, Any]
    clips: list[dict[str, str]] | None = None
    """Clips that replace those in the form; None leaves them."""
    missing: str = ""


def restored(studio: Studio, request: Mapping[str, Any]) -> RestoredForm:
    """The form for a request of a browser. The request is untrusted, and no path in it is opened."""
    if request.get("kind") == "use":
        form = request.get("form")
        kind = find_kind(USUAL if form is None else str(form))
        return _filled(studio, kind, request.get("preset"), request.get("settings") or {})
    if request.get("kind") != "edit":
        raise SettingsError("The request does not say what fills the form.", "Reload the page and try again.")
    order = _order(studio, request.get("job"))
    found = _filled(studio, find_kind(order.kind), order.preset, order.chosen)
    clips = [
        each
        for role, value in sorted(order.inputs.items(), key=lambda pair: pair[0] != given.CLIP)
        if given.role_of(role) == given.CLIP
        for each in _clip(studio, value)
    ]
    missing = found.missing or ("" if clips else NO_CLIP)
    return RestoredForm(found.form, found.preset, found.values, clips, missing)


def _filled(studio: Studio, kind: Kind, preset: object, settings: object) -> RestoredForm:
    preset = preset or kind.settings.USUAL_PRESET
    if not isinstance(preset, str) or not isinstance(settings, dict):
        raise SettingsError("These settings are not in a form that can be read.", "Choose the settings of a result.")
    asked, missing = given_files.flat(settings), ""
    for name in kind.file_settings.values():
        if asked.get(name):
            asked[name] = given_files.known(studio.home, name, asked[name])
            missing = missing if asked[name] else NO_FILE.format(given.TITLES[given.role_of(name)])
    return RestoredForm(kind.name, preset, kind.settings.load(preset, asked).flat(), None, missing)


def _order(studio: Studio, job: object) -> Order:
    """The order of a job; NotHere if there is none of this id, or the id is malformed."""
    try:
        if isinstance(job, str) and JOB.fullmatch(job):
            return studio.ledger.get(job).order
    except JobError:
        pass
    raise NotHere("There is no such job.", "It may have been removed in another window.")


def _clip(studio: Studio, value: str) -> list[dict[str, str]]:
    """The clip of a job, if this home still stores it."""
    try:
        clip = Clips(studio.home).get(clip_id(studio.home, value))
    except NoClip:
        return []
    return [{"id": clip.id, "title": clip.title}]
