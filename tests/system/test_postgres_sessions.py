"""The story's rule of short transactions, as PostgreSQL sees it: looked at every 100 ms while pictures are drawn."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg2
import pytest

from assetgen_dagster.support.database import where
from assetgen_emulators.gemini import GeminiEmulator
from tests.helpers import commands
from tests.helpers.harness import manifest_of, write_project
from tests.helpers.postgres import PostgresServer

pytestmark = pytest.mark.slow

PICTURE_SECONDS = 1.5

_LOOK = """
    SELECT pid, application_name, state, extract(epoch FROM clock_timestamp() - backend_start)::float8,
           coalesce(extract(epoch FROM clock_timestamp() - xact_start)::float8, 0)
      FROM pg_stat_activity WHERE datname = %s AND state <> 'starting' -- has no name yet
"""


@dataclass(frozen=True)
class Session:
    pid: int
    name: str
    state: str
    age: float
    transaction: float


Sample = tuple[float, list[Session]]


@contextmanager
def looked_at(server: PostgresServer, url: str) -> Iterator[list[Sample]]:
    """Collects who has a session in a database, every 100 ms."""
    samples: list[Sample] = []
    over = threading.Event()
    database = where(url).rpartition("/")[2]

    def look() -> None:
        with closing(psycopg2.connect(server.url("postgres"))) as connection, connection.cursor() as cursor:
            connection.autocommit = True
            while not over.wait(0.1):
                cursor.execute(_LOOK, (database,))
                samples.append((time.time(), [Session(*row) for row in cursor.fetchall()]))

    thread = threading.Thread(target=look)
    thread.start()
    try:
        yield samples
    finally:
        over.set()
        thread.join()


@pytest.fixture
def drawing(
    postgres: PostgresServer, postgres_url: str, gemini: GeminiEmulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[[int], list[list[Session]]]:
    """Draws so many pictures of a second each in a process of its own; returns who had sessions meanwhile."""

    def draw(pictures: int) -> list[list[Session]]:
        write_project(tmp_path / "workspace", manifest_of(pictures))
        monkeypatch.setenv("ASSETGEN_POSTGRES_URL", postgres_url)
        gemini.set_latency(PICTURE_SECONDS)
        with looked_at(postgres, postgres_url) as samples:
            done = commands.run("generate", "--channel", "poke1", "--project", "vid_123")
        assert done.returncode == 0, done.stderr
        # Of the whole run, its start and its end too.
        assert max(session.transaction for _, sessions in samples for session in sessions) < 1
        calls = gemini.journal()
        assert len(calls) == pictures
        first, last = min(call.arrived_at for call in calls), max(call.finished_at or 0 for call in calls)
        return [sessions for at, sessions in samples if first < at < last]

    return draw


def test_a_run_holds_no_session_while_it_draws_and_no_transaction_lasts_a_second(
    drawing: Callable[[int], list[list[Session]]],
) -> None:
    samples = drawing(22)
    seen = [session for sessions in samples for session in sessions]
    assert len(samples) > 20
    # Dagster's own, and the looks of the admission before a call (pause, quota, budget).
    assert {" ".join(session.name.split()[:2]) for session in seen} <= {"assetgen run", "assetgen paying"}
    assert any(session.name.startswith("assetgen run ") for session in seen)
    # None lasts as long as a picture does, and much of the time there is none.
    assert max(session.age for session in seen) < PICTURE_SECONDS
    assert sum(not sessions for sessions in samples) > len(samples) / 4


def test_on_several_machines_a_run_holds_one_idle_session_more_the_locks(
    drawing: Callable[[int], list[list[Session]]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ASSETGEN_MACHINES", "several")
    samples = drawing(4)
    locks = [[session for session in sessions if session.name.startswith("assetgen lock ")] for sessions in samples]
    assert {len(sessions) for sessions in locks} == {1}
    assert len({session.pid for [session] in locks}) == 1
    assert not any(session.state == "idle in transaction" for [session] in locks)
    others = [session for sessions in samples for session in sessions if session.name.startswith("assetgen run ")]
    assert max((session.age for session in others), default=0) < PICTURE_SECONDS
