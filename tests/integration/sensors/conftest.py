from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest

from assetgen_emulators.gemini import GeminiEmulator
from assetgen_emulators.notion import NotionEmulator
from tests.helpers.harness import manifest_of
from tests.helpers.pipeline import ROW, Pipeline, impatient_boards
from tests.helpers.studio import Dagit


@pytest.fixture
def pipeline(
    notion: NotionEmulator, gemini: GeminiEmulator, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Iterator[Pipeline]:
    """From rows to reports in this process, with projects ``vid_1`` to ``vid_3`` of two pictures each."""
    monkeypatch.setenv("ASSETGEN_IMAGE_SLOTS", "2")
    impatient_boards(monkeypatch)
    with dg.DagsterInstance.ephemeral() as instance:
        dagit = Dagit(instance, tmp_path / "workspace")
        for number in (1, 2, 3):
            dagit.write_manifest(manifest_of(2), f"poke1:vid_{number}")
        yield Pipeline(dagit, notion)


@pytest.fixture
def dagit(small: Dagit) -> Dagit:
    return small


@pytest.fixture
def ready_page(pipeline: Pipeline, notion: NotionEmulator) -> str:
    """A row whose two pictures are there."""
    page = notion.add_row({**ROW, "Project ID": "vid_1"})
    pipeline.tick()
    assert notion.row(page)["Status"] == "Assets Ready"
    return page


@pytest.fixture
def page(notion: NotionEmulator) -> str:
    return notion.add_row({**ROW, "Project ID": "vid_123"})
