"""The tests' own PostgreSQL server: real, fresh for each test, back after a crash."""

import shutil
import subprocess
import sys

import psutil
import psycopg2
import pytest

from assetgen_dagster.settings import PROJECT_ROOT
from tests.helpers.postgres import PostgresServer, running_postgres


def test_each_test_gets_an_empty_database_of_its_own(postgres: PostgresServer, postgres_url: str) -> None:
    with postgres.database() as other, psycopg2.connect(other) as connection, connection.cursor() as cursor:
        cursor.execute("CREATE TABLE here (a int)")
    with psycopg2.connect(postgres_url) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'")
        assert cursor.fetchone() == (0,)


def test_it_ends_with_tests_that_are_killed() -> None:
    lines = "from tests.helpers.postgres import running_postgres\nwith running_postgres() as server:\n"
    lines += "    print(server._process.pid, server.folder, flush=True)\n    input()"
    tests = subprocess.Popen(
        [sys.executable, "-c", lines], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=PROJECT_ROOT
    )
    assert tests.stdout is not None
    pid, folder = tests.stdout.readline().split()
    server = psutil.Process(int(pid))
    tests.kill()
    tests.communicate()
    server.wait(timeout=20)
    shutil.rmtree(folder)


def test_it_comes_back_at_the_same_address_after_a_crash_and_leaves_nothing() -> None:
    with running_postgres() as server:
        before = psycopg2.connect(server.url("postgres"))
        server.stop(kill=True)
        with pytest.raises(psycopg2.Error):
            before.cursor().execute("SELECT 1")
        server.start()
        assert server.query("SELECT 1") == [(1,)]
    assert not server.folder.exists()
