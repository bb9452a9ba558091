"""What the driver says when Dagster's database fails: whether it passes, and in plain words what to do."""

import sqlite3

from sqlalchemy.exc import DBAPIError, InternalError, OperationalError

from assetgen_dagster.errors import AssetgenError, Code
from assetgen_dagster.support.redact import redact

_CAUSE_CHARACTERS = 300
_BUSY = frozenset({sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED})


def driver_error(error: BaseException) -> DBAPIError | None:
    """Returns the driver's error behind an exception, as Python would show it; None if there is none."""
    found: BaseException | None = error
    while found is not None and not isinstance(found, DBAPIError):
        found = found.__cause__ or (None if found.__suppress_context__ else found.__context__)
    return found


def is_passing(error: DBAPIError) -> bool:
    """Returns whether the same statement may succeed later: the server is away, a session broke, a file is locked.

    An internal error is that of a server which became a read-only standby.
    """
    return error.connection_invalidated or isinstance(error, (OperationalError, InternalError))


def storage_error(error: DBAPIError, home: str) -> AssetgenError:
    """Returns what a user reads about an error of Dagster's database.

    Args:
        error: The driver's error.
        home: The instance's folder.
    """
    cause = " ".join(str(error.orig).split())[:_CAUSE_CHARACTERS].rstrip(".")
    text = f"Dagster cannot use its database for {home}: {cause}. {_remedy(error)}"
    return AssetgenError(redact(text), code=Code.DAGSTER_DATABASE)


def _remedy(error: DBAPIError) -> str:
    if not isinstance(error.orig, sqlite3.Error):
        return "See that PostgreSQL answers, then run again: what was drawn is kept."
    if getattr(error.orig, "sqlite_errorcode", 0) & 0xFF in _BUSY:
        return (
            "End what holds its files in history and schedules (a backup, a sync client, a hanging process), then run "
            "again: what was drawn is kept."
        )
    return (
        "Check that this user may write to it, and that its disk is not full. If it is damaged, restore it from a "
        "backup; without one, move its folders history and schedules away and start anew: pictures and records stay "
        "in the workspace."
    )
