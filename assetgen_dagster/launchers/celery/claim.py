"""Claims: the first worker that inserts a row in PostgreSQL executes the run.

A broker delivers at least once: a run may reach two workers, for example if the broker died after accepting the run
and before acknowledging it. Dagster notices a run that has started, but not two workers that start at the same moment.
"""

import contextlib
import os
import socket
from collections.abc import Iterable

import psycopg2

from assetgen_dagster.project.liveness import CLAIM_DAYS
from assetgen_dagster.support.database import connect, unreachable

_LOCK = 0x61737268  # advisory lock for creating the table
_TABLE = "assetgen_claims"


def claim_ages(url: str, run_ids: Iterable[str]) -> dict[str, float]:
    """Returns the age in seconds of each claim on these runs, by the database's clock; unclaimed runs are absent.

    Raises:
        DatabaseError: PostgreSQL cannot be used.
    """
    with contextlib.closing(connect(url, name="assetgen claim")) as session, session.cursor() as asked:
        try:
            asked.execute(
                f"SELECT run_id, extract(epoch FROM now() - claimed_at)::float8 FROM {_TABLE} WHERE run_id = ANY(%s)",  # noqa: S608
                (list(run_ids),),
            )
            return dict(asked.fetchall())
        except psycopg2.errors.UndefinedTable:
            return {}  # no worker has claimed a run yet
        except psycopg2.Error as error:
            raise unreachable(url, error) from None


def claim(url: str, run_id: str) -> bool:
    """Claims a run; returns True for the first caller only, who executes it.

    Raises:
        DatabaseError: PostgreSQL cannot be used.
    """
    holder = f"{socket.gethostname()}:{os.getpid()}"
    with contextlib.closing(connect(url, name="assetgen claim")) as session, session.cursor() as asked:
        try:
            asked.execute("BEGIN")
            asked.execute("SELECT pg_advisory_xact_lock(%s)", (_LOCK,))
            asked.execute(
                f"CREATE TABLE IF NOT EXISTS {_TABLE} "
                "(run_id text PRIMARY KEY, holder text NOT NULL, claimed_at timestamptz NOT NULL DEFAULT now())"
            )
            asked.execute(f"DELETE FROM {_TABLE} WHERE claimed_at < now() - interval '{CLAIM_DAYS} days'")  # noqa: S608
            asked.execute(
                f"INSERT INTO {_TABLE} (run_id, holder) VALUES (%s, %s) ON CONFLICT DO NOTHING",  # noqa: S608
                (run_id, holder),
            )
            first = bool(asked.rowcount == 1)
            asked.execute("COMMIT")
        except psycopg2.Error as error:
            raise unreachable(url, error) from None
    return first
