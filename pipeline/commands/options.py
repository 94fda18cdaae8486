"""Options that several commands take, written once: who is meant, a matte, and brush strokes on it."""

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
Strokes = Annotated[Path | None, typer.Option(help="Brush strokes that mend the matte, a .json saved by the app.")]
