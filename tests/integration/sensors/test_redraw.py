"""Single pictures drawn again from a row: only these are paid for, and the order is carried out exactly once."""

import json
from collections.abc import Sequence
from typing import Any

import pytest

from assetgen_dagster.cli.planning import make_plan
from assetgen_dagster.drawing.plan import Mode
from assetgen_dagster.project.key import ProjectKey
from assetgen_dagster.sensors import notion_tasks
from assetgen_dagster.settings import load_settings
from assetgen_emulators.gemini import Fault as GeminiFault
from assetgen_emulators.gemini import GeminiEmulator
from assetgen_emulators.gemini.faults import NoImage
from assetgen_emulators.notion import Fault, NotionEmulator
from assetgen_emulators.notion.faults import ApiError
from tests.helpers.harness import billed
from tests.helpers.pipeline import ROW, Pipeline, at_the_picture, carry_out, report, requested

TRIGGER, READY, ERROR = "Generating Assets", "Assets Ready", "Asset Error"
REMARK = "less golden light"


@pytest.fixture
def page(ready_page: str) -> str:
    return ready_page


def order(notion: NotionEmulator, page: str, pictures: str, remark: str = "") -> None:
    notion.set_value(page, "Redraw", pictures)
    notion.set_value(page, "Redraw Remark", remark)
    notion.set_status(page, TRIGGER)


def cells(notion: NotionEmulator, page: str) -> Sequence[object]:
    row = notion.row(page)
    return row["Status"], row["Redraw"], row["Redraw Remark"]


def prompts(gemini: GeminiEmulator, since: int = 2) -> list[str]:
    """Returns what was billed since the first two pictures, in short: the picture's number and its remark."""
    return [call.prompt.partition("Subject ")[2].replace(" alone", "").replace("\n\n", " ")
            for call in billed(gemini.journal())[since:]]  # fmt: skip


def test_only_the_named_picture_is_drawn_again_with_its_remark(
    pipeline: Pipeline, page: str, notion: NotionEmulator, gemini: GeminiEmulator
) -> None:
    order(notion, page, "picture_02", REMARK)
    pipeline.tick_until(lambda: cells(notion, page) == (READY, "", ""))
    assert prompts(gemini) == [f"02 {REMARK}"]
    assert notion.row(page)["Cost (USD)"] == pytest.approx(sum(c.billed_usd for c in gemini.journal()), abs=1e-3)
    written = [call.written for call in notion.journal() if "Redraw" in call.written]
    assert [(cleared["Status"], cleared["Redraw"]) for cleared in written] == [(READY, "")], "at once with the status"


def test_the_remark_stays_with_the_picture_and_nothing_counts_as_changed_by_it(
    pipeline: Pipeline, page: str, notion: NotionEmulator, gemini: GeminiEmulator
) -> None:
    order(notion, page, "2", REMARK)
    pipeline.tick()
    plan = make_plan(ProjectKey("poke1", "vid_1"), load_settings(), mode=Mode.RESUME)
    assert [task.step.reason for task in plan.pictures.tasks] == ["done", "done"]
    order(notion, page, "2")
    pipeline.tick()
    assert prompts(gemini) == [f"02 {REMARK}"] * 2, "drawn again without a new remark: the old one holds"
    order(notion, page, "2", "more fog")
    pipeline.tick()
    order(notion, page, "")
    pipeline.tick()
    assert sorted(prompts(gemini, since=4)) == ["01", "02 more fog", "02 more fog"], "it replaces the one before"
    order(notion, page, "2", "none")
    pipeline.tick()
    assert prompts(gemini, since=7) == ["02"]


def test_a_redraw_that_failed_goes_on_with_its_remark_when_the_row_is_set_back(
    pipeline: Pipeline, page: str, notion: NotionEmulator, gemini: GeminiEmulator
) -> None:
    gemini.plan([GeminiFault(NoImage("IMAGE_SAFETY"), prompt=REMARK)])
    order(notion, page, "1-2", REMARK)
    pipeline.tick_until(lambda: cells(notion, page) == (ERROR, "", ""))
    assert len(prompts(gemini)) == 1
    assert "IMAGE_SAFETY" in notion.row(page)["Error Log"]
    notion.set_status(page, TRIGGER)
    pipeline.tick_until(lambda: cells(notion, page) == (READY, "", ""))
    assert sorted(prompts(gemini)) == [f"01 {REMARK}", f"02 {REMARK}"]


def test_what_cannot_be_carried_out_is_said_and_costs_nothing(
    pipeline: Pipeline, page: str, notion: NotionEmulator, gemini: GeminiEmulator
) -> None:
    order(notion, page, "1, pictur_02", REMARK)
    pipeline.tick_until(lambda: cells(notion, page) == (ERROR, "1, pictur_02", REMARK))
    assert "there is no picture 'pictur_02' (did you mean picture_02, #02?)" in notion.row(page)["Error Log"]
    assert (len(gemini.journal()), len(pipeline.runs_of(page))) == (2, 1)


def test_a_row_whose_project_was_never_drawn_has_nothing_to_name(pipeline: Pipeline, notion: NotionEmulator) -> None:
    page = notion.add_row({**ROW, "Project ID": "vid_2", "Redraw": "1"})
    pipeline.tick()
    assert "poke1:vid_2 has no pictures yet" in notion.row(page)["Error Log"]


@pytest.mark.slow
def test_in_a_project_that_is_not_complete_the_missing_pictures_are_drawn_as_well(
    pipeline: Pipeline, notion: NotionEmulator, gemini: GeminiEmulator
) -> None:
    gemini.plan([GeminiFault(NoImage("IMAGE_SAFETY"), prompt="Subject 02")])
    page = notion.add_row({**ROW, "Project ID": "vid_1"})
    pipeline.tick()
    order(notion, page, "1", REMARK)
    pipeline.tick_until(lambda: cells(notion, page) == (READY, "", ""))
    assert sorted(prompts(gemini, since=1)) == [f"01 {REMARK}", "02"]


@pytest.mark.slow
def test_what_else_has_changed_is_left_as_it_is_unless_the_row_asks_for_it(
    pipeline: Pipeline, page: str, notion: NotionEmulator, gemini: GeminiEmulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GEMINI_IMAGE_MODEL", "gemini-3-pro-image")
    order(notion, page, "2")
    pipeline.tick()
    assert prompts(gemini) == ["02"]
    notion.set_value(page, "Regenerate", "Missing or changed")
    order(notion, page, "2")
    pipeline.tick_until(lambda: cells(notion, page) == (READY, "", ""))
    assert sorted(prompts(gemini)) == ["01", "02", "02"]


@pytest.mark.slow
def test_an_order_that_was_given_while_another_is_carried_out_is_kept_for_the_next_time(
    pipeline: Pipeline, page: str, notion: NotionEmulator, gemini: GeminiEmulator
) -> None:
    order(notion, page, "2", REMARK)
    with at_the_picture(3, gemini, lambda: notion.set_value(page, "Redraw", "1")):
        pipeline.tick()
    assert cells(notion, page) == (READY, "1", REMARK)
    notion.set_status(page, TRIGGER)
    pipeline.tick_until(lambda: cells(notion, page) == (READY, "", ""))
    assert prompts(gemini) == [f"02 {REMARK}", f"01 {REMARK}"]


def test_an_order_that_is_written_after_the_status_was_set_does_not_come_too_late(
    pipeline: Pipeline, page: str, notion: NotionEmulator, gemini: GeminiEmulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    look_at_runs = notion_tasks.latest_runs

    def late(*arguments: Any) -> Any:
        notion.set_value(page, "Redraw", "2")
        return look_at_runs(*arguments)

    notion.set_status(page, TRIGGER)
    with monkeypatch.context() as writing:
        writing.setattr(notion_tasks, "latest_runs", late)
        assert requested(pipeline.dagit) == [], "or everything would be drawn again"
    pipeline.tick_until(lambda: cells(notion, page) == (READY, "", ""))
    assert prompts(gemini) == ["02"]


@pytest.mark.slow
def test_an_order_is_cleared_by_whoever_tells_the_row_and_is_not_carried_out_twice(
    pipeline: Pipeline, page: str, notion: NotionEmulator, gemini: GeminiEmulator
) -> None:
    order(notion, page, "2", REMARK)
    [request] = requested(pipeline.dagit)
    pipeline.request_keys.append(request.run_key or "")
    notion.plan([Fault(ApiError(400, message="Not now."), endpoint="pages.update", times=2)])
    assert carry_out(pipeline.dagit, request).success
    assert cells(notion, page) == (TRIGGER, "2", REMARK), "the run could not tell it"
    notion.plan([])
    pipeline.tick_until(lambda: cells(notion, page) == (READY, "", ""))
    assert prompts(gemini) == [f"02 {REMARK}"]


@pytest.mark.slow
def test_an_order_in_the_same_words_after_the_row_was_told_is_a_new_one(
    pipeline: Pipeline, page: str, notion: NotionEmulator, gemini: GeminiEmulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as death:
        death.setattr("assetgen_dagster.assets.row_report.mark_reported", lambda *_: None)
        order(notion, page, "2")
        [request] = requested(pipeline.dagit)
        pipeline.request_keys.append(request.run_key or "")
        carry_out(pipeline.dagit, request)
    order(notion, page, "2")
    report(pipeline.dagit)  # of the run whose death nobody noticed
    assert cells(notion, page) == (TRIGGER, "2", "")
    pipeline.tick_until(lambda: cells(notion, page) == (READY, "", ""))
    assert prompts(gemini) == ["02", "02"]


def test_a_run_that_ends_before_it_took_the_order_up_leaves_it_on_the_row(
    pipeline: Pipeline, page: str, notion: NotionEmulator, gemini: GeminiEmulator
) -> None:
    order(notion, page, "2", REMARK)
    [request] = requested(pipeline.dagit)
    pipeline.request_keys.append(request.run_key or "")
    manifest = pipeline.dagit.project("poke1:vid_1") / "asset_manifest.json"
    whole = manifest.read_text()
    manifest.write_text(whole.replace('"assets"', '"pictures"'))
    assert not carry_out(pipeline.dagit, request).success
    manifest.write_text(whole)
    pipeline.tick_until(lambda: notion.row(page)["Status"] == ERROR)
    assert cells(notion, page) == (ERROR, "2", REMARK), "though all pictures are there"
    notion.set_status(page, TRIGGER)
    pipeline.tick_until(lambda: cells(notion, page) == (READY, "", ""))
    assert prompts(gemini) == [f"02 {REMARK}"]


@pytest.mark.slow
def test_a_picture_that_has_left_the_manifest_since_is_an_error_before_anything_is_paid(
    pipeline: Pipeline, page: str, notion: NotionEmulator, gemini: GeminiEmulator
) -> None:
    order(notion, page, "2")
    [request] = requested(pipeline.dagit)
    pipeline.request_keys.append(request.run_key or "")
    manifest = pipeline.dagit.project("poke1:vid_1") / "asset_manifest.json"
    data = json.loads(manifest.read_text())
    manifest.write_text(json.dumps(data | {"assets": data["assets"][:1]}))
    carry_out(pipeline.dagit, request)
    pipeline.tick_until(lambda: notion.row(page)["Status"] == ERROR)
    assert "[redraw]" in notion.row(page)["Error Log"]
    assert len(gemini.journal()) == 2


@pytest.mark.slow
def test_a_row_that_is_withdrawn_meanwhile_goes_on_with_what_is_left(
    pipeline: Pipeline, page: str, notion: NotionEmulator, gemini: GeminiEmulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ASSETGEN_IMAGE_CONCURRENCY", "1")
    monkeypatch.setattr("assetgen_dagster.drawing.draw._CHECK_ROW_SECONDS", 0.05)
    gemini.set_latency(1)
    order(notion, page, "all", REMARK)
    with at_the_picture(3, gemini, lambda: notion.set_status(page, "Draft")):
        pipeline.tick()
    gemini.set_latency(0)
    pipeline.tick()
    assert cells(notion, page) == ("Draft", "", "")
    notion.set_status(page, TRIGGER)
    pipeline.tick_until(lambda: cells(notion, page) == (READY, "", ""))
    assert sorted(prompts(gemini)) == [f"01 {REMARK}", f"02 {REMARK}"]
