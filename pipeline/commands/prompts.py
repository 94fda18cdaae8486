"""python -m pipeline prompts: prompts to begin with, and the last ones that jobs were ordered with."""

from pathlib import Path
from typing import Annotated

import typer


def prompts(
    home: Annotated[Path | None, typer.Option(help="Whose prompts; RESHOOT_HOME or ~/.reshoot otherwise.")] = None,
) -> None:
    """Print templates of prompts by their kind, and the last prompts, the newest first."""
    from itertools import groupby

    from rich.console import Console
    from rich.markup import escape

    from pipeline.library.prompts import LastPrompts, templates
    from utils.home import home as usual

    console = Console(highlight=False, soft_wrap=True)
    for kind, group in groupby(templates(), key=lambda template: template.kind):
        console.print(f"[bold]{escape(kind)}[/]")
        for template in group:
            console.print(f"  {escape(template.title)}: {escape(template.text)}")
    if last := LastPrompts(home or usual()).all():
        console.print("[bold]The last ones[/]")
        for used in last:
            console.print(f"  {escape(' '.join(used.text.split()))}")
