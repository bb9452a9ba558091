"""Checks PostgreSQL, if runs are kept there: the server first, then Dagster's tables."""

import contextlib
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from assetgen_dagster.cli.dagster_home import open_instance
from assetgen_dagster.cli.doctor.finding import Finding, broken
from assetgen_dagster.errors import AssetgenError
from assetgen_dagster.settings import Settings
from assetgen_dagster.support.database import SETTING, connect, same_database, where

if TYPE_CHECKING:
    from dagster import DagsterInstance
    from psycopg2.extensions import cursor

_NAME = "PostgreSQL"

#: Major version; older ones get no more fixes.
_OLDEST = 13

#: Services, three runs and the UI used at most 14 at once when measured.
_CONNECTIONS = 20

#: Tolerated difference between this machine's clock and the server's: ages of runs and calls are computed from both.
_SKEW_SECONDS = 5.0


def examine_server(settings: Settings) -> list[Finding]:
    """Checks the server, the user's rights and the clock; creates no table."""
    url = settings.database or ""
    try:
        session = connect(url, name="assetgen doctor")
    except AssetgenError as error:
        return [broken(_NAME, error)]
    with contextlib.closing(session), session.cursor() as asked:
        version = session.server_version // 10000
        faults = list(_faults(asked, version))
    usable = Finding(_NAME, True, f"Version {version} at {where(url)} can be used.")
    return faults or [usable]


def examine_storage(settings: Settings) -> list[Finding]:
    """Checks Dagster's tables; creates missing ones, as every command does."""
    try:
        with open_instance(settings) as instance:
            return [_tables(instance, settings.database or "")]
    except AssetgenError:
        return []  # the check of Dagster reports it


def _faults(asked: "cursor", version: int) -> Iterator[Finding]:
    def fault(detail: str, remedy: str) -> Finding:
        return Finding(_NAME, False, detail, remedy)

    if version < _OLDEST:
        yield fault(f"The server's version is {version}.", f"Update it to {_OLDEST} or later.")
    begun = time.time()
    schema, may_create, role, database, server_time = _row(
        asked,
        "SELECT current_schema(), has_schema_privilege(current_schema(), 'CREATE'), current_user, current_database(), "
        "extract(epoch FROM clock_timestamp())::float8",
    )
    skew = max(begun - server_time, server_time - time.time(), 0.0)
    if skew > _SKEW_SECONDS:
        yield fault(f"This machine's clock and the server's are {skew:.0f} s apart.", "Set both by NTP.")
    if not may_create:
        grant = f'GRANT CREATE ON SCHEMA {schema or "public"} TO "{role}";'
        yield fault(f"The user {role} may not create tables in {database}.", f"As the database's owner: {grant}")
    if _row(asked, "SELECT pg_is_in_recovery() OR current_setting('default_transaction_read_only')::bool")[0]:
        yield fault("The database is read-only: a replica, or set to be.", f"Set {SETTING} to the primary.")
    used, limit = _row(asked, _HEADROOM)
    if limit - used < _CONNECTIONS:
        text = f"{limit - used} of {limit} connections are free, {_CONNECTIONS} may be needed."
        yield fault(text, "Raise max_connections (or the limit of user or database), or end other programs.")


#: Connections in use and allowed, by the tightest of the three limits.
_HEADROOM = """
    SELECT used, allowed FROM (
        SELECT count(*) AS used,
               current_setting('max_connections')::int
               - current_setting('superuser_reserved_connections')::int AS allowed
          FROM pg_stat_activity WHERE backend_type = 'client backend'
        UNION ALL
        SELECT count(*), (SELECT rolconnlimit FROM pg_roles WHERE rolname = current_user)
          FROM pg_stat_activity WHERE usename = current_user
        UNION ALL
        SELECT count(*), (SELECT datconnlimit FROM pg_database WHERE datname = current_database())
          FROM pg_stat_activity WHERE datname = current_database()
    ) AS limits WHERE allowed >= 0 ORDER BY allowed - used LIMIT 1
"""


def _row(asked: "cursor", statement: str) -> tuple[Any, ...]:
    asked.execute(statement)
    [found] = asked.fetchall()
    return tuple(found)


def _tables(instance: "DagsterInstance", url: str) -> Finding:
    from dagster_postgres import PostgresEventLogStorage  # noqa: PLC0415 - takes a while to import

    storage = instance.event_log_storage
    if not isinstance(storage, PostgresEventLogStorage):
        text = f"Dagster keeps events in a {type(storage).__name__}, not in the database of {SETTING}."
        return Finding(_NAME, False, text, f"Correct the storage in {instance.root_directory}/dagster.yaml.")
    if not same_database(storage.postgres_url, url):
        text = f"Dagster keeps its runs in {where(storage.postgres_url)}, {SETTING} names {where(url)}."
        remedy = f"Correct one of them; the first is in {instance.root_directory}/dagster.yaml."
        return Finding(_NAME, False, text, remedy)
    found, wanted = storage.alembic_version() or (None, None)
    if found != wanted:
        text = f"Dagster's tables have another version ({found}) than this Dagster needs ({wanted})."
        remedy = f"Stop all services, back the database up, then: DAGSTER_HOME={instance.root_directory} .venv/bin/"
        return Finding(_NAME, False, text, f"{remedy}dagster instance migrate.")
    return Finding(_NAME, True, "Dagster's tables are up to date.")
