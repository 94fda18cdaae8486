"""python -m pipeline probe: prints size, rate, length, colour and sound of a clip, and anything odd about it."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pipeline.commands.fetching import ClipFile, clip_at

if TYPE_CHECKING:
    from utils.media.clip import Clip


def probe(
    clip: ClipFile,
    as_json: Annotated[bool, typer.Option("--json", help="Print everything as JSON, every timestamp too.")] = False,
    home: Annotated[
        Path | None, typer.Option(help="Where a fetched clip is kept; RESHOOT_HOME or ~/.reshoot otherwise.")
    ] = None,
) -> None:
    """Say what a clip is: size, rate, length, sound, and anything odd about it."""
    from utils.address.address import is_address
    from utils.media.intake import probe as probe_file

    fetched = clip_at(clip, home) if is_address(clip) else None
    title, file = (fetched[0].title, fetched[1]) if fetched else (Path(clip).name, Path(clip))
    probed = probe_file(file)
    if as_json:
        typer.echo(json.dumps(probed.to_json(), indent=1))
        return
    from rich.console import Console
    from rich.markup import escape

    console = Console(highlight=False)
    console.print(f"[bold]{escape(title)}[/]")
    for name, value in _facts(probed):
        console.print(f"  {name:<9}{escape(value)}")
    for note in probed.notes:
        console.print(f"  [yellow]note[/]     {escape(note)}")


def _facts(clip: "Clip") -> list[tuple[str, str]]:
    pace = "" if clip.constant_rate else " on average, variable"
    colour = {1: "BT.709", 5: "BT.601", 6: "BT.601", 9: "BT.2020"}.get(clip.colour.matrix)
    turned = "" if clip.size == clip.stored_size else f", stored as {clip.stored_size}"
    return [
        ("picture", f"{clip.size}{turned}, {clip.codec}, {clip.pixel_format}"),
        ("length", f"{len(clip)} frames, {float(clip.duration_s):.3f} s"),
        ("rate", f"{clip.rate} frames per second{pace}"),
        ("colour", f"{colour or 'untagged'}, {'full' if clip.colour.full_range else 'limited'} range"),
        ("sound", _sound(clip)),
    ]


def _sound(clip: "Clip") -> str:
    track = clip.audio
    if track is None:
        return "none"
    start = f", starts {float(track.start_s):+.3f} s" if track.start_s else ""
    return f"{track.codec}, {track.rate_hz} Hz, {track.channels} channel{'s' * (track.channels > 1)}{start}"
