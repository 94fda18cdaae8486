"""Mattes as files for and from other programs: a video of grey pictures or with transparency, or PNG pictures.

    write_matte(Path("matte.mkv"), mattes, rate)     lossless FFV1; "matte.zip" holds a PNG per frame
    MatteFile(Path("matte.mov")).mattes()            white is the person; of pictures with transparency, what is opaque

Files come from anybody: sizes are checked before a picture is decoded.
"""

import io
import re
import zipfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from pathlib import Path

import av
import cv2
import numpy as np
from PIL import Image
from PIL.PngImagePlugin import PngImageFile

from utils.camera.tracking import Mask
from utils.digest import canonical_json, digest_bytes, digest_file, is_digest
from utils.errors import ClipError, WriteError
from utils.image import Size
from utils.media.clip import Clip
from utils.media.cursor import Cursor
from utils.media.intake import probe
from utils.media.probe import ALPHA_FORMATS, Limits
from utils.media.video import ClipFrames

FAINT = 12
"""Values this near to black or white count as such: lossy compression leaves them."""
MOST_PICTURES, MOST_PICTURE_BYTES = 200_000, 100_000_000
PICTURE = re.compile(r"(?!\.)[^/]*\.png", re.IGNORECASE)
_PNG_ERRORS = (OSError, SyntaxError, ValueError, zipfile.BadZipFile, NotImplementedError, RuntimeError)
"""Raised by Pillow and zipfile for files that are damaged, encrypted or something else."""


@dataclass(frozen=True)
class MatteFile:
    """A file with a matte for every frame: a video, a zip of PNG pictures, or a folder of them.

    All pictures have one size; `expected` is that of the clip, once it is known.
    """

    path: Path
    expected: Size | None = None

    @property
    def title(self) -> str:
        """The matte in errors: by the name that its owner gave it, if it still has that."""
        return "The given matte" if is_digest(self.path.stem) else f"The matte {self.path.name!r}"

    @cached_property
    def digest(self) -> str:
        """The digest of the content; of a folder, that of its pictures in their order."""
        if self.path.is_dir():
            return digest_bytes(canonical_json([digest_file(self.path / name) for name in self._names_in_folder()]))
        return digest_file(self.path)

    @property
    def count(self) -> int:
        """For how many frames it is."""
        if self.path.is_dir():
            return len(self._names_in_folder())
        return len(self._names_in_zip()) if zipfile.is_zipfile(self.path) else len(self._clip)

    def mattes(self) -> Iterator[Mask]:
        """The mattes from first to last; raises an error that says why the file cannot be one."""
        if not self.path.exists():
            raise ClipError(f"There is no matte {str(self.path)!r}.", "Check the path and try again.")
        if self.path.is_dir():
            yield from self._of_pictures(self._names_in_folder(), lambda name: (self.path / name).read_bytes())
        elif zipfile.is_zipfile(self.path):
            with zipfile.ZipFile(self.path) as file:
                yield from self._of_pictures(self._names_in_zip(), file.read)
        else:
            yield from self._of_video()

    @cached_property
    def _clip(self) -> Clip:
        return probe(self.path)

    def _of_video(self) -> Iterator[Mask]:
        clip = self._clip
        self._check(clip.size, self.expected)
        if not clip.pixel_format.startswith(ALPHA_FORMATS):
            for frame in ClipFrames.of(clip):
                yield _cleaned(cv2.cvtColor(frame.rgb, cv2.COLOR_RGB2GRAY))
            return
        with closing(Cursor(clip)) as cursor:
            for _, picture in cursor.frames(clip.span):
                rgba = np.asarray(picture.to_ndarray(format="rgba"), np.uint8)
                yield _cleaned(clip.orientation.apply(rgba[..., 3]))

    def _names_in_zip(self) -> list[str]:
        with zipfile.ZipFile(self.path) as file:
            sizes = {entry.filename: entry.file_size for entry in file.infolist() if _is_picture(entry.filename)}
        if any(size > MOST_PICTURE_BYTES for size in sizes.values()):
            raise ClipError(f"{self.title} has a picture that is too large.", "Save it smaller.")
        return sorted(sizes, key=_in_order)

    def _of_pictures(self, names: Sequence[str], read: Callable[[str], bytes]) -> Iterator[Mask]:
        if not names or len(names) > MOST_PICTURES:
            raise ClipError(f"{self.title} holds {len(names)} PNG pictures.", "Give one for each frame of the clip.")
        size = self.expected
        for name in names:
            try:
                with PngImageFile(io.BytesIO(read(name))) as picture:
                    self._check(Size(*picture.size), size)
                    size = Size(*picture.size)
                    yield _cleaned(_of_png(picture))
            except _PNG_ERRORS as error:
                problem = f"{self.title} has a picture that cannot be read, {name[-60:]!r}."
                raise ClipError(problem, "Save it again as PNG.") from error

    def _check(self, size: Size, wanted: Size | None) -> None:
        """Refuse pictures of another size than wanted, or larger than any clip is."""
        if wanted and size != wanted:
            of = "this clip has" if wanted == self.expected else "the one before it has"
            raise ClipError(
                f"{self.title} has pictures of {size}; {of} {wanted}.", "Give a matte of the clip's own size."
            )
        if size.area_px > Limits().pixels:
            raise ClipError(f"{self.title} has a picture of {size}, which is too large.", "Save it smaller.")

    def _names_in_folder(self) -> list[str]:
        return sorted((path.name for path in self.path.iterdir() if _is_picture(path.name)), key=_in_order)


def write_matte(path: Path, mattes: Iterable[Mask], rate: Fraction) -> None:
    """Write mattes losslessly: as FFV1 into an .mkv, or as PNG pictures into a .zip. Atomicity is up to the caller."""
    try:
        if path.suffix.lower() == ".zip":
            _write_zip(path, mattes)
        else:
            _write_video(path, mattes, rate)
    except (av.FFmpegError, OSError) as error:
        raise WriteError(
            f"The matte {path.name!r} could not be written: {error.strerror or error}.", "Make room on the disk."
        ) from error


def _write_video(path: Path, mattes: Iterable[Mask], rate: Fraction) -> None:
    with av.open(str(path.absolute()), "w", format="matroska", options={"fflags": "+bitexact"}) as output:
        stream = output.add_stream("ffv1", rate=rate, pix_fmt="gray", options={"level": "3", "slicecrc": "1"})
        for index, matte in enumerate(mattes):
            if index == 0:
                stream.width, stream.height = Size.of(matte)
                stream.codec_context.color_range = 2
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(matte), format="gray")
            frame.pts, frame.time_base, frame.color_range = index, 1 / rate, 2
            output.mux(stream.encode(frame))
        output.mux(stream.encode(None))


def _write_zip(path: Path, mattes: Iterable[Mask]) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as file:
        for index, matte in enumerate(mattes):
            buffer = io.BytesIO()
            Image.fromarray(matte).save(buffer, "PNG", compress_level=1)
            file.writestr(zipfile.ZipInfo(f"matte-{index:06}.png", (1980, 1, 1, 0, 0, 0)), buffer.getvalue())


def _of_png(picture: PngImageFile) -> Mask:
    """The matte in a PNG picture: its transparency if it has any, else its brightness."""
    if picture.mode.startswith("I"):
        return np.asarray(np.asarray(picture) >> 8, np.uint8)
    plain = picture.getchannel("A") if picture.mode in ("LA", "RGBA") else picture.convert("L")
    return np.array(plain, np.uint8)


def _cleaned(matte: Mask) -> Mask:
    """A matte without the faint values that compression leaves."""
    result = matte.copy()
    result[matte <= FAINT] = 0
    result[matte >= 255 - FAINT] = 255
    return result


def _is_picture(name: str) -> bool:
    return PICTURE.fullmatch(name.rpartition("/")[2]) is not None and "__MACOSX" not in name


def _in_order(name: str) -> list[tuple[int, str]]:
    """Sorts names by the numbers in them: 9.png before 10.png."""
    return [(int(part), "") if part.isdigit() else (-1, part) for part in re.split(r"(\d+)", name)]
