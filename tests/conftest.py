"""Fixtures for all tests: a stand-in for Gemini, and settings that no machine's own can disturb."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from assetgen_dagster.drawing.records import RecordStore
from assetgen_dagster.log import configure_logging
from assetgen_dagster.project import ProjectKey
from assetgen_dagster.settings import ENV_FILE_VARIABLE
from assetgen_dagster.standins.gemini import GeminiStandIn
from assetgen_dagster.standins.notion import NotionStandIn
from tests.dev import Dev, running_dev
from tests.harness import Core

API_KEY = "AIzaTestKeyOfTheStandIn0123456789"


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in list(os.environ):
        if name.startswith(("ASSETGEN_", "GEMINI_", "GOOGLE_", "NOTION_", "DAGSTER_")):
            monkeypatch.delenv(name)
    monkeypatch.setenv(ENV_FILE_VARIABLE, "none")  # a developer's own .env must not decide what a test sees
    monkeypatch.setenv("ASSETGEN_WORKSPACE", str(tmp_path / "workspace"))
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path / "dagster_home"))
    monkeypatch.setenv("DAGSTER_DISABLE_TELEMETRY", "yes")
    configure_logging()


@pytest.fixture
def gemini(monkeypatch: pytest.MonkeyPatch) -> Iterator[GeminiStandIn]:
    with GeminiStandIn(api_keys={API_KEY}) as stand_in:
        monkeypatch.setenv("GOOGLE_GEMINI_BASE_URL", stand_in.base_url)
        monkeypatch.setenv("GEMINI_API_KEY", API_KEY)
        yield stand_in


@pytest.fixture
def core(gemini: GeminiStandIn) -> Core:
    """The drawing of one project without Dagster, against the stand-in."""
    return Core(ProjectKey("poke1", "vid_123"))


@pytest.fixture
def store(tmp_path: Path) -> RecordStore:
    return RecordStore(tmp_path / "records.json")


@pytest.fixture
def notion(monkeypatch: pytest.MonkeyPatch) -> Iterator[NotionStandIn]:
    """Notion on this machine, with a database as the contract has it, named by the settings."""
    with NotionStandIn() as stand_in:
        database = stand_in.create_database()
        monkeypatch.setenv("NOTION_TOKEN", stand_in.token)
        monkeypatch.setenv("NOTION_DATABASE_ID", database)
        monkeypatch.setenv("NOTION_BASE_URL", stand_in.base_url)
        yield stand_in


@pytest.fixture
def dev(gemini: GeminiStandIn, tmp_path: Path) -> Iterator[Dev]:
    """UI, daemon and code location, with the settings that the test has made before."""
    with running_dev(tmp_path) as running:
        yield running
