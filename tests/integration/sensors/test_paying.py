"""Rows while paying is paused or the daily quota is used up: they wait, none becomes an error, all go on later."""

import pytest

from assetgen_dagster.budget.stores import open_switches
from assetgen_dagster.budget.switches import pause, resume
from assetgen_dagster.settings import load_settings
from assetgen_emulators.gemini import Fault, GeminiEmulator
from assetgen_emulators.gemini.faults import ApiError
from assetgen_emulators.notion import NotionEmulator
from tests.helpers.harness import billed, manifest_of
from tests.helpers.pipeline import ROW, carry_out, report, requested, said
from tests.helpers.studio import Dagit, failure_of

DAILY = Fault(ApiError(429, quota_id="GenerateRequestsPerDayPerProjectPerModel"), times=None)


def test_while_paused_the_sensor_requests_nothing_and_says_who_and_why(dagit: Dagit, page: str) -> None:
    switches = open_switches(load_settings())
    pause(switches, reason="checking the bill", by="anna@studio")
    told = said(dagit)
    assert "No runs are requested" in told
    assert "paused by anna@studio" in told
    assert "checking the bill" in told
    resume(switches)
    assert len(requested(dagit)) == 1


def test_a_used_up_daily_quota_leaves_every_row_asking_costs_one_call_and_the_rows_go_on_after_it(
    dagit: Dagit,
    page: str,
    notion: NotionEmulator,
    gemini: GeminiEmulator,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("ASSETGEN_IMAGE_CONCURRENCY", "1")
    other = notion.add_row({**ROW, "Project ID": "vid_124"})
    dagit.write_manifest(manifest_of(3), "poke1:vid_124")
    queued = requested(dagit)
    gemini.plan([DAILY])
    for request in queued:  # both were in the queue when the first met the quota
        result = carry_out(dagit, request)
        assert "assetgen resume" in failure_of(result).description
    assert len(gemini.journal()) == 1
    cursor = report(dagit)
    for row in (notion.row(page), notion.row(other)):
        assert row["Status"] == "Generating Assets"
        assert "daily quota is used up" in row["Error Log"]
    assert "daily quota is used up" in said(dagit)
    gemini.plan([])
    resume(open_switches(load_settings()))  # or midnight in Los Angeles
    again = requested(dagit)
    assert {request.run_key for request in again} == {f"{page}:2", f"{other}:2"}
    assert all(carry_out(dagit, request).success for request in again)
    report(dagit, cursor)
    assert {notion.row(row)["Status"] for row in (page, other)} == {"Assets Ready"}
    assert {notion.row(row)["Error Log"] for row in (page, other)} == {""}
    assert len(billed(gemini.journal())) == 6


def test_a_row_that_is_being_drawn_asks_again_when_the_quota_is_used_up(
    dagit: Dagit, notion: NotionEmulator, gemini: GeminiEmulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    database = notion.create_database(statuses=["Generating Assets", "Drawing", "Assets Ready", "Asset Error"])
    monkeypatch.setenv("NOTION_DATABASE_ID", database)
    monkeypatch.setenv("NOTION_STATUS_DRAWING", "Drawing")
    page = notion.add_row({**ROW, "Project ID": "vid_123"}, database_id=database)
    gemini.set_latency(0.5)
    gemini.plan([DAILY])
    carry_out(dagit, requested(dagit)[0])
    notion.set_status(page, "Drawing")
    report(dagit)
    assert notion.row(page)["Status"] == "Generating Assets"
    resume(open_switches(load_settings()))
    assert len(requested(dagit)) == 1


@pytest.mark.slow
def test_an_order_to_regenerate_is_carried_out_once_although_the_quota_came_between(
    dagit: Dagit, page: str, notion: NotionEmulator, gemini: GeminiEmulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ASSETGEN_IMAGE_CONCURRENCY", "1")
    carry_out(dagit, requested(dagit)[0])
    notion.set_value(page, "Regenerate", "All")
    notion.set_status(page, "Generating Assets")
    gemini.plan([Fault(DAILY.action, nth=2)])
    carry_out(dagit, requested(dagit)[0])
    report(dagit)
    resume(open_switches(load_settings()))
    assert carry_out(dagit, requested(dagit)[0]).success
    assert len(billed(gemini.journal())) == 6
