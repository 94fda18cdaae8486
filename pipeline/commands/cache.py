"""python -m pipeline cache: shows, verifies, prunes and clears the cache."""

import json
import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from utils.store import Figures, Freed, Listed, StageStats, Stats, Store
    from utils.store.shared.prune import Pruned

app = typer.Typer(help="Look at the cache, check it, make room.", no_args_is_help=True)

Home = Annotated[
    Path | None, typer.Option("--home", help="The folder of the cache; RESHOOT_HOME or ~/.reshoot otherwise.")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print it for programs to read.")]
UNITS = {"": 0, "K": 1, "M": 2, "G": 3, "T": 4}
KEY_DIGITS = 12
"""Digits of a key that tables show."""


def size_bytes(text: str) -> int:
    """Bytes of '5GB', '1.5 GiB' or '300M'; GB counts in thousands and GiB in 1024s."""
    match = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([KMGT]?)(I?)B?\s*", text.upper())
    if not match or (match[3] and not match[2]):
        raise typer.BadParameter(f"{text!r} is not a size; write 5GB, 1.5GiB or 300MB.")
    return int(float(match[1]) * (1024 if match[3] else 1000) ** UNITS[match[2]])


@app.command()
def stats(home: Home = None, as_json: AsJson = False) -> None:
    """What the cache holds, and what it and a shared one spared: seconds to compute and to read the same results."""
    from pipeline.lasting import by_class, lasting_of

    statistics = _open(home).stats()
    if not as_json:
        return _print_stats(statistics)
    document = asdict(statistics)
    for name, stage in document["stages"].items():
        stage["lasting"] = lasting_of(name)
    print_json(document | {"classes": {name: asdict(held) for name, held in by_class(statistics.stages).items()}})
    return None


@app.command("list")
def list_entries(home: Home = None, as_json: AsJson = False) -> None:
    """Every entry, the one used last first."""
    entries = _open(home).entries()[::-1]
    if as_json:
        return print_json([_record(entry) for entry in entries])
    from rich.filesize import decimal

    from pipeline.lasting import lasting_of

    rows = [
        (
            entry.digest[:KEY_DIGITS],
            entry.stage,
            lasting_of(entry.stage),
            decimal(entry.held.bytes),
            f"{entry.manifest.seconds:.2f} s" if entry.manifest else "",
            _age(entry.held.used_ns),
            "pinned" if entry.held.pinned else "",
        )
        for entry in entries
    ]
    print_table(("key", "stage", "class", "size>", "computed in>", "last used>", ""), rows, "The cache is empty.")


@app.command()
def verify(home: Home = None, as_json: AsJson = False) -> None:
    """Read every byte again; what is damaged is quarantined and computed anew when it is next needed. Exit 1 if any."""
    from rich.console import Console

    store, verdicts = _open(home), []
    with Console(stderr=True).status("Reading every byte of the cache..."):
        verdicts = list(store.verify())
    damaged = [verdict for verdict in verdicts if verdict.problem]
    if as_json:
        print_json({"checked": len(verdicts), "damaged": [asdict(verdict) for verdict in damaged]})
    else:
        rows = [(verdict.digest[:KEY_DIGITS], verdict.stage, verdict.problem) for verdict in damaged]
        print_table(("key", "stage", "problem"), rows, f"{_entries(len(verdicts))} checked, all sound.")
    if damaged:
        raise typer.Exit(1)


@app.command()
def prune(
    to: Annotated[
        int | None, typer.Option(parser=size_bytes, metavar="SIZE", help="Such as 5GB; the limit otherwise.")
    ] = None,
    shared: Annotated[bool, typer.Option("--shared", help="Prune the shared cache that RESHOOT_SHARED names.")] = False,
    older: Annotated[
        float | None, typer.Option(metavar="DAYS", min=0, help="With --shared: what was not used for so long goes.")
    ] = None,
    limit: Annotated[
        int | None, typer.Option(parser=size_bytes, metavar="SIZE", help="With --shared: how much may stay.")
    ] = None,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Remove what was used longest ago until the rest fits; pinned entries and those in use stay.

    From the shared cache goes what no job uses any more; what is read now or was written within a day stays.
    """
    from utils.errors import SettingsError

    if shared and to is not None:
        raise SettingsError("--to is for the cache of this home.", "With --shared, give --limit SIZE or --older DAYS.")
    if shared:
        _print_pruned(_pruned(home, older, limit), as_json)
    elif older is not None or limit is not None:
        raise SettingsError("--older and --limit are for the shared cache.", "Add --shared, or give --to SIZE.")
    else:
        _print_freed(_open(home).prune(to), as_json)


def _pruned(home: Path | None, older_days: float | None, limit_bytes: int | None) -> "Pruned":
    """Prune the shared cache; the uses of jobs that were removed from this home are forgotten first."""
    from datetime import timedelta

    from utils.home import cache_folder
    from utils.store.shared.opening import open_tier
    from utils.store.shared.prune import Limits, prune
    from utils.store.shared.uses import Uses

    older = None if older_days is None else timedelta(days=older_days)
    return prune(open_tier(), Uses(cache_folder(home)), Limits(older, limit_bytes))


@app.command()
def clear(
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    pinned: Annotated[bool, typer.Option("--pinned", help="Remove pinned entries too.")] = False,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Remove everything that is neither in use nor pinned."""
    from rich.filesize import decimal

    store = _open(home)
    held = store.stats()
    stay = "" if pinned or not held.pinned else f" but the {held.pinned} pinned"
    question = f"Remove all {_entries(held.entries)}{stay}, {decimal(held.bytes)}, from {held.folder}?"
    if not yes and held.entries + held.quarantined:
        typer.confirm(question, abort=True, err=True)
    _print_freed(store.clear(even_pinned=pinned), as_json)


def _open(home: Path | None) -> "Store":
    """The cache of a home; raises an error where there is none yet."""
    from utils.errors import StoreError
    from utils.home import cache_folder
    from utils.store import Store

    folder = cache_folder(home)
    if not folder.exists():
        raise StoreError(f"There is no cache at {folder}.", "Check --home; what is computed first makes it.")
    return Store(folder)


def _record(entry: "Listed") -> dict[str, Any]:
    """One entry for JSON; an entry without a readable manifest has fewer fields."""
    from pipeline.lasting import lasting_of

    record = {"key": entry.digest, "stage": entry.stage, "bytes": entry.held.bytes, "pinned": entry.held.pinned}
    record["lasting"] = lasting_of(entry.stage)
    record["used"] = datetime.fromtimestamp(entry.held.used_ns // 10**9, UTC).isoformat()
    if manifest := entry.manifest:
        blobs = {name: asdict(blob) for name, blob in manifest.blobs.items()}
        record |= {"made_of": manifest.key.document(), "blobs": blobs, "seconds": manifest.seconds}
        record |= {"created": manifest.created, "machine": manifest.machine}
    return record


def _print_stats(statistics: "Stats") -> None:
    """A table of the stages, and sentences on size, limit and what was removed."""
    from rich.filesize import decimal

    rows = [
        (name, str(stage.entries), decimal(stage.bytes), *_usage(stage)) for name, stage in statistics.stages.items()
    ]
    titles = ("stage", "entries>", "size>", "hits>", "misses>", "rate>", "compute>", "read>", "faster>")
    print_table(titles, rows, "The cache is empty.")
    if rows:
        typer.echo("Compute and read: seconds for the same results; what the hits spared, and what they took.")
        _print_classes(statistics)
    _print_shared({name: stage.figures for name, stage in statistics.stages.items()})
    typer.echo(
        f"{decimal(statistics.bytes)} of {decimal(statistics.limit_bytes)}, "
        f"{decimal(statistics.free_bytes)} free: {statistics.folder}"
    )
    usage = [stage.figures for stage in statistics.stages.values()]
    for count, what in (
        (statistics.pinned, "pinned"),
        (sum(figures.evicted for figures in usage), "removed so far"),
        (sum(figures.quarantined for figures in usage), "found damaged so far"),
        (statistics.quarantined, f"in quarantine, {decimal(statistics.quarantined_bytes)}"),
    ):
        if count:
            typer.echo(f"{_entries(count)} {what}.")


def _print_classes(statistics: "Stats") -> None:
    """A table of the classes of results: what computing them took, and what was not computed again."""
    from rich.filesize import decimal

    from pipeline.lasting import by_class

    rows = [
        (
            name,
            str(held.entries),
            decimal(held.bytes),
            str(held.figures.found),
            f"{held.figures.work_s:,.2f} s",
            f"{held.figures.saved_s:,.2f} s",
            decimal(held.figures.saved_bytes),
        )
        for name, held in by_class(statistics.stages).items()
    ]
    print_table(("class", "entries>", "size>", "hits>", "compute>", "saved>", "found>"), rows, "")
    _print_ahead(statistics)
    typer.echo(
        "Permanent results depend on files alone, conditional ones on settings too, dynamic ones on a service. "
        "Saved: what computing all that was found once took; found: its size."
    )


def _print_ahead(statistics: "Stats") -> None:
    """A sentence on what workers made before anybody asked for it, if they did."""
    from pipeline.jobs.workers.ahead_log import AheadLog
    from utils.store import Figures

    usage = sum((stage.figures for stage in statistics.stages.values()), Figures())
    if usage.ahead:
        spent_s = AheadLog(Path(statistics.folder).parent).spent_s()
        typer.echo(
            f"Made ahead by idle workers: {usage.ahead} results in {spent_s:,.1f} s; {usage.ahead_used} of them "
            f"({usage.ahead_rate:.0%}) were used so far, which saved {usage.ahead_saved_s:,.1f} s."
        )


def _usage(stage: "StageStats") -> tuple[str, ...]:
    """Misses, hit rate and seconds of a stage, as cells of the table."""
    used = stage.figures
    asked = used.hits + used.shared_hits + used.misses
    counts = (str(used.hits), str(used.misses), f"{used.hit_rate:.0%}" if asked else "")
    if not used.hits:
        return *counts, "", "", ""
    return *counts, f"{used.spared_s:,.2f} s", f"{used.read_s:,.2f} s", f"{used.spared_s / used.read_s:,.0f}x"


def _print_shared(stages: "Mapping[str, Figures]") -> None:
    """A table of what came from the shared cache, what computing and fetching it took, and what was offered."""
    from rich.filesize import decimal

    rows = [
        (
            name,
            str(used.shared_hits),
            decimal(used.fetched_bytes),
            f"{used.shared_spared_s:,.2f} s",
            f"{used.fetched_s:,.2f} s",
            str(used.offered),
            decimal(used.offered_bytes),
        )
        for name, used in stages.items()
        if used.shared_hits or used.offered
    ]
    if rows:
        typer.echo("Shared with other homes:")
        print_table(("stage", "taken>", "size>", "compute>", "fetch>", "offered>", "size>"), rows, "")
        saved_s = sum(used.shared_spared_s - used.fetched_s for used in stages.values())
        typer.echo(f"Taking results from there saved {saved_s:,.1f} s.")


def _print_freed(freed: "Freed", as_json: bool) -> None:
    from rich.filesize import decimal

    if as_json:
        keys = [entry.digest for entry in freed.removed]
        return print_json({"removed": keys, "bytes": freed.bytes, "missed_bytes": freed.missed_bytes})
    typer.echo(f"Removed {_entries(len(freed.removed))}, {decimal(freed.bytes)}.")
    if freed.missed_bytes:
        typer.echo(f"{decimal(freed.missed_bytes)} stay: they are in use or pinned.")


def _print_pruned(pruned: "Pruned", as_json: bool) -> None:
    from rich.filesize import decimal

    if as_json:
        return print_json(asdict(pruned))
    results = f"{pruned.results} {'result' if pruned.results == 1 else 'results'}"
    typer.echo(f"Removed {results} from the shared cache, {decimal(pruned.bytes)}; {decimal(pruned.left_bytes)} stay.")


def print_table(titles: tuple[str, ...], rows: Sequence[tuple[str, ...]], otherwise: str) -> None:
    """Print a table, right-aligned where a title ends in >; the sentence `otherwise` when there are no rows."""
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    if not rows:
        return typer.echo(otherwise)
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for title in titles:
        table.add_column(
            title.rstrip(">"), justify="right" if title.endswith(">") else "left", no_wrap=title in ("key", "model")
        )
    for row in rows:
        table.add_row(*map(Text, row))
    Console().print(table)


def print_json(value: Mapping[str, Any] | list[dict[str, Any]]) -> None:
    """Print a value for programs to read."""
    typer.echo(json.dumps(value, indent=2, allow_nan=False))


def _entries(count: int) -> str:
    return f"{count} {'entry' if count == 1 else 'entries'}"


def _age(ns: int) -> str:
    """The time since then in words: 3 hours ago."""
    seconds = max(0, time.time_ns() - ns) // 10**9
    for unit, length_s in (("day", 86_400), ("hour", 3600), ("minute", 60)):
        if count := seconds // length_s:
            return f"{count} {unit}{'' if count == 1 else 's'} ago"
    return "just now"
