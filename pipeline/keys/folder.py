"""The folder in which people get frames to paint: a picture of each, keys.json, and what to do in plain words."""

import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pipeline.keys.painting import laid_into
from pipeline.keys.story import Proposed
from pipeline.plan.key_frames import part_to_paint
from utils.atomic_file import explained, write_atomically
from utils.digest import digest_bytes
from utils.errors import SettingsError, WriteError
from utils.image import Box
from utils.image.picture_file import RGBA
from utils.media.video import ClipFrames
from utils.paintings.key_set import IDENTITY, NAME, Canvas, Key, KeySet, file_of, png, rows_of

README = "README.txt"
WORDS = """\
{intro}
{part}
You may save them as PNG or JPEG, at another size, cropped a little, with or without transparency. Keep what lies
where: the outlines of the person and of large things should stay where they are, for they tell which frame it is. A
picture that keeps no outline has to keep its name and its size. A frame that you leave as it is does not count; every
shot needs at least one that is painted. {table} says why each was chosen and which frames are made from it.

Then give the folder back:

    python -m pipeline generate {clip} -o painted.mp4 --engine keyframe --keys {folder}

Painting one picture again makes only the frames around it again.
"""
TO_PAINT = """\
These are frames of {clip}, to be painted.

Paint over each picture, in any program: with brushes, as a collage, or with an image generator. Paint in the same
manner in all of them; the clip between them is made from what you painted."""
PAINTED = """\
These are frames of {clip}, painted by the engine {painter}.

They can be given back as they are. Touch up what is wrong, in any program, or paint a picture anew: the clip between
them is made from them."""
PARTS = {
    "person": "Only the person counts, which is what the pictures show; all around them is transparent.",
    "background": "Only what is around the person counts; the person is made transparent.",
    "both": "The whole picture counts.",
}


@dataclass(frozen=True)
class Folder:
    """The folder, and on which pictures people paint: those of the calm camera, or the frames as they were filmed."""

    path: Path
    canvas: Canvas

    def check(self, *, painted: bool = False) -> None:
        """Refuse a folder in which something lies already, which may be painted; and what engines cannot paint on."""
        if painted and self.canvas == "as filmed":
            raise SettingsError(
                "An engine paints frames of the calm camera, not frames as they were filmed.", "Leave out --as-filmed."
            )
        if self.path.exists() and (not self.path.is_dir() or any(self.path.iterdir())):
            raise WriteError(
                f"{str(self.path)!r} is there already, and painted frames may be in it.", "Name a folder that is new."
            )

    def write(self, proposed: Proposed) -> KeySet:
        """Write everything; keys.json comes last."""
        with explained(self.path):
            self.path.mkdir(parents=True, exist_ok=True)
            keys = tuple(self._pictures(proposed))
            clip, intro = proposed.stable.clip, PAINTED if proposed.painted else TO_PAINT
            said = KeySet(clip=clip.of_file.digest, size=clip.size, canvas=self.canvas, keys=keys)
            words = WORDS.format(
                intro=intro.format(clip=shlex.quote(clip.path.name), painter=proposed.painter),
                clip=shlex.quote(clip.path.name),
                folder=shlex.quote(self.path.name),
                part=PARTS[proposed.apply_to],
                table=NAME,
            )
            write_atomically(self.path / README, words)
            write_atomically(self.path / NAME, said.to_json())
        return said

    def _pictures(self, proposed: Proposed) -> Iterator[Key]:
        """Write the pictures one after the other."""
        clip = proposed.stable.clip
        for offer, reach, picture in zip(proposed.offers, proposed.reaches, self._painted_on(proposed), strict=True):
            frame, content = offer.frame + clip.start, png(picture)
            write_atomically(self.path / file_of(frame), content)
            matrix = proposed.stable.path.matrices[offer.frame]
            yield Key(
                frame=frame,
                file=file_of(frame),
                to_picture=IDENTITY if self.canvas == "as filmed" else rows_of(matrix),
                size=(picture.shape[1], picture.shape[0]),
                given_out="" if offer.frame in proposed.painted else digest_bytes(content),
                reason=offer.reason,
                reaches=(reach.start + clip.start, reach.stop - 1 + clip.start),
            )

    def _painted_on(self, proposed: Proposed) -> Iterator[RGBA]:
        """The pictures, painted where an engine did that; what is not painted is transparent, and keeps its colours."""
        stable, wanted = proposed.stable, [offer.frame for offer in proposed.offers]
        whole = Box(0, 0, *stable.canvas)
        frames = ClipFrames.of(stable.clip).read(wanted)
        for frame, matte in zip(frames, stable.analysis.mattes(wanted), strict=True):
            rgb = frame.rgb
            if self.canvas == "stable":
                view = stable.view(frame.index, rgb, matte, whole)
                rgb, matte = view.rgb, view.matte
            picture = np.dstack([rgb, part_to_paint(matte, proposed.apply_to)])
            made = proposed.painted.get(frame.index)
            yield laid_into(picture, made) if made else picture
