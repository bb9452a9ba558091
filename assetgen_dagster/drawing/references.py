"""Reference pictures while a project is drawn: whether the script takes them, and who waits for whom.

Which picture refers to which is the manifest's matter (``story.references``).
"""

import asyncio
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from assetgen_dagster.drawing import problems
from assetgen_dagster.drawing.events import Task
from assetgen_dagster.drawing.picture import check_asset_exists, file_sha256
from assetgen_dagster.drawing.problems import Problem
from assetgen_dagster.drawing.records import Reference
from assetgen_dagster.drawing.script import CLIScriptError, ScriptRunawayError, ScriptTimeoutError, run_cli_script
from assetgen_dagster.settings import Settings

_OPTION = re.compile(r"(?<![\w-])--reference-image(?![\w-])")

#: A script that takes longer to say what it can do says it cannot.
_HELP_SECONDS = 10.0

#: Whether a script takes references, by its path and time of change.
_known: dict[tuple[Path, int], bool] = {}


async def takes_references(settings: Settings) -> bool:
    """Returns whether the script that draws has the option ``--reference-image``, by its own ``--help``.

    Asked once for each version of a script, and never of our own. The script gets no key, so that one that draws
    whatever it is told cannot spend anything.
    """
    if settings.own_script:
        return True
    try:
        key = settings.script, settings.script.stat().st_mtime_ns
        if key not in _known:
            environment = settings.script_environment() | {"GEMINI_API_KEY": "none-for-help"}
            output = await run_cli_script(settings.script, ["--help"], timeout=_HELP_SECONDS, env=environment)
            _known[key] = bool(_OPTION.search(output.stdout + output.stderr))
    except (CLIScriptError, ScriptRunawayError, ScriptTimeoutError, OSError):
        return False
    return _known[key]


@dataclass(frozen=True)
class Given:
    """The reference pictures of one call, in order.

    Attributes:
        files: What the script is given.
        recorded: What is remembered of them.
    """

    files: tuple[Path, ...] = ()
    recorded: tuple[Reference, ...] = ()


class ReferenceDesk:
    """Lets each picture wait for those it refers to, and hands their files out.

    Args:
        tasks: Everything that this run draws.
        files: Where the manifest's pictures lie, by name.
    """

    def __init__(self, tasks: Iterable[Task], files: dict[str, Path]) -> None:
        tasks = list(tasks)
        self._files = files
        self._ends = {task.asset.name: asyncio.Event() for task in tasks}
        self._drawn: set[str] = set()
        self._wanted = {name for task in tasks for name in task.references}

    def first(self, tasks: Iterable[Task]) -> list[Task]:
        """Returns the tasks with those in front that others wait for."""
        return sorted(tasks, key=lambda task: task.asset.name not in self._wanted)

    def ended(self, task: Task, *, drawn: bool) -> None:
        """Notes how a picture ended; whoever waits for it goes on."""
        if drawn:
            self._drawn.add(task.asset.name)
        self._ends[task.asset.name].set()

    async def wait(self, task: Task) -> Problem | None:
        """Waits for the pictures that a picture refers to; returns why it cannot be drawn, if so."""
        for name in task.references:
            if name in self._ends:
                await self._ends[name].wait()
                if name not in self._drawn:
                    return problems.reference_failed(name)
            elif not check_asset_exists(self._files[name]):
                return problems.reference_missing(name)
        return None

    def give(self, task: Task) -> Given | Problem:
        """Returns the files of the pictures that a picture refers to, as they are now; a problem if one is gone."""
        recorded = []
        for name in task.references:
            sha256 = file_sha256(self._files[name])
            if sha256 is None:
                return problems.reference_missing(name)
            recorded.append(Reference(name=name, sha256=sha256))
        return Given(tuple(self._files[name] for name in task.references), tuple(recorded))
