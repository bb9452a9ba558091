"""A project's lock across machines: real sessions on a real server, some of which break."""

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg2
import pytest
from PIL import Image

from assetgen_dagster.drawing import recovery
from assetgen_dagster.drawing.attempt import Attempts
from assetgen_dagster.project import postgres_lock
from assetgen_dagster.project.file_lock import ProjectBusyError
from assetgen_dagster.project.key import ProjectKey
from assetgen_dagster.project.liveness import HANDOVER_SECONDS
from assetgen_dagster.project.postgres_lock import PostgresLock, ProjectLostError, held_keys, lock_key
from assetgen_dagster.project.records import RecordStore, SpendKind
from assetgen_dagster.providers.cli_script import output_files
from assetgen_emulators.gemini import Call, GeminiEmulator
from tests.helpers.harness import Core, billed_usd, manifest_of
from tests.helpers.postgres import PostgresServer, running_postgres
from tests.integration.drawing.test_money import attempts, call

KEY, OTHER = ProjectKey("poke1", "vid_123"), ProjectKey("poke1", "vid_124")

HOLDER = """
import sys, time
from pathlib import Path
from assetgen_dagster.project.liveness import HANDOVER_SECONDS
from assetgen_dagster.project.postgres_lock import PostgresLock
from assetgen_dagster.project.key import ProjectKey
lock = PostgresLock(sys.argv[1], ProjectKey("poke1", "vid_123"), run_id="the_other_run", holder=Path(sys.argv[2]))
lock.acquire()
print("locked", flush=True)
time.sleep(60)
"""

Make = Callable[..., PostgresLock]


@pytest.fixture
def make(postgres_url: str, tmp_path: Path) -> Iterator[Make]:
    """Makes locks on one project; each is released at the end."""
    made: list[PostgresLock] = []

    def lock(run_id: str, key: ProjectKey = KEY, url: str = postgres_url) -> PostgresLock:
        made.append(PostgresLock(url, key, run_id=run_id, holder=tmp_path / f"{key.project}.json"))
        return made[-1]

    yield lock
    for one in made:
        one.release()


def sessions(server: PostgresServer, run_id: str) -> list[int]:
    statement = "SELECT pid FROM pg_stat_activity WHERE application_name = %s"
    return [pid for (pid,) in server.query(statement, f"assetgen lock {run_id}")]


def cut(server: PostgresServer, run_id: str) -> None:
    """Breaks a holder's session, as a restart of the server or a failing network does."""
    [pid] = sessions(server, run_id)
    server.query("SELECT pg_terminate_backend(%s, 5000)", pid)


def test_a_projects_number_is_the_same_on_every_machine() -> None:
    assert lock_key(KEY) == -4741401136720687906
    assert lock_key(KEY) != lock_key(OTHER)


def test_a_second_run_is_told_which_run_on_which_machine_has_the_project(make: Make) -> None:
    make("first").acquire()
    with pytest.raises(ProjectBusyError, match=rf"Run first \(process {os.getpid()} on .+\)"):
        make("second").acquire()
    make("second", OTHER).acquire()


def test_a_released_project_is_free_at_once_for_the_next_run(make: Make, postgres_url: str) -> None:
    first = make("first")
    first.acquire()
    assert held_keys(postgres_url, [KEY, OTHER]) == {KEY}
    first.release()
    assert held_keys(postgres_url, [KEY, OTHER]) == set()
    begun = time.monotonic()
    make("second").acquire()
    assert time.monotonic() - begun < HANDOVER_SECONDS


def test_a_killed_holder_frees_the_project_and_its_successor_leaves_it_time_to_be_dead(
    make: Make, postgres_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    command = [sys.executable, "-c", HOLDER, postgres_url, str(tmp_path / "vid_123.json")]
    holder = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert holder.stdout is not None
    assert holder.stdout.readline() == "locked\n"
    with pytest.raises(ProjectBusyError, match="the_other_run"):
        make("ours").acquire()
    holder.send_signal(signal.SIGKILL)
    holder.wait()
    monkeypatch.setattr(postgres_lock, "HANDOVER_SECONDS", 0.5)
    begun = time.monotonic()
    make("ours").acquire()
    assert 0.5 <= time.monotonic() - begun < 5


def test_a_holder_whose_session_breaks_has_the_project_again_if_nobody_took_it(
    make: Make, postgres: PostgresServer
) -> None:
    lock = make("first")
    lock.acquire()
    cut(postgres, "first")
    lock.ensure()
    lock.ensure()
    with pytest.raises(ProjectBusyError):
        make("second").acquire()


def test_an_idle_holder_notices_by_itself(
    postgres_url: str, make: Make, postgres: PostgresServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgres_lock, "HEARTBEAT_SECONDS", 0.05)
    make("first").acquire()
    cut(postgres, "first")
    deadline = time.monotonic() + 10
    while held_keys(postgres_url, [KEY]) != {KEY}:
        assert time.monotonic() < deadline


def test_a_holder_that_was_superseded_never_has_the_project_again(
    make: Make, postgres: PostgresServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgres_lock, "HANDOVER_SECONDS", 0.0)
    monkeypatch.setattr(postgres_lock, "HEARTBEAT_SECONDS", 60)
    first, second = make("first"), make("second")
    first.acquire()
    cut(postgres, "first")
    second.acquire()
    with pytest.raises(ProjectLostError, match="Run second"):
        first.ensure()
    second.release()
    with pytest.raises(ProjectLostError, match="Run second"):
        first.ensure()


def test_a_lost_project_is_written_no_more(core: Core, gemini: GeminiEmulator) -> None:
    def lost() -> None:
        raise ProjectLostError("lost")

    core.draw()
    before, store = core.paths.records.read_bytes(), RecordStore(core.paths.records, lost)
    with pytest.raises(ProjectLostError), store.change() as records:
        records.rounds.clear()
    left = Attempts(store=store, paths=core.paths, settings=core.settings, run_id="run0")
    intent = left._intent(call(core))
    staging = core.paths.absolute(intent.staging)
    Image.new("RGB", (512, 512)).save(staging, "JPEG")
    received = staging.read_bytes()
    with pytest.raises(ProjectLostError):
        left.finish(intent)
    with pytest.raises(ProjectLostError):
        recovery.clean_staging(core.paths, store)
    assert staging.read_bytes() == received  # neither made a PNG nor swept away
    assert core.paths.records.read_bytes() == before


def test_a_session_that_the_server_still_takes_for_alive_does_not_keep_its_own_run_out(
    make: Make, postgres: PostgresServer, postgres_url: str
) -> None:
    lock = make("first")
    lock.acquire()
    with contextlib.closing(psycopg2.connect(postgres_url, application_name="assetgen lock first")) as ghost:
        cut_first = [pid for pid in sessions(postgres, "first") if pid != ghost.get_backend_pid()]
        ghost.autocommit = True
        with ghost.cursor() as cursor:  # it waits in line, and has the lock the moment that ours breaks
            waits = threading.Thread(target=lambda: cursor.execute(f"SELECT pg_advisory_lock({lock_key(KEY)})"))
            waits.start()
            postgres.query("SELECT pg_terminate_backend(%s, 5000)", *cut_first)
            waits.join()
        lock.ensure()
        with pytest.raises(psycopg2.Error):
            ghost.cursor().execute("SELECT 1")


def test_a_server_that_stays_away_ends_the_hold_with_the_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, make: Make
) -> None:
    monkeypatch.setattr(postgres_lock, "REGAIN_SECONDS", 1.0)
    with running_postgres() as server:
        lock = make("first", url=server.url("postgres"))
        lock.acquire()
        server.stop(kill=True)
        with pytest.raises(ProjectLostError, match=r"within 1 s\. PostgreSQL at .* does not answer"):
            lock.ensure()


def test_the_session_is_idle_and_holds_no_transaction(make: Make, postgres: PostgresServer) -> None:
    make("first").acquire()
    statement = "SELECT state, xact_start FROM pg_stat_activity WHERE application_name = 'assetgen lock first'"
    for _ in range(20):
        [(state, transaction)] = postgres.query(statement)
        assert (state, transaction) == ("idle", None)


# --- while pictures are drawn ----------------------------------------------------------------------------------------


@pytest.fixture
def several(monkeypatch: pytest.MonkeyPatch, postgres_url: str) -> None:
    monkeypatch.setenv("ASSETGEN_MACHINES", "several")
    monkeypatch.setenv("ASSETGEN_POSTGRES_URL", postgres_url)


def in_flight(count: int) -> Callable[[list[Call]], bool]:
    return lambda calls: sum(call.in_flight for call in calls) == count


def test_a_server_that_restarts_while_pictures_are_drawn_costs_nothing(
    several: None, core: Core, gemini: GeminiEmulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    gemini.set_latency(1)
    with running_postgres() as server, ThreadPoolExecutor() as threads:
        monkeypatch.setenv("ASSETGEN_POSTGRES_URL", server.url("postgres"))
        drawing = threads.submit(core.draw)
        gemini.wait_for(in_flight(3), timeout=30)
        server.stop(kill=True)
        server.start()
        assert drawing.result().summary.generated == 3
    assert len(gemini.journal()) == 3
    assert core.confirmed_usd() == pytest.approx(billed_usd(gemini.journal()))


def test_a_run_that_was_superseded_starts_nothing_more_and_what_it_had_in_flight_is_adopted(
    several: None, core: Core, gemini: GeminiEmulator, postgres: PostgresServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgres_lock, "HEARTBEAT_SECONDS", 60)  # it finds out when it wants to write
    monkeypatch.setattr(postgres_lock, "HANDOVER_SECONDS", 0.1)
    monkeypatch.setenv("ASSETGEN_IMAGE_CONCURRENCY", "2")
    core.manifest = manifest_of(5)
    gemini.set_latency(2)
    with ThreadPoolExecutor() as threads:
        first = threads.submit(core.draw)
        gemini.wait_for(in_flight(2), timeout=30)
        cut(postgres, "run1")
        second = threads.submit(core.draw)
        with pytest.raises(ProjectLostError, match="Run run2"):
            first.result()
        gemini.set_latency(0)
        assert second.result().summary.generated == 3
    assert len(core.files()) == 5
    assert [call.outcome for call in gemini.journal()] == ["ok"] * 5
    assert core.confirmed_usd() == pytest.approx(billed_usd(gemini.journal()))
    assert core.possibly_billed_usd() == 0


@pytest.mark.parametrize("finishes", [True, False])
def test_a_script_on_another_machine_is_waited_for_though_its_lock_cannot_be_seen(
    several: None, core: Core, gemini: GeminiEmulator, monkeypatch: pytest.MonkeyPatch, *, finishes: bool
) -> None:
    monkeypatch.setenv("ASSETGEN_IMAGE_TIMEOUT_SECONDS", "60" if finishes else "2")
    monkeypatch.setattr(recovery, "_GRACE_SECONDS", 0.5)
    left = attempts(core)
    intent = left._intent(call(core)).model_copy(update={"host": "another_machine"})
    with left.store.change() as records:
        records.intents[intent.token] = intent
    for path in output_files(left._log_path(intent)):
        path.touch()  # it has begun
    begun = time.monotonic()
    with ThreadPoolExecutor() as threads:
        drawing = threads.submit(core.draw)
        time.sleep(1)  # the other machine's work, which nothing here can see
        if finishes:
            Image.effect_noise((1344, 768), 50).save(core.paths.absolute(intent.staging))
        drawing.result()
    [spend] = [spend for spend in core.records.spends if spend.token == intent.token]
    assert spend.kind is (SpendKind.CONFIRMED if finishes else SpendKind.POSSIBLY_BILLED)
    assert finishes or time.monotonic() - begun >= 3
