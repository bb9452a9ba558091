"""Orders that a producer gives while a run begins or ends: none is lost, and none is paid for twice."""

from functools import partialmethod

import dagster as dg
import pytest

from assetgen_dagster.assets.keys import JOB_NAME, image_key
from assetgen_dagster.assets.tags import (
    AUTO_RETRY_TAG,
    PARTITION_TAG,
    REPORTED_TAG,
    REQUEST_TAG,
    RETRY_TAGS,
    STOPPED_BY_TAG,
)
from assetgen_dagster.errors import Code
from assetgen_emulators.gemini import GeminiEmulator
from assetgen_emulators.notion import NotionEmulator
from tests.helpers.pipeline import ROW, Pipeline, at_the_picture, carry_out, report, requested

KEY = "poke1:vid_1"
BY_HAND = {"channel": "poke1", "project": "vid_1"}
TRIGGER, READY = "Generating Assets", "Assets Ready"


@pytest.fixture
def page(notion: NotionEmulator) -> str:
    return notion.add_row({**ROW, "Project ID": "vid_1"})


def order(notion: NotionEmulator, page: str, cells: dict[str, str]) -> None:
    for name, value in cells.items():
        notion.set_value(page, name, value)
    notion.set_status(page, TRIGGER)


def dies_after_its_report(pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch) -> dg.DagsterRun:
    """Draws the row's pictures with a run that reports them and dies before its contact sheet."""
    [request] = requested(pipeline.dagit)
    pipeline.request_keys.append(request.run_key or "")
    with monkeypatch.context() as death:
        death.setattr("assetgen_dagster.assets.sheet.draw_contact_sheet", lambda *_, **__: 1 / 0)
        run_id = carry_out(pipeline.dagit, request).run_id
    run = pipeline.dagit.instance.get_run_by_id(run_id)
    assert run
    assert run.status is dg.DagsterRunStatus.FAILURE
    return run


def retry(pipeline: Pipeline, run: dg.DagsterRun, monkeypatch: pytest.MonkeyPatch) -> None:
    """Retries a run as Dagster does after its process has died, and as our run coordinator tags it."""
    create = dg.DagsterInstance.create_run_for_job
    tags = {**run.tags, REPORTED_TAG: "", AUTO_RETRY_TAG: "1", RETRY_TAGS[0]: "true", REQUEST_TAG: run.run_id}
    with monkeypatch.context() as retries:
        of_parent = partialmethod(create, parent_run_id=run.run_id, root_run_id=run.run_id)
        retries.setattr(dg.DagsterInstance, "create_run_for_job", of_parent)
        assert (
            pipeline.dagit.definitions.resolve_job_def(JOB_NAME)
            .execute_in_process(
                run_config=dict(run.run_config), instance=pipeline.dagit.instance, partition_key=KEY, tags=tags
            )
            .success
        )


ORDERS: dict[str, dict[str, str]] = {
    "status alone": {},
    "all": {"Regenerate": "All"},
    "one picture": {"Redraw": "2"},
}


@pytest.mark.parametrize("given", ORDERS)
@pytest.mark.parametrize("retried", [True, False], ids=["retried", "not retried"])
def test_an_order_that_is_given_before_a_ready_rows_run_has_ended_is_carried_out_though_the_run_dies(
    pipeline: Pipeline,
    page: str,
    notion: NotionEmulator,
    gemini: GeminiEmulator,
    monkeypatch: pytest.MonkeyPatch,
    given: str,
    retried: bool,
) -> None:
    run = dies_after_its_report(pipeline, monkeypatch)
    assert notion.row(page)["Status"] == READY
    order(notion, page, ORDERS[given])
    if retried:
        retry(pipeline, run, monkeypatch)
        assert (notion.row(page)["Status"], len(gemini.journal())) == (TRIGGER, 2)
    pipeline.tick_until(lambda: notion.row(page)["Status"] == READY)
    assert drawn(gemini)[2:] == (["02"] if given == "one picture" else ["01", "02"])
    assert (notion.row(page)["Regenerate"], notion.row(page)["Redraw"] or "") == (None, "")


def test_the_same_order_given_again_is_carried_out_again(
    pipeline: Pipeline,
    page: str,
    notion: NotionEmulator,
    gemini: GeminiEmulator,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pipeline.tick()
    order(notion, page, {"Redraw": "2"})
    run = dies_after_its_report(pipeline, monkeypatch)
    order(notion, page, {"Redraw": "2"})
    retry(pipeline, run, monkeypatch)
    assert notion.row(page)["Redraw"] == "2"
    pipeline.tick_until(lambda: notion.row(page)["Status"] == READY)
    assert drawn(gemini)[2:] == ["02", "02"]


def test_a_database_without_a_column_for_the_run_swallows_no_order_either(
    pipeline: Pipeline, notion: NotionEmulator, gemini: GeminiEmulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NOTION_PROPERTY_RUN", "none")
    page = notion.add_row({**ROW, "Project ID": "vid_1"})
    run = dies_after_its_report(pipeline, monkeypatch)
    order(notion, page, {"Regenerate": "All"})
    retry(pipeline, run, monkeypatch)
    pipeline.tick_until(lambda: notion.row(page)["Status"] == READY)
    assert len(gemini.journal()) == 4


@pytest.mark.parametrize("retried", [True, False], ids=["retried", "not retried"])
def test_a_run_that_dies_after_its_report_draws_nothing_again_if_nobody_asks(
    pipeline: Pipeline,
    page: str,
    notion: NotionEmulator,
    gemini: GeminiEmulator,
    monkeypatch: pytest.MonkeyPatch,
    retried: bool,
) -> None:
    run = dies_after_its_report(pipeline, monkeypatch)
    if retried:
        retry(pipeline, run, monkeypatch)
    pipeline.tick_until(lambda: notion.row(page)["Status"] == READY)
    assert len(gemini.journal()) == 2


@pytest.mark.parametrize("cells", [{"Topic": "A red fox"}, {"Story Direction": "Snow"}, {"Regenerate": "All"}])
@pytest.mark.parametrize("drawing", [None, "Drawing"])
def test_a_row_that_is_changed_while_its_run_is_queued_is_drawn_as_it_is_then(
    pipeline: Pipeline,
    notion: NotionEmulator,
    gemini: GeminiEmulator,
    monkeypatch: pytest.MonkeyPatch,
    cells: dict[str, str],
    drawing: str | None,
) -> None:
    if drawing:
        monkeypatch.setenv("NOTION_STATUS_DRAWING", drawing)
        monkeypatch.setenv(
            "NOTION_DATABASE_ID", notion.create_database(statuses=[TRIGGER, drawing, READY, "Asset Error"])
        )
    page = notion.add_row({**ROW, "Project ID": "vid_1"})
    [request] = requested(pipeline.dagit)
    pipeline.request_keys.append(request.run_key or "")
    order(notion, page, cells)
    result = carry_out(pipeline.dagit, request)
    run = pipeline.dagit.instance.get_run_by_id(result.run_id)
    assert run
    assert (run.status, run.tags[STOPPED_BY_TAG]) == (dg.DagsterRunStatus.CANCELED, Code.ROW_CHANGED)
    assert gemini.journal() == []
    pipeline.cursor = report(pipeline.dagit, pipeline.cursor)
    row = notion.row(page)
    assert row["Status"] == TRIGGER
    assert Code.ROW_CHANGED in row["Error Log"]
    assert "nothing to do" in row["Error Log"]
    pipeline.tick_until(lambda: notion.row(page)["Status"] == READY)
    assert (len(gemini.journal()), len(pipeline.runs_of(page))) == (2, 2)


def test_a_row_of_a_complete_project_that_is_changed_while_its_run_is_queued_is_drawn_anew(
    pipeline: Pipeline, ready_page: str, notion: NotionEmulator, gemini: GeminiEmulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    notion.set_status(ready_page, TRIGGER)
    [request] = requested(pipeline.dagit)
    pipeline.request_keys.append(request.run_key or "")

    def changes(*_: object) -> None:
        notion.set_value(ready_page, "Topic", "A red fox")

    with monkeypatch.context() as changing:  # while the manifest is made: a language model takes a minute
        changing.setattr("assetgen_dagster.assets.manifest.check_slots", changes)
        carry_out(pipeline.dagit, request)
    assert len(gemini.journal()) == 2
    pipeline.tick_until(lambda: notion.row(ready_page)["Status"] == READY)
    assert len(gemini.journal()) == 4


def test_a_run_that_has_begun_to_draw_is_not_ended_by_a_change_of_its_row_nor_is_its_retry(
    pipeline: Pipeline, page: str, notion: NotionEmulator, gemini: GeminiEmulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = dies_after_its_report(pipeline, monkeypatch)
    notion.set_value(page, "Topic", "A red fox")
    retry(pipeline, run, monkeypatch)
    assert len(gemini.journal()) == 2


def drawn(gemini: GeminiEmulator) -> list[str]:
    """Returns the numbers of the pictures that were drawn, those of the first run and of all later ones in order."""
    numbers = [call.prompt.partition("Subject ")[2][:2] for call in gemini.journal()]
    return [*sorted(numbers[:2]), *sorted(numbers[2:])]


def by_hand(pipeline: Pipeline, selection: list[dg.AssetKey] | None = None, *, mode: str = "auto") -> None:
    assert pipeline.dagit.materialize(KEY, selection=selection, mode=mode, tags=BY_HAND).success


@pytest.mark.parametrize("drawn_before", [True, False])
def test_a_row_whose_project_another_run_has_just_completed_is_told_so_and_not_drawn_again(
    pipeline: Pipeline,
    page: str,
    notion: NotionEmulator,
    gemini: GeminiEmulator,
    monkeypatch: pytest.MonkeyPatch,
    drawn_before: bool,
) -> None:
    if drawn_before:
        pipeline.tick()
        notion.set_status(page, "Draft")
        by_hand(pipeline, mode="regenerate")  # the row hears of its cost alone
    else:
        with monkeypatch.context() as away:
            away.setenv("NOTION_BASE_URL", "http://127.0.0.1:9")
            away.setattr("assetgen_dagster.assets.row_report._IN_RUN_SECONDS", 0.1)
            by_hand(pipeline)
    calls = len(gemini.journal())
    notion.set_status(page, TRIGGER)
    pipeline.tick_until(lambda: notion.row(page)["Status"] == READY)
    assert len(gemini.journal()) == calls
    notion.set_status(page, TRIGGER)  # it was told, so this asks for new ones
    pipeline.tick_until(lambda: notion.row(page)["Status"] == READY)
    assert len(gemini.journal()) == calls + 2


def test_a_new_row_of_a_project_that_was_drawn_without_a_row_is_told_of_its_pictures(
    pipeline: Pipeline, notion: NotionEmulator, gemini: GeminiEmulator
) -> None:
    by_hand(pipeline)
    pipeline.tick()
    page = notion.add_row({**ROW, "Project ID": "vid_1"})
    pipeline.tick_until(lambda: notion.row(page)["Status"] == READY)
    assert (len(gemini.journal()), notion.row(page)["Pictures"]) == (2, 2)


def test_a_row_that_asks_while_a_command_draws_its_project_is_not_drawn_once_more(
    pipeline: Pipeline, page: str, notion: NotionEmulator, gemini: GeminiEmulator
) -> None:
    [request] = requested(pipeline.dagit)
    pipeline.request_keys.append(request.run_key or "")

    def meets_it() -> None:
        assert requested(pipeline.dagit) == [], "what it leaves is known when it ends"
        assert not carry_out(pipeline.dagit, request).success

    gemini.set_latency(1)
    with at_the_picture(2, gemini, meets_it):
        by_hand(pipeline)
    pipeline.tick_until(lambda: notion.row(page)["Status"] == READY)
    assert len(gemini.journal()) == 2


#: How the row's next order is carried out beside a run by hand in this status, without a picture so far.
BESIDE: dict[dg.DagsterRunStatus, list[str]] = {
    dg.DagsterRunStatus.NOT_STARTED: ["auto"],
    dg.DagsterRunStatus.STARTING: ["auto"],  # as QUEUED, which needs a code location
    dg.DagsterRunStatus.STARTED: [],
    dg.DagsterRunStatus.CANCELING: [],
    dg.DagsterRunStatus.CANCELED: ["auto"],
    dg.DagsterRunStatus.FAILURE: ["auto"],
    dg.DagsterRunStatus.SUCCESS: ["resume"],
}


def test_a_run_by_hand_that_has_drawn_nothing_swallows_no_order(
    pipeline: Pipeline, ready_page: str, notion: NotionEmulator
) -> None:
    notion.set_status(ready_page, TRIGGER)
    [own] = pipeline.runs_of(ready_page)
    job, instance = pipeline.dagit.definitions.resolve_job_def(JOB_NAME), pipeline.dagit.instance
    partition = {PARTITION_TAG: own.tags[PARTITION_TAG]}
    found: dict[dg.DagsterRunStatus, list[str]] = {}
    for status in BESIDE:
        by_hand = instance.create_run_for_job(job, tags=partition, status=status)
        found[status] = [request.run_config["ops"]["images"]["config"]["mode"] for request in requested(pipeline.dagit)]
        instance.delete_run(by_hand.run_id)
    assert found == BESIDE


def test_one_picture_that_somebody_drew_by_hand_is_no_answer_to_a_row_that_asks_for_all(
    pipeline: Pipeline, page: str, notion: NotionEmulator, gemini: GeminiEmulator
) -> None:
    pipeline.tick()
    notion.set_status(page, "Draft")
    by_hand(pipeline, [image_key(1)])
    assert len(gemini.journal()) == 3
    notion.set_status(page, TRIGGER)
    pipeline.tick_until(lambda: notion.row(page)["Status"] == READY)
    assert len(gemini.journal()) == 5
