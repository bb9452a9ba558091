"""``examples/storyboard.py``, the worked example of docs/architecture.md: a step that follows this project's."""

import importlib.util
from pathlib import Path
from types import ModuleType

import dagster as dg
import pytest

from assetgen_dagster.assets.keys import ASSETS_READY
from assetgen_dagster.settings import PROJECT_ROOT
from assetgen_emulators.gemini import GeminiEmulator
from tests.helpers.harness import manifest_of
from tests.helpers.studio import Dagit
from tests.integration.sensors.test_confirm import refuse, upkeep

FILE = PROJECT_ROOT / "examples" / "storyboard.py"


@pytest.fixture
def example() -> ModuleType:
    spec = importlib.util.spec_from_file_location("storyboard", FILE)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_it_runs_by_itself_once_for_a_project_whose_pictures_are_all_there(
    example: ModuleType, gemini: GeminiEmulator, instance: dg.DagsterInstance, tmp_path: Path
) -> None:
    project = Dagit(instance, tmp_path / "workspace", example.defs)
    project.write_manifest(manifest_of(3))
    looked = dg.evaluate_automation_conditions(example.defs, instance)
    assert looked.total_requested == 0

    assert project.materialize().success
    looked = dg.evaluate_automation_conditions(example.defs, instance, cursor=looked.cursor)
    assert looked.get_requested_partitions(example.storyboard.key) == {"poke1:vid_123"}
    assert looked.total_requested == 1

    ready = project.materializations(ASSETS_READY)
    job = example.defs.get_implicit_global_asset_job_def()
    made = job.execute_in_process(
        instance=instance, partition_key="poke1:vid_123", asset_selection=[example.storyboard.key]
    )
    assert made.success
    page = (project.project() / "storyboard.html").read_text()
    for number in (1, 2, 3):
        assert f'<img src="assets/characters/picture_{number:02d}.png"' in page
        assert f"Subject {number:02d} alone" in page
    looked = dg.evaluate_automation_conditions(example.defs, instance, cursor=looked.cursor)
    assert looked.total_requested == 0
    assert project.materializations(ASSETS_READY) == ready
    assert len(gemini.journal()) == 3

    refuse(project)
    upkeep(project)
    assert len(project.materializations(ASSETS_READY)) == len(ready) + 1
    looked = dg.evaluate_automation_conditions(example.defs, instance, cursor=looked.cursor)
    assert looked.total_requested == 0, "a refused run has changed no picture"

    assert project.materialize(mode="regenerate").success
    assert len(gemini.journal()) == 6
    looked = dg.evaluate_automation_conditions(example.defs, instance, cursor=looked.cursor)
    assert looked.total_requested == 1
