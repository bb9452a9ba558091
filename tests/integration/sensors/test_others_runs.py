"""Rows hear of runs that are not theirs, and of their own that did not come to what was asked: only what is true."""

from collections.abc import Callable

import dagster as dg
import pytest

from assetgen_dagster.assets.keys import JOB_NAME, image_key
from assetgen_dagster.project.file_lock import lock_project
from assetgen_dagster.project.key import ProjectKey
from assetgen_dagster.project.workspace import open_project
from assetgen_dagster.sensors import notion_tasks
from assetgen_emulators.gemini import Fault, GeminiEmulator
from assetgen_emulators.gemini.faults import NoImage
from assetgen_emulators.notion import NotionEmulator
from tests.helpers.harness import picture_usd
from tests.helpers.pipeline import ROW, Pipeline, at_the_picture, carry_out, report, requested
from tests.integration.sensors.test_notion_reconciler import died

KEY = "poke1:vid_1"
BY_HAND = {"channel": "poke1", "project": "vid_1"}
TRIGGER, READY, ERROR = "Generating Assets", "Assets Ready", "Asset Error"


@pytest.fixture
def page(ready_page: str) -> str:
    return ready_page


def queued(pipeline: Pipeline) -> dg.DagsterRun:
    """Returns the run that the row asks for, on its way; another one of its project is at work."""
    [request] = requested(pipeline.dagit)
    tags = {**request.tags, "dagster/partition": KEY, "dagster/run_key": request.run_key or ""}
    job = pipeline.dagit.definitions.resolve_job_def(JOB_NAME)
    return pipeline.dagit.instance.create_run_for_job(
        job, run_config=dict(request.run_config), tags=tags, status=dg.DagsterRunStatus.STARTING
    )


@pytest.mark.parametrize("order", [{"Regenerate": "All"}, {"Redraw": "1, 2", "Redraw Remark": "less gold"}, {}])
def test_a_row_that_waits_for_a_run_of_its_own_hears_of_no_picture_that_somebody_drew_meanwhile(
    pipeline: Pipeline, page: str, notion: NotionEmulator, order: dict[str, str]
) -> None:
    for name, value in order.items():
        notion.set_value(page, name, value)
    notion.set_status(page, TRIGGER)
    queued(pipeline)
    pipeline.dagit.materialize(KEY, selection=[image_key(1)], tags=BY_HAND)
    pipeline.tick()
    row = notion.row(page)
    assert row["Status"] == TRIGGER, "its run would take another status for a withdrawal"
    assert {name: row[name] for name in order} == order
    assert row["Cost (USD)"] == pytest.approx(3 * picture_usd(), abs=1e-3), "what is true all the same"


def test_a_row_that_waits_for_a_run_of_its_own_does_not_hear_that_another_one_failed(
    pipeline: Pipeline, notion: NotionEmulator, gemini: GeminiEmulator
) -> None:
    page = notion.add_row({**ROW, "Project ID": "vid_1"})
    queued(pipeline)
    gemini.plan([Fault(NoImage("IMAGE_SAFETY"), prompt="Subject 02")])
    assert not pipeline.dagit.materialize(KEY, tags=BY_HAND).success
    pipeline.tick()
    assert (notion.row(page)["Status"], notion.row(page)["Error Log"]) == (TRIGGER, "")


def test_an_order_that_was_given_just_before_another_run_ends_is_not_taken_for_carried_out(
    pipeline: Pipeline, page: str, notion: NotionEmulator, gemini: GeminiEmulator
) -> None:
    notion.set_value(page, "Redraw", "2")
    notion.set_status(page, TRIGGER)
    pipeline.dagit.materialize(KEY, selection=[image_key(1)], tags=BY_HAND)  # before anybody has looked at the row
    before = len(gemini.journal())
    pipeline.tick_until(lambda: notion.row(page)["Status"] == READY)
    assert [call.prompt.partition("Subject ")[2][:2] for call in gemini.journal()[before:]] == ["02"]


def test_a_command_that_met_the_rows_run_at_work_tells_the_row_nothing(
    pipeline: Pipeline, page: str, notion: NotionEmulator
) -> None:
    notion.set_value(page, "Regenerate", "All")
    notion.set_status(page, TRIGGER)
    queued(pipeline)
    paths = open_project(ProjectKey("poke1", "vid_1"), workspace=pipeline.dagit.workspace)
    with lock_project(paths.lock, run_id="the row's, which asks the story's model"):
        assert not pipeline.dagit.materialize(KEY, tags=BY_HAND | {"command": "generate"}).success
        pipeline.tick()
    pipeline.tick()
    assert (notion.row(page)["Status"], notion.row(page)["Regenerate"]) == (TRIGGER, "All")


@pytest.mark.parametrize("mode", ["regenerate", "auto"])
def test_a_run_that_died_before_it_came_to_the_pictures_is_an_error_though_those_of_before_are_there(
    pipeline: Pipeline, page: str, notion: NotionEmulator, gemini: GeminiEmulator, mode: str
) -> None:
    calls = len(gemini.journal())
    notion.set_status(page, TRIGGER)
    requested(pipeline.dagit)
    died(pipeline, page, retry_number=2, mode=mode)  # the third process in a row
    report(pipeline.dagit, pipeline.cursor)
    row = notion.row(page)
    assert row["Status"] == ERROR
    assert "marked as failed" in row["Error Log"]
    assert len(gemini.journal()) == calls


def test_a_row_that_says_drawing_when_its_run_dies_and_is_not_started_again_asks_for_the_next_one(
    pipeline: Pipeline, notion: NotionEmulator, gemini: GeminiEmulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(notion_tasks, "_OVERDUE_SECONDS", 0)
    monkeypatch.setenv("NOTION_STATUS_DRAWING", "Drawing")
    page = notion.add_row({**ROW, "Project ID": "vid_1"})
    settings = {"run_retries": {"enabled": True, "max_retries": 2, "retry_on_asset_or_op_failure": False}}
    with dg.DagsterInstance.ephemeral(settings=settings) as instance:
        pipeline.dagit.instance = instance
        notion.set_status(page, "Drawing")
        died(pipeline, page, retry_number=1)
        pipeline.tick_until(lambda: notion.row(page)["Status"] == READY)
    assert len(gemini.journal()) == 2
    assert notion.row(page)["Error Log"] == ""


def while_drawing(pipeline: Pipeline, gemini: GeminiEmulator, do: Callable[[], None]) -> None:
    gemini.set_latency(1.5)
    with at_the_picture(1, gemini, do):
        pipeline.tick()
    gemini.set_latency(0)


def test_an_order_that_was_chosen_while_a_run_is_at_work_is_kept_for_the_next_time(
    pipeline: Pipeline, notion: NotionEmulator, gemini: GeminiEmulator
) -> None:
    page = notion.add_row({**ROW, "Project ID": "vid_1"})
    while_drawing(pipeline, gemini, lambda: notion.set_value(page, "Regenerate", "Missing or changed"))
    assert (notion.row(page)["Status"], notion.row(page)["Regenerate"]) == (READY, "Missing or changed")
    notion.set_status(page, TRIGGER)
    pipeline.tick_until(lambda: (notion.row(page)["Status"], notion.row(page)["Regenerate"]) == (READY, None))
    assert len(gemini.journal()) == 2, "nothing is missing or changed"


def test_an_order_that_was_chosen_before_the_status_is_set_outlives_a_picture_that_somebody_draws(
    pipeline: Pipeline, page: str, notion: NotionEmulator
) -> None:
    notion.set_value(page, "Regenerate", "Missing or changed")
    pipeline.dagit.materialize(KEY, selection=[image_key(1)], tags=BY_HAND)
    pipeline.tick()
    assert (notion.row(page)["Status"], notion.row(page)["Regenerate"]) == (READY, "Missing or changed")


def test_an_order_that_is_chosen_after_the_status_was_set_does_not_come_too_late(
    pipeline: Pipeline, page: str, notion: NotionEmulator, gemini: GeminiEmulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    look_at_runs = notion_tasks.latest_runs

    def chooses(*given: object) -> object:
        notion.set_value(page, "Regenerate", "Missing or changed")
        return look_at_runs(*given)  # type: ignore[arg-type]

    notion.set_status(page, TRIGGER)
    with monkeypatch.context() as choosing:
        choosing.setattr(notion_tasks, "latest_runs", chooses)
        for request in requested(pipeline.dagit):
            carry_out(pipeline.dagit, request)
    pipeline.tick_until(lambda: notion.row(page)["Status"] == READY)
    assert len(gemini.journal()) == 2


def test_a_row_that_is_given_another_project_while_its_run_is_at_work_gets_that_one_drawn(
    pipeline: Pipeline, notion: NotionEmulator, gemini: GeminiEmulator
) -> None:
    page = notion.add_row({**ROW, "Project ID": "vid_1"})
    while_drawing(pipeline, gemini, lambda: notion.set_value(page, "Project ID", "vid_2"))
    assert notion.row(page)["Status"] == TRIGGER
    pipeline.tick_until(lambda: notion.row(page)["Status"] == READY)
    assert len(list(pipeline.dagit.project("poke1:vid_2").glob("assets/*/*.png"))) == 2
    assert notion.row(page)["Cost (USD)"] == pytest.approx(2 * picture_usd(), abs=1e-3), "of this project alone"
