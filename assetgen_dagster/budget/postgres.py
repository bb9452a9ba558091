"""What is shared by several machines: the switches, and the calls of the last minute, in PostgreSQL.

A session lasts as long as one look: none is held while pictures are drawn, and no transaction is longer than a few
statements.
"""

import contextlib
import logging
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

import psycopg
import psycopg2
from psycopg2.extras import Json as AsJson
from psycopg_pool import NullConnectionPool
from pyrate_limiter import AbstractBucket, PostgresBucket, Rate

from assetgen_dagster.budget.switches import Json, SwitchesUnavailableError, named
from assetgen_dagster.support.database import CONNECT_SECONDS, DatabaseError, connect, unreachable

if TYPE_CHECKING:
    from psycopg2.extensions import cursor

_NAME = "assetgen paying"
_TABLE = "assetgen_switches"
_LOCK = 0x61737367  # of this table's making and changing, in PostgreSQL's advisory locks
_SETTINGS = f"SET TIME ZONE 'UTC'; SET statement_timeout = '{CONNECT_SECONDS}s'"

# What these say of a database that is down, we say ourselves.
for _logger in ("psycopg.pool", "pyrate_limiter"):
    logging.getLogger(_logger).addHandler(logging.NullHandler())


class PostgresSwitches:
    """Switches in a table of the database.

    Args:
        url: The database's.
        table: Its name.
        unknown: What is unknown if the database cannot be used, for the message.
    """

    def __init__(self, url: str, table: str = _TABLE, unknown: str = "whether paying is paused") -> None:
        self._url = url
        self._table = table
        self._unknown = unknown

    def read(self) -> Mapping[str, Json]:
        """Returns every switch that is set."""
        with self._session() as session:
            try:
                return self._all(session)
            except psycopg2.errors.UndefinedTable:
                return {}  # none has been set yet

    def change(self, change: Callable[[dict[str, Json]], None]) -> None:
        """Lets ``change`` edit the switches."""
        with self._session() as session:
            session.execute("BEGIN")
            session.execute("SELECT pg_advisory_xact_lock(%s)", (_LOCK,))
            session.execute(f"CREATE TABLE IF NOT EXISTS {self._table} (name text PRIMARY KEY, value jsonb NOT NULL)")
            values = dict(self._all(session))
            change(values)
            session.execute(f"DELETE FROM {self._table}")  # noqa: S608 - a constant
            for name, value in values.items():
                session.execute(f"INSERT INTO {self._table} VALUES (%s, %s)", (name, AsJson(value)))  # noqa: S608
            session.execute("COMMIT")

    @contextlib.contextmanager
    def _session(self) -> Iterator["cursor"]:
        try:
            with contextlib.closing(connect(self._url, name=_NAME)) as connection, connection.cursor() as session:
                session.execute(_SETTINGS)
                yield session
        except DatabaseError as error:
            raise self._unavailable(error) from None
        except psycopg2.Error as error:
            raise self._unavailable(unreachable(self._url, error)) from None

    def _all(self, session: "cursor") -> Mapping[str, Json]:
        session.execute(f"SELECT name, value FROM {self._table}")  # noqa: S608 - a constant
        return named(dict(session.fetchall()))

    def _unavailable(self, error: DatabaseError) -> SwitchesUnavailableError:
        return SwitchesUnavailableError(f"{error.message} Nobody knows {self._unknown}.")


def in_postgres(url: str, fingerprint: str) -> Callable[[list[Rate]], AbstractBucket]:
    """Returns the opener of the slots that all machines share, by the database's clock."""

    def open_bucket(rates: list[Rate]) -> AbstractBucket:
        pool = _connections(url)
        try:
            return PostgresBucket(pool, f"key_{fingerprint}", rates)
        except BaseException:
            pool.close()
            raise

    return open_bucket


def _connections(url: str) -> Any:
    """Returns a pool for the library that holds nothing: it opens a session for each use, and closes it after that."""
    parameters = {"connect_timeout": CONNECT_SECONDS, "application_name": _NAME}
    return NullConnectionPool(
        url,
        kwargs=parameters,
        configure=_configure,
        max_size=2,
        num_workers=1,
        timeout=CONNECT_SECONDS,
        reconnect_timeout=0,
        open=True,
    )


def _configure(connection: "psycopg.Connection[Any]") -> None:
    connection.execute(_SETTINGS)  # the library's times bear no zone
    connection.commit()
