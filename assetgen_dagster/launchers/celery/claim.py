"""Which worker carries out a run: the first that says so in PostgreSQL.

A broker delivers at least once: a run may reach two workers, such as when the broker died after it had taken the run
and before it could answer. Dagster notices when the first has begun, but not when two begin at the same moment.
"""

import contextlib
import os
import socket
from collections.abc import Iterable

import psycopg2

from assetgen_dagster.project.liveness import CLAIM_DAYS
from assetgen_dagster.support.database import connect, unreachable

_LOCK = 0x61737268  # of making this table, in PostgreSQL's advisory locks
_TABLE = "assetgen_claims"


def claim_ages(url: str, run_ids: Iterable[str]) -> dict[str, float]:
    """Returns for how many seconds, by the database's clock, those of the runs are claimed that are.

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
            return {}  # no worker has claimed one yet
        except psycopg2.Error as error:
            raise unreachable(url, error) from None


def claim(url: str, run_id: str) -> bool:
    """Returns whether the caller is to carry out a run: once for each run, whoever asks how often.

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
