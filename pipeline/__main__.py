"""python -m pipeline: the command line. Each command lives in its own file under `commands`."""

import sys

try:
    import typer
    from rich.console import Console
    from rich.markup import escape
except ModuleNotFoundError as missing:
    sys.exit(f"The package {missing.name!r} is missing. Run `make run`, then use .venv/bin/python in place of python.")

from pipeline.commands import cache, finish, jobs, models, presets, worker
from pipeline.commands.align import BLEND_PX, ELSEWHERE, align
from pipeline.commands.animate import animate
from pipeline.commands.doctor import doctor
from pipeline.commands.generate import generate
from pipeline.commands.guide import guide
from pipeline.commands.keys import keys
from pipeline.commands.matte import matte
from pipeline.commands.preview import preview
from pipeline.commands.probe import probe
from pipeline.commands.prompts import prompts
from pipeline.commands.settings import settings
from pipeline.commands.spelling import spelling
from pipeline.commands.steady import steady
from pipeline.commands.walker import walker
from utils.errors import ReshootError
from utils.process_resources import raise_open_file_limit, share_malloc_arena

app = typer.Typer(
    name="reshoot",
    help="Reshoot: restyles footage of a person; the camera, the feet and the timing stay as they were.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
for command in (
    generate,
    preview,
    matte,
    keys,
    steady,
    guide,
    animate,
    walker,
    probe,
    settings,
    prompts,
    doctor,
):
    app.command()(command)
app.command(cls=spelling(ELSEWHERE, blend=BLEND_PX))(align)
app.command("look", hidden=True)(preview)
app.add_typer(finish.app, name="finish")
app.add_typer(jobs.app, name="jobs")
app.add_typer(worker.app, name="worker")
app.add_typer(presets.app, name="presets")
app.add_typer(cache.app, name="cache")
app.add_typer(models.app, name="models")


def main() -> None:
    """Run a command; an error that its user should read is printed as two sentences, not as a traceback."""
    share_malloc_arena()
    raise_open_file_limit()
    if sys.argv[1:2] == ["look"]:  # for one release
        sys.stderr.write("`look` is called `preview` now; the old name goes with the next release.\n")
    try:
        app()
    except ReshootError as error:
        console = Console(stderr=True, highlight=False)
        # soft_wrap: the terminal folds long lines itself, so that a path can be copied, and found in a log, whole
        console.print(f"[bold red]{escape(error.problem)}[/]\n{escape(error.remedy)}", soft_wrap=True)
        sys.exit(1)


if __name__ == "__main__":
    main()
