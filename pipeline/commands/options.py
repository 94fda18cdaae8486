"""Options that several commands take, written once: who is meant, pictures, mattes, strokes, the shared cache."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from pipeline.settings import JobSettings

Home = Annotated[
    Path | None, typer.Option("--home", help="Where results are cached; RESHOOT_HOME or ~/.reshoot otherwise.")
]
Subject = Annotated[
    str | None, typer.Option(metavar="X,Y@FRAME", help="Who is meant: somebody's place in one frame, in px.")
]
Matte = Annotated[
    Path | None,
    typer.Option("--matte", help="A matte to use instead of the found one: a video, or PNGs in a zip or folder."),
]
Guide = Annotated[
    Path | None,
    typer.Option("--guide", help="A clip whose pictures lead the model, as the command guide makes: vace, controlnet."),
]
Keys = Annotated[
    Path | None,
    typer.Option("--keys", help="Painted frames that keyframe and edit go between: a folder, a zip or a picture."),
]
References = Annotated[
    list[Path] | None,
    typer.Option(
        "--reference",
        help="A picture that the result takes after, or style:NAME for one that comes along; up to four times for the "
        "look picture, vace, controlnet, edit and bernini.",
    ),
]
Strokes = Annotated[Path | None, typer.Option(help="Brush strokes that mend the matte, a .json saved by the app.")]

Shared = Annotated[
    str | None,
    typer.Option(
        "--shared",
        metavar="PLACE",
        help="A cache that several homes share, s3://BUCKET/PREFIX or a folder; RESHOOT_SHARED otherwise.",
    ),
]

CardPrice = Annotated[
    float | None,
    typer.Option(
        "--card-price",
        envvar="RESHOOT_CARD_PRICE",
        min=0,
        metavar="PRICE",
        help="What an hour of this machine's card costs, a plain number: jobs tell then what they cost.",
    ),
]


def kept_keys(keys: Path | None, home: Path | None) -> str | None:
    """The digest of painted frames, which are kept in the home as one file."""
    from pipeline.library.keys import take
    from utils.home import home as usual

    return take(home or usual(), keys).digest if keys else None


def reference_settings(references: Sequence[Path] | None) -> dict[str, Path]:
    """The settings of reference pictures, in the order in which they are given; style:NAME is one that comes along."""
    from pipeline.types import REFERENCES
    from utils.errors import SettingsError

    given = [_picture(str(each)) for each in references or []]
    if len(given) > len(REFERENCES):
        raise SettingsError(f"{len(given)} reference pictures are too many.", f"Give at most {len(REFERENCES)}.")
    return dict(zip(REFERENCES, given, strict=False))


def assigned(assignments: Sequence[str] | None, of: type[JobSettings] | None = None) -> dict[str, Any]:
    """The settings of --set, as `read_assignments` reads them; style:NAME is a reference picture that comes along."""
    from pipeline.settings import Settings, read_assignments
    from pipeline.types import REFERENCES

    said = dict(read_assignments(assignments or [], of or Settings))
    return said | {name: str(_picture(str(said[name]))) for name in REFERENCES if said.get(name)}


def _picture(name: str) -> Path:
    """The file of a picture that is named on the command line."""
    from pipeline.engines.looks.styles import PREFIX, style_file

    return style_file(name.removeprefix(PREFIX)) if name.startswith(PREFIX) else Path(name)
