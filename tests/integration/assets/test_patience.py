"""A run whose database goes away: for seconds it goes on, for longer it ends as if killed, and the next one goes on."""

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path

import dagster as dg
import pytest

from assetgen_dagster.assets import patience
from assetgen_dagster.assets.keys import image_key
from assetgen_dagster.errors import AssetgenError, Code
from assetgen_emulators.gemini import GeminiEmulator
from tests.conftest import NO_TELEMETRY
from tests.helpers.harness import billed, billed_usd
from tests.helpers.postgres import PostgresServer
from tests.helpers.studio import Dagit

#: Ends the session within the statement; told again, the same statement passes.
_CUT = """
    CREATE SEQUENCE cuts;
    CREATE FUNCTION cut() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        IF nextval('cuts') %% 2 = 1 THEN
            PERFORM pg_terminate_backend(pg_backend_pid());
            PERFORM pg_sleep(5);
        END IF;
        RETURN NEW;
    END $$;
    CREATE TRIGGER cut AFTER INSERT OR UPDATE ON {table} FOR EACH ROW WHEN ({when}) EXECUTE FUNCTION cut();
"""


@pytest.mark.parametrize("storage", ["PostgreSQL"], indirect=True)
@pytest.mark.parametrize(
    ("table", "when"),
    [
        ("event_logs", "NEW.step_key = 'images' AND NEW.dagster_event_type <> 'ASSET_MATERIALIZATION_PLANNED'"),
        # The event itself is stored by then.
        ("asset_keys", "NEW.last_materialization IS NOT NULL"),
    ],
)
def test_a_session_that_ends_within_a_statement_ends_no_run_and_no_cost_is_told_twice(
    table: str,
    when: str,
    small: Dagit,
    gemini: GeminiEmulator,
    postgres: PostgresServer,
    postgres_url: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(patience, "_AGAIN_SECONDS", 0.0)
    postgres.query_in(postgres_url, _CUT.format(table=table, when=when).replace("%%", "%"))
    result = small.materialize()
    assert result.success
    assert len(billed(gemini.journal())) == 3
    assert [len(small.materializations(image_key(number))) for number in (1, 2, 3)] == [1, 1, 1]
    assert small.total(slots=4) == pytest.approx(billed_usd(gemini.journal()))


@pytest.mark.parametrize("storage", ["SQLite"], indirect=True)
def test_sqlite_that_stays_locked_ends_the_run_with_one_sentence_and_the_next_run_goes_on(
    small: Dagit, gemini: GeminiEmulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dagster._core.storage.event_log.sqlite.sqlite_event_log.SQLITE_BUSY_TIMEOUT_SECONDS", 0.1)
    monkeypatch.setattr(patience, "PATIENCE_SECONDS", 1.0)
    gemini.set_latency(1)
    with held(gemini, tmp_path / "dagster_home"), pytest.raises(AssetgenError) as ended:
        small.materialize()
    assert ended.value.code is Code.DAGSTER_DATABASE
    assert "database is locked" in str(ended.value)
    with dg.DagsterInstance.local_temp(str(tmp_path / "dagster_home"), overrides=NO_TELEMETRY) as instance:
        [run] = instance.get_runs()
        assert run.status is dg.DagsterRunStatus.STARTED, "it is reported as dead, and retried"
        later = Dagit(instance, small.workspace)
        assert later.materialize().success
        assert len(billed(gemini.journal())) == 3
        assert later.total(slots=4) == pytest.approx(billed_usd(gemini.journal()))


@contextmanager
def held(gemini: GeminiEmulator, home: Path) -> Iterator[None]:
    """Holds Dagster's files, as a backup might, from the moment at which three calls are in flight."""
    over = threading.Event()

    def hold() -> None:
        gemini.wait_for(lambda calls: sum(call.in_flight for call in calls) == 3)
        with ExitStack() as stack:
            for path in home.rglob("*.db"):
                session = stack.enter_context(closing(sqlite3.connect(path, isolation_level=None)))
                session.execute("BEGIN EXCLUSIVE")
            over.wait()

    thread = threading.Thread(target=hold)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
