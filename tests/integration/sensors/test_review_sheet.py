"""The review sheet of a whole project: shown once the row is ready, replaced each round, never in anybody's way."""

from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from assetgen_dagster.assets import review_sheet
from assetgen_dagster.assets.keys import ASSETS_READY, CONTACT_SHEET, image_key
from assetgen_dagster.assets.tags import SHEET_TAG
from assetgen_dagster.drawing.contact_sheet import compress
from assetgen_dagster.notion.board import TaskBoard
from assetgen_dagster.sensors import review_sheets
from assetgen_emulators.gemini import GeminiEmulator
from assetgen_emulators.notion import Fault, NotionEmulator
from assetgen_emulators.notion.faults import ApiError, Delay
from tests.helpers.harness import billed, picture_usd
from tests.helpers.pipeline import ROW, Pipeline

TRIGGER, READY = "Generating Assets", "Assets Ready"


@pytest.fixture
def page(notion: NotionEmulator) -> str:
    return notion.add_row({**ROW, "Project ID": "vid_1"})


@pytest.fixture(autouse=True)
def no_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(review_sheets, "_WAIT_SECONDS", 0.0)


def refuse(notion: NotionEmulator, endpoint: str, status: int = 503, times: int | None = None) -> None:
    notion.plan([Fault(ApiError(status), endpoint=endpoint, times=times)])


def sheets(notion: NotionEmulator, page: str) -> list[dict[str, Any]]:
    return [block for block in notion.blocks(page) if block["by"] == "integration"]


def became(pipeline: Pipeline, page: str) -> str | None:
    return pipeline.runs_of(page)[0].tags.get(SHEET_TAG)


def test_the_sheet_comes_after_the_row_says_that_its_pictures_are_there(
    pipeline: Pipeline, page: str, notion: NotionEmulator
) -> None:
    pipeline.tick()
    [sheet] = sheets(notion, page)
    assert [row["text"] for row in sheet["in it"][1]["in it"]][1:] == [
        f"01 | picture_01 | character | {picture_usd():.4f}",
        f"02 | picture_02 | character | {picture_usd():.4f}",
    ]
    asked = [call.endpoint for call in notion.journal()]
    told = next(place for place, call in enumerate(notion.journal()) if call.written.get("Status") == READY)
    assert told < asked.index("file_uploads.create")
    assert became(pipeline, page) == "shown"
    pipeline.tick()
    assert asked.count("file_uploads.create") == 1, "nobody shows it again"


def test_each_round_and_each_redraw_has_its_sheet_in_place_of_the_one_before(
    pipeline: Pipeline, page: str, notion: NotionEmulator, gemini: GeminiEmulator
) -> None:
    pipeline.tick()
    [first] = sheets(notion, page)
    notion.set_status(page, TRIGGER)
    pipeline.tick()
    [second] = sheets(notion, page)
    notion.set_value(page, "Redraw", "2")
    notion.set_value(page, "Redraw Remark", "less golden light")
    notion.set_status(page, TRIGGER)
    pipeline.tick()
    [third] = sheets(notion, page)
    assert len({first["id"], second["id"], third["id"]}) == 3
    assert len(billed(gemini.journal())) == 5
    appended = [call for call in notion.journal() if call.endpoint == "blocks.children.append"]
    assert len(appended) == 3


def test_a_failed_project_gets_none(pipeline: Pipeline, page: str, notion: NotionEmulator) -> None:
    manifest = pipeline.dagit.project("poke1:vid_1") / "asset_manifest.json"
    manifest.write_text(manifest.read_text().replace("Subject 02 alone", " "))
    pipeline.tick()
    pipeline.tick()
    assert notion.row(page)["Status"] == "Asset Error"
    assert notion.blocks(page) == []


def test_switched_off_it_asks_notion_for_nothing(
    pipeline: Pipeline, page: str, notion: NotionEmulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NOTION_REVIEW_SHEET", "false")
    pipeline.tick()
    pipeline.tick()
    assert notion.row(page)["Status"] == READY
    assert not [call for call in notion.journal() if call.endpoint.startswith(("blocks.", "file_uploads."))]


def test_while_notion_does_not_take_it_the_row_is_ready_and_the_sheet_follows(
    pipeline: Pipeline, page: str, notion: NotionEmulator, gemini: GeminiEmulator
) -> None:
    refuse(notion, "file_uploads.send")
    pipeline.tick()
    assert (notion.row(page)["Status"], notion.row(page)["Error Log"]) == (READY, "")
    assert pipeline.runs_of(page)[0].is_success
    assert became(pipeline, page) == "postponed"
    assert "The review sheet of poke1:vid_1 is not on its row's page" in pipeline.outcomes_said[-1]
    notion.plan([])
    pipeline.tick_until(lambda: len(sheets(notion, page)) == 1)
    assert became(pipeline, page) == "shown"
    assert len(billed(gemini.journal())) == 2


def test_its_time_is_for_all_its_calls_together(
    pipeline: Pipeline, page: str, notion: NotionEmulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    show, left = TaskBoard.show_sheet, []

    def seen(*arguments: Any, deadline_seconds: float) -> bool:
        left.append(deadline_seconds)
        return show(*arguments, deadline_seconds=deadline_seconds)

    monkeypatch.setattr(TaskBoard, "show_sheet", seen)
    notion.plan([Fault(Delay(0.5), endpoint="pages.retrieve", times=None)])
    pipeline.tick()
    [seconds] = left
    assert seconds <= review_sheet._IN_RUN_SECONDS - 0.5
    assert became(pipeline, page) == "shown"


@pytest.mark.slow
def test_it_is_not_tried_for_ever(pipeline: Pipeline, page: str, notion: NotionEmulator) -> None:
    refuse(notion, "file_uploads.create")
    for _ in range(6):
        pipeline.tick()
    assert became(pipeline, page) == "refused"
    asked = len(notion.journal())
    pipeline.tick()
    assert not [call for call in notion.journal()[asked:] if call.endpoint.startswith("file_uploads.")]


def test_without_the_capability_it_is_one_attempt_a_run(pipeline: Pipeline, page: str, notion: NotionEmulator) -> None:
    notion.allow(insert=False)
    for _ in range(3):
        pipeline.tick()
    assert (notion.row(page)["Status"], became(pipeline, page)) == (READY, "refused")
    assert [call.endpoint for call in notion.journal()].count("file_uploads.create") == 1


@pytest.mark.slow
def test_a_row_that_was_told_later_has_its_sheet_later(pipeline: Pipeline, page: str, notion: NotionEmulator) -> None:
    refuse(notion, "pages.update", status=400, times=2)
    pipeline.tick()
    pipeline.tick_until(lambda: notion.row(page)["Status"] == READY and len(sheets(notion, page)) == 1)


def test_a_row_that_the_producer_has_set_to_something_else_gets_none(
    pipeline: Pipeline, page: str, notion: NotionEmulator
) -> None:
    notion.set_status(page, "Draft")
    pipeline.dagit.materialize("poke1:vid_1", tags={"channel": "poke1", "project": "vid_1"})
    assert notion.blocks(page) == []


@pytest.mark.slow
def test_single_pictures_drawn_by_hand_change_the_sheet_when_the_project_is_summed_up_again(
    pipeline: Pipeline, page: str, notion: NotionEmulator
) -> None:
    pipeline.tick()
    [first] = sheets(notion, page)
    tags = {"channel": "poke1", "project": "vid_1"}
    pipeline.dagit.materialize("poke1:vid_1", selection=[image_key(2)], tags=tags)
    assert [sheet["id"] for sheet in sheets(notion, page)] == [first["id"]]
    pipeline.dagit.materialize("poke1:vid_1", selection=[ASSETS_READY, CONTACT_SHEET], tags=tags)
    [second] = sheets(notion, page)
    assert second["id"] != first["id"]


def test_a_sheet_that_is_too_large_is_compressed_until_it_fits(tmp_path: Path) -> None:
    path = tmp_path / "sheet.png"
    Image.effect_noise((800, 600), 120).convert("RGB").save(path)
    sizes = [len(compress(path, largest=largest)) for largest in (10**9, 200_000, 60_000, 5_000)]
    assert sizes == sorted(sizes, reverse=True)
    assert all(size <= largest for size, largest in zip(sizes[1:], (200_000, 60_000, 5_000), strict=True))
