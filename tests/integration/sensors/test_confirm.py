"""A complete project costs nothing by Dagster's "failed" and "missing", and turns green by itself."""

import json
from collections.abc import Callable

import dagster as dg
import pytest

from assetgen_dagster.assets.keys import ASSET_MANIFEST, ASSETS_READY, CONTACT_SHEET, image_key
from assetgen_dagster.assets.partitions import projects
from assetgen_dagster.errors import Code
from assetgen_dagster.project.key import ProjectKey
from assetgen_dagster.project.project_lock import hold_project
from assetgen_dagster.project.workspace import open_project
from assetgen_dagster.sensors.project_upkeep import project_upkeep
from assetgen_dagster.settings import load_settings
from assetgen_emulators.gemini import Fault, GeminiEmulator
from assetgen_emulators.gemini.faults import NoImage
from tests.helpers.harness import both_storages, manifest_of
from tests.helpers.studio import Dagit, failure_of

KEY = "poke1:vid_123"
BACKFILL = {"dagster/backfill": "only failed and missing"}
ALL = [ASSET_MANIFEST, *map(image_key, range(1, 4)), ASSETS_READY, CONTACT_SHEET]
PAID = 3


@pytest.fixture
def complete(dagit: Dagit, monkeypatch: pytest.MonkeyPatch) -> Dagit:
    monkeypatch.setenv("ASSETGEN_IMAGE_SLOTS", "3")
    small = Dagit(dagit.instance, dagit.workspace)
    small.write_manifest(manifest_of(3))
    assert small.materialize().success
    return small


def refuse(dagit: Dagit, selection: list[dg.AssetKey] | None = None) -> None:
    """A run meets another one at the project's lock."""
    key, settings = ProjectKey.from_partition_key(KEY), load_settings()
    lock = hold_project(key, open_project(key, workspace=settings.workspace), settings, run_id="the other")
    refused = dagit.materialize(selection=selection)
    lock.release()
    assert failure_of(refused).metadata["codes"] == [Code.PROJECT_BUSY]


def upkeep(dagit: Dagit) -> None:
    found = project_upkeep(dagit.sensor_context(json.dumps({"ended": {"until": 0.0}})))
    assert isinstance(found, dg.SensorResult)
    assert not found.run_requests


def wipe(dagit: Dagit) -> None:
    dagit.instance.wipe_assets(ALL)


def states(dagit: Dagit) -> set[str | None]:
    found = [(dagit.instance.get_status_by_partition(key, [KEY], projects) or {}).get(KEY) for key in ALL]
    return {state.value if state is not None else None for state in found}


def refuse_and_confirm(dagit: Dagit) -> None:
    refuse(dagit)
    upkeep(dagit)


WAYS_TO_RED: dict[str, Callable[[Dagit], None]] = {
    "refused": refuse,
    "refused, green again since": refuse_and_confirm,
    "wiped": wipe,
}


@pytest.mark.parametrize("tags", [{}, BACKFILL], ids=["run", "backfill"])
@pytest.mark.parametrize("way", WAYS_TO_RED)
def test_what_dagster_shows_as_failed_or_missing_costs_nothing(
    complete: Dagit, gemini: GeminiEmulator, way: str, tags: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    WAYS_TO_RED[way](complete)
    monkeypatch.setenv("GEMINI_IMAGE_MODEL", "gemini-3-pro-image")  # nor what is out of date
    assert complete.materialize(tags=tags).success
    assert len(gemini.journal()) == PAID
    assert states(complete) == {"MATERIALIZED"}


def test_a_backfill_of_a_complete_project_costs_nothing(complete: Dagit, gemini: GeminiEmulator) -> None:
    assert complete.materialize(tags=BACKFILL).success
    assert len(gemini.journal()) == PAID


def test_a_complete_project_is_drawn_again_when_it_is_shown_as_done_or_on_request(
    complete: Dagit, gemini: GeminiEmulator
) -> None:
    assert complete.materialize().success
    assert len(gemini.journal()) == 2 * PAID
    refuse(complete)
    assert complete.materialize(mode="regenerate", tags=BACKFILL).success
    assert len(gemini.journal()) == 3 * PAID


def test_pictures_that_were_shown_as_failed_are_drawn_at_the_second_request(
    complete: Dagit, gemini: GeminiEmulator
) -> None:
    refuse(complete)
    picked = [image_key(1), image_key(2)]
    kept = complete.materialize(selection=picked)
    assert len(gemini.journal()) == PAID
    said = [entry.user_message for entry in complete.instance.all_logs(kept.run_id)]
    assert any("#01" in text and "#02" in text and "redraw" in text for text in said)
    complete.materialize(selection=picked)
    assert len(gemini.journal()) == PAID + 2


def test_single_pictures_are_drawn_on_request_after_a_refused_run_turned_green(
    complete: Dagit, gemini: GeminiEmulator
) -> None:
    refuse_and_confirm(complete)
    complete.materialize(selection=[image_key(2)])
    assert len(gemini.journal()) == PAID + 1


@pytest.mark.parametrize("refused", [True, False])
def test_a_request_for_one_picture_that_came_to_nothing_may_be_repeated(
    complete: Dagit, gemini: GeminiEmulator, *, refused: bool
) -> None:
    picked = [image_key(2)]
    if refused:
        refuse(complete, picked)
    else:
        gemini.plan([Fault(NoImage("IMAGE_SAFETY"), prompt="Subject 02")])
        assert not complete.materialize(selection=picked).success
    before = len(gemini.journal())
    assert complete.materialize(selection=picked).success
    assert len(gemini.journal()) == before + 1


@both_storages
def test_a_refused_run_turns_green_by_itself_at_no_cost(complete: Dagit) -> None:
    cost, images = complete.total(slots=3), complete.materializations(image_key(1))
    refuse(complete)
    assert states(complete) == {"FAILED"}
    for _ in range(2):
        upkeep(complete)
        assert states(complete) == {"MATERIALIZED"}
    assert complete.total(slots=3) == cost
    again, *before = complete.materializations(image_key(1))
    assert before == images, "told once"
    assert (again["cost_usd"], again["reused"], again["path"]) == (0.0, True, images[0]["path"])
    ready = complete.materializations(ASSETS_READY)[0]
    assert (ready["generated"], ready["skipped"], ready["total_cost_usd"]) == (0, 3, 0)


def test_a_project_that_lacks_a_picture_stays_red(complete: Dagit) -> None:
    refuse(complete)
    next((complete.project() / "assets").glob("*/*.png")).unlink()
    upkeep(complete)
    assert states(complete) == {"FAILED"}
