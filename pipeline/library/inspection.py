"""Inspects uploaded (untrusted) clips and pictures in guarded child processes, and renders the example clip there.

    python -m pipeline.library.inspection look HOME CLIP TITLE POSTER   facts and settings, and then a still
    python -m pipeline.library.inspection picture FILE PREVIEW          size and format, and a small copy
    python -m pipeline.library.inspection matte FILE                    for how many frames of which size it is
    python -m pipeline.library.inspection keys FILE                     how many painted frames it holds
    python -m pipeline.library.inspection sound FILE                    how long it is
    python -m pipeline.library.inspection strip HOME CLIP FOLDER        small pictures of its frames
    python -m pipeline.library.inspection film CLIP                     renders the example clip

A child answers with a line of JSON, for an unusable file with a problem and its remedy. Heavy imports are inside the
functions, because the web process imports this module to start the children.
"""

import json
import sys
from collections.abc import Mapping
from contextlib import suppress
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

from utils.errors import ClipError, PictureError, ReshootError, StoreError
from utils.guarded_child import FRUGAL, MOST_ANSWER_BYTES, ask, go_with_parent, limit
from utils.untrusted_json import UntrustedJson, read_object

if TYPE_CHECKING:
    from utils.media.clip import Clip

MEMORY_BYTES, PICTURE_MEMORY_BYTES = 6 << 30, 2 << 30
LOOK_S, PICTURE_S, FILM_S = 360.0, 60.0, 180.0
"""Time limits of the children; the limits on probing a clip, in `utils.media.intake`, are shorter."""
POSTER_WIDE_PX, PREVIEW_PX = 480, 320
POSTER_QUALITY = 82
PICTURE_SUFFIXES = (".png", ".jpg", ".webp", ".tif", ".bmp")
"""Copy of the values of `utils.image.picture_file.SUFFIXES`, which is too slow to import here."""
EXAMPLE_SIZE, EXAMPLE_RATE, EXAMPLE_FRAMES = (640, 360), Fraction(25), 150


def look(home: Path, file: Path, title: str, poster: Path) -> dict[str, Any]:
    """Inspect a clip: {facts, settings} or {problem, remedy}."""
    answer = _parsed(ask(command(["look", str(home), str(file), title, str(poster)]), LOOK_S, FRUGAL))
    if _is_refusal(answer) or _has(answer, facts=dict, settings=dict | None):
        return answer
    return {
        "problem": f"{title!r} could not be read safely: the reader ran out of its limits or crashed on it.",
        "remedy": "Convert it to MP4 with a video editor and try again.",
    }


def picture(file: Path, preview: Path) -> dict[str, Any]:
    """Inspect a picture: {width, height, suffix} or {problem, remedy}."""
    answer = _parsed(ask(command(["picture", str(file), str(preview)]), PICTURE_S, FRUGAL))
    is_picture = _has(answer, width=int, height=int, suffix=str) and answer["suffix"] in PICTURE_SUFFIXES
    if _is_refusal(answer) or is_picture:
        return answer
    return {"problem": "The file could not be read safely.", "remedy": "Save it again as PNG or JPEG and add that."}


def matte(file: Path) -> dict[str, Any]:
    """Inspect a matte: {frames, width, height} or {problem, remedy}."""
    answer = _parsed(ask(command(["matte", str(file)]), LOOK_S, FRUGAL))
    if _is_refusal(answer) or _has(answer, frames=int, width=int, height=int):
        return answer
    return {"problem": "The matte could not be read safely.", "remedy": "Save it as a video, or as a zip of PNGs."}


def keys(file: Path) -> dict[str, Any]:
    """Inspect painted frames: {pictures} or {problem, remedy}."""
    answer = _parsed(ask(command(["keys", str(file)]), LOOK_S, FRUGAL))
    if _is_refusal(answer) or _has(answer, pictures=int):
        return answer
    return {"problem": "The painted frames could not be read safely.", "remedy": "Save them again as PNG or JPEG."}


def sound(file: Path) -> dict[str, Any]:
    """Inspect music or another sound: {seconds} or {problem, remedy}."""
    answer = _parsed(ask(command(["sound", str(file)]), LOOK_S, FRUGAL))
    if _is_refusal(answer) or _has(answer, seconds=float):
        return answer
    return {"problem": "The sound could not be read safely.", "remedy": "Save it as WAV, MP3, M4A or OGG."}


def strip(home: Path, file: Path, folder: Path) -> None:
    """Write the film strip of a clip into a folder, which stays without one if that fails."""
    ask(command(["strip", str(home), str(file), str(folder)]), LOOK_S, FRUGAL)


def film_example(file: Path) -> None:
    """Render the example clip into a file."""
    if ask(command(["film", str(file)]), FILM_S) is None:
        raise ReshootError(
            "The example could not be rendered.", "Try again; if it stays so, `python -m pipeline doctor` may say why."
        )


def command(arguments: list[str]) -> list[str]:
    """The command line of a child."""
    return [sys.executable, "-m", "pipeline.library.inspection", *arguments]


def _parsed(line: str | None) -> dict[str, Any]:
    """The answer of a child, empty if it is malformed.

    A malicious file may have taken over the child that decodes it, so callers check the answer's form as well.
    """
    try:
        return read_object(line or "", MOST_ANSWER_BYTES)
    except UntrustedJson:
        return {}


def _is_refusal(answer: Mapping[str, Any]) -> bool:
    return _has(answer, problem=str, remedy=str)


def _has(answer: Mapping[str, Any], **types: Any) -> bool:
    """Whether an answer has exactly these names, with values of these types."""
    return answer.keys() == types.keys() and all(isinstance(answer[name], type_) for name, type_ in types.items())


def _look(home: Path, file: Path, title: str, poster: Path) -> None:
    """In the child: probe a clip, print the answer, and write a still."""
    limit(MEMORY_BYTES)
    from utils.media.xmp import read_settings

    try:
        clip = opened(home, file)
        answer: dict[str, Any] = {"facts": _facts(clip), "settings": read_settings(file)}
    except ClipError as error:
        problem, remedy = (text.replace(repr(file.name), repr(title)) for text in (error.problem, error.remedy))
        answer = {"problem": problem, "remedy": remedy}
    sys.stdout.write(json.dumps(answer) + "\n")
    sys.stdout.flush()
    if "facts" in answer:
        _draw(clip, poster)


def opened(home: Path, file: Path) -> "Clip":
    """Open the clip through the cache, so that a later job need not probe it again; without it if the cache fails."""
    from pipeline.see.open_clip import open_clip
    from pipeline.stage import RunContext
    from utils.home import cache_folder
    from utils.media.intake import probe
    from utils.store import Store

    try:
        return open_clip(file, RunContext(Store(cache_folder(home))))
    except StoreError:
        return probe(file)


def _facts(clip: "Clip") -> dict[str, Any]:
    """The facts about a clip that the page shows."""
    sound = clip.audio
    return {
        "width": clip.size.width_px,
        "height": clip.size.height_px,
        "fps": round(float(clip.rate), 3),
        "rate": str(clip.rate),
        "constant_rate": clip.constant_rate,
        "seconds": round(float(clip.duration_s), 3),
        "frames": len(clip),
        "codec": clip.codec,
        "container": clip.container,
        "rotation": 90 * clip.orientation.quarter_turns,
        "sound": sound and {"codec": sound.codec, "rate_hz": sound.rate_hz, "channels": sound.channels},
        "notes": list(clip.notes),
        "bytes": clip.path.stat().st_size,
        "digest": clip.digest,
    }


def _draw(clip: "Clip", poster: Path) -> None:
    """A small picture from its middle."""
    from utils.atomic_file import write_atomically
    from utils.image import Size
    from utils.image.jpeg import jpeg
    from utils.media.video import ClipFrames

    wide = min(POSTER_WIDE_PX, clip.size.width_px)
    size = Size(wide, max(1, round(wide * clip.size.height_px / clip.size.width_px)))
    frame = next(iter(ClipFrames.of(clip, size).read([len(clip) // 2])))
    write_atomically(poster, jpeg(frame.rgb, POSTER_QUALITY), durable=False)


def _strip(home: Path, file: Path, folder: Path) -> None:
    """In the child: write the film strip."""
    limit(MEMORY_BYTES)
    from pipeline.library.filmstrip import write_film_strip

    write_film_strip(opened(home, file), folder)
    sys.stdout.write("written\n")


def _read(file: Path, preview: Path) -> None:
    """In the child: decode a picture, write its small copy, and print the answer."""
    limit(PICTURE_MEMORY_BYTES)
    from utils.image.picture_file import read_picture, suffix_of, write_preview

    try:
        rgb = read_picture(file, "The file")
        write_preview(preview, rgb, PREVIEW_PX)
        answer: dict[str, Any] = {"width": rgb.shape[1], "height": rgb.shape[0], "suffix": suffix_of(file)}
    except PictureError as error:
        answer = {"problem": error.problem, "remedy": error.remedy}
    sys.stdout.write(json.dumps(answer) + "\n")


def _matte(file: Path) -> None:
    """In the child: read a matte to its end, and print the answer."""
    limit(MEMORY_BYTES)
    from utils.people.matte_exchange import MatteFile
    from utils.size import Size

    frames, size = 0, Size(0, 0)
    try:
        for frames, each in enumerate(MatteFile(file).mattes(), start=1):  # noqa: B007
            size = Size.of(each)
        answer: dict[str, Any] = {"frames": frames, "width": size.width_px, "height": size.height_px}
    except ClipError as error:
        answer = {text: getattr(error, text).replace(repr(file.name), "the matte") for text in ("problem", "remedy")}
    sys.stdout.write(json.dumps(answer) + "\n")


def _keys(file: Path) -> None:
    """In the child: decode every picture, and print the answer."""
    limit(PICTURE_MEMORY_BYTES)
    from utils.paintings.painted import Painted

    try:
        answer: dict[str, Any] = {"pictures": Painted(file).check()}
    except PictureError as error:
        answer = {
            text: getattr(error, text).replace(repr(file.name), "the given file") for text in ("problem", "remedy")
        }
    sys.stdout.write(json.dumps(answer) + "\n")


def _sound(file: Path) -> None:
    """In the child: decode a file's sound to its end, and print the answer."""
    limit(MEMORY_BYTES)
    from utils.media.audio import scan_audio

    answer: dict[str, Any] = {
        "problem": "The file has no sound that decodes.",
        "remedy": "Add music or a sound as WAV, MP3, M4A or OGG.",
    }
    with suppress(ClipError):
        track, _ = scan_audio(file, Fraction(0))
        answer = {"seconds": float(track.duration_s)} if track else answer
    sys.stdout.write(json.dumps(answer) + "\n")


def render_example(file: Path) -> None:
    """Render the example clip in this process."""
    from utils.walker.reels import Reels, film
    from utils.walker.shot import Shot

    film(Shot(EXAMPLE_SIZE, EXAMPLE_RATE, EXAMPLE_FRAMES), Reels(file))


def main() -> None:
    """Entry point of the child."""
    go_with_parent()
    what, *rest = sys.argv[1:]
    if what == "look":
        _look(Path(rest[0]), Path(rest[1]), rest[2], Path(rest[3]))
    elif what == "strip":
        _strip(Path(rest[0]), Path(rest[1]), Path(rest[2]))
    elif what == "picture":
        _read(Path(rest[0]), Path(rest[1]))
    elif what == "matte":
        _matte(Path(rest[0]))
    elif what == "keys":
        _keys(Path(rest[0]))
    elif what == "sound":
        _sound(Path(rest[0]))
    else:
        render_example(Path(rest[0]))
        sys.stdout.write("filmed\n")


if __name__ == "__main__":
    main()
