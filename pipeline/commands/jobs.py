"""python -m pipeline jobs: what was asked for, how far it is, and what to do about it. The app shows the same jobs."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pipeline.commands.fetching import clip_at
from pipeline.commands.ledger import AsJson, Database, Home, open_ledger, print_json
from pipeline.commands.running import PRESET_HELP, saved_preset

if TYPE_CHECKING:
    from pipeline.jobs.job import Job
    from pipeline.jobs.ledger import Ledger

app = typer.Typer(help=__doc__.partition(": ")[2], no_args_is_help=True)

JobId = Annotated[str, typer.Argument(metavar="JOB", help="Its id, or the first letters of it.")]
LOOK_S, ALIVE_S = 0.5, 15.0
NOBODY = "No worker is running: `python -m pipeline worker` does the jobs."
AFTERWARDS = {
    "cancel": ". What is finished is kept: `jobs retry` goes on from there.",
    "pause": ". `jobs resume` goes on from where it is.",
}
"""What can be done after a change."""
COLOURS = {"done": "green", "failed": "red", "running": "cyan", "waiting": "yellow", "paused": "yellow"}


@app.command()
def submit(
    clips: Annotated[
        list[str], typer.Argument(metavar="CLIP...", help="The clips, one job each: files, or http(s) addresses.")
    ],
    kind: Annotated[
        str, typer.Option(help="What is done with them: restyle, steady, matte, guide, animate or align.")
    ] = "restyle",
    preset: Annotated[str | None, typer.Option(help=PRESET_HELP)] = None,
    assignments: Annotated[
        list[str] | None, typer.Option("--set", metavar="GROUP.KEY=VALUE", help="Any setting; may be repeated.")
    ] = None,
    home: Home = None,
    database: Database = None,
) -> None:
    """Put clips in line; prints the ids of their jobs. `python -m pipeline worker` or the app does them.

    The clips are kept in the home, by a hard link where that can be, so that they may be moved afterwards.
    """
    from pipeline.commands.options import assigned
    from pipeline.jobs.order import make_order
    from pipeline.kinds import find_kind
    from pipeline.library import inputs
    from pipeline.library.prompts import LastPrompts, prompt_of
    from utils.address.address import Address, is_address
    from utils.errors import UnreadableClip
    from utils.home import home as usual

    chosen, where = find_kind(kind), home or usual()
    preset, saved = saved_preset(chosen, chosen.settings.USUAL_PRESET if preset is None else preset, where)
    said = {**saved, **assigned(assignments, chosen.settings)}
    said = inputs.keep_folders(where, chosen, said)
    chosen.settings.load(preset, said)
    for clip in clips:
        if is_address(clip):
            Address.read(clip)
        elif not Path(clip).is_file():
            raise UnreadableClip(f"There is no file {clip!r}.", "Check the path and try again.")
    kept = [_kept_clip(clip, where) for clip in clips]
    with open_ledger(home, database) as ledger:
        settings = inputs.keep_files(where, chosen, said)
        for title, digest in kept:
            typer.echo(ledger.submit(make_order(chosen, {"clip": digest}, title, settings, preset).complete()).id)
    LastPrompts(where).remember(prompt_of(said))


def _kept_clip(clip: str, home: Path) -> tuple[str, str]:
    """The title and digest of a clip, which is kept in the home."""
    from pipeline.library import inputs
    from utils.address.address import is_address

    if is_address(clip):
        fetched, _ = clip_at(clip, home)
        return fetched.title, fetched.id
    return Path(clip).name.encode(errors="replace").decode(), inputs.keep(home, Path(clip), "clip")


@app.command(name="list")
def list_(
    home: Home = None,
    database: Database = None,
    all_homes: Annotated[
        bool, typer.Option("--all-homes", help="Of all homes of the database, and not of this one alone.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Every job, in the order in which they run or ran."""
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    with open_ledger(home, database) as ledger:
        jobs, idle = ledger.of_all_homes() if all_homes else ledger.all(), _idle(ledger)
        names = ledger.home_names() if all_homes else {}
    if as_json:
        print_json([_plain(job) | ({"home_name": names.get(job.home, "")} if all_homes else {}) for job in jobs])
        return
    table = Table(box=None, pad_edge=False)
    if all_homes:
        table.add_column("home", no_wrap=True)
    for column in ("job", "kind", "clip", "state", "done", "left", "what"):
        table.add_column(column, justify="right" if column in ("done", "left") else "left", no_wrap=column != "what")
    for job in jobs:
        state = f"[{COLOURS.get(job.state, 'dim')}]{job.state}[/]"
        what = escape(job.problem or job.stage)
        of = [escape(_home(job, names))] if all_homes else []
        table.add_row(
            *of, job.id[:8], job.order.kind, escape(job.order.title), state, f"{job.share:.0%}", _left(job), what
        )
    console = Console(highlight=False)
    console.print(table if jobs else "There are no jobs.")
    if idle:
        console.print(f"[yellow]{NOBODY}[/]")


@app.command()
def show(job: JobId, home: Home = None, database: Database = None, as_json: AsJson = False) -> None:
    """All that is known of one job, with its events."""
    from rich.console import Console
    from rich.markup import escape

    from pipeline.jobs.costs import cost_of
    from pipeline.jobs.expectation import Expectations
    from pipeline.jobs.results import Results
    from utils.home import home as usual

    with open_ledger(home, database) as ledger:
        found = _find(ledger, job)
        events, estimate = ledger.job_events(found.id), Expectations(ledger, home or usual()).of(found)
        cost = cost_of(found, ledger.window_work(found.id))
    if as_json:
        told = cost.to_json() if cost else None
        print_json({**_plain(found), "cost": told, "diary": [vars(entry) for entry in events]})
        return
    console = Console(highlight=False)
    console.print(f"[bold]{escape(found.order.title)}[/] ({found.id}): {found.state}, {found.share:.0%}")
    if found.problem:
        console.print(f"[red]{escape(found.problem)}[/] {escape(found.remedy)}")
    if estimate and not found.state.ended:
        console.print(f"Expected: {escape(str(estimate))}")
    if found.started_at:
        took = f", worked on for {found.took_s:.0f} s" if found.took_s else ""
        console.print(f"Started: {time.strftime('%H:%M', time.localtime(found.started_at))}{took}")
    for sentence in cost.sentences if cost else ():
        console.print(escape(sentence))
    if found.result:
        console.print(f"Result: {escape(str(Results.of(home or usual()).place(found.id)))}")
    for entry in events:
        console.print(f"  [dim]{time.strftime('%H:%M:%S', time.localtime(entry.at))}[/] {escape(entry.sentence)}")


@app.command()
def cancel(job: JobId, home: Home = None, database: Database = None) -> None:
    """End a job; what was finished is kept, and `retry` goes on from there."""
    _change("cancel", job, home, database)


@app.command()
def pause(job: JobId, home: Home = None, database: Database = None) -> None:
    """Let others go first until it is resumed."""
    _change("pause", job, home, database)


@app.command()
def resume(job: JobId, home: Home = None, database: Database = None) -> None:
    """Put a paused job in line again."""
    _change("resume", job, home, database)


@app.command()
def retry(job: JobId, home: Home = None, database: Database = None) -> None:
    """Put a job that ended in line again; it goes on from what is in the cache."""
    _change("retry", job, home, database)


@app.command()
def remove(job: JobId, home: Home = None, database: Database = None) -> None:
    """Forget a job and delete its result."""
    from pipeline.jobs.results import Results
    from utils.home import home as usual

    with open_ledger(home, database) as ledger:
        gone = ledger.remove(_find(ledger, job).id)
    Results.of(home or usual()).remove(gone.id)
    typer.echo(f"{gone.order.title} ({gone.id}) is gone.")


@app.command()
def watch(job: JobId, home: Home = None, database: Database = None) -> None:
    """Follow a job until it ends; the exit status says how."""
    from rich.console import Console
    from rich.markup import escape
    from rich.progress import Progress

    from pipeline.jobs.job import State

    console = Console(stderr=True, highlight=False)
    with open_ledger(home, database) as ledger, Progress(console=console) as bars:
        found = _find(ledger, job)
        if _idle(ledger):
            console.print(f"[yellow]{NOBODY}[/]")
        title = escape(found.order.title)
        bar = bars.add_task(title, total=1.0)
        while not found.state.ended:
            bars.update(bar, completed=found.share, description=f"{title} {found.stage or found.state}")
            time.sleep(LOOK_S)
            found = ledger.get(found.id)
        bars.update(bar, completed=found.share, description=f"{title} {found.state}")
    if found.state != State.DONE:
        console.print(escape(f"{found.problem} {found.remedy}".strip() or f"It was {found.state}."))
        raise typer.Exit(1)


def _change(how: str, job: str, home: Path | None, database: str | None) -> None:
    with open_ledger(home, database) as ledger:
        found: Job = getattr(ledger, how)(_find(ledger, job).id)
    requested = f", asked to {found.requested_action}" if found.requested_action else ""
    typer.echo(f"{found.order.title} ({found.id}): {found.state}{requested}{AFTERWARDS.get(how, '')}")


def _find(ledger: Ledger, said: str) -> Job:
    """The one job whose id begins like this."""
    from pipeline.jobs.job import JobError

    found = [job for job in ledger.all() if job.id.startswith(said)]
    if len(found) != 1:
        problem = f"There is no job {said!r}." if not found else f"{len(found)} jobs begin with {said!r}."
        raise JobError(problem, "`python -m pipeline jobs list` shows all of them.")
    return found[0]


def _idle(ledger: Ledger) -> bool:
    """Whether jobs are in line and nobody is there to do them."""
    waits = any(job.state == "queued" for job in ledger.all())
    return waits and not any(time.time() - sign.beat_at < ALIVE_S for sign in ledger.workers())


def _home(job: Job, names: Mapping[str, str]) -> str:
    """The name of a job's home with its mark, as workers of it are called; nothing of a database of one home."""
    return "-".join(part for part in (names.get(job.home, ""), job.home) if part)


def _left(job: Job) -> str:
    return f"{job.left_s:.0f} s" if job.left_s is not None else ""


def _plain(job: Job) -> dict[str, Any]:
    from dataclasses import asdict

    values = asdict(job)
    del values["order"]["owner"]
    values["wish"], values["place"] = values.pop("requested_action"), values.pop("steps_done")
    values["died_at"] = job.died_at.to_json() if job.died_at else None
    return values
