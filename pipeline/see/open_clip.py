"""Opening a clip: the file is probed once, in a child process, and the result is cached by the file's content."""

import json
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

from pipeline.stage import RunContext, Stage, Work
from utils.digest import digest_file
from utils.errors import UnreadableClip
from utils.media.clip import Clip
from utils.media.intake import probe


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
    """The clip in a file; raises an error that says why it cannot be read."""
    if not path.is_file() or path.stat().st_size == 0:
        return probe(path)
    try:
        file = ClipFile(path)
        with PROBE.result(context, file=file) as entry:
            clip = Clip.from_json(json.loads(entry.read_bytes("clip.json")))
            return replace(clip, path=path.absolute())
    except OSError as error:
        raise UnreadableClip(f"{path.name!r} cannot be opened ({error.strerror}).", "Check its permissions.") from error
