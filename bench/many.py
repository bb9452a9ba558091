"""Whether sensors, lists and new runs stay as quick with many projects as with one, on both databases.

Each measure is a ratio to the same one in an instance with a single finished project, taken in turn with it. In both,
200 runs wait in the queue.
"""

import contextlib
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console
from rich.table import Table

from assetgen_dagster.settings import PROJECT_ROOT
from assetgen_emulators.notion import NotionEmulator
from tests.helpers.postgres import running_postgres

#: Rows whose runs are on their way, and rows that ask for a new one.
WAITING, ASKING = 200, 25

OUT = PROJECT_ROOT / "bench" / "out" / "partitions.json"

Measured = dict[str, tuple[float, float]]


def measure(counts: Sequence[int], databases: Sequence[str]) -> None:
    """Measures at each number of finished projects, and prints a table for each database.

    Args:
        counts: Numbers of projects, ascending.
        databases: ``sqlite``, ``postgres``.
    """
    results: dict[str, dict[str, Measured]] = {}
    with tempfile.TemporaryDirectory() as temporary, a_board(waiting=WAITING, asking=ASKING) as pages:
        for database in databases:
            results[database] = {}
            with _instances(database, Path(temporary) / database) as (reference, grown):
                for environment in (reference, grown):
                    grow(environment, 0, WAITING, pages)
                there = 0
                for count in counts:
                    print(f"{database}: {count} projects", flush=True)
                    grow(grown, WAITING + there, WAITING + count, pages)
                    there = count
                    results[database][str(count)] = _compare(reference, grown, count)
            _show(database, results[database])
    OUT.parent.mkdir(parents=True, exist_ok=True)
    OUT.write_text(json.dumps(results, indent=2))
    print(f"All figures: {OUT}")


@contextmanager
def a_board(*, waiting: int, asking: int) -> Iterator[list[str]]:
    """Runs a board of rows that wait and rows that ask; yields the pages of the former."""
    with NotionEmulator() as notion:
        notion.limit_requests(None)
        rows = [f"vid_{number}" for number in range(waiting)] + [f"new_{number}" for number in range(asking)]
        os.environ |= {
            "NOTION_TOKEN": notion.token,
            "NOTION_DATABASE_ID": notion.create_database(),
            "NOTION_BASE_URL": notion.base_url,
        }
        pages = [
            notion.add_row(channel="bench", project_id=row, topic="Owls", status="Generating Assets") for row in rows
        ]
        yield pages[:waiting]


@contextmanager
def _instances(database: str, folder: Path) -> Iterator[tuple[dict[str, str], dict[str, str]]]:
    """Yields the environments of two instances with a project each."""
    with contextlib.ExitStack() as stack:
        server = stack.enter_context(running_postgres()) if database == "postgres" else None
        both = []
        for name in ("reference", "grown"):
            url = stack.enter_context(server.database()) if server is not None else ""
            both.append(an_instance(folder / name, url))
        yield both[0], both[1]


def an_instance(folder: Path, url: str = "") -> dict[str, str]:
    """Returns the environment of a new instance that has drawn one project."""
    environment = {
        "ASSETGEN_WORKSPACE": str(folder / "workspace"),
        "DAGSTER_HOME": str(folder / "home"),
        "ASSETGEN_POSTGRES_URL": url,
        "ASSETGEN_CHANNELS_FILE": "none",
        "ASSETGEN_ENV_FILE": "none",
        "ASSETGEN_MONTHLY_BUDGET_USD": "1000000",
    }
    _process("bench.start", "template", environment=environment)
    return environment


def grow(environment: dict[str, str], there: int, count: int, pages: Sequence[str]) -> None:
    """Adds projects from one number to another; see ``bench.history``."""
    _process("bench.history", json.dumps([there, count, list(pages)]), environment=environment)


def _compare(reference: dict[str, str], grown: dict[str, str], count: int) -> Measured:
    output = _process("bench.looks", json.dumps([reference, grown]), environment={})
    found: Measured = {name: (pair[0], pair[1]) for name, pair in json.loads(output).items()}
    pair = [json.loads(_process("bench.start", f"n{count}", environment=one)) for one in (reference, grown)]
    return found | {name: (pair[0][name], pair[1][name]) for name in pair[0]}


def _process(module: str, argument: str, *, environment: dict[str, str]) -> str:
    done = subprocess.run(
        [sys.executable, "-m", module, argument],
        capture_output=True,
        text=True,
        env=os.environ | environment,
        cwd=PROJECT_ROOT,
        check=False,
    )
    if done.returncode:
        sys.exit(f"{module} failed:\n{done.stderr[-3000:]}")
    # The last words may be those of a code server.
    return next((line for line in reversed(done.stdout.splitlines()) if line.startswith("{")), "")


def _show(database: str, results: dict[str, Measured]) -> None:
    table = Table("", title=f"{database}: seconds, and how many times those with one project", title_justify="left")
    for count in results:
        table.add_column(count, justify="right")
    for name in next(iter(results.values())):
        cells = [
            f"{grown:.3f} ({grown / reference:.1f})" for reference, grown in (one[name] for one in results.values())
        ]
        table.add_row(name, *cells)
    Console(width=110).print(table)
