"""Reference pictures while a project is drawn: which picture waits for which.

Which picture refers to which is the manifest's matter (``manifest.references``).
"""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from assetgen_dagster.drawing.events import Task
from assetgen_dagster.drawing.picture import check_asset_exists, file_sha256
from assetgen_dagster.project.records import Reference
from assetgen_dagster.providers import failures
from assetgen_dagster.providers.failures import Failure


@dataclass(frozen=True)
class Given:
    """The reference pictures of one call, in order.

    Attributes:
        files: What the script is given.
        recorded: What is remembered of them.
    """

    files: tuple[Path, ...] = ()
    recorded: tuple[Reference, ...] = ()


class ReferenceScheduler:
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

    async def wait(self, task: Task) -> Failure | None:
        """Waits for the pictures that a picture refers to; returns why it cannot be drawn, if so."""
        for name in task.references:
            if name in self._ends:
                await self._ends[name].wait()
                if name not in self._drawn:
                    return failures.reference_failed(name)
            elif not check_asset_exists(self._files[name]):
                return failures.reference_missing(name)
        return None

    def give(self, task: Task) -> Given | Failure:
        """Returns the files of the pictures that a picture refers to, as they are now; a failure if one is gone."""
        recorded = []
        for name in task.references:
            sha256 = file_sha256(self._files[name])
            if sha256 is None:
                return failures.reference_missing(name)
            recorded.append(Reference(name=name, sha256=sha256))
        return Given(tuple(self._files[name] for name in task.references), tuple(recorded))
