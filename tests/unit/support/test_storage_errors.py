"""Which errors of Dagster's database pass by themselves, and what a user reads of them."""

import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest
import sqlalchemy
from psycopg2 import errors
from sqlalchemy.exc import DBAPIError

from assetgen_dagster.cli import main
from assetgen_dagster.errors import Code
from assetgen_dagster.support.storage_errors import driver_error, is_passing, storage_error


def locked(path: Path) -> None:
    with sqlite3.connect(path, isolation_level=None) as other:
        other.execute("BEGIN EXCLUSIVE")
        ask(path, "SELECT * FROM sqlite_master")


def damaged(path: Path) -> None:
    path.write_bytes(b"no database " * 500)
    ask(path, "SELECT * FROM sqlite_master")


def ask(path: Path, statement: str) -> None:
    engine = sqlalchemy.create_engine(f"sqlite:///{path}", connect_args={"timeout": 0})
    with engine.connect() as connection:
        connection.execute(sqlalchemy.text(statement))


def of_postgres(error: Exception) -> Callable[[Path], None]:
    def fail(_path: Path) -> None:
        raise DBAPIError.instance(
            "SELECT 1", {}, error, Exception, dialect=sqlalchemy.create_engine("sqlite://").dialect
        )

    return fail


def error_of(fail: Callable[[Path], None], path: Path) -> DBAPIError:
    with pytest.raises(DBAPIError) as found:
        fail(path)
    return found.value


@pytest.mark.parametrize(
    ("fail", "passes", "words"),
    [
        (locked, True, ["database is locked", "End what holds its files", "what was drawn is kept"]),
        (damaged, False, ["file is not a database", "restore it from a backup"]),
        (
            of_postgres(errors.AdminShutdown("terminating connection\ndue to a command")),
            True,
            ["due to a command. See"],
        ),
        (of_postgres(errors.ReadOnlySqlTransaction("cannot execute INSERT")), True, ["See that PostgreSQL answers"]),
        (of_postgres(errors.UniqueViolation("duplicate key")), False, ["duplicate key"]),
        (of_postgres(errors.UndefinedTable("no such table")), False, ["no such table"]),
    ],
    ids=["locked", "damaged", "session ended", "standby", "a key twice", "a table missing"],
)
def test_what_passes_is_tried_again_and_each_is_one_sentence_with_its_remedy(
    fail: Callable[[Path], None], passes: bool, words: list[str], tmp_path: Path
) -> None:
    error = error_of(fail, tmp_path / "runs.db")
    assert is_passing(error) == passes
    told = storage_error(error, "/home/of/dagster")
    assert told.code is Code.DAGSTER_DATABASE
    assert "\n" not in told.message
    assert all(word in told.message for word in ["/home/of/dagster", *words])


def test_the_drivers_error_is_found_behind_what_was_raised_because_of_it(tmp_path: Path) -> None:
    cause = error_of(locked, tmp_path / "runs.db")
    behind = RuntimeError("too many retries")
    behind.__cause__ = cause
    hidden = RuntimeError("of its own")
    hidden.__context__, hidden.__suppress_context__ = cause, True
    assert driver_error(behind) is cause
    assert driver_error(hidden) is None


def test_a_command_ends_in_the_sentence_and_not_in_a_stack_trace(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(main, "app", lambda: locked(tmp_path / "runs.db"))
    with pytest.raises(SystemExit, match="1"):
        main.main()
    [line] = capsys.readouterr().err.splitlines()
    assert line.startswith("Error: Dagster cannot use its database for ")
    assert line.endswith("[dagster_database]")


def test_a_bug_keeps_its_stack_trace(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(main, "app", lambda: int("no number"))
    with pytest.raises(ValueError, match="no number"):
        main.main()
