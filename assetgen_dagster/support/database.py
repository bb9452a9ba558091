"""PostgreSQL as our own code reaches it: its address, a session, and in plain words why there is none.

Dagster's storage has connections of its own; ours are for the doctor, for what all runs share of paying and, on several
machines, for the lock and the workers' claims. No transaction of ours is longer than a few statements.
"""

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from assetgen_dagster.errors import AssetgenError, Code
from assetgen_dagster.support.redact import redact

if TYPE_CHECKING:
    from psycopg2.extensions import connection
    from sqlalchemy import URL

SETTING = "ASSETGEN_POSTGRES_URL"

#: Longest time for a connection to be made.
CONNECT_SECONDS = 5

_SCHEMES = ("postgresql://", "postgres://", "postgresql+psycopg2://")

#: What PostgreSQL and its client say, the code of that, and what follows for a user; the first that fits counts.
_CAUSES = (
    (("password authentication failed", "no password supplied", "fe_sendauth"), Code.POSTGRES_LOGIN,
     "does not accept user or password", f"Set both in {SETTING} (special characters as %XX)."),
    (("pg_hba.conf", "SSL", "certificate"), Code.POSTGRES_ACCESS,
     "does not let this machine in", f"Allow it in the server's pg_hba.conf, or add ?sslmode=require to {SETTING}."),
    (("too many", "connection slots"), Code.POSTGRES_CONNECTIONS,
     "has no connection left", "Raise its max_connections, or end other programs."),
    (("starting up", "shutting down", "recovery mode"), Code.POSTGRES_UNREACHABLE,
     "is not ready", "Wait until it is, then try again."),
    (("role ",), Code.POSTGRES_LOGIN,
     "does not know the user", f"Set the user in {SETTING}, or create it: createuser NAME."),
    (("database ",), Code.POSTGRES_DATABASE,
     "has no such database", f"Create it (createdb NAME), or set another in {SETTING}."),
    (("translate host name",), Code.POSTGRES_UNREACHABLE,
     "cannot be found", f"Check the host's name in {SETTING}."),
    (("refused", "timeout", "No such file", "closed the connection", "unreachable", "No route"),
     Code.POSTGRES_UNREACHABLE,
     "does not answer", f"Start it, or check host and port in {SETTING}."),
)  # fmt: skip


class DatabaseError(AssetgenError):
    """PostgreSQL cannot be used as it is set up."""


def clean_url(value: str) -> str:
    """Returns the address in the one form that libpq and SQLAlchemy read alike.

    Raises:
        ValueError: It is no address of a PostgreSQL database; the message does not repeat it, for it has a password.
    """
    from psycopg2 import ProgrammingError  # noqa: PLC0415 - only where PostgreSQL is used
    from psycopg2.extensions import parse_dsn  # noqa: PLC0415
    from sqlalchemy.exc import ArgumentError  # noqa: PLC0415

    wrong = (
        "has to be of the form postgresql://HOST:PORT/DATABASE, with USER:PASSWORD@ before HOST (special ones as %XX)"
    )
    text = value.strip()
    scheme = next((scheme for scheme in _SCHEMES if text.startswith(scheme)), None)
    if scheme is None:
        raise ValueError(wrong)
    url = _SCHEMES[0] + text.removeprefix(scheme)
    try:
        parsed = _parsed(url)
        # An @ in the password would make the rest of it part of the host, which messages show.
        named = parse_dsn(url).get("dbname") and parsed.database and "@" not in (parsed.host or "")
    except (ProgrammingError, ArgumentError, ValueError):
        named = None
    if not named:
        raise ValueError(wrong)
    return url


def password_of(url: str) -> str | None:
    """Returns the password in an address, to be kept out of what is shown."""
    return _parsed(url).password


def where(url: str) -> str:
    """Returns a database's address for messages, without user and password."""
    parsed = _parsed(url)
    host = parsed.host or parsed.query.get("host") or "this machine"
    return f"{host}:{parsed.port or 5432}/{parsed.database}"


def same_database(one: str, other: str) -> bool:
    """Returns whether two addresses lead to the same database, apart from user and driver."""
    return where(one) == where(other)


def connect(url: str, *, name: str, options: Mapping[str, str | int] | None = None) -> "connection":
    """Opens a session in which every statement is a transaction of its own.

    Args:
        url: As ``clean_url`` returns it.
        name: What the session is called in ``pg_stat_activity``.
        options: Further parameters of libpq.

    Raises:
        DatabaseError: There is no session to be had; the message says why and what to do.
    """
    import psycopg2  # noqa: PLC0415

    parameters: dict[str, Any] = {"connect_timeout": CONNECT_SECONDS, "application_name": name} | dict(options or {})
    try:
        session: connection = psycopg2.connect(url, **parameters)
    except psycopg2.Error as error:
        raise unreachable(url, error) from None
    session.autocommit = True
    return session


def unreachable(url: str, error: Exception) -> DatabaseError:
    """Returns what a user is told of an error of the driver."""
    said = " ".join(redact(str(error)).split())
    for words, code, what, remedy in _CAUSES:
        if any(word in said for word in words):
            return DatabaseError(f"PostgreSQL at {where(url)} {what}. {remedy}", code=code)
    return DatabaseError(
        f"PostgreSQL at {where(url)} cannot be used: {said[:300]}. Check {SETTING}.", code=Code.POSTGRES
    )


def check_reachable(url: str) -> None:
    """Does nothing if the database takes connections.

    Raises:
        DatabaseError: It does not.
    """
    connect(url, name="assetgen").close()


def name_sessions(name: str) -> None:
    """Sets application_name for later sessions, so that pg_stat_activity shows which run owns each."""
    os.environ["PGAPPNAME"] = name[:63]


def in_schema(url: str, schema: str) -> str:
    """Returns the address of a schema of its own in the same database."""
    parsed = _parsed(url)
    given = parsed.query.get("options", "")
    options = " ".join([*([given] if isinstance(given, str) else given), f"-csearch_path={schema}"]).strip()
    return parsed.update_query_dict({"options": options}).render_as_string(hide_password=False)


def empty_schema(url: str, schema: str) -> str:
    """Makes a schema, removes an earlier one of that name, and returns its address.

    Raises:
        DatabaseError: The database cannot be used, or the user may not make schemas in it.
    """
    import psycopg2  # noqa: PLC0415

    session = connect(url, name="assetgen")
    try:
        with session.cursor() as cursor:
            cursor.execute(f"DROP SCHEMA IF EXISTS {schema} CASCADE")
            cursor.execute(f"CREATE SCHEMA {schema}")
    except psycopg2.Error as error:
        raise unreachable(url, error) from None
    finally:
        session.close()
    return in_schema(url, schema)


def _parsed(url: str) -> "URL":
    from sqlalchemy import make_url  # noqa: PLC0415

    return make_url(url)
