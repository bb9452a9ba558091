"""A project's lock that holds across machines: an advisory lock of PostgreSQL, owned by an idle session.

The server frees it when the session ends: with its holder, or a few seconds after the holder's machine went silent. The
session holds no transaction. It may break while its holder lives (the server restarts, the network fails); until the
lock is regained, the run writes and starts nothing. Two rules make that safe:

- Each holder writes its run beside the project's records. A run that finds another one there was superseded.
- A run that takes a project whose last holder did not release it waits until that holder must have noticed.
"""

import contextlib
import hashlib
import json
import os
import socket
import threading
import time
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import structlog

from assetgen_dagster.errors import Code, OneCodeError
from assetgen_dagster.project.file_lock import busy
from assetgen_dagster.project.key import ProjectKey
from assetgen_dagster.project.liveness import HANDOVER_SECONDS, HEARTBEAT_SECONDS, REGAIN_SECONDS, SILENCE_SECONDS
from assetgen_dagster.project.workspace import unwritable
from assetgen_dagster.support.database import DatabaseError, connect, unreachable
from assetgen_dagster.support.files import write_atomically

if TYPE_CHECKING:
    from psycopg2.extensions import connection

_RETRY_SECONDS = 0.25

_log = structlog.get_logger()


class ProjectLostError(OneCodeError):
    """The run has lost its project's lock for good; another run may be drawing the same pictures."""

    code = Code.LOCK_LOST


class PostgresLock:
    """One project, held by one run.

    Args:
        url: The database.
        key: The project.
        run_id: The run that holds it.
        holder: The file beside the project's records that names the holder.
    """

    def __init__(self, url: str, key: ProjectKey, *, run_id: str, holder: Path) -> None:
        self._url = url
        self._key = lock_key(key)
        self._run_id = run_id
        self._holder = holder
        self._session: connection | None = None
        self._lost: ProjectLostError | None = None
        self._one_at_a_time = threading.RLock()
        self._over = threading.Event()

    def acquire(self) -> None:
        """Takes the lock, and keeps it alive until it is released.

        Raises:
            ProjectBusyError: Another run holds it.
            DatabaseError: PostgreSQL cannot be used.
            WorkspaceError: The holder's file cannot be written.
        """
        session = self._open()
        if not self._take(session):
            session.close()
            raise busy(self._read_holder())
        self._session = session
        last = self._read_holder()
        try:
            self._write_holder(released=False)
        except OSError as error:
            session.close()
            raise unwritable(self._holder, error) from error
        if last and not last.get("released") and last.get("run_id") != self._run_id:
            self._over.wait(HANDOVER_SECONDS)
        threading.Thread(target=self._keep_alive, name="lock", daemon=True).start()

    def ensure(self) -> None:
        """Checks that we hold the lock; regains a lost one if no other run held it meanwhile.

        Raises:
            ProjectLostError: The lock is lost for good.
        """
        with self._one_at_a_time:
            if self._lost is not None:
                raise self._lost
            if not self._alive():
                self._regain()

    def release(self) -> None:
        """Releases the lock, and notes that beside the records."""
        self._over.set()
        with self._one_at_a_time:
            if self._lost is None and self._session is not None and self._alive():
                with contextlib.suppress(OSError):
                    self._write_holder(released=True)
            if self._session is not None:
                self._session.close()
            self._session, self._lost = None, ProjectLostError("The lock was released.")

    def _open(self) -> "connection":
        alive = {"keepalives_idle": SILENCE_SECONDS // 2, "keepalives_interval": 2, "keepalives_count": 3}
        session = connect(
            self._url,
            name=f"assetgen lock {self._run_id}",
            options=alive | {"tcp_user_timeout": SILENCE_SECONDS * 1000},
        )
        settings = {f"tcp_{name}": value for name, value in alive.items()}  # the same for the server's end
        if session.server_version >= 140000:
            settings["idle_session_timeout"] = 0
        with session.cursor() as cursor:
            for name, value in settings.items():
                cursor.execute(f"SET {name} = {value}")
        return session

    def _take(self, session: "connection") -> bool:
        with session.cursor() as cursor:
            cursor.execute("SELECT pg_try_advisory_lock(%s)", (self._key,))
            return cursor.fetchone() == (True,)

    def _alive(self) -> bool:
        import psycopg2  # noqa: PLC0415 - only where PostgreSQL is used

        if self._session is None:
            return False
        try:
            with self._session.cursor() as cursor:
                cursor.execute("SELECT 1")
        except psycopg2.Error:
            with contextlib.suppress(psycopg2.Error):
                self._session.close()
            self._session = None
            return False
        return True

    def _regain(self) -> None:
        """Takes the lock again, or raises if it is lost for good."""
        import psycopg2  # noqa: PLC0415

        _log.warning("project_lock_broken")
        deadline = time.monotonic() + REGAIN_SECONDS
        why = ""
        while time.monotonic() < deadline:
            try:
                session = self._open()
                if self._take(session):
                    break
                self._end_own_session(session)
                session.close()
            except psycopg2.Error as error:
                why = str(unreachable(self._url, error))
            except DatabaseError as error:
                why = error.message
            if self._superseded():
                break
            time.sleep(_RETRY_SECONDS)
        else:
            raise self._lose(f"PostgreSQL did not give it back within {REGAIN_SECONDS:g} s. {why}".rstrip())
        if self._superseded():
            raise self._lose(busy(self._read_holder()).message)
        self._session = session
        _log.info("project_lock_regained")

    def _end_own_session(self, session: "connection") -> None:
        """Terminates an earlier session of this run that the server still considers alive."""
        with session.cursor() as cursor:
            cursor.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE application_name = current_setting('application_name') AND pid <> pg_backend_pid()"
            )

    def _lose(self, why: str) -> ProjectLostError:
        self._lost = ProjectLostError(
            f"This run lost its lock on the project and stopped: {why} What was in flight is kept for the next run."
        )
        return self._lost

    def _keep_alive(self) -> None:
        while not self._over.wait(HEARTBEAT_SECONDS):
            try:
                self.ensure()
            except ProjectLostError:
                return

    def _superseded(self) -> bool:
        return self._read_holder().get("run_id") != self._run_id

    def _read_holder(self) -> dict[str, Any]:
        try:
            found = json.loads(self._holder.read_bytes())
        except (OSError, ValueError):
            return {}
        return found if isinstance(found, dict) else {}

    def _write_holder(self, *, released: bool) -> None:
        about = {"run_id": self._run_id, "host": socket.gethostname(), "pid": os.getpid(), "released": released}
        write_atomically(self._holder, json.dumps(about).encode())


def lock_key(key: ProjectKey) -> int:
    """Returns the key of a project's advisory lock: a signed 64-bit integer."""
    digest = hashlib.sha256(f"assetgen project {key}".encode()).digest()
    return int.from_bytes(digest[:8], "big", signed=True)


def held_keys(url: str, keys: Iterable[ProjectKey]) -> set[ProjectKey]:
    """Returns the projects whose lock is held in a database.

    Raises:
        DatabaseError: The query failed.
    """
    import psycopg2  # noqa: PLC0415

    wanted = {lock_key(key): key for key in keys}
    if not wanted:
        return set()
    session = connect(url, name="assetgen")
    try:
        with session.cursor() as cursor:
            cursor.execute(
                "SELECT (classid::bigint << 32) | objid::bigint FROM pg_locks WHERE locktype = 'advisory' AND granted "
                "AND objsubid = 1 AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
            )
            return {wanted[number] for (number,) in cursor.fetchall() if number in wanted}
    except psycopg2.Error as error:
        raise unreachable(url, error) from None
    finally:
        session.close()
