"""The ``assetgen`` command: its subcommands and exit codes."""

import os
import sys

import typer

from assetgen_dagster.cli.commands import drawing, operating, services
from assetgen_dagster.cli.terminal import complain
from assetgen_dagster.errors import AssetgenError, Code

#: Below every ``--help``; more in docs/operating.md.
EXIT_CODES = (
    "Exit codes: 0 success; 1 failure, with the cause in the message; 2 wrong command line; 130 interrupted, finished "
    "pictures are kept."
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
    services.webserver,
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
    """Runs the command; an expected error prints one message, not a stack trace."""
    try:
        app()
    except AssetgenError as error:
        complain(str(error))
        sys.exit(2 if error.code == Code.COMMAND_LINE else 1)
    except Exception as error:
        known = _database_error(error)
        if known is None:
            raise
        complain(str(known))
        sys.exit(1)


def _database_error(error: Exception) -> AssetgenError | None:
    """Returns what to say of an error of Dagster's database; None for a bug, which keeps its stack trace."""
    from assetgen_dagster.support.storage_errors import driver_error, storage_error  # noqa: PLC0415 - slow to import

    said = driver_error(error)
    return None if said is None else storage_error(said, os.environ.get("DAGSTER_HOME", "this instance"))
