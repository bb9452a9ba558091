"""Keeps two runs off one project: a file lock on one machine, an advisory lock in PostgreSQL on several.

Both end with their holder. Only the second can be lost while its holder lives, because its session may break. So a run
calls ``ensure`` before anything that must not be done twice.
"""

from collections.abc import Mapping
from typing import Protocol

from assetgen_dagster.project.file_lock import is_locked, lock_project
from assetgen_dagster.project.key import ProjectKey
from assetgen_dagster.project.postgres_lock import PostgresLock, held_keys
from assetgen_dagster.project.workspace import ProjectPaths, WorkspaceError
from assetgen_dagster.settings import Machines, Settings


class ProjectLock(Protocol):
    """A project that is this run's alone."""

    def ensure(self) -> None:
        """Does nothing if the project is still this run's.

        Raises:
            ProjectLostError: It is not, and will not be again in this run.
        """

    def release(self) -> None:
        """Gives the project up."""


def hold_project(key: ProjectKey, paths: ProjectPaths, settings: Settings, *, run_id: str) -> ProjectLock:
    """Takes a project for a run, in the way that the settings ask for.

    Raises:
        ProjectBusyError: Another run holds it; the message names that run.
        DatabaseError: PostgreSQL, which is to hold the lock, cannot be used.
        WorkspaceError: The lock file cannot be written.
    """
    if settings.machines is Machines.SEVERAL and settings.database is not None:
        lock = PostgresLock(settings.database, key, run_id=run_id, holder=paths.holder)
        lock.acquire()
        return lock
    return lock_project(paths.lock, run_id=run_id)


def held_projects(
    projects: Mapping[ProjectKey, ProjectPaths], settings: Settings, *, troubles: list[str] | None = None
) -> set[ProjectKey]:
    """Returns those of the projects that some living run holds.

    Args:
        projects: Them and their files.
        settings: The settings in force.
        troubles: Where given, a project whose lock file cannot be opened counts as held, and why is added here.

    Raises:
        DatabaseError: PostgreSQL cannot be asked: nothing is known then.
        WorkspaceError: A lock file cannot be opened.
    """
    if settings.machines is Machines.SEVERAL and settings.database is not None:
        return held_keys(settings.database, projects)
    return {key for key, paths in projects.items() if _is_held(paths, troubles)}


def _is_held(paths: ProjectPaths, troubles: list[str] | None) -> bool:
    try:
        return is_locked(paths.lock)
    except WorkspaceError as error:
        if troubles is None:
            raise
        troubles.append(str(error))
        return True
