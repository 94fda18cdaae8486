"""Options that several commands take, written once: who is meant, reference pictures, a matte, and brush strokes."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

Subject = Annotated[
    str | None, typer.Option(metavar="X,Y@FRAME", help="Who is meant: somebody's place in one frame, in px.")
]
Matte = Annotated[
    Path | None,
    typer.Option("--matte", help="A matte to use instead of the found one: a video, or PNGs in a zip or folder."),
]
References = Annotated[
    list[Path] | None,
    typer.Option(
        "--reference",
        help="A picture that the result takes after; up to four times for vace and edit, of no use to controlnet.",
    ),
]
Strokes = Annotated[Path | None, typer.Option(help="Brush strokes that mend the matte, a .json saved by the app.")]


def reference_settings(references: Sequence[Path] | None) -> dict[str, Path]:
    """The settings of reference pictures, in the order in which they are given."""
    from pipeline.types import REFERENCES
    from utils.errors import SettingsError

    given = references or []
    if len(given) > len(REFERENCES):
        raise SettingsError(f"{len(given)} reference pictures are too many.", f"Give at most {len(REFERENCES)}.")
    return dict(zip(REFERENCES, given, strict=False))
