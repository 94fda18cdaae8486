"""python -m pipeline: the command line. Each command lives in its own file under `commands`."""

import sys

import typer
from rich.console import Console

from utils.errors import ReshootError

app = typer.Typer(
    name="reshoot",
    help="Restyle footage of a person and keep the camera, the feet and the timing.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)


def main() -> None:
    """Run a command; an error that its user should read is printed as two sentences, not as a traceback."""
    try:
        app()
    except ReshootError as error:
        Console(stderr=True).print(f"[bold red]{error.problem}[/]\n{error.remedy}", highlight=False)
        sys.exit(1)


if __name__ == "__main__":
    main()
