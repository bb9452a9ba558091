"""The ``assetgen`` command: its subcommands, and how it ends."""

import sys

import typer

from assetgen_dagster.cli.commands import drawing, operating, services
from assetgen_dagster.cli.terminal import complain
from assetgen_dagster.errors import AssetgenError, Code

#: Below every ``--help``; more in docs/operating.md.
EXIT_CODES = (
    "Exit codes: 0 everything asked for is there; 1 it is not, and the message says why; 2 the command line is wrong; "
    "130 interrupted, and what is done is kept."
)

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    epilog=EXIT_CODES,
)


@app.callback()
def assetgen() -> None:
    """Draws a project's pictures with Gemini, each paid for once."""


for _command in (
    drawing.generate,
    drawing.redraw,
    drawing.plan,
    drawing.manifest,
    services.demo,
    services.dev,
    services.worker,
    services.init_notion,
    operating.doctor,
    operating.pause,
    operating.resume,
    operating.costs,
    operating.archive,
):
    app.command(epilog=EXIT_CODES)(_command)


def main() -> None:
    """Runs the command; a user's mistake ends in one message, not in a stack trace."""
    try:
        app()
    except AssetgenError as error:
        complain(str(error))
        sys.exit(2 if error.code == Code.COMMAND_LINE else 1)
