"""Reference pictures during a drawing: which picture waits for which.

``manifest.references`` decides which picture refers to which.
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
class ReferenceFiles:
    """The reference pictures of one call, in order.

    Attributes:
        files: Their files, for the script.
        recorded: Their names and hashes, for the records.
    """

    files: tuple[Path, ...] = ()
    recorded: tuple[Reference, ...] = ()


class ReferenceScheduler:
    """Makes each picture wait for its references, and returns their files.

    Args:
        tasks: Everything that this run draws.
        files: The files of the manifest's pictures, by name.
    """

    def __init__(self, tasks: Iterable[Task], files: dict[str, Path]) -> None:
        tasks = list(tasks)
        self._files = files
        self._ends = {task.asset.name: asyncio.Event() for task in tasks}
        self._drawn: set[str] = set()
        self._wanted = {name for task in tasks for name in task.references}

    def first(self, tasks: Iterable[Task]) -> list[Task]:
        """Returns the tasks, those that others wait for first."""
        return sorted(tasks, key=lambda task: task.asset.name not in self._wanted)

    def ended(self, task: Task, *, drawn: bool) -> None:
        """Records the end of a picture and releases the pictures that wait for it."""
        if drawn:
            self._drawn.add(task.asset.name)
        self._ends[task.asset.name].set()

    async def wait(self, task: Task) -> Failure | None:
        """Waits for the references of a picture; returns a failure if one of them is missing."""
        for name in task.references:
            if name in self._ends:
                await self._ends[name].wait()
                if name not in self._drawn:
                    return failures.reference_failed(name)
            elif not check_asset_exists(self._files[name]):
                return failures.reference_missing(name)
        return None

    def files_for(self, task: Task) -> ReferenceFiles | Failure:
        """Returns the current files of a picture's references, or a failure if one is missing."""
        recorded = []
        for name in task.references:
            sha256 = file_sha256(self._files[name])
            if sha256 is None:
                return failures.reference_missing(name)
            recorded.append(Reference(name=name, sha256=sha256))
        return ReferenceFiles(tuple(self._files[name] for name in task.references), tuple(recorded))
