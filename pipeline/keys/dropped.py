"""Painted pictures that people drop on a clip: each is recognised for itself, and joins those that are there.

What cannot be taken is refused in a sentence and changes nothing: what was painted on that frame before stays.
"""

import io
import json
import shutil
import zipfile
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np

from pipeline.keys.words import README
from pipeline.library.painting import COLUMNS
from utils.errors import PictureError
from utils.image import RGB, Size
from utils.image.geometry import inverse, resize
from utils.image.jpeg import jpeg
from utils.image.picture_file import RGBA, read_layer
from utils.media.clip import Clip
from utils.media.video import ClipFrames
from utils.paintings.key_set import MOST_KEYS, NAME, Key, KeySet, file_of, pack_key_set, png, rows_of
from utils.paintings.laying import laid_over
from utils.paintings.painted import PICTURES, Painted, base
from utils.paintings.recognising import Recogniser, footage_of, remarks
from utils.uploads import SPARE_BYTES

SMALL_PX, QUALITY = 240, 82
"""The longer side of the small pictures of a sheet, and the quality of its JPEG."""
MOST_FILES, MOST_LISTING_BYTES, MOST_BYTES = 1000, 1_000_000, 4_000_000_000
"""What an upload may hold: so many files, so long a line that lists them, and pictures of so many bytes as PNG."""
ZIPPED = b"PK\x03\x04"
PAINT = "Paint over it, save it, and drop it again."


@dataclass(frozen=True)
class Painting:
    """A painted frame: what a key set says of it, and where its picture is read."""

    key: Key
    read: Callable[[], bytes] = field(repr=False)


@dataclass
class Dropped:
    """The painted frames of a clip by their number, and what came of the pictures that were dropped."""

    clip: Clip
    work: Path
    """A folder for the pictures that are taken."""
    drawn: Path | None = None
    """Where the pictures are that were given out, by their names; None if that is not known."""
    paintings: dict[int, Painting] = field(default_factory=dict)
    taken: list[tuple[str, int]] = field(default_factory=list)
    refused: list[tuple[str, str]] = field(default_factory=list)
    """The name of each picture that was refused, and why."""

    def begin(self, kept: Painted) -> None:
        """Begin with those that were there: a key set of this clip, or any other file of painted frames of it."""
        known = kept.keys
        if known and known.clip == self.clip.digest and {key.file for key in known.keys} == set(kept.names):
            for key in known.keys:
                self.paintings[key.frame] = Painting(key, lambda file=key.file: kept.content(file))  # type: ignore[misc]
        else:
            self.add(kept, None, "The painted frames")

    def add(self, given: Painted, given_out: KeySet | None, title: str) -> None:
        """Recognise the pictures of a file or folder; `given_out` is what is known of it where it does not say so."""
        try:
            names, keys = given.names, given.keys or given_out
            if keys:
                keys.check(self.clip.digest, self.clip.size, len(self.clip))
        except PictureError as error:
            return self.refused.append((title, str(error)))
        listed = keys.keys if keys else ()
        recogniser = Recogniser(footage_of(self.clip, lambda: None), listed, names)
        came = dict[int, list[tuple[str, Painting]]]()
        for name in names:
            try:
                painting = self._recognised(recogniser, given, name, listed)
            except PictureError as error:
                self.refused.append((base(name), str(error)))
            else:
                came.setdefault(painting.key.frame, []).append((name, painting))
        self._join(came)

    def without(self, frames: Collection[int]) -> None:
        """Take the paintings of some frames away."""
        self.paintings = {frame: each for frame, each in self.paintings.items() if frame not in frames}

    def write(self, path: Path, sheet: Path) -> None:
        """Write all of them as a key set, and small pictures of them over their frames."""
        found = [self.paintings[frame] for frame in sorted(self.paintings)]
        keys = KeySet(clip=self.clip.digest, size=self.clip.size, keys=tuple(each.key for each in found))
        pack_key_set(path, keys, (each.read() for each in found))
        sheet.write_bytes(jpeg(_sheet(self._small(Painted(path), keys.keys)), QUALITY))

    def _recognised(self, recogniser: Recogniser, given: Painted, name: str, listed: Collection[Key]) -> Painting:
        """A picture as a painted frame; PictureError says why it is none."""
        digest = given.digest_of(name)
        if any(key.given_out == digest for key in listed):
            raise PictureError(f"{base(name)!r} is as it was given out: nobody painted on it.", PAINT)
        picture = given.picture(name)
        shown = recogniser.recognised(name, picture)
        if self._is_as_given_out(picture, file_of(shown.frame)):
            raise PictureError(f"{base(name)!r} was saved again, and nobody painted on it.", PAINT)
        note = next(remarks(name, shown.frame, shown), "")
        path = self._kept(png(picture), base(name))
        key = Key(
            frame=shown.frame,
            file=file_of(shown.frame),
            to_picture=rows_of(shown.placed.to_picture),
            size=shown.size,
            reason=note,
        )
        return Painting(key, path.read_bytes)

    def _is_as_given_out(self, picture: RGBA, name: str) -> bool:
        """Whether a picture has every pixel of the one that was given out under a name, also in another file."""
        path = self.drawn / name if self.drawn else None
        if path is None or not path.is_file():
            return False
        with path.open("rb") as file:
            return np.array_equal(read_layer(file, name), picture)

    def _kept(self, content: bytes, name: str) -> Path:
        """The file of a picture that is taken; PictureError if there is no room for it."""
        files = list(self.work.iterdir())
        if sum(path.stat().st_size for path in files) + len(content) > MOST_BYTES:
            raise PictureError(f"{name!r} is too large together with the others.", "Drop fewer, or smaller ones.")
        if shutil.disk_usage(self.work).free < SPARE_BYTES + 2 * len(content):
            raise PictureError(f"There is too little room on the disk for {name!r}.", "Free some, then drop it again.")
        path = self.work / f"{len(files)}.png"
        path.write_bytes(content)
        return path

    def _join(self, came: Mapping[int, list[tuple[str, Painting]]]) -> None:
        """Put each in place of what was painted on its frame; of several for one frame none is meant more."""
        for frame, each in sorted(came.items()):
            names = [base(name) for name, _ in each]
            if len(each) > 1:
                listed = " and ".join(filter(None, [", ".join(map(repr, names[:-1])), repr(names[-1])]))
                self.refused.append((names[0], f"{listed} show frame {frame} alike. Drop the one that is meant."))
            elif frame not in self.paintings and len(self.paintings) >= MOST_KEYS:
                self.refused.append((names[0], f"{MOST_KEYS} painted frames are the most. Take one away first."))
            else:
                self.paintings[frame] = each[0][1]
                self.taken.append((names[0], frame))

    def _small(self, painted: Painted, keys: Collection[Key]) -> Iterator[RGB]:
        """Small pictures of painted frames, each over its frame."""
        size = self.clip.size.scaled(min(1.0, SMALL_PX / max(self.clip.size)))
        frames = ClipFrames.of(self.clip, size).read([key.frame for key in keys])
        for frame, key in zip(frames, keys, strict=True):
            yield _over(frame.rgb, painted.picture(key.file), key, self.clip.size)


def _over(frame: RGB, picture: RGBA, key: Key, clip_size: Size) -> RGB:
    """A painting over its frame, both small; it is reduced first, so that fine strokes are averaged."""
    small, whole = Size.of(frame), Size.of(picture)
    near = whole.scaled(min(1.0, max(small) / max(clip_size)))
    reduced = np.asarray(cv2.resize(picture, near, interpolation=cv2.INTER_AREA), np.uint8)
    to_frame = resize(clip_size, small) @ inverse(key.matrix) @ resize(near, whole)
    return laid_over(frame, reduced, to_frame)


def _sheet(pictures: Iterator[RGB]) -> RGB:
    """Pictures of one size in rows of COLUMNS; the last row is filled up with black."""
    tiles = list(pictures)
    tiles += [np.zeros_like(tiles[0])] * (-len(tiles) % COLUMNS)
    rows = [np.hstack(tiles[at : at + COLUMNS]) for at in range(0, len(tiles), COLUMNS)]
    return np.asarray(np.vstack(rows), np.uint8)


@dataclass
class Unpacked:
    """What was uploaded: all loose pictures in a folder, with a keys.json if one is among them, and each zip."""

    folder: Path
    zips: list[Path] = field(default_factory=list)
    others: list[tuple[str, str]] = field(default_factory=list)
    """The names of files that are neither, each with a sentence."""

    @classmethod
    def of(cls, given: Path, folder: Path) -> "Unpacked":
        """Unpack an upload: a line that lists names and sizes of files, and then one file after the other."""
        unpacked = cls(folder / "pictures")
        unpacked.folder.mkdir(parents=True)
        with given.open("rb") as file:
            for number, (name, length) in enumerate(_listed(file.readline(MOST_LISTING_BYTES))):
                unpacked._put(number, _safe(name), file.read(length))
        return unpacked

    def parts(self) -> Iterator[tuple[Painted, str]]:
        """What is to be recognised together, each with what it is called."""
        if any(path.name != NAME for path in self.folder.iterdir()):
            yield Painted(self.folder), NAME
        for path in self.zips:
            yield Painted(path), path.name

    def _put(self, number: int, name: str, content: bytes) -> None:
        if content.startswith(ZIPPED):
            place = self.folder.parent / f"zip {number}" / name
            if not zipfile.is_zipfile(io.BytesIO(content)):
                self.others.append((name, f"{name!r} is a zip that cannot be read. Make it again."))
                return
            place.parent.mkdir()
            self.zips.append(place)
        elif name == NAME or Path(name).suffix.lower() in PICTURES:
            place = self.folder / (f"{number} {name}" if (self.folder / name).exists() else name)
        else:
            if name != README:
                self.others.append((name, f"{name!r} is no picture. Drop PNG, JPEG, WebP or TIFF, or a zip of them."))
            return
        place.write_bytes(content)


def _listed(line: bytes) -> list[tuple[str, int]]:
    """The names and sizes of the files of an upload."""
    try:
        files = [(str(each["name"]), int(each["bytes"])) for each in json.loads(line)]
    except (ValueError, TypeError, KeyError) as error:
        raise PictureError("The upload does not say what is in it.", "Reload the page, and drop it again.") from error
    if not 0 < len(files) <= MOST_FILES or any(length < 0 for _, length in files):
        raise PictureError(f"{len(files)} files were dropped.", f"Drop {MOST_FILES} at most.")
    return files


def _safe(name: str) -> str:
    """A name that is a file's own and leads nowhere."""
    return base(name).lstrip(".").replace("\0", "") or "picture"
