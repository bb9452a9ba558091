"""From a row to pictures and back: both sensors on a real instance, with both stand-ins."""

import json
import threading
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest

from assetgen_dagster.assets.keys import JOB_NAME
from assetgen_dagster.assets.notion_report import REPORTED_TAG
from assetgen_dagster.sensors.notion_outcomes import notion_outcomes
from assetgen_dagster.sensors.notion_tasks import notion_tasks
from assetgen_dagster.standins.gemini import Fault, GeminiStandIn
from assetgen_dagster.standins.gemini_faults import ApiError, NoImage
from assetgen_dagster.standins.notion import NotionStandIn
from tests.harness import billed, manifest_of
from tests.studio import Dagit, failure_of

ROW = {"Channel": "poke1", "Topic": "Bulbasaur forest", "Story Direction": "Seasons", "Status": "Generating Assets"}


@pytest.fixture
def dagit(gemini: GeminiStandIn, tmp_path: Path) -> Iterator[Dagit]:
    (tmp_path / "dagster_home").mkdir()
    with dg.DagsterInstance.local_temp(str(tmp_path / "dagster_home")) as instance:
        found = Dagit(instance, tmp_path / "workspace")
        found.write_manifest(manifest_of(3))
        yield found


@pytest.fixture
def page(notion: NotionStandIn) -> str:
    return notion.add_row({**ROW, "Project ID": "vid_123"})


def look(dagit: Dagit) -> dg.SensorResult | dg.SkipReason:
    context = dg.build_sensor_context(instance=dagit.instance, definitions=dagit.definitions)
    found = notion_tasks(context)
    assert isinstance(found, (dg.SensorResult, dg.SkipReason))
    return found


def requested(dagit: Dagit) -> list[dg.RunRequest]:
    found = look(dagit)
    return list(found.run_requests or []) if isinstance(found, dg.SensorResult) else []


def said(dagit: Dagit) -> str:
    found = look(dagit)
    assert isinstance(found, dg.SkipReason)
    return found.skip_message or ""


def carry_out(dagit: Dagit, request: dg.RunRequest) -> dg.ExecuteInProcessResult:
    """Runs a request as the daemon would, on a project whose manifest a person wrote."""
    assert request.partition_key is not None
    if request.partition_key not in dagit.instance.get_dynamic_partitions("projects"):
        dagit.instance.add_dynamic_partitions("projects", [request.partition_key])
    config = {**request.run_config, "loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}
    return dagit.definitions.resolve_job_def(JOB_NAME).execute_in_process(
        run_config=config,
        instance=dagit.instance,
        partition_key=request.partition_key,
        tags={**request.tags, "dagster/run_key": request.run_key or ""},
        raise_on_error=False,
    )


def report(dagit: Dagit, cursor: str | None = None) -> str:
    context = dg.build_sensor_context(instance=dagit.instance, cursor=cursor)
    notion_outcomes(context)
    return context.cursor or ""


def test_a_row_becomes_a_run_with_its_story_its_tags_and_its_partition(dagit: Dagit, page: str) -> None:
    found = look(dagit)
    assert isinstance(found, dg.SensorResult)
    [request] = found.run_requests or []
    assert (request.run_key, request.partition_key) == (f"{page}:1", "poke1:vid_123")
    assert request.run_config["ops"]["asset_manifest"]["config"] == {
        "topic": "Bulbasaur forest",
        "story_direction": "Seasons",
    }
    assert {name: request.tags[name] for name in ("notion_page", "channel", "project", "attempt")} == {
        "notion_page": page,
        "channel": "poke1",
        "project": "vid_123",
        "attempt": "1",
    }
    [partitions] = found.dynamic_partitions_requests or []
    assert list(partitions.partition_keys) == ["poke1:vid_123"]


def test_when_the_pictures_are_there_the_run_itself_tells_the_row(
    dagit: Dagit, page: str, notion: NotionStandIn, gemini: GeminiStandIn
) -> None:
    [request] = requested(dagit)
    run = carry_out(dagit, request)
    assert run.success
    row = notion.row(page)
    assert (row["Status"], row["Error Log"]) == ("Assets Ready", "")
    assert row["Cost (USD)"] == pytest.approx(dagit.total(), abs=1e-3)
    assert run.run_id in str(row["Run"])
    assert requested(dagit) == []


def test_a_row_whose_run_failed_is_told_which_picture_and_what_to_do(
    dagit: Dagit, page: str, notion: NotionStandIn, gemini: GeminiStandIn
) -> None:
    gemini.plan([Fault(NoImage("IMAGE_SAFETY"), prompt="Subject 02")])
    carry_out(dagit, requested(dagit)[0])
    assert notion.row(page)["Status"] == "Generating Assets"
    assert requested(dagit) == []  # its end is not told yet: no second run beside it
    report(dagit)
    row = notion.row(page)
    assert row["Status"] == "Asset Error"
    for told in ("#02 picture_02", "IMAGE_SAFETY", "Edit this prompt", "set the status to Generating Assets", "$0.07"):
        assert told in row["Error Log"]


def test_setting_the_row_back_resumes_after_an_error_and_regenerates_after_success(
    dagit: Dagit, page: str, notion: NotionStandIn, gemini: GeminiStandIn
) -> None:
    gemini.plan([Fault(NoImage("IMAGE_SAFETY"), prompt="Subject 02")])
    carry_out(dagit, requested(dagit)[0])
    cursor = report(dagit)
    notion.set_status(page, "Generating Assets")
    [again] = requested(dagit)
    assert again.run_key == f"{page}:2"
    assert carry_out(dagit, again).success
    assert len(billed(gemini.journal())) == 3
    report(dagit, cursor)
    assert notion.row(page)["Status"] == "Assets Ready"
    assert notion.row(page)["Error Log"] == ""
    notion.set_status(page, "Generating Assets")
    carry_out(dagit, requested(dagit)[0])
    assert len(billed(gemini.journal())) == 6


def test_missing_or_changed_overrides_that_for_one_run(
    dagit: Dagit, page: str, notion: NotionStandIn, gemini: GeminiStandIn
) -> None:
    carry_out(dagit, requested(dagit)[0])
    notion.set_value(page, "Regenerate", "Missing or changed")
    notion.set_status(page, "Generating Assets")
    carry_out(dagit, requested(dagit)[0])
    assert len(gemini.journal()) == 3
    assert not notion.row(page)["Regenerate"]


def test_while_notion_is_down_nothing_is_lost_and_the_report_arrives_later(
    dagit: Dagit, page: str, notion: NotionStandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    [request] = requested(dagit)
    monkeypatch.setenv("NOTION_BASE_URL", "http://127.0.0.1:9")
    monkeypatch.setattr("assetgen_dagster.assets.notion_report._IN_RUN_SECONDS", 0.5)
    monkeypatch.setattr("assetgen_dagster.sensors.notion_outcomes._REPORT_SECONDS", 0.5)
    assert carry_out(dagit, request).success
    cursor = report(dagit)
    assert len(json.loads(cursor)["run_ids"]) == 1
    monkeypatch.setenv("NOTION_BASE_URL", notion.base_url)
    assert notion.row(page)["Status"] == "Generating Assets"
    cursor = report(dagit, cursor)
    assert notion.row(page)["Status"] == "Assets Ready"
    assert json.loads(cursor)["run_ids"] == []


def test_a_status_that_the_producer_set_meanwhile_is_left_alone(dagit: Dagit, page: str, notion: NotionStandIn) -> None:
    [request] = requested(dagit)
    notion.set_status(page, "Asset Error")
    run = carry_out(dagit, request)
    assert notion.row(page)["Status"] == "Asset Error"
    assert notion.row(page)["Cost (USD)"] > 0
    found = dagit.instance.get_run_by_id(run.run_id)
    assert found is not None
    assert REPORTED_TAG in found.tags


def test_a_run_started_by_hand_finds_its_row(dagit: Dagit, page: str, notion: NotionStandIn) -> None:
    assert dagit.materialize(tags={"channel": "poke1", "project": "vid_123"}).success
    assert notion.row(page)["Status"] == "Assets Ready"


def test_a_row_that_is_gone_does_not_trouble_its_run(dagit: Dagit, page: str, notion: NotionStandIn) -> None:
    [request] = requested(dagit)
    notion.archive(page)
    assert carry_out(dagit, request).success


def test_a_row_without_a_channel_is_told_once(dagit: Dagit, notion: NotionStandIn) -> None:
    page = notion.add_row({**ROW, "Channel": None})
    assert "1 were rejected" in said(dagit)
    assert notion.row(page)["Status"] == "Asset Error"
    assert "Fill in Channel" in notion.row(page)["Error Log"]
    assert "0 were rejected" in said(dagit)


def test_what_would_fail_every_run_leaves_the_rows_where_they_are(
    dagit: Dagit, page: str, notion: NotionStandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("GEMINI_API_KEY")
    assert "GEMINI_API_KEY" in said(dagit)
    assert notion.row(page)["Status"] == "Generating Assets"
    monkeypatch.setenv("GEMINI_API_KEY", "back again")
    assert len(requested(dagit)) == 1


def test_a_read_that_fails_is_said_and_is_no_empty_list(dagit: Dagit, page: str, notion: NotionStandIn) -> None:
    notion.revoke_token()
    assert "NOTION_TOKEN" in said(dagit)


def test_without_notion_both_sensors_say_so(dagit: Dagit) -> None:
    assert "NOTION_TOKEN and NOTION_DATABASE_ID are not set" in said(dagit)
    assert report(dagit) == ""


def test_a_wrong_key_turns_one_row_into_an_error_and_not_the_others(
    dagit: Dagit, page: str, notion: NotionStandIn, gemini: GeminiStandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    gemini.plan([Fault(ApiError(403, message="The key has expired"), times=None)])
    carry_out(dagit, requested(dagit)[0])
    report(dagit)
    other = notion.add_row({**ROW, "Project ID": "vid_124"})
    assert "api_key" in said(dagit)
    assert notion.row(other)["Status"] == "Generating Assets"
    monkeypatch.setenv("GEMINI_IMAGE_MODEL", "gemini-3-pro-image")  # the operator changes a setting
    assert len(requested(dagit)) == 1


def test_a_row_that_is_withdrawn_gets_no_further_pictures_and_keeps_its_status(
    dagit: Dagit, page: str, notion: NotionStandIn, gemini: GeminiStandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ASSETGEN_IMAGE_CONCURRENCY", "1")
    monkeypatch.setattr("assetgen_dagster.drawing.draw._LOOK_SECONDS", 0.05)
    gemini.set_latency(2)
    [request] = requested(dagit)

    def withdraw() -> None:
        gemini.wait_for(lambda calls: len(calls) == 1, timeout=30)
        notion.set_status(page, "Asset Error")

    producer = threading.Thread(target=withdraw)
    producer.start()
    result = carry_out(dagit, request)
    producer.join()
    assert "withdrew" in failure_of(result).description
    assert len(gemini.journal()) == 1
    report(dagit)
    assert (notion.row(page)["Status"], notion.row(page)["Error Log"]) == ("Asset Error", "")


def test_the_optional_drawing_status_is_set_when_a_run_starts(
    dagit: Dagit, notion: NotionStandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    database = notion.create_database(statuses=["Generating Assets", "Drawing", "Assets Ready", "Asset Error"])
    monkeypatch.setenv("NOTION_DATABASE_ID", database)
    monkeypatch.setenv("NOTION_STATUS_DRAWING", "Drawing")
    page = notion.add_row({**ROW, "Project ID": "vid_123"}, database_id=database)
    assert carry_out(dagit, requested(dagit)[0]).success
    written = [str(call.written) for call in notion.journal() if call.written]
    assert "Drawing" in written[0]
    assert notion.row(page)["Status"] == "Assets Ready"


def test_a_row_is_told_once_however_often_ended_runs_are_looked_at(
    dagit: Dagit, page: str, notion: NotionStandIn, gemini: GeminiStandIn
) -> None:
    gemini.plan([Fault(NoImage("IMAGE_SAFETY"), prompt="Subject 02")])
    carry_out(dagit, requested(dagit)[0])
    cursor = report(dagit)
    written = len([call for call in notion.journal() if call.written])
    for _ in range(3):
        cursor = report(dagit, cursor)
    assert len([call for call in notion.journal() if call.written]) == written
    assert json.loads(cursor)["run_ids"] == []
