"""python -m pipeline walker: renders a synthetic walking person with ground truth, to try the app and to test it."""

from fractions import Fraction
from pathlib import Path
from typing import Annotated

import typer

LONGEST_TEXT = 32
"""Longer texts are no numbers."""


def size_px(text: str) -> tuple[int, int]:
    """Width and height of a text like '1280x720'."""
    width, cross, height = text.lower().partition("x")
    if not (cross and width.isdecimal() and height.isdecimal() and len(text) <= LONGEST_TEXT):
        raise typer.BadParameter(f"{text!r} is not a size; write 1280x720.")
    return int(width), int(height)


def exact(text: str) -> Fraction:
    """The exact number of a text like '30', '23.976' or '30000/1001'."""
    try:
        return Fraction(text[:LONGEST_TEXT])
    except (ValueError, ZeroDivisionError):
        raise typer.BadParameter(f"{text!r} is not a number; write 30, 12.5 or 30000/1001.") from None


def walker(
    out: Annotated[Path, typer.Option("--out", "-o", help="The clip to write, an .mp4.")],
    truth: Annotated[Path | None, typer.Option(help="Where to write what is true of every frame, an .npz.")] = None,
    size: Annotated[str, typer.Option(metavar="WxH", help="In pixels, 32 to 4096; 720x1280 is upright.")] = "1280x720",
    rate: Annotated[str, typer.Option(metavar="FPS", help="Frames a second, 1 to 240, exact: 30000/1001.")] = "30",
    seconds: Annotated[str, typer.Option(metavar="SECONDS", help="How long, up to an hour.")] = "10",
    seed: Annotated[int, typer.Option(help="Clothes, shake and noise; 0 is the one that make run shows.")] = 0,
    shake: Annotated[float, typer.Option(help="0 to 5; 1 is a steady pair of hands.")] = 1.0,
    no_shake: Annotated[bool, typer.Option("--no-shake", help="A tripod: the same as --shake 0.")] = False,
    no_pan: Annotated[bool, typer.Option("--no-pan", help="The operator does not follow.")] = False,
    second_person: Annotated[bool, typer.Option("--second-person", help="Somebody crosses behind.")] = False,
    noise: Annotated[float, typer.Option(help="The sensor's noise, 0 to 40, a standard deviation in 0..255.")] = 1.6,
    exposure_drift: Annotated[float, typer.Option(help="How far the exposure wanders, 0 to 0.5 of it.")] = 0.04,
    sheet: Annotated[Path | None, typer.Option(help="A picture of frames from the whole walk, a .png.")] = None,
    overlay: Annotated[Path | None, typer.Option(help="The clip with its truth drawn on it, an .mp4.")] = None,
    flows: Annotated[bool, typer.Option("--flows", help="Keep the motion of every pixel in the truth.")] = False,
    plates: Annotated[bool, typer.Option("--plates", help="Keep the empty place of every frame in the truth.")] = False,
) -> None:
    """Render a person who walks up, holds and walks off, filmed by hand, with everything about it known."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    from utils.errors import SettingsError
    from utils.walker.reels import Reels, film
    from utils.walker.shot import Shot

    frames_a_second = exact(rate)
    for path, suffix in ((out, ".mp4"), (overlay, ".mp4"), (truth, ".npz"), (sheet, ".png")):
        if path is not None and path.suffix.lower() != suffix:
            raise SettingsError(f"{str(path)!r} does not end in {suffix}.", f"Name it {path.stem or 'clip'}{suffix}.")
    if no_shake and shake != 1.0:
        raise SettingsError("--no-shake and --shake say different things.", "Give one of them.")
    if exact(seconds) <= 0:
        raise SettingsError(f"A length of {seconds} s cannot be rendered.", "Choose more than 0 seconds.")
    if (flows or plates) and truth is None:
        raise SettingsError("Flows and plates are kept in the truth file.", "Name one with --truth.")
    shot = Shot(
        size_px(size), frames_a_second, max(1, round(exact(seconds) * frames_a_second)), seed,
        0.0 if no_shake else shake, not no_pan, second_person, noise, exposure_drift,
    )  # fmt: skip
    columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn()
    console = Console(stderr=True)
    with Progress(*columns, transient=True, console=console, disable=not console.is_terminal) as bar:
        task = bar.add_task("Rendering", total=shot.frames)
        film(shot, Reels(out, truth, overlay, sheet, flows, plates), lambda done: bar.update(task, completed=done))
    typer.echo(f"{out}: {shot.frames} frames of {shot.size[0]}x{shot.size[1]}.")
