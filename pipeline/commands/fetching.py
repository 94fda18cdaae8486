"""Clips of the command line that are given as http(s) addresses: fetched first, with a progress bar."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pipeline.commands.running import STOPPED, interruptible

if TYPE_CHECKING:
    from rich.console import Console

    from pipeline.library.clips import StoredClip
    from utils.progress import Listener

ClipFile = Annotated[str, typer.Argument(metavar="CLIP", help="The clip: a file, or its http(s) address.")]


def local_file(value: str, home: Path | None) -> Path:
    """The file that is meant by a path or an http(s) address. What is at an address is fetched into the home first."""
    from utils.address.address import is_address

    if not is_address(value):
        return Path(value)
    return clip_at(value, home)[1]


def clip_at(value: str, home: Path | None) -> tuple[StoredClip, Path]:
    """The clip at an address, fetched into the library of the home, with its file; RefusedClip if it is no clip."""
    from rich.console import Console

    from pipeline.library.clips import Clips
    from pipeline.library.from_address import Fetch
    from utils.address.address import Address
    from utils.errors import Cancelled, RefusedClip
    from utils.home import home as usual

    where, address = home or usual(), Address.read(value)
    clips, console = Clips(where), Console(stderr=True, highlight=False)
    try:
        with interruptible() as cancel, _shown(console) as listener:
            clip = Fetch.begin(where, address).run(listener, cancel)
            found = clips.look(clip)
    except (KeyboardInterrupt, Cancelled):
        console.print("Stopped. What has arrived is kept: the same command goes on from there.")
        raise typer.Exit(STOPPED) from None
    if found.problem:
        raise RefusedClip(found.problem, found.remedy)
    return clips.get(clip), clips.path(clip)


@contextmanager
def _shown(console: Console) -> Iterator[Listener]:
    """A progress bar of a fetch, with its speed and the time left."""
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn

    from utils.progress import Progress as Told

    columns = (BarColumn(bar_width=32), DownloadColumn(), TransferSpeedColumn(), TimeRemainingColumn(compact=True),
               TextColumn("[dim]{task.description}"))  # fmt: skip
    with Progress(*columns, console=console, disable=not console.is_terminal) as bar:
        task = bar.add_task("", total=None)

        def listen(told: Told) -> None:
            bar.update(task, completed=told.done, total=told.total, description=told.note)

        yield listen
