"""A writer of one project, against the emulator and through the real SDK."""

from collections.abc import Callable
from pathlib import Path

import google.genai  # noqa: F401 - else its import is part of the first test's time limit
import pytest

from assetgen_dagster.director.model.events import StoryEvent
from assetgen_dagster.director.model.write import Writer
from assetgen_dagster.project.records import RecordStore
from assetgen_dagster.settings import load_settings
from assetgen_emulators.gemini import GeminiEmulator

MODEL = "gemini-3.8-flash"
TOPIC, STORY = "Bulbasaur forest documentary", "Show evolution through seasons"


class Desk:
    """Makes writers; remembers what they told and how long they waited."""

    def __init__(self, store: RecordStore) -> None:
        self.store = store
        self.told: list[StoryEvent] = []
        self.waits: list[float] = []

    def writer(self, run_id: str = "run1") -> Writer:
        """Returns the writer of a new run, under the settings as they are now."""
        return Writer(load_settings(), RecordStore(self.store.path), run_id, self.told.append, sleep=self.waits.append)


@pytest.fixture
def scheduler(gemini: GeminiEmulator, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Desk:
    monkeypatch.setenv("ASSETGEN_STORY_MODEL", MODEL)
    return Desk(RecordStore(tmp_path / "records.json"))


@pytest.fixture
def write(scheduler: Desk) -> Callable[..., tuple[str, ...]]:
    """Writes and returns the manifest's warnings, after a look at its pictures."""

    def run(topic: str = TOPIC, story: str = STORY, run_id: str = "run1") -> tuple[str, ...]:
        manifest = scheduler.writer(run_id).director().write(topic, story)
        assert len(manifest.assets) == 22
        by_model = manifest.assets[0].name == "hero_01_by_model"
        assert by_model is not any("delete asset_manifest.json" in warning for warning in manifest.warnings)
        return manifest.warnings

    return run
