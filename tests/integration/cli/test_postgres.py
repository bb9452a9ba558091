"""``ASSETGEN_POSTGRES_URL``: what it may look like, what it switches, and what is said where it cannot be used."""

import contextlib
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg2
import pytest
import yaml
from dagster_postgres import PostgresEventLogStorage, PostgresRunStorage, PostgresScheduleStorage

from assetgen_dagster.cli.dagster_home import open_instance, prepare_dagster_home
from assetgen_dagster.cli.doctor.examine import examine
from assetgen_dagster.cli.doctor.postgres import examine_server
from assetgen_dagster.errors import AssetgenError
from assetgen_dagster.settings import PROJECT_ROOT, load_settings
from assetgen_dagster.support.database import empty_schema, where
from assetgen_emulators.gemini import GeminiEmulator
from tests.helpers import commands
from tests.helpers.postgres import PASSWORD, PostgresServer

DEPLOY = PROJECT_ROOT / "deploy"


@pytest.fixture
def url(postgres_url: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """An empty database that the settings name."""
    monkeypatch.setenv("ASSETGEN_POSTGRES_URL", postgres_url)
    return postgres_url


@pytest.fixture(autouse=True)
def nothing_shows_the_password(capfd: pytest.CaptureFixture[str]) -> Iterator[None]:
    yield
    said = capfd.readouterr()
    assert PASSWORD not in said.out + said.err


def problem() -> str:
    [found] = [finding for finding in examine() if not finding.ok]
    assert found.remedy
    assert PASSWORD not in str(found)
    return str(found)


def command(*arguments: str) -> "subprocess.CompletedProcess[str]":
    done = commands.run(*arguments)
    assert PASSWORD not in done.stdout + done.stderr
    return done


def do(url: str, *statements: str) -> None:
    with contextlib.closing(psycopg2.connect(url)) as session:
        session.autocommit = True
        for statement in statements:
            session.cursor().execute(statement)


def as_user(url: str, name: str) -> str:
    return url.replace(f"postgres:{PASSWORD}@", f"{name}:{PASSWORD}@")


@pytest.fixture
def user(postgres: PostgresServer, url: str, request: pytest.FixtureRequest) -> Iterator[str]:
    """A user without any rights of its own."""
    name = f"user_{abs(hash(request.node.name)) % 10**8}"
    postgres.query(f"CREATE ROLE {name} LOGIN PASSWORD %s", PASSWORD)
    yield name
    do(url, f"DROP OWNED BY {name}")
    postgres.query(f"DROP ROLE {name}")


# --- the address -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("scheme", ["postgresql", "postgres", "postgresql+psycopg2"])
def test_three_ways_of_writing_the_address_are_one(scheme: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ASSETGEN_POSTGRES_URL", f"{scheme}://me:p%40ss@db.example:5433/runs?sslmode=require")
    assert load_settings().database == "postgresql://me:p%40ss@db.example:5433/runs?sslmode=require"
    assert where(load_settings().database or "") == "db.example:5433/runs"


@pytest.mark.parametrize(
    "address",
    [
        "sqlite:///runs.db",
        "postgresql+asyncpg://me:very-secret@host/runs",
        "postgresql://me:very-secret@host:5432",
        "postgresql://me:very-secret@host:port/runs",
        "postgresql://me:very@secret@host/runs",
        "host=localhost password=very-secret",
    ],
)
def test_an_address_that_is_none_is_refused_without_being_shown(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ASSETGEN_POSTGRES_URL", address)
    with pytest.raises(AssetgenError, match=r"ASSETGEN_POSTGRES_URL: has to be of the form") as refused:
        load_settings()
    assert "secret" not in str(refused.value)


def test_several_machines_take_postgresql(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ASSETGEN_MACHINES", "several")
    with pytest.raises(AssetgenError, match="takes ASSETGEN_POSTGRES_URL"):
        load_settings()


# --- what it switches ------------------------------------------------------------------------------------------------


def test_the_templates_differ_in_their_storage_only() -> None:
    sqlite, postgres = (
        yaml.safe_load((DEPLOY / name).read_text()) for name in ("dagster.yaml", "dagster-postgres.yaml")
    )
    assert postgres.pop("storage") == {"postgres": {"postgres_url": {"env": "ASSETGEN_POSTGRES_URL"}}}
    assert sqlite == postgres


def test_runs_events_and_schedules_are_in_postgresql_and_the_address_is_in_no_file(url: str) -> None:
    with open_instance(load_settings()) as instance:
        assert isinstance(instance.run_storage, PostgresRunStorage)
        assert isinstance(instance.event_log_storage, PostgresEventLogStorage)
        assert isinstance(instance.schedule_storage, PostgresScheduleStorage)
    for path in Path(os.environ["DAGSTER_HOME"]).rglob("*"):
        assert path.is_dir() or PASSWORD.encode() not in path.read_bytes()


def test_an_address_from_a_file_of_settings_reaches_dagster(
    postgres_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    env = tmp_path / "settings.env"
    env.write_text(f"ASSETGEN_POSTGRES_URL={postgres_url.replace('postgresql', 'postgres', 1)}\n")
    monkeypatch.setenv("ASSETGEN_ENV_FILE", str(env))
    monkeypatch.setenv("ASSETGEN_POSTGRES_URL", "")
    with open_instance(load_settings()) as instance:
        assert isinstance(instance.run_storage, PostgresRunStorage)


def test_a_schema_of_its_own_is_a_database_of_its_own(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with open_instance(load_settings()) as instance:
        instance.add_dynamic_partitions("projects", ["poke1:real"])
    monkeypatch.setenv("ASSETGEN_POSTGRES_URL", empty_schema(url, "assetgen_demo"))
    with open_instance(load_settings()) as instance:
        assert instance.get_dynamic_partitions("projects") == []
        instance.add_dynamic_partitions("projects", ["poke1:demo"])
    empty_schema(url, "assetgen_demo")
    with open_instance(load_settings()) as instance:
        assert instance.get_dynamic_partitions("projects") == []
    monkeypatch.setenv("ASSETGEN_POSTGRES_URL", url)
    with open_instance(load_settings()) as instance:
        assert instance.get_dynamic_partitions("projects") == ["poke1:real"]


def test_commands_that_set_an_instance_up_at_the_same_moment_all_find_it_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ASSETGEN_POSTGRES_URL", "postgresql://me@127.0.0.1:1/runs")  # nobody connects
    template = (DEPLOY / "dagster-postgres.yaml").read_bytes()
    with ThreadPoolExecutor(8) as pool:
        for number in range(40):
            monkeypatch.setenv("DAGSTER_HOME", str(tmp_path / f"home{number}"))
            settings = load_settings()
            for home in [one.result() for one in [pool.submit(prepare_dagster_home, settings) for _ in range(8)]]:
                assert (home / "dagster.yaml").read_bytes() == template


@pytest.mark.parametrize("before", ["SQLite", "PostgreSQL"])
def test_a_dagster_home_that_keeps_runs_elsewhere_than_the_setting_says_is_refused(
    before: str, postgres_url: str, gemini: GeminiEmulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    def switch(*, on: bool) -> None:
        monkeypatch.setenv("ASSETGEN_POSTGRES_URL", postgres_url if on else "")

    switch(on=before == "PostgreSQL")
    file = prepare_dagster_home(load_settings()) / "dagster.yaml"
    content = file.read_text()
    switch(on=before != "PostgreSQL")
    with pytest.raises(AssetgenError, match=f"keeps runs in {before}"):
        open_instance(load_settings())
    assert f"keeps runs in {before}" in problem()
    done = command("dev", "--port", "0")
    assert (done.returncode, done.stdout) == (1, "")
    assert file.read_text() == content


# --- what is said ----------------------------------------------------------------------------------------------------


def test_the_doctor_finds_a_fresh_database_in_order(url: str, gemini: GeminiEmulator) -> None:
    lines = [str(finding) for finding in examine()]
    assert not [line for line in lines if "PROBLEM" in line]
    assert any(f"PostgreSQL: Version 18 at {where(url)}" in line for line in lines)
    assert any("tables are up to date" in line for line in lines)


@pytest.mark.parametrize(
    ("right", "wrong", "words"),
    [
        (PASSWORD, "some-other-password", "does not accept user or password. Set both in ASSETGEN_POSTGRES_URL"),
        ("//postgres", "//stranger", "does not accept user or password"),
        ("/test_", "/not_there_", "has no such database. Create it"),
        (":PORT/", ":1/", "does not answer. Start it, or check host and port"),
        ("@127.0.0.1", "@host.invalid", "cannot be found. Check the host's name"),
    ],
)
def test_a_database_that_cannot_be_reached_is_one_sentence_and_what_to_do(
    url: str,
    postgres: PostgresServer,
    gemini: GeminiEmulator,
    monkeypatch: pytest.MonkeyPatch,
    right: str,
    wrong: str,
    words: str,
) -> None:
    monkeypatch.setenv("ASSETGEN_POSTGRES_URL", url.replace(right.replace("PORT", str(postgres.port)), wrong))
    assert words in problem()
    with pytest.raises(AssetgenError) as refused:
        open_instance(load_settings())
    assert words in str(refused.value)
    assert "some-other-password" not in str(refused.value)


def test_commands_end_with_that_sentence_and_without_a_stack_trace(
    url: str, gemini: GeminiEmulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ASSETGEN_POSTGRES_URL", url.replace(PASSWORD, "some-other-password"))
    for arguments in (["dev", "--port", "0"], ["generate", "--channel", "a", "--project", "b", "--topic", "Owls"]):
        done = command(*arguments)
        assert done.returncode == 1
        assert done.stderr.startswith("Error: PostgreSQL at ")
        assert len(done.stderr.splitlines()) == 1
        assert "some-other-password" not in done.stderr
    assert gemini.journal() == []


def test_a_user_who_may_make_no_tables_is_told_the_grant(
    url: str, user: str, gemini: GeminiEmulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ASSETGEN_POSTGRES_URL", as_user(url, user))
    assert f'GRANT CREATE ON SCHEMA public TO "{user}"' in problem()
    do(url, f"GRANT CREATE ON SCHEMA public TO {user}")
    assert [finding for finding in examine() if not finding.ok] == []


def test_too_few_free_connections_are_a_problem(
    url: str, user: str, postgres: PostgresServer, gemini: GeminiEmulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    do(url, f"GRANT CREATE ON SCHEMA public TO {user}")
    postgres.query(f"ALTER ROLE {user} CONNECTION LIMIT 10")
    monkeypatch.setenv("ASSETGEN_POSTGRES_URL", as_user(url, user))
    assert "9 of 10 connections are free" in problem()


def test_a_database_that_can_only_be_read_is_a_problem(
    url: str, user: str, postgres: PostgresServer, gemini: GeminiEmulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    do(url, f"GRANT CREATE ON SCHEMA public TO {user}")
    postgres.query(f"ALTER ROLE {user} SET default_transaction_read_only = on")
    monkeypatch.setenv("ASSETGEN_POSTGRES_URL", as_user(url, user))
    assert "read-only" in problem()


def test_clocks_that_differ_are_a_problem(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time, "time", lambda: 1_000_000.0)
    [found] = examine_server(load_settings())
    assert "s apart" in str(found)


def test_tables_of_another_version_are_a_problem(url: str, gemini: GeminiEmulator) -> None:
    with open_instance(load_settings()):
        pass
    do(url, "UPDATE alembic_version SET version_num = '46b412388816'")
    line = problem()
    assert "dagster instance migrate" in line
    home = Path(os.environ["DAGSTER_HOME"])
    migrate = [str(Path(sys.executable).with_name("dagster")), "instance", "migrate"]
    done = subprocess.run(
        migrate, capture_output=True, text=True, env=os.environ | {"DAGSTER_HOME": str(home)}, check=False
    )
    assert done.returncode == 0, done.stderr
    assert [finding for finding in examine() if not finding.ok] == []


def test_an_instance_in_another_database_than_the_setting_names_is_a_problem(
    url: str, postgres: PostgresServer, gemini: GeminiEmulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    with postgres.database() as other:
        monkeypatch.setenv("SOME_OTHER_URL", other)
        file = prepare_dagster_home(load_settings()) / "dagster.yaml"
        file.write_text(file.read_text().replace("ASSETGEN_POSTGRES_URL", "SOME_OTHER_URL"))
        assert where(other) in problem()
