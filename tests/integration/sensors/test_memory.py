"""What a tick leaves behind in the code server, which lives for months."""

import atexit
import gc
import importlib
import shutil
from pathlib import Path

import dagster as dg
import pytest
import sqlalchemy
from dagster._core.storage import sql

from assetgen_dagster import definitions


def test_opening_sqlite_anew_as_each_tick_does_leaves_no_exit_handler_and_no_engine(
    tmp_path: Path, empty_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = shutil.copytree(empty_home, tmp_path / "home")
    monkeypatch.setattr(sql, "ALEMBIC_SCRIPTS_LOCATION", "dagster:_core/storage/alembic")
    sql.get_alembic_config.cache_clear()
    left_by(home)  # a code server opens its instance, then loads the code location
    importlib.reload(definitions)
    found = [left_by(home) for _ in range(3)]
    assert found[1] == found[2], "exit handlers, engines"


def left_by(home: Path) -> tuple[int, int]:
    with dg.DagsterInstance.from_config(str(home)) as instance:
        instance.get_runs(limit=1)
        instance.all_asset_keys()
        instance.all_instigator_state()
    del instance
    gc.collect()
    engines = sum(isinstance(one, sqlalchemy.Engine) for one in gc.get_objects())
    return atexit._ncallbacks(), engines
