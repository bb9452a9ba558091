"""Fixtures for all tests: an emulator for Gemini, and settings that no machine's own can disturb."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest

from assetgen_dagster.cli.dagster_home import open_instance
from assetgen_dagster.drawing import defects
from assetgen_dagster.project.key import ProjectKey
from assetgen_dagster.project.records import RecordStore
from assetgen_dagster.settings import ENV_FILE_VARIABLE, PROJECT_ROOT, load_settings
from assetgen_dagster.support.log import configure_logging
from assetgen_emulators.gemini import GeminiEmulator, pictures
from assetgen_emulators.notion import NotionEmulator
from assetgen_emulators.painting import paint
from tests.helpers.dev import Dev, running_dev
from tests.helpers.harness import SETTINGS, Core, manifest_of
from tests.helpers.machines import Redis, running_redis
from tests.helpers.postgres import PostgresServer, running_postgres
from tests.helpers.studio import Dagit

NO_TELEMETRY = {"telemetry": {"enabled": False}}

API_KEY = "AIzaTestKeyOfTheEmulator0123456789"


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in list(os.environ):
        if name.startswith(SETTINGS):
            monkeypatch.delenv(name)
    monkeypatch.setenv(ENV_FILE_VARIABLE, "none")  # a developer's own .env must not decide what a test sees
    monkeypatch.setenv("ASSETGEN_CHANNELS_FILE", "none")  # nor his channels.toml
    monkeypatch.setenv("ASSETGEN_WORKSPACE", str(tmp_path / "workspace"))
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path / "dagster_home"))
    monkeypatch.setenv("DAGSTER_DISABLE_TELEMETRY", "yes")
    configure_logging()


@pytest.fixture(autouse=True)
def small_pictures(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> None:
    """Has the emulator paint pictures of a quarter of their width and height, unless a test is marked ``full_size``."""
    if request.node.get_closest_marker("full_size") is None:
        monkeypatch.setattr(pictures, "paint", lambda prompt, width, height: paint(prompt, width // 4, height // 4))
        monkeypatch.setattr(defects, "SHORT_SIDE_PIXELS", defects.SHORT_SIDE_PIXELS // 4)


@pytest.fixture
def gemini(monkeypatch: pytest.MonkeyPatch) -> Iterator[GeminiEmulator]:
    with GeminiEmulator(api_keys={API_KEY}) as emulator:
        monkeypatch.setenv("GOOGLE_GEMINI_BASE_URL", emulator.base_url)
        monkeypatch.setenv("GEMINI_API_KEY", API_KEY)
        yield emulator


@pytest.fixture
def core(gemini: GeminiEmulator) -> Core:
    """The drawing of one project without Dagster, against the emulator."""
    return Core(ProjectKey("poke1", "vid_123"))


@pytest.fixture
def store(tmp_path: Path) -> RecordStore:
    return RecordStore(tmp_path / "records.json")


@pytest.fixture
def notion(monkeypatch: pytest.MonkeyPatch) -> Iterator[NotionEmulator]:
    """Notion on this machine, with a database as the contract has it, named by the settings."""
    with NotionEmulator() as emulator:
        database = emulator.create_database()
        monkeypatch.setenv("NOTION_TOKEN", emulator.token)
        monkeypatch.setenv("NOTION_DATABASE_ID", database)
        monkeypatch.setenv("NOTION_BASE_URL", emulator.base_url)
        yield emulator


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    """A PostgreSQL server; restart it in a test of its own only, with ``running_postgres``."""
    with running_postgres() as server:
        yield server


@pytest.fixture
def postgres_url(postgres: PostgresServer) -> Iterator[str]:
    """An empty database, for this test alone."""
    with postgres.database() as url:
        yield url


@pytest.fixture
def redis(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, postgres_url: str) -> Iterator[Redis]:
    """The broker of several machines, named by the settings as their database is."""
    with running_redis(tmp_path / "redis") as found:
        monkeypatch.setenv("ASSETGEN_POSTGRES_URL", postgres_url)
        monkeypatch.setenv("ASSETGEN_MACHINES", "several")
        monkeypatch.setenv("ASSETGEN_BROKER_URL", found.url)
        yield found


@pytest.fixture
def storage(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Where Dagster keeps runs and events: memory, which costs half, unless a test marked with ``both_storages``."""
    chosen = str(getattr(request, "param", "memory"))
    if chosen == "PostgreSQL":
        monkeypatch.setenv("ASSETGEN_POSTGRES_URL", request.getfixturevalue("postgres_url"))
    return chosen


@pytest.fixture(scope="session")
def empty_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A ``DAGSTER_HOME`` as the first command leaves it: making its tables takes a second, copying it none."""
    home = tmp_path_factory.mktemp("empty_home")
    shutil.copy(PROJECT_ROOT / "deploy" / "dagster.yaml", home / "dagster.yaml")
    with dg.DagsterInstance.from_config(str(home)) as instance:
        instance.all_asset_keys()
        instance.get_runs(limit=1)
        instance.all_instigator_state()
    return home


@pytest.fixture
def dagster_home(storage: str, tmp_path: Path, empty_home: Path) -> None:
    """For tests that are not about a new ``DAGSTER_HOME``: the one of the settings is there already."""
    if storage != "PostgreSQL":
        shutil.copytree(empty_home, tmp_path / "dagster_home")


@pytest.fixture
def instance(storage: str, tmp_path: Path, empty_home: Path) -> Iterator[dg.DagsterInstance]:
    """A Dagster instance without services."""
    if storage == "memory":
        found = dg.DagsterInstance.ephemeral()
    elif storage == "PostgreSQL":
        found = open_instance(load_settings())
    else:
        home = shutil.copytree(empty_home, tmp_path / "dagster_home", ignore=shutil.ignore_patterns("dagster.yaml"))
        found = dg.DagsterInstance.local_temp(str(home), overrides=NO_TELEMETRY)
    with found:
        yield found


@pytest.fixture
def small(
    gemini: GeminiEmulator, instance: dg.DagsterInstance, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Dagit:
    """A project of three pictures in a code location of four slots, of which the last is unused.

    22 cost Dagster five times as much, and are the subject of few tests.
    """
    monkeypatch.setenv("ASSETGEN_IMAGE_SLOTS", "4")
    found = Dagit(instance, tmp_path / "workspace")
    found.write_manifest(manifest_of(3))
    return found


@pytest.fixture
def dev(storage: str, gemini: GeminiEmulator, tmp_path: Path) -> Iterator[Dev]:
    """UI, daemon and code location, with the settings that the test has made before."""
    with running_dev(tmp_path) as running:
        yield running
