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
    """A run's exclusive hold on a project."""

    def ensure(self) -> None:
        """Checks that the run still holds the project.

        Raises:
            ProjectLostError: The lock is lost for good.
        """

    def release(self) -> None:
        """Releases the lock."""


def hold_project(key: ProjectKey, paths: ProjectPaths, settings: Settings, *, run_id: str) -> ProjectLock:
    """Locks a project for a run, with the kind of lock that the settings require.

    Raises:
        ProjectBusyError: Another run holds it; the message names that run.
        DatabaseError: The lock is in PostgreSQL, which cannot be used.
        WorkspaceError: The lock file cannot be written.
    """
    if settings.machines is Machines.SEVERAL and settings.database is not None:
        lock = PostgresLock(settings.database, key, run_id=run_id, holder=paths.holder)
        lock.acquire()
        return lock
    return lock_project(paths.lock, run_id=run_id)


def held_projects(
    projects: Mapping[ProjectKey, ProjectPaths], settings: Settings, *, errors: list[str] | None = None
) -> set[ProjectKey]:
    """Returns the projects that a living run holds.

    Args:
        projects: The projects and their files.
        settings: The settings in force.
        errors: If given, a project whose lock file cannot be opened counts as held, and the error is appended here.

    Raises:
        DatabaseError: The query to PostgreSQL failed.
        WorkspaceError: A lock file cannot be opened.
    """
    if settings.machines is Machines.SEVERAL and settings.database is not None:
        return held_keys(settings.database, projects)
    return {key for key, paths in projects.items() if _is_held(paths, errors)}


def _is_held(paths: ProjectPaths, errors: list[str] | None) -> bool:
    try:
        return is_locked(paths.lock)
    except WorkspaceError as error:
        if errors is None:
            raise
        errors.append(str(error))
        return True
