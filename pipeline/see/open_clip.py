"""Opening a clip: the file is probed once, in a child process, and the result is cached by the file's content.

Where the settings choose a part of the clip, everything after this sees only that part.
"""

import json
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

from pipeline.stage import RunContext, Stage, Work
from utils.digest import digest_file
from utils.errors import UnreadableClip
from utils.media.clip import Clip
from utils.media.clip_part import part_of, span_between
from utils.media.intake import probe

TRIM_SETTINGS = ("trim.from_s", "trim.to_s")


@dataclass(frozen=True)
class ClipFile:
    """A file that may be a clip."""

    path: Path

    @cached_property
    def digest(self) -> str:
        """The digest of the file's content."""
        return digest_file(self.path)


def _probe(work: Work) -> None:
    file: ClipFile = work.inputs["file"]
    (work.folder / "clip.json").write_text(json.dumps(probe(file.path).to_json()))


PROBE = Stage("probe", version=1, run=_probe, tools=("av",))


def open_clip(path: Path, context: RunContext) -> Clip:
    """The clip in a file, or the part of it that is set; raises an error that says why it cannot be read."""
    clip = _whole(path, context)
    from_s, to_s = (float(context.settings.get(name, 0.0)) for name in TRIM_SETTINGS)
    return part_of(clip, span_between(clip, from_s, to_s)) if from_s or to_s else clip


def _whole(path: Path, context: RunContext) -> Clip:
    if not path.is_file() or path.stat().st_size == 0:
        return probe(path)
    try:
        file = ClipFile(path)
        with PROBE.result(context, file=file) as entry:
            clip = Clip.from_json(json.loads(entry.read_bytes("clip.json")))
            return replace(clip, path=path.absolute())
    except OSError as error:
        raise UnreadableClip(f"{path.name!r} cannot be opened ({error.strerror}).", "Check its permissions.") from error
