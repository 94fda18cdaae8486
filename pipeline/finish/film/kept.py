"""The files of a job's plan: those that were added to this home, named by their digests, and no others."""

from pathlib import Path

from pipeline.library import inputs
from pipeline.library.given import find
from utils.digest import is_digest
from utils.errors import SettingsError
from utils.home import home

ROLES = {"clip": "clip", "sound": "clip", "picture": "reference"}
"""Where the library keeps what a plan can name: music and sounds are those of clips."""


def kept_here(name: str, content: str) -> Path:
    """Where an added file lies."""
    role = ROLES.get(content)
    if role is None or not is_digest(name) or find(home(), role, name) is None:
        raise SettingsError(
            f"{name!r:.70} is no {content} that was added here.",
            "In the plan of a job, name clips and pictures by their digests, and write subtitles as cues.",
        )
    return inputs.find(home(), name, "picture" if content == "picture" else "clip")
