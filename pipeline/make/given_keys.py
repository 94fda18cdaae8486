"""Painted frames that people gave, for an engine that makes what lies between them.

Each is recognised and placed over its frame once, as a stage; then it goes into the crop of the stable picture that an
engine sees by one resampling, or by none where it was painted on the stable picture itself.
"""

import json
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from pipeline.engines.base import Caps, Engine, View
from pipeline.plan.stable_picture import SEEN_KERNEL, StablePicture
from pipeline.see.mended_matte import Take
from pipeline.stage import RunContext, Stage, Work
from pipeline.types import Event
from utils.digest import canonical_json, digest_bytes
from utils.errors import PictureError, SettingsError
from utils.image import RGB, Box, Size
from utils.image.geometry import inverse, resize, shift
from utils.image.picture_file import RGBA
from utils.media.clip import Clip
from utils.media.timebase import Span
from utils.media.video import ClipFrames
from utils.paintings.key_set import Key, KeySet, file_of, renumbered, rows_of, write_key_set
from utils.paintings.laying import laid_over
from utils.paintings.painted import Painted, base
from utils.paintings.recognising import Recognised, Recogniser, footage_of, once_each, remarks
from utils.store import Entry

SETTING = "generate.keys"
KEYS, FACTS = "keys.zip", "facts.json"


@dataclass(frozen=True)
class GivenKeys:
    """The painted frames of a clip, recognised and in the cache; frames count within the part that is used."""

    entry: Entry
    start: int
    """The first frame that is used, of those of the file."""

    @cached_property
    def keys(self) -> Mapping[int, Key]:
        """What is known of each painted frame, by its index."""
        found = self._painted.keys
        return {key.frame - self.start: key for key in (found.keys if found else ())}

    @property
    def events(self) -> list[Event]:
        """What people should know of the pictures."""
        return [Event("make", sentence) for sentence in self._facts["notes"]]

    def among(self, frames: Span | Collection[int], caps: Caps) -> "WindowKeys":
        """Those that an engine depends on which makes these frames; one that paints others takes after the first."""
        example = min(self.keys) if caps.paints_keys else None
        return WindowKeys(self, tuple(index for index in self.keys if index in frames), example)

    def frame(self, view: View, clip_size: Size, size: Size) -> dict[int, RGB]:
        """The picture over a single view of its frame, which is a part of that frame at a size; none without one."""
        if view.index not in self.keys:
            return {}
        to_view = shift(*(-each for each in view.corner)) @ resize(clip_size, size)
        to_view = to_view @ inverse(self.keys[view.index].matrix)
        return {view.index: laid_over(view.rgb, self.picture(view.index), to_view)}

    def picture(self, index: int) -> RGBA:
        """The picture of a frame."""
        return self._painted.picture(self.keys[index].file)

    def digest_of(self, index: int) -> str:
        """The digest of one painted frame: what it shows, and where."""
        key = self.keys[index]
        return digest_bytes(canonical_json([index, self._facts["digests"][key.file], key.to_picture]))

    @cached_property
    def _painted(self) -> Painted:
        return Painted(self.entry.path(KEYS))

    @cached_property
    def _facts(self) -> dict[str, Any]:
        return dict(json.loads(self.entry.read_bytes(FACTS)))


@dataclass(frozen=True)
class WindowKeys:
    """The painted frames of one window, which are all that it depends on."""

    given: GivenKeys
    indexes: tuple[int, ...]
    example_index: int | None = None
    """The frame that others are to look like."""

    @property
    def digest(self) -> str:
        """The digest of these frames alone."""
        example = [] if self.example_index is None else [{"example": self.given.digest_of(self.example_index)}]
        frames = [self.given.digest_of(index) for index in self.indexes]
        return digest_bytes(canonical_json([SEEN_KERNEL, *frames, *example]))

    def example(self, stable: StablePicture, apply_to: str) -> RGB | None:
        """The frame that others are to look like, around what is painted of it."""
        index = self.example_index
        box = None if index is None else stable.box(Span(index, index + 1), whole=apply_to != "person")
        if index is None or box is None:
            return None
        return replace(self, indexes=(index,)).pictures(stable, box)[index]

    def pictures(self, stable: StablePicture, box: Box) -> dict[int, RGB]:
        """Each in a crop of the stable picture, by its index; the source's pixels are where nothing is painted."""
        frames = ClipFrames.of(stable.clip).read(self.indexes)
        mattes = stable.analysis.mattes(self.indexes)
        shown = dict[int, RGB]()
        for frame, matte in zip(frames, mattes, strict=True):
            view = stable.view(frame.index, frame.rgb, matte, box)
            to_crop = stable.frame_to_crop(frame.index, box) @ inverse(self.given.keys[frame.index].matrix)
            shown[frame.index] = laid_over(view.rgb, self.given.picture(frame.index), to_crop)
        return shown


def given_keys(take: Take, clip: Clip, context: RunContext, engine: Engine) -> tuple[GivenKeys | None, str]:
    """The painted frames of the settings, if the engine makes what lies between them; and a sentence, or nothing.

    An engine that goes between painted frames cannot do without them, which is told before anything is computed.
    """
    path = context.settings[SETTING]
    if not engine.caps.takes_paintings:
        return None, f"{engine.name} does not go between painted frames." if path else ""
    if not path and engine.caps.paints_keys:
        return None, ""
    if not path:
        raise SettingsError(
            f"{engine.name} makes what lies between painted frames, and none is given.",
            "Write the frames to paint with `python -m pipeline keys CLIP -o FOLDER`, and give them back with --keys.",
        )
    painted = Painted(Path(path))
    _ = painted.names
    return GivenKeys(take(TAKE_KEYS, clip=clip, painted=painted), clip.start), ""


def _take_keys(work: Work) -> None:
    clip: Clip = work.inputs["clip"]
    painted: Painted = work.inputs["painted"]
    taken = _Taken(work, clip, painted)
    shown = once_each(taken.recognised(), clip.start)
    if not shown:
        raise PictureError("None of the pictures is painted yet.", "Paint over at least one of them in each shot.")
    keys, digests = list[Key](), dict[str, str]()
    for name, each in shown.items():
        frame = each.frame + clip.start
        keys.append(Key(frame=frame, file=file_of(frame), to_picture=rows_of(each.placed.to_picture), size=each.size))
        taken.notes += remarks(name, frame, each)

    def pictures() -> Iterator[RGBA]:
        for name, key in zip(shown, keys, strict=True):
            picture = painted.picture(name)
            digests[key.file] = digest_bytes(canonical_json(list(picture.shape)) + picture.tobytes())
            yield picture

    whole = clip.of_file
    write_key_set(work.folder / KEYS, KeySet(clip=whole.digest, size=whole.size, keys=tuple(keys)), pictures())
    (work.folder / FACTS).write_text(json.dumps({"digests": digests, "notes": taken.notes}))


class _Taken:
    """The pictures of a file as they are recognised, one after the other."""

    def __init__(self, work: Work, clip: Clip, painted: Painted) -> None:
        self.notes: list[str] = []
        self._work, self._clip, self._painted = work, clip, painted
        given_out = painted.keys
        if given_out:
            given_out.check(clip.of_file.digest, clip.size, len(clip.of_file))
        self._keys = given_out.keys if given_out else ()

    def recognised(self) -> dict[str, Recognised]:
        """What each picture that was painted shows, by its name."""
        names = [name for name in self._painted.names if not self._is_left_out(name)]
        footage = footage_of(self._clip, self._work.cancel.check)
        recogniser = Recogniser(footage, renumbered(self._keys, self._clip.start, len(self._clip)), names)
        found = dict[str, Recognised]()
        for number, name in enumerate(names, start=1):
            found[name] = recogniser.recognised(name, self._painted.picture(name))
            self._work.report(number, len(names))
        return found

    def _is_left_out(self, name: str) -> bool:
        """Whether a picture is as it was given out, or of a frame that is not used."""
        key = next((key for key in self._keys if key.file == base(name)), None)
        if key is None:
            return False
        if key.frame - self._clip.start not in self._clip.span:
            self.notes.append(f"{base(name)!r} is left out: frame {key.frame} is not in the part that is used.")
            return True
        if key.given_out and key.given_out == self._painted.digest_of(name):
            self.notes.append(f"{base(name)!r} is left out: nobody painted on it.")
            return True
        return False


TAKE_KEYS = Stage(
    "given keys", version=2, run=_take_keys, tools=("av", "numpy", "opencv-contrib-python", "pillow", "scipy")
)
