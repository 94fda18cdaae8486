"""What commands share that run a job at once, without the queue: checks, the run's context, progress bars, Ctrl-C."""

from __future__ import annotations

import re
import signal
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

if TYPE_CHECKING:
    from rich.console import Console

    from pipeline.kind import Kind
    from pipeline.stage import RunContext
    from utils.media.clip import Clip
    from utils.progress import Cancel, Listener

STOPPED = 130
"""The exit code of a program that was interrupted."""
STOPPED_SENTENCE = (
    "Stopped. What was finished is kept: the same command goes on from there, "
    "and one with other settings from the first step that they change."
)


PRESET_HELP = "fast, balanced, quality, or one that you saved."


def saved_preset(kind: Kind, name: str, home: Path | None) -> tuple[str, dict[str, Any]]:
    """The built-in preset that a name of --preset means, and the settings that were saved on top of it."""
    from pipeline.library.own_presets import OwnPresets
    from utils.home import home as usual

    return OwnPresets(home or usual()).resolve(kind, name)


@contextmanager
def running(kind: Kind | None, settings: Mapping[str, Any], home: Path | None) -> Iterator[RunContext]:
    """The context of a run on the command line, with progress bars; Ctrl-C ends it in a sentence.

    Of the kind of job, if it is one, the settings are known that are files.
    """
    from rich.console import Console

    from pipeline.library.given import at_home
    from pipeline.stage import RunContext
    from utils.errors import Cancelled
    from utils.home import home_at
    from utils.store.shared.opening import open_store

    console = Console(stderr=True, highlight=False)
    try:
        with home_at(home), interruptible() as cancel, _shown(console) as listener:
            files = kind.file_settings.values() if kind else ()
            context = RunContext(open_store(home), at_home(settings, files, home), listener, cancel)
            yield context
        for sentence in told_and_offered(context):
            console.print(sentence)
    except (KeyboardInterrupt, Cancelled):
        console.print(STOPPED_SENTENCE)
        raise typer.Exit(STOPPED) from None


def told_and_offered(context: RunContext) -> list[str]:
    """Let what is still being offered to the shared cache arrive, within its time; what went wrong and was not told."""
    from rich.console import Console

    if (sharing := context.store.sharing) is None:
        return []
    with Console(stderr=True).status("Offering results to the shared cache..."), suppress(KeyboardInterrupt):
        sharing.flush()
    return sharing.troubles()


def tell_estimate(kind: Kind, clip: Clip, preset: str, settings: Mapping[str, Any]) -> None:
    """Say what a run is expected to take, before it begins."""
    from rich.console import Console

    facts = {"width": clip.size.width_px, "height": clip.size.height_px, "frames": len(clip)}
    expected = kind.estimate(facts, [], settings)[preset]
    Console(stderr=True, highlight=False).print(f"{kind.title}: {expected}.", style="dim")


def check(clip: Path, out: Path, report: Path | None = None) -> None:
    """Raise an error for everything that is known to fail before anything is computed."""
    from utils.errors import SettingsError

    if out.suffix.lower() != ".mp4":
        raise SettingsError(f"{str(out)!r} does not end in .mp4.", f"Name it {out.stem or 'result'}.mp4.")
    check_place(clip, out)
    if report is not None:
        check_report(report)


def check_report(report: Path) -> None:
    """Raise an error if a report cannot be written there."""
    from utils.errors import WriteError

    if report.exists() and not report.is_dir():
        raise WriteError(f"{str(report)!r} is not a folder.", "Give --report the name of a folder.")
    _check_writable(report.absolute())


def check_mp4(out: Path, inputs: Iterable[Path] = ()) -> None:
    """Raise an error if a clip that is made from others cannot be written there, or would replace one of them."""
    from utils.errors import SettingsError

    if out.suffix.lower() != ".mp4":
        raise SettingsError(f"{str(out)!r} does not end in .mp4.", f"Name it {out.stem or 'result'}.mp4.")
    for clip in (Path(), *inputs):
        check_place(clip, out)


def check_place(clip: Path, out: Path) -> None:
    """Raise an error if a result cannot be written there, or would replace its clip."""
    from utils.errors import SettingsError, WriteError

    if not out.absolute().parent.is_dir():
        raise WriteError(f"There is no folder {str(out.absolute().parent)!r}.", "Create it, or choose another one.")
    if out.is_dir():
        raise WriteError(f"{str(out)!r} is a folder.", "Name a file in it.")
    if clip.exists() and out.exists() and clip.samefile(out):
        raise SettingsError(f"The result would replace the clip itself, {str(clip)!r}.", "Give it another name.")
    _check_writable(out.absolute())


def pointed(text: str) -> dict[str, Any]:
    """The settings for a subject given as X,Y@FRAME or, in the first frame, X,Y."""
    from utils.errors import SettingsError

    match = re.fullmatch(r"(\d+(?:\.\d+)?),(\d+(?:\.\d+)?)(?:@(\d+))?", text.replace(" ", ""))
    if match is None:
        raise SettingsError(f"{text!r:.60} is no point of a frame.", "Write 320,180@40: x and y in px, and the frame.")
    x_px, y_px, index = match.groups()
    point = {"analysis.point_x": float(x_px), "analysis.point_y": float(y_px), "analysis.point_frame": int(index or 0)}
    return {"analysis.subject": "pointed", **point}


def overridden(
    assignments: list[str],
    short: Mapping[str, str | None],
    given: Mapping[str, Path | None],
    subject: str | None,
) -> dict[str, Any]:
    """The settings that options of the command line name; `short` and `given` are values and files by their names."""
    from pipeline.commands.options import assigned
    from pipeline.settings.field import shown
    from utils.errors import SettingsError

    overrides = assigned(assignments)
    named: dict[str, Any] = {
        **short,
        **{name: str(path.absolute()) for name, path in given.items() if path},
        **(pointed(subject) if subject else {}),
    }
    for name, value in named.items():
        if value is not None and overrides.setdefault(name, value) != value:
            both = f"{shown(overrides[name])} and to {shown(value)}"
            raise SettingsError(f"{name} is set twice, to {both}.", "Set it once.")
    return overrides


def _check_writable(path: Path) -> None:
    """Check that the nearest existing folder can be written to, by writing to it."""
    from utils.errors import WriteError

    folder = next(parent for parent in (path, *path.parents) if parent.is_dir())
    try:
        tempfile.TemporaryFile(dir=folder).close()
    except OSError as error:
        raise WriteError(
            f"Nothing can be written to {str(folder)!r}: {error.strerror}.", "Make room there, or choose another place."
        ) from error


@contextmanager
def interruptible() -> Iterator[Cancel]:
    """Treat SIGTERM like Ctrl-C, and ignore further signals, which must not interrupt the cleaning up.

    Work that misses the interrupt, as it can inside a library's callback, stops at its next step.
    """
    from utils.progress import Cancel

    cancel = Cancel()

    def stop(number: int, frame: object) -> None:
        for received in before:
            signal.signal(received, signal.SIG_IGN)
        cancel.ask()
        raise KeyboardInterrupt

    before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield cancel
    finally:
        if not cancel.asked:
            for received, handler in before.items():
                signal.signal(received, handler)


@contextmanager
def _shown(console: Console) -> Iterator[Listener]:
    """A progress bar for every kind of stage, with its speed and the time left."""
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    from pipeline.stage_texts import kind_of
    from utils.progress import Progress as StageProgress

    columns = (
        TextColumn("{task.description:<12}"),
        BarColumn(bar_width=32),
        TextColumn("{task.percentage:>4.0f}%"),
        TextColumn("{task.fields[pace]:>12}"),
        TimeRemainingColumn(compact=True),
        TextColumn("[dim]{task.fields[note]}"),
    )
    with Progress(*columns, console=console, disable=not console.is_terminal) as bars:
        tasks: dict[str, Any] = {}
        started: dict[str, float] = {}

        def listen(progress: StageProgress) -> None:
            name = kind_of(progress.stage)
            if name not in tasks:
                tasks[name], started[name] = bars.add_task(name, total=None, pace="", note=""), time.monotonic()
            seconds = time.monotonic() - started[name]
            pace = f"{progress.done / seconds:.1f} frames/s" if progress.done > 1 and seconds > 0.5 else ""
            fields: dict[str, Any] = {"pace": pace} if pace else {}
            bars.update(tasks[name], completed=progress.done, total=progress.total, note=progress.note, **fields)

        yield listen
