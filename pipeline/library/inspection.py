"""What arrives is read in guarded child processes: clips and pictures are decoded, and the example is rendered.

    python -m pipeline.library.inspection look HOME CLIP TITLE POSTER   facts and settings, and then a small picture
    python -m pipeline.library.inspection picture FILE PREVIEW          its size and kind, and a small copy
    python -m pipeline.library.inspection film CLIP                     the example

An answer is a line of JSON; where a file cannot be used it is a problem and its remedy. What this file imports at its
top is light, because the web process starts these children.
"""

import json
import sys
from collections.abc import Mapping
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
"""How long a child may take; the clip's own limits in `utils.media.intake` end sooner."""
POSTER_WIDE_PX, PREVIEW_PX = 480, 320
PICTURE_SUFFIXES = (".png", ".jpg", ".webp", ".tif", ".bmp")
"""What `utils.image.picture_file` calls files; it is not imported here, because that takes time."""
EXAMPLE_SIZE, EXAMPLE_RATE, EXAMPLE_FRAMES = (640, 360), Fraction(25), 150


def look(home: Path, file: Path, title: str, poster: Path) -> dict[str, Any]:
    """What is known of a file: {facts, settings} or {problem, remedy}."""
    told = _understood(ask(command(["look", str(home), str(file), title, str(poster)]), LOOK_S, FRUGAL))
    if _is_refusal(told) or _has(told, facts=dict, settings=dict | None):
        return told
    return {
        "problem": f"{title!r} could not be read safely: the reader ran out of its limits or crashed on it.",
        "remedy": "Convert it to MP4 with a video editor and try again.",
    }


def picture(file: Path, preview: Path) -> dict[str, Any]:
    """What is known of a picture: {width, height, suffix} or {problem, remedy}."""
    told = _understood(ask(command(["picture", str(file), str(preview)]), PICTURE_S, FRUGAL))
    if _is_refusal(told) or (_has(told, width=int, height=int, suffix=str) and told["suffix"] in PICTURE_SUFFIXES):
        return told
    return {"problem": "The file could not be read safely.", "remedy": "Save it again as PNG or JPEG and add that."}


def film_example(file: Path) -> None:
    """Render the walker into a file."""
    if ask(command(["film", str(file)]), FILM_S) is None:
        raise ReshootError(
            "The example could not be rendered.", "Try again; if it stays so, `python -m pipeline doctor` may say why."
        )


def command(arguments: list[str]) -> list[str]:
    """What a child is started with."""
    return [sys.executable, "-m", "pipeline.library.inspection", *arguments]


def _understood(said: str | None) -> dict[str, Any]:
    """What a child says, empty where that cannot be read.

    A file may have got hold of the child that reads it, so the form of the answer is checked as well.
    """
    try:
        return read_object(said or "", MOST_ANSWER_BYTES)
    except UntrustedJson:
        return {}


def _is_refusal(told: Mapping[str, Any]) -> bool:
    return _has(told, problem=str, remedy=str)


def _has(told: Mapping[str, Any], **kinds: Any) -> bool:
    """Whether there are these values, each of its kind, and no others."""
    return told.keys() == kinds.keys() and all(isinstance(told[name], kind) for name, kind in kinds.items())


def _look(home: Path, file: Path, title: str, poster: Path) -> None:
    """Inside the child."""
    limit(MEMORY_BYTES)
    from utils.media.xmp import read_settings

    try:
        clip = _opened(home, file)
        answer: dict[str, Any] = {"facts": _facts(clip), "settings": read_settings(file)}
    except ClipError as error:
        problem, remedy = (said.replace(repr(file.name), repr(title)) for said in (error.problem, error.remedy))
        answer = {"problem": problem, "remedy": remedy}
    sys.stdout.write(json.dumps(answer) + "\n")
    sys.stdout.flush()
    if "facts" in answer:
        _draw(clip, poster)


def _opened(home: Path, file: Path) -> "Clip":
    """Through the cache, so that the job that comes need not look again; a full cache is no reason to refuse a clip."""
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
    """What a person wants to know of a clip."""
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
    import cv2

    from utils.image import Size
    from utils.media.video import ClipFrames

    wide = min(POSTER_WIDE_PX, clip.size.width_px)
    size = Size(wide, max(1, round(wide * clip.size.height_px / clip.size.width_px)))
    frame = next(iter(ClipFrames.of(clip, size).read([len(clip) // 2])))
    coded = cv2.imencode(".jpg", frame.rgb[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 82])[1]
    part = poster.with_suffix(".part")
    part.write_bytes(coded.tobytes())
    part.replace(poster)


def _read(file: Path, preview: Path) -> None:
    """Inside the child."""
    limit(PICTURE_MEMORY_BYTES)
    from utils.image.picture_file import read_picture, suffix_of, write_preview

    try:
        rgb = read_picture(file, "The file")
        write_preview(preview, rgb, PREVIEW_PX)
        answer: dict[str, Any] = {"width": rgb.shape[1], "height": rgb.shape[0], "suffix": suffix_of(file)}
    except PictureError as error:
        answer = {"problem": error.problem, "remedy": error.remedy}
    sys.stdout.write(json.dumps(answer) + "\n")


def _film(file: Path) -> None:
    """Inside the child."""
    from utils.walker.reels import Reels, film
    from utils.walker.shot import Shot

    film(Shot(EXAMPLE_SIZE, EXAMPLE_RATE, EXAMPLE_FRAMES), Reels(file))
    sys.stdout.write("filmed\n")


def main() -> None:
    """What the child does."""
    go_with_parent()
    what, *rest = sys.argv[1:]
    if what == "look":
        _look(Path(rest[0]), Path(rest[1]), rest[2], Path(rest[3]))
    elif what == "picture":
        _read(Path(rest[0]), Path(rest[1]))
    else:
        _film(Path(rest[0]))


if __name__ == "__main__":
    main()
