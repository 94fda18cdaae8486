"""The files of a job's plan: those that were added to this home, named by their digests, and no others."""

from pathlib import Path

from pipeline.finish.film.plan import Plan
from pipeline.library import inputs
from pipeline.library.given import find
from utils.digest import is_digest
from utils.errors import SettingsError
from utils.home import home

ROLES = {
    "clip": ("clip",),
    "sound": ("sound", "clip"),
    "picture": ("reference",),
    "subtitles": ("transcript",),
}
"""Where the library keeps what a plan can name: a sound can be that of a clip."""


def kept_here(name: str, content: str) -> Path:
    """Where an added file lies."""
    roles = ROLES.get(content, ()) if is_digest(name) else ()
    path = next(filter(None, (find(home(), role, name) for role in roles)), None)
    if path is None:
        raise SettingsError(
            f"{name!r:.70} is no {content} that was added here.",
            "In the plan of a job, name clips, sounds and pictures by their digests; subtitles can be cues in it.",
        )
    return inputs.unchanged(path, name, content)


def whole(plan: Plan) -> Plan:
    """A plan that needs nothing of this home for its subtitles: their text stands in it."""
    said = plan.subtitles
    path = find(home(), "transcript", said.file) if said else None
    if said is None or path is None:
        return plan
    return plan.model_copy(update={"subtitles": said.model_copy(update={"file": "", "cues": path.read_text("utf-8")})})
