"""What may happen between any two steps of the sensors: no row is lost, drawn twice or left hanging."""

from typing import Any

import dagster as dg
import pytest

from assetgen_dagster.assets.keys import JOB_NAME
from assetgen_dagster.assets.request import started_in_dagster
from assetgen_dagster.assets.resources import TaskBoardResource
from assetgen_dagster.assets.row_watch import RowWatch
from assetgen_dagster.assets.tags import AUTO_RETRY_TAG, PAGE_TAG, REPORTED_TAG, WILL_RETRY_TAG
from assetgen_dagster.errors import Code
from assetgen_dagster.project.file_lock import lock_project
from assetgen_dagster.project.key import ProjectKey
from assetgen_dagster.project.workspace import open_project
from assetgen_dagster.sensors import notion_outcomes, notion_tasks
from assetgen_emulators.gemini import Fault as GeminiFault
from assetgen_emulators.gemini import GeminiEmulator
from assetgen_emulators.gemini.faults import NoImage
from assetgen_emulators.notion import Fault, NotionEmulator
from assetgen_emulators.notion.faults import ApiError
from tests.helpers.boards import settings_for
from tests.helpers.harness import billed
from tests.helpers.pipeline import ROW, Pipeline, at_the_picture, carry_out, look, re_execute, requested

TRIGGER = "Generating Assets"


@pytest.fixture
def page(notion: NotionEmulator) -> str:
    return notion.add_row({**ROW, "Project ID": "vid_1"})


def refuse_one_picture(gemini: GeminiEmulator) -> None:
    gemini.plan([GeminiFault(NoImage("IMAGE_SAFETY"), prompt="Subject 02", times=None)])


def status(pipeline: Pipeline, page: str) -> str:
    return str(pipeline.notion.row(page)["Status"])


def test_a_run_that_ends_between_the_look_at_rows_and_the_look_at_runs_is_no_new_request(
    pipeline: Pipeline, page: str, gemini: GeminiEmulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    [request] = requested(pipeline.dagit)
    look_at_runs = notion_tasks.latest_runs

    def late(*args: Any) -> Any:
        carry_out(pipeline.dagit, request)
        return look_at_runs(*args)

    monkeypatch.setattr(notion_tasks, "latest_runs", late)
    assert requested(pipeline.dagit) == []
    assert status(pipeline, page) == "Assets Ready"


def test_two_ticks_at_once_ask_for_the_same_run_by_the_same_key(pipeline: Pipeline, page: str) -> None:
    assert [r.run_key for r in requested(pipeline.dagit)] == [r.run_key for r in requested(pipeline.dagit)]


def test_a_partition_is_added_only_where_it_is_not_there_yet(pipeline: Pipeline, page: str) -> None:
    for known in (False, True):
        found = look(pipeline.dagit)
        assert isinstance(found, dg.SensorResult)
        added = [key for request in found.dynamic_partitions_requests or [] for key in request.partition_keys]
        assert added == ([] if known else ["poke1:vid_1"])
        pipeline.dagit.instance.add_dynamic_partitions("projects", ["poke1:vid_1"])


def test_a_run_that_met_another_one_at_work_keeps_no_row_waiting_for_ever(
    pipeline: Pipeline, page: str, gemini: GeminiEmulator
) -> None:
    paths = open_project(ProjectKey("poke1", "vid_1"), workspace=pipeline.dagit.workspace)
    with lock_project(paths.lock, run_id="another"):
        pipeline.tick()
        pipeline.tick()
        assert status(pipeline, page) == TRIGGER
        assert "1 are not reported yet" in pipeline.outcomes_said[-1]
        assert len(pipeline.runs_of(page)) == 1
    pipeline.tick_until(lambda: status(pipeline, page) == "Assets Ready")
    assert len(billed(gemini.journal())) == 2


def test_a_row_that_is_withdrawn_and_set_again_at_once_goes_on_instead_of_failing(
    pipeline: Pipeline, page: str, notion: NotionEmulator, gemini: GeminiEmulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ASSETGEN_IMAGE_CONCURRENCY", "1")
    monkeypatch.setattr("assetgen_dagster.drawing.draw._CHECK_ROW_SECONDS", 0.05)
    gemini.set_latency(1)
    [request] = requested(pipeline.dagit)
    with at_the_picture(1, gemini, lambda: notion.set_status(page, "Draft")):
        carry_out(pipeline.dagit, request)
    assert len(gemini.journal()) == 1
    gemini.set_latency(0)
    pipeline.request_keys.append(request.run_key or "")
    notion.set_status(page, TRIGGER)
    pipeline.tick_until(lambda: status(pipeline, page) == "Assets Ready")
    assert len(gemini.journal()) == 2


def test_a_row_that_asked_for_all_anew_and_is_withdrawn_goes_on_with_that_when_it_is_set_again(
    pipeline: Pipeline, page: str, notion: NotionEmulator, gemini: GeminiEmulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    pipeline.tick()
    monkeypatch.setenv("ASSETGEN_IMAGE_CONCURRENCY", "1")
    monkeypatch.setattr("assetgen_dagster.drawing.draw._CHECK_ROW_SECONDS", 0.05)
    gemini.set_latency(1)
    notion.set_value(page, "Regenerate", "All")
    notion.set_status(page, TRIGGER)
    with at_the_picture(3, gemini, lambda: notion.set_status(page, "Draft")):
        pipeline.tick()
    assert (status(pipeline, page), len(gemini.journal())) == ("Draft", 3)
    gemini.set_latency(0)
    notion.set_status(page, TRIGGER)
    pipeline.tick_until(lambda: status(pipeline, page) == "Assets Ready")
    assert len(gemini.journal()) == 4, "what was drawn anew is not paid for once more"


def test_a_run_that_ends_before_it_comes_to_the_pictures_is_an_error_though_those_of_before_are_there(
    pipeline: Pipeline, page: str, notion: NotionEmulator, gemini: GeminiEmulator
) -> None:
    pipeline.tick()
    notion.set_value(page, "Regenerate", "Missing or changed")
    notion.set_status(page, TRIGGER)
    [request] = requested(pipeline.dagit)
    pipeline.request_keys.append(request.run_key or "")
    manifest = pipeline.dagit.project("poke1:vid_1") / "asset_manifest.json"
    whole = manifest.read_text()
    manifest.write_text(whole.replace('"assets"', '"pictures"'))
    carry_out(pipeline.dagit, request)
    manifest.write_text(whole)
    pipeline.tick_until(lambda: status(pipeline, page) == "Asset Error")
    row = notion.row(page)
    assert ("asset_manifest.json" in row["Error Log"], row["Pictures"]) == (True, 2)
    assert row["Regenerate"] == "Missing or changed", "for the next time: else all would be drawn anew"
    notion.set_status(page, TRIGGER)
    pipeline.tick_until(lambda: status(pipeline, page) == "Assets Ready")
    assert (len(gemini.journal()), notion.row(page)["Regenerate"]) == (2, None)


def test_a_changed_picture_that_is_refused_is_an_error_though_the_one_before_is_there(
    pipeline: Pipeline, page: str, notion: NotionEmulator, gemini: GeminiEmulator
) -> None:
    pipeline.tick()
    manifest = pipeline.dagit.project("poke1:vid_1") / "asset_manifest.json"
    manifest.write_text(manifest.read_text().replace("Subject 02 alone", "Subject 02 at night"))
    refuse_one_picture(gemini)
    notion.set_value(page, "Regenerate", "Missing or changed")
    notion.set_status(page, TRIGGER)
    pipeline.tick_until(lambda: status(pipeline, page) == "Asset Error")
    row = notion.row(page)
    assert ("IMAGE_SAFETY" in row["Error Log"], row["Regenerate"]) == (True, "Missing or changed")
    gemini.plan([])
    notion.set_status(page, TRIGGER)
    pipeline.tick_until(lambda: status(pipeline, page) == "Assets Ready")
    assert (len(billed(gemini.journal())), notion.row(page)["Regenerate"]) == (3, None)


def test_a_row_that_comes_back_from_the_trash_hears_how_its_run_ended_and_is_not_drawn_again(
    pipeline: Pipeline, page: str, notion: NotionEmulator, gemini: GeminiEmulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(notion_tasks, "_OVERDUE_SECONDS", 0)
    gemini.set_latency(0.5)
    with at_the_picture(2, gemini, lambda: notion.archive(page)):
        pipeline.tick()
    pipeline.tick()
    notion.restore(page)
    pipeline.tick_until(lambda: status(pipeline, page) == "Assets Ready")
    assert len(gemini.journal()) == 2


def test_a_row_that_says_drawing_after_its_end_is_told_again(
    pipeline: Pipeline, notion: NotionEmulator, gemini: GeminiEmulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(notion_tasks, "_OVERDUE_SECONDS", 0)
    monkeypatch.setenv("NOTION_STATUS_DRAWING", "Drawing")
    page = notion.add_row({**ROW, "Project ID": "vid_1"})
    pipeline.tick()
    notion.set_status(page, "Drawing")  # as a write does that Notion carried out late
    pipeline.tick_until(lambda: status(pipeline, page) == "Assets Ready")
    assert len(gemini.journal()) == 2


def test_a_new_request_is_not_overwritten_where_a_run_died_between_its_report_and_the_note_of_it(
    pipeline: Pipeline, page: str, notion: NotionEmulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as death:
        death.setattr("assetgen_dagster.assets.row_report.mark_reported", lambda *_: None)
        [request] = requested(pipeline.dagit)
        carry_out(pipeline.dagit, request)
    assert status(pipeline, page) == "Assets Ready"
    notion.set_status(page, TRIGGER)
    pipeline.cursor = ""
    for _ in range(2):
        said = notion_outcomes.notion_outcomes(pipeline.dagit.sensor_context())
        assert isinstance(said, dg.SkipReason)
        assert status(pipeline, page) == TRIGGER
    assert [again.run_key for again in requested(pipeline.dagit)] == [f"{page}:2"]


def test_a_row_that_notion_refuses_to_write_keeps_no_other_row_from_being_told(
    pipeline: Pipeline, page: str, notion: NotionEmulator, gemini: GeminiEmulator
) -> None:
    other = notion.add_row({**ROW, "Project ID": "vid_2"})
    refuse_one_picture(gemini)
    for request in requested(pipeline.dagit):
        carry_out(pipeline.dagit, request)
    notion.plan([Fault(ApiError(400, message="This row is odd."), endpoint="pages.update")])
    pipeline.tick()
    assert sorted([status(pipeline, page), status(pipeline, other)]) == ["Asset Error", TRIGGER]
    assert "1 are not reported yet: Notion refused" in pipeline.outcomes_said[-1]
    assert "This row is odd" in pipeline.outcomes_said[-1]
    pipeline.tick_until(lambda: {status(pipeline, page), status(pipeline, other)} == {"Asset Error"})


def test_a_row_that_cannot_be_rejected_keeps_no_other_row_from_starting(
    pipeline: Pipeline, page: str, notion: NotionEmulator
) -> None:
    notion.add_row({**ROW, "Channel": None})
    notion.plan([Fault(ApiError(400, message="This row is odd."), endpoint="pages.update", times=None)])
    assert [request.partition_key for request in requested(pipeline.dagit)] == ["poke1:vid_1"]


def test_a_project_whose_folder_cannot_be_read_keeps_no_other_row_from_starting(
    pipeline: Pipeline, page: str, notion: NotionEmulator
) -> None:
    notion.set_value(page, "Redraw", "1")
    (pipeline.dagit.project("poke1:vid_1") / ".assetgen" / "records.json").mkdir(parents=True)
    notion.add_row({**ROW, "Project ID": "vid_2"})
    assert [request.partition_key for request in requested(pipeline.dagit)] == ["poke1:vid_2"]
    assert "records.json cannot be read: Is a directory" in notion.row(page)["Error Log"]


def test_many_rows_that_cannot_be_drawn_are_rejected_a_few_a_tick(pipeline: Pipeline, notion: NotionEmulator) -> None:
    pages = [notion.add_row({**ROW, "Channel": None}) for _ in range(25)]
    for rejected in (10, 20, 25):
        pipeline.tick()
        assert [status(pipeline, page) for page in pages].count("Asset Error") == rejected
    assert [said.partition("rejected.")[2] for said in pipeline.tasks_said] == [
        " 15 are left for the next tick.", " 5 are left for the next tick.", "",
    ]  # fmt: skip


def test_an_old_run_that_is_run_again_takes_no_run_key_that_is_used_up(pipeline: Pipeline, page: str) -> None:
    job = pipeline.dagit.definitions.resolve_job_def(JOB_NAME)
    for attempt in ("1", "2", "1"):  # the last one was re-executed in Dagster, which copies the tags
        pipeline.dagit.instance.create_run_for_job(
            job,
            tags={PAGE_TAG: page, "attempt": attempt, REPORTED_TAG: "Assets Ready"},
            status=dg.DagsterRunStatus.SUCCESS,
        )
    assert [again.run_key for again in requested(pipeline.dagit)] == [f"{page}:3"]


def test_a_row_hears_of_a_run_that_somebody_started_in_dagster_after_its_error(
    pipeline: Pipeline, page: str, gemini: GeminiEmulator
) -> None:
    refuse_one_picture(gemini)
    pipeline.tick()
    assert status(pipeline, page) == "Asset Error"
    gemini.plan([])
    pipeline.dagit.materialize("poke1:vid_1", tags={"channel": "poke1", "project": "vid_1"})
    assert (status(pipeline, page), pipeline.notion.row(page)["Error Log"]) == ("Assets Ready", "")


def test_a_run_that_is_re_executed_in_dagster_has_told_its_row_nothing_yet_whatever_the_one_before_has(
    pipeline: Pipeline, page: str, notion: NotionEmulator, gemini: GeminiEmulator
) -> None:
    refuse_one_picture(gemini)
    pipeline.tick()
    [first] = pipeline.runs_of(page)
    assert first.run_id in str(notion.row(page)["Run"])
    notion.set_status(page, TRIGGER)
    again = re_execute(pipeline.dagit, first)
    pipeline.dagit.instance.report_run_failed(again)  # its process died
    assert requested(pipeline.dagit) == [], "or what it has drawn would be drawn again"
    pipeline.tick()
    row = notion.row(page)
    assert (row["Status"], again.run_id in str(row["Run"])) == ("Asset Error", True)


def test_a_row_that_nobody_asked_for_keeps_its_status_when_somebody_draws_it_in_dagster(
    pipeline: Pipeline, page: str, notion: NotionEmulator
) -> None:
    notion.set_status(page, "Draft")
    pipeline.dagit.materialize("poke1:vid_1", tags={"channel": "poke1", "project": "vid_1"})
    assert status(pipeline, page) == "Draft"
    assert notion.row(page)["Cost (USD)"] > 0


def test_a_run_that_somebody_runs_again_in_dagster_is_not_stopped_by_the_error_of_the_run_before(
    page: str, notion: NotionEmulator
) -> None:
    settings = settings_for(notion)
    for told in ("Asset Error", "Assets Ready"):
        notion.set_status(page, told)
        assert RowWatch(TaskBoardResource(), settings, page, again=True).check_row() is None
        assert RowWatch(TaskBoardResource(), settings, page).check_row() is not None
    notion.set_status(page, "Draft")
    assert RowWatch(TaskBoardResource(), settings, page, again=True).check_row() is not None


def test_a_run_that_somebody_runs_again_in_dagster_is_not_refused_for_orders_that_the_report_before_has_cleared(
    page: str, notion: NotionEmulator
) -> None:
    settings = settings_for(notion)
    for told in ("Assets Ready", "Asset Error"):
        notion.set_status(page, told)
        for again, code in ((True, None), (False, Code.WITHDRAWN)):
            failure = RowWatch(TaskBoardResource(), settings, page, digest="before", again=again).check_request()
            assert (failure and failure.code) == code
    notion.set_status(page, TRIGGER)
    failure = RowWatch(TaskBoardResource(), settings, page, digest="before").check_request()
    assert failure is not None
    assert failure.code is Code.ROW_CHANGED


def test_a_run_that_looks_at_its_row_every_few_seconds_asks_for_the_row_alone(
    page: str, notion: NotionEmulator
) -> None:
    watch = RowWatch(TaskBoardResource(), settings_for(notion), page)
    assert [watch.check_row() for _ in range(3)] == [None] * 3
    asked = [call.endpoint for call in notion.journal()]
    assert asked == ["databases.retrieve", "data_sources.retrieve", *["pages.retrieve"] * 3]
    notion.rename_property("Topic", "Theme")  # which is noticed, and waited out, whatever it was
    assert watch.check_row() is None
    notion.rename_property("Theme", "Topic")
    notion.set_status(page, "Draft")
    assert "was set to Draft" in str(watch.check_row())


@pytest.mark.parametrize(
    ("parent", "tags", "by_hand"),
    [
        (None, {PAGE_TAG: "page"}, False),
        (None, {}, True),
        ("run-1", {PAGE_TAG: "page"}, True),
        ("run-1", {PAGE_TAG: "page", AUTO_RETRY_TAG: "1"}, False),
    ],
)
def test_a_retry_that_dagster_makes_itself_is_started_by_nobody(
    parent: str | None, tags: dict[str, str], by_hand: bool
) -> None:
    run = dg.DagsterRun("job", tags=tags, parent_run_id=parent, root_run_id=parent)
    assert started_in_dagster(run) is by_hand


def test_a_row_that_notion_outcomes_never_saw_is_told_by_notion_tasks(
    pipeline: Pipeline, page: str, gemini: GeminiEmulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    refuse_one_picture(gemini)
    carry_out(pipeline.dagit, requested(pipeline.dagit)[0])
    assert requested(pipeline.dagit) == []
    assert status(pipeline, page) == TRIGGER, "not at once: the other sensor is about to do it"
    monkeypatch.setattr(notion_tasks, "_OVERDUE_SECONDS", 0)
    assert requested(pipeline.dagit) == []
    assert status(pipeline, page) == "Asset Error"
    [run] = pipeline.runs_of(page)
    assert run.tags[REPORTED_TAG] == "error"


def test_a_run_that_died_and_that_dagster_could_not_start_again_is_followed_by_the_next_one(
    pipeline: Pipeline, page: str, gemini: GeminiEmulator
) -> None:
    settings = {"run_retries": {"enabled": True, "max_retries": 2, "retry_on_asset_or_op_failure": False}}
    with dg.DagsterInstance.ephemeral(settings=settings) as instance:
        pipeline.dagit.instance = instance
        died(pipeline, page, retry_number=1)
        pipeline.tick_until(lambda: status(pipeline, page) == "Assets Ready")
    assert len(billed(gemini.journal())) == 2


@pytest.mark.parametrize(("retry_number", "mode"), [(2, "auto"), (1, "regenerate")], ids=["too often", "drawing anew"])
def test_a_row_is_told_of_a_run_that_died_if_another_one_could_do_harm(
    pipeline: Pipeline, page: str, retry_number: int, mode: str
) -> None:
    settings = {"run_retries": {"enabled": True, "max_retries": 2, "retry_on_asset_or_op_failure": False}}
    with dg.DagsterInstance.ephemeral(settings=settings) as instance:
        pipeline.dagit.instance = instance
        run = died(pipeline, page, retry_number=retry_number, mode=mode)
        pipeline.tick_until(lambda: status(pipeline, page) == "Asset Error")
        assert [found.run_id for found in pipeline.runs_of(page)] == [run.run_id]


def died(pipeline: Pipeline, page: str, *, retry_number: int, mode: str = "auto") -> dg.DagsterRun:
    """Returns a run of the row that was started again so many times, died, and is not started again."""
    tags = {PAGE_TAG: page, "channel": "poke1", "project": "vid_1", "dagster/partition": "poke1:vid_1"}
    retry = {AUTO_RETRY_TAG: str(retry_number)}
    job = pipeline.dagit.definitions.resolve_job_def(JOB_NAME)
    config = {"ops": {"images": {"config": {"mode": mode}}}}
    instance = pipeline.dagit.instance
    run = instance.create_run_for_job(job, run_config=config, tags=tags | retry, status=dg.DagsterRunStatus.STARTED)
    instance.report_run_failed(run)
    instance.add_run_tags(run.run_id, {WILL_RETRY_TAG: "false"})
    return run
