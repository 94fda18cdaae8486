"""python -m pipeline doctor: checks this machine, and says what is missing and what to do about it."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from rich.console import Console

    from pipeline.doctor import Finding, Surroundings

_COLOUR = {"ok": "green", "note": "yellow", "problem": "bold red"}


def doctor(
    as_json: Annotated[bool, typer.Option("--json", help="Print it for programs to read.")] = False,
    home: Annotated[
        Path | None, typer.Option(help="The folder of caches and jobs; RESHOOT_HOME or ~/.reshoot otherwise.")
    ] = None,
    port: Annotated[int, typer.Option(help="The port that the app will use.", min=1, max=65535)] = 7860,
) -> None:
    """Check this machine: packages, GPU, disk, memory, port. Ends with code 1 when there is a problem."""
    from pipeline.doctor import Surroundings, examine
    from utils.home import home as default_home

    where = Surroundings(home or default_home(), port)
    if as_json:
        findings = list(examine(where))
        typer.echo(
            json.dumps({"ok": _is_well(findings), "findings": [asdict(finding) for finding in findings]}, indent=2)
        )
    else:
        findings = _show(where)
    if not _is_well(findings):
        raise typer.Exit(1)


def _show(where: Surroundings) -> list[Finding]:
    """Print each finding as it comes, with a line below that names the check that is running."""
    from rich.console import Console

    from pipeline.doctor import CHECKS, examine

    console, findings = Console(), []
    with console.status(f"Looking at {CHECKS[0].name} ...") as waiting:
        for finding, after in zip(examine(where), (*CHECKS[1:], None), strict=True):
            findings.append(finding)
            _print(console, finding)
            if after is not None:
                waiting.update(f"Looking at {after.name} ...")
    problems = sum(finding.state == "problem" for finding in findings)
    verdict = f"{problems} problem{'s' * (problems > 1)}; see above." if problems else "Ready to run."
    console.print(f"\n{verdict}", style=_COLOUR["problem" if problems else "ok"], highlight=False)
    return findings


def _print(console: Console, finding: Finding) -> None:
    """Print state, name and sentence in columns; a remedy stays on one line, so that it can be copied."""
    from rich.table import Table
    from rich.text import Text

    row = Table.grid(padding=(0, 2))
    row.add_column(width=7)
    row.add_column(width=12)
    row.add_column()
    row.add_row(Text(finding.state, _COLOUR[finding.state]), Text(finding.name, "bold"), Text(finding.says))
    console.print(row)
    if finding.remedy:
        console.print(Text(f"         To do: {finding.remedy}", "cyan"), soft_wrap=True)


def _is_well(findings: list[Finding]) -> bool:
    return all(finding.state != "problem" for finding in findings)
