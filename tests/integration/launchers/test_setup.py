"""What a user is told whose settings for several machines do not go together."""

import importlib.util
import shutil
from pathlib import Path

import pytest

from assetgen_dagster.cli.commands.services import worker
from assetgen_dagster.cli.dagster_home import prepare_dagster_home
from assetgen_dagster.errors import AssetgenError, Code
from assetgen_dagster.settings import PROJECT_ROOT, load_settings

POSTGRES, BROKER = "postgresql://dagster:pg-secret@127.0.0.1:1/runs", "redis://:redis-secret@127.0.0.1:1/0"


@pytest.fixture
def several(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ASSETGEN_POSTGRES_URL", POSTGRES)
    monkeypatch.setenv("ASSETGEN_MACHINES", "several")
    monkeypatch.setenv("ASSETGEN_BROKER_URL", BROKER)


def test_a_broker_takes_the_lock_that_holds_across_machines(several: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ASSETGEN_MACHINES")
    with pytest.raises(AssetgenError, match="ASSETGEN_BROKER_URL takes ASSETGEN_MACHINES=several"):
        load_settings()


def test_a_broker_is_redis_and_its_password_is_not_shown(several: None, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = load_settings()
    assert "redis-secret" in settings.secrets()
    assert "ASSETGEN_BROKER_URL" not in settings.script_environment()
    for address in ("amqp://user:redis-secret@host", "redis://:redis-secret@host:port/0", "redis://"):
        monkeypatch.setenv("ASSETGEN_BROKER_URL", address)
        with pytest.raises(AssetgenError, match="ASSETGEN_BROKER_URL: has to be of the form redis://") as error:
            load_settings()
        assert "redis-secret" not in str(error.value)


def test_a_password_with_odd_characters_is_hidden_as_it_is_and_as_it_stands_in_the_address(
    several: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ASSETGEN_BROKER_URL", "redis://:a%2Fbcdef@127.0.0.1:1/0")
    assert "a/bcdef" in load_settings().secrets()


def test_an_instance_that_hands_no_run_to_workers_is_refused(several: None, tmp_path: Path) -> None:
    home = tmp_path / "dagster_home"
    home.mkdir()
    shutil.copy(PROJECT_ROOT / "deploy/dagster-postgres.yaml", home / "dagster.yaml")
    with pytest.raises(AssetgenError) as refused:
        prepare_dagster_home(load_settings())
    assert refused.value.code == Code.LAUNCHER


def test_an_instance_for_workers_without_a_broker_is_refused(
    several: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path / "dagster_home"
    home.mkdir()
    shutil.copy(PROJECT_ROOT / "deploy/dagster-celery.yaml", home / "dagster.yaml")
    monkeypatch.delenv("ASSETGEN_BROKER_URL")
    with pytest.raises(AssetgenError, match="ASSETGEN_BROKER_URL is not set"):
        prepare_dagster_home(load_settings())


@pytest.mark.skipif(importlib.util.find_spec("dagster_celery") is not None, reason="the packages for workers are there")
def test_packages_that_are_missing_are_named_with_the_command(several: None) -> None:
    with pytest.raises(AssetgenError, match=r"pip install .*requirements-celery\.lock"):
        prepare_dagster_home(load_settings())


def test_a_worker_without_a_broker_says_what_to_set() -> None:
    with pytest.raises(AssetgenError, match="Set ASSETGEN_BROKER_URL"):
        worker()
