"""From a row to pictures and back: both sensors on a real instance, with both emulators."""

import json
import threading
from pathlib import Path

import dagster as dg
import pytest

from assetgen_dagster.assets.keys import JOB_NAME
from assetgen_dagster.assets.tags import REPORTED_TAG
from assetgen_dagster.sensors.project_upkeep import project_upkeep
from assetgen_emulators.gemini import Fault, GeminiEmulator
from assetgen_emulators.gemini.faults import ApiError, NoImage, OddPicture
from assetgen_emulators.notion import NotionEmulator
from tests.helpers.harness import billed, both_storages
from tests.helpers.pipeline import ROW, at_the_picture, carry_out, glance, look, report, requested, said
from tests.helpers.studio import Dagit, failure_of


@both_storages
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


def test_a_row_that_is_being_typed_is_drawn_when_its_text_has_stood_still_for_a_tick(
    dagit: Dagit, notion: NotionEmulator
) -> None:
    page = notion.add_row({**ROW, "Project ID": "vid_123", "Topic": "A"})
    for typed in ("A red", "A red fox"):
        assert isinstance(glance(dagit), dg.SkipReason)
        notion.set_value(page, "Topic", typed)
    assert isinstance(glance(dagit), dg.SkipReason)
    found = glance(dagit)
    assert isinstance(found, dg.SensorResult)
    [request] = found.run_requests or []
    assert request.run_config["ops"]["asset_manifest"]["config"]["topic"] == "A red fox"


def test_a_row_that_is_being_filled_in_is_not_rejected_for_what_is_still_missing(
    dagit: Dagit, notion: NotionEmulator
) -> None:
    page = notion.add_row({**ROW, "Project ID": "vid_123", "Channel": None})
    glance(dagit)
    notion.set_value(page, "Channel", "poke1")
    assert len(requested(dagit)) == 1
    assert notion.row(page)["Status"] == "Generating Assets"


def test_when_the_pictures_are_there_the_run_itself_tells_the_row(
    dagit: Dagit, page: str, notion: NotionEmulator, gemini: GeminiEmulator
) -> None:
    [request] = requested(dagit)
    run = carry_out(dagit, request)
    assert run.success
    row = notion.row(page)
    assert (row["Status"], row["Error Log"]) == ("Assets Ready", "")
    assert row["Cost (USD)"] == pytest.approx(dagit.total(), abs=1e-3)
    assert row["Pictures"] == 3
    assert run.run_id in str(row["Run"])
    assert requested(dagit) == []


@pytest.mark.parametrize("reporter", ["the run", "the sensor"])
def test_a_ready_row_names_the_pictures_to_look_at(
    dagit: Dagit,
    page: str,
    notion: NotionEmulator,
    gemini: GeminiEmulator,
    monkeypatch: pytest.MonkeyPatch,
    reporter: str,
) -> None:
    gemini.plan([Fault(OddPicture(flat=True), prompt="Subject 01"), Fault(OddPicture(16, 16), prompt="Subject 03")])
    if reporter == "the sensor":
        monkeypatch.setattr("assetgen_dagster.assets.ready.report_ready_at_once", lambda *_: None)
    assert carry_out(dagit, requested(dagit)[0]).success
    cursor = report(dagit)
    row = notion.row(page)
    assert (row["Status"], row["Pictures"]) == ("Assets Ready", 3)
    for told in ("#01 picture_01: ", "#03 picture_03: ", "only 4 x 4 pixels", "write 1, 3 into Redraw"):
        assert told in row["Error Log"]
    assert "picture_02" not in row["Error Log"]
    notion.set_value(page, "Redraw", "1, 3")
    notion.set_status(page, "Generating Assets")
    assert carry_out(dagit, requested(dagit)[0]).success
    report(dagit, cursor)
    assert (notion.row(page)["Status"], notion.row(page)["Error Log"]) == ("Assets Ready", "")


@pytest.mark.parametrize("kind", ["rich_text", "url"])
def test_the_row_links_to_its_run_and_is_read_again_whatever_the_address_is_by_then(
    dagit: Dagit, notion: NotionEmulator, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    monkeypatch.setenv("NOTION_DATABASE_ID", notion.create_database(types={"run": kind}))
    monkeypatch.setenv("ASSETGEN_UI_URL", "https://dagster.example.org/ui/")
    page = notion.add_row({**ROW, "Project ID": "vid_123"})
    run = carry_out(dagit, requested(dagit)[0])
    [written] = [call.body["properties"]["Run"] for call in notion.journal() if call.written]
    link = f"https://dagster.example.org/ui/runs/{run.run_id}"
    assert written == (
        {"url": link}
        if kind == "url"
        else {"rich_text": [{"type": "text", "text": {"content": run.run_id, "link": {"url": link}}}]}
    )
    monkeypatch.setenv("ASSETGEN_UI_URL", "http://elsewhere")
    notion.set_status(page, "Generating Assets")
    [again] = requested(dagit)
    assert again.run_key == f"{page}:2"


def test_a_row_whose_run_failed_is_told_which_picture_and_what_to_do(
    dagit: Dagit, page: str, notion: NotionEmulator, gemini: GeminiEmulator
) -> None:
    gemini.plan([Fault(NoImage("IMAGE_SAFETY"), prompt="Subject 02")])
    carry_out(dagit, requested(dagit)[0])
    assert notion.row(page)["Status"] == "Generating Assets"
    assert requested(dagit) == []  # its end is not told yet: no second run beside it
    report(dagit)
    row = notion.row(page)
    assert (row["Status"], row["Pictures"]) == ("Asset Error", 2)
    edit = (
        "Edit this prompt in",
        "Redraw Remark",
    )
    for told in (*edit, "#02 picture_02", "IMAGE_SAFETY", "set the status to Generating Assets", "$0.07"):
        assert told in row["Error Log"]


@both_storages
def test_setting_the_row_back_resumes_after_an_error_and_regenerates_after_success(
    dagit: Dagit, page: str, notion: NotionEmulator, gemini: GeminiEmulator
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
    dagit: Dagit, page: str, notion: NotionEmulator, gemini: GeminiEmulator
) -> None:
    carry_out(dagit, requested(dagit)[0])
    notion.set_value(page, "Regenerate", "Missing or changed")
    notion.set_status(page, "Generating Assets")
    carry_out(dagit, requested(dagit)[0])
    assert len(gemini.journal()) == 3
    assert not notion.row(page)["Regenerate"]


@pytest.mark.slow
def test_while_notion_is_down_nothing_is_lost_and_the_report_arrives_later(
    dagit: Dagit, page: str, notion: NotionEmulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    [request] = requested(dagit)
    monkeypatch.setenv("NOTION_BASE_URL", "http://127.0.0.1:9")
    monkeypatch.setattr("assetgen_dagster.assets.row_report._IN_RUN_SECONDS", 0.5)
    monkeypatch.setattr("assetgen_dagster.sensors.run_outcome._REPORT_SECONDS", 0.5)
    assert carry_out(dagit, request).success
    cursor = report(dagit)
    assert len(json.loads(cursor)["ended"]["pending"]) == 1
    monkeypatch.setenv("NOTION_BASE_URL", notion.base_url)
    assert notion.row(page)["Status"] == "Generating Assets"
    cursor = report(dagit, cursor)
    assert notion.row(page)["Status"] == "Assets Ready"
    assert json.loads(cursor)["ended"]["pending"] == []


def test_a_status_that_the_producer_set_meanwhile_is_left_alone(
    dagit: Dagit, page: str, notion: NotionEmulator, gemini: GeminiEmulator
) -> None:
    gemini.set_latency(0.5)
    with at_the_picture(3, gemini, lambda: notion.set_status(page, "Asset Error")):
        run = carry_out(dagit, requested(dagit)[0])
    assert notion.row(page)["Status"] == "Asset Error"
    assert notion.row(page)["Cost (USD)"] > 0
    found = dagit.instance.get_run_by_id(run.run_id)
    assert found is not None
    assert REPORTED_TAG in found.tags


def test_a_run_started_by_hand_finds_its_row(dagit: Dagit, page: str, notion: NotionEmulator) -> None:
    assert dagit.materialize(tags={"channel": "poke1", "project": "vid_123"}).success
    assert notion.row(page)["Status"] == "Assets Ready"


def test_a_row_that_is_gone_does_not_trouble_its_run(
    dagit: Dagit, page: str, notion: NotionEmulator, gemini: GeminiEmulator
) -> None:
    gemini.set_latency(0.5)
    with at_the_picture(3, gemini, lambda: notion.archive(page)):
        assert carry_out(dagit, requested(dagit)[0]).success


def test_a_row_without_a_channel_is_told_once(dagit: Dagit, notion: NotionEmulator) -> None:
    page = notion.add_row({**ROW, "Channel": None})
    assert "1 were rejected" in said(dagit)
    assert notion.row(page)["Status"] == "Asset Error"
    assert "Fill in Channel" in notion.row(page)["Error Log"]
    assert "0 were rejected" in said(dagit)


def test_what_would_fail_every_run_leaves_the_rows_where_they_are(
    dagit: Dagit, page: str, notion: NotionEmulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("GEMINI_API_KEY")
    assert "GEMINI_API_KEY" in said(dagit)
    assert notion.row(page)["Status"] == "Generating Assets"
    monkeypatch.setenv("GEMINI_API_KEY", "back again")
    assert len(requested(dagit)) == 1


def test_a_read_that_fails_is_said_and_is_no_empty_list(dagit: Dagit, page: str, notion: NotionEmulator) -> None:
    notion.revoke_token()
    assert "NOTION_TOKEN" in said(dagit)


def test_without_notion_both_sensors_say_so(dagit: Dagit) -> None:
    assert "NOTION_TOKEN and NOTION_DATABASE_ID are not set" in said(dagit)
    assert report(dagit) == ""


def test_a_wrong_key_turns_one_row_into_an_error_and_not_the_others(
    dagit: Dagit, page: str, notion: NotionEmulator, gemini: GeminiEmulator, monkeypatch: pytest.MonkeyPatch
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
    dagit: Dagit, page: str, notion: NotionEmulator, gemini: GeminiEmulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ASSETGEN_IMAGE_CONCURRENCY", "1")
    monkeypatch.setattr("assetgen_dagster.drawing.draw._CHECK_ROW_SECONDS", 0.05)
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
    run = dagit.instance.get_run_by_id(result.run_id)
    assert run is not None
    assert run.status is dg.DagsterRunStatus.CANCELED
    assert len(gemini.journal()) == 1
    report(dagit)
    assert (notion.row(page)["Status"], notion.row(page)["Error Log"]) == ("Asset Error", "")


def test_the_optional_drawing_status_is_set_when_a_run_starts(
    dagit: Dagit, notion: NotionEmulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    database = notion.create_database(statuses=["Generating Assets", "Drawing", "Assets Ready", "Asset Error"])
    monkeypatch.setenv("NOTION_DATABASE_ID", database)
    monkeypatch.setenv("NOTION_STATUS_DRAWING", "Drawing")
    page = notion.add_row({**ROW, "Project ID": "vid_123"}, database_id=database)
    assert carry_out(dagit, requested(dagit)[0]).success
    written = [str(call.written) for call in notion.journal() if call.written]
    assert "Drawing" in written[0]
    assert notion.row(page)["Status"] == "Assets Ready"


@both_storages
def test_a_row_is_told_once_however_often_ended_runs_are_looked_at(
    dagit: Dagit, page: str, notion: NotionEmulator, gemini: GeminiEmulator
) -> None:
    gemini.plan([Fault(NoImage("IMAGE_SAFETY"), prompt="Subject 02")])
    carry_out(dagit, requested(dagit)[0])
    cursor = report(dagit)
    written = len([call for call in notion.journal() if call.written])
    for _ in range(3):
        cursor = report(dagit, cursor)
    assert len([call for call in notion.journal() if call.written]) == written
    assert json.loads(cursor)["ended"]["pending"] == []


def test_a_row_of_a_channel_that_nobody_knows_is_told_once(
    dagit: Dagit, page: str, notion: NotionEmulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "channels.toml").write_text("[channels.poke12]\n")
    monkeypatch.setenv("ASSETGEN_CHANNELS_FILE", str(tmp_path / "channels.toml"))
    assert "1 were rejected" in said(dagit)
    assert notion.row(page)["Status"] == "Asset Error"
    assert "did you mean 'poke12'?" in notion.row(page)["Error Log"]
    assert "0 were rejected" in said(dagit)


@pytest.mark.parametrize("text", ["[channels.poke1\n", None])
def test_a_broken_channels_file_leaves_the_rows_where_they_are(
    dagit: Dagit, page: str, notion: NotionEmulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str | None
) -> None:
    file = tmp_path / "channels.toml"
    if text is not None:
        file.write_text(text)
    monkeypatch.setenv("ASSETGEN_CHANNELS_FILE", str(file))
    told = said(dagit)
    assert "No runs are requested for 1 rows" in told
    assert str(file) in told
    assert notion.row(page)["Status"] == "Generating Assets"
    file.write_text("[channels.poke1]\n")
    assert len(requested(dagit)) == 1


def test_a_row_whose_records_are_damaged_hears_of_it_and_is_not_left_hanging(
    dagit: Dagit, page: str, notion: NotionEmulator, gemini: GeminiEmulator
) -> None:
    records = dagit.project() / ".assetgen" / "records.json"
    records.parent.mkdir()
    records.write_text("{")
    assert not carry_out(dagit, requested(dagit)[0]).success
    report(dagit)
    row = notion.row(page)
    assert (row["Status"], row["Cost (USD)"], row["Pictures"]) == ("Asset Error", None, None)
    assert "restore it from a backup" in row["Error Log"]
    assert "has cost" not in row["Error Log"]
    assert gemini.journal() == []


def test_a_run_by_hand_for_a_channel_that_nobody_knows_leaves_no_folder_whoever_looks_at_its_end(
    dagit: Dagit, notion: NotionEmulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "channels.toml").write_text("[channels.poke1]\n")
    monkeypatch.setenv("ASSETGEN_CHANNELS_FILE", str(tmp_path / "channels.toml"))
    tags = {"channel": "poke11", "project": "vid_123"}
    assert not dagit.materialize("poke11:vid_123", tags=tags).success
    dagit.instance.create_run_for_job(
        dagit.definitions.resolve_job_def(JOB_NAME),
        tags=tags | {"dagster/partition": "poke11:vid_123"},
        status=dg.DagsterRunStatus.STARTED,
    )
    report(dagit)
    project_upkeep(dagit.sensor_context())
    assert not (dagit.workspace / "channels" / "poke11").exists()


@pytest.mark.slow
def test_a_new_row_goes_on_with_the_project_of_a_deleted_one_and_pays_for_nothing_that_is_there(
    dagit: Dagit, page: str, notion: NotionEmulator, gemini: GeminiEmulator
) -> None:
    assert carry_out(dagit, requested(dagit)[0]).success
    copy = notion.add_row({**ROW, "Project ID": "vid_123"})
    assert "1 were rejected" in said(dagit)
    assert "belongs to another row" in notion.row(copy)["Error Log"]
    notion.archive(page)
    notion.set_status(copy, "Generating Assets")
    assert carry_out(dagit, requested(dagit)[0]).success
    assert (notion.row(copy)["Status"], notion.row(copy)["Pictures"]) == ("Assets Ready", 3)
    assert len(gemini.journal()) == 3
    notion.set_status(copy, "Generating Assets")  # now it asks as any row does: for all of them again
    assert carry_out(dagit, requested(dagit)[0]).success
    assert len(gemini.journal()) == 6


def test_a_row_is_told_to_be_set_to_a_status_that_its_database_has(
    dagit: Dagit, notion: NotionEmulator, gemini: GeminiEmulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    database = notion.create_database(statuses=["Assets Generating", "Assets Ready", "Asset Error"])
    monkeypatch.setenv("NOTION_DATABASE_ID", database)
    page = notion.add_row({**ROW, "Project ID": "vid_123", "Status": "Assets Generating"}, database_id=database)
    gemini.plan([Fault(NoImage("IMAGE_SAFETY"), prompt="Subject 02")])
    carry_out(dagit, requested(dagit)[0])
    report(dagit)
    assert "set the status to Assets Generating:" in notion.row(page)["Error Log"]
