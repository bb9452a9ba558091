"""What the board writes: all at once, within Notion's limits, and nothing that the database has no place for."""

from typing import Any

import pytest

from assetgen_dagster.notion.board import TaskBoard
from assetgen_dagster.notion.columns import (
    CLEARED,
    COST,
    ERROR_LOG,
    PICTURES,
    REDRAW,
    REDRAW_REMARK,
    REGENERATE,
    RUN,
    STATUS,
    RowUpdate,
    RunLink,
)
from assetgen_dagster.notion.errors import BoardError, RowGoneError
from assetgen_dagster.notion.row import Row
from assetgen_emulators.notion import NotionEmulator
from assetgen_emulators.notion.faults import ApiError, Fault
from tests.helpers.boards import board_for, endpoints

TRIGGER = "Generating Assets"


def writes(notion: NotionEmulator) -> list[dict[str, Any]]:
    return [call.written for call in notion.journal() if call.saved]


def test_everything_is_written_in_one_page_update(notion: NotionEmulator, board: TaskBoard) -> None:
    page_id = notion.add_row(status=TRIGGER, topic="Owls", regenerate="All", redraw="3", redraw_remark="fog")
    row = board.update_row(
        page_id,
        {
            STATUS: "Assets Ready",
            ERROR_LOG: "all is well",
            COST: 1.4960000001,
            PICTURES: 22,
            RUN: RunLink("run-1", "http://localhost:3000/runs/run-1"),
            REGENERATE: CLEARED,
            REDRAW: CLEARED,
            REDRAW_REMARK: CLEARED,
        },
    )
    assert len(writes(notion)) == 1
    assert notion.row(page_id) == {
        "Topic": "Owls",
        "Channel": None,
        "Story Direction": "",
        "Status": "Assets Ready",
        "Error Log": "all is well",
        "Project ID": "",
        "Cost (USD)": 1.496,
        "Pictures": 22,
        "Run": "run-1",
        "Regenerate": None,
        "Redraw": "",
        "Redraw Remark": "",
        "in_trash": False,
    }
    assert row
    assert (row.status, row.run, row.regenerate) == ("Assets Ready", "run-1", "")
    (sent,) = [call.body for call in notion.journal() if call.endpoint == "pages.update"]
    assert sent["properties"]["Run"]["rich_text"][0]["text"]["link"] == {"url": "http://localhost:3000/runs/run-1"}


def test_what_is_not_given_stays_as_it_is(notion: NotionEmulator, board: TaskBoard) -> None:
    page_id = notion.add_row(status=TRIGGER, error_log="old", cost=3, run="run-1", regenerate="All")
    before = notion.row(page_id)
    board.update_row(page_id, {STATUS: "Drawing"})
    assert notion.row(page_id) == before | {"Status": "Drawing"}
    board.update_row(page_id, {ERROR_LOG: ""})
    assert notion.row(page_id)["Error Log"] == ""
    board.update_row(page_id, {})
    assert len(writes(notion)) == 2, "an update without anything in it is none"


@pytest.mark.parametrize("role", ["cost", "run", "regenerate", "redraw", "redraw_remark", "project_id"])
def test_a_column_that_the_database_lacks_is_left_out(notion: NotionEmulator, role: str) -> None:
    notion.create_database(types={role: None})
    page_id = notion.add_row(status=TRIGGER)
    with board_for(notion) as board:
        row = board.update_row(
            page_id,
            {
                STATUS: "Assets Ready",
                COST: 1,
                RUN: RunLink("run-1"),
                REGENERATE: CLEARED,
                REDRAW: CLEARED,
                REDRAW_REMARK: CLEARED,
            },
        )
    assert row
    assert notion.row(page_id)["Status"] == "Assets Ready"
    assert len(writes(notion)) == 1


@pytest.mark.parametrize(
    ("types", "column", "value"),
    [
        ({"run": "url"}, "Run", "http://ui/runs/run-1"),
        ({"run": "rich_text"}, "Run", "run-1"),
        ({"status": "select"}, "Status", "Asset Error"),
        ({"regenerate": "checkbox"}, "Regenerate", False),
        ({"regenerate": "multi_select"}, "Regenerate", []),
        ({"regenerate": "rich_text"}, "Regenerate", ""),
    ],
)
def test_every_type_of_a_column_is_written_as_it_takes_it(
    notion: NotionEmulator, types: dict[str, str], column: str, value: Any
) -> None:
    notion.create_database(types=types)
    page_id = notion.add_row(status=TRIGGER, regenerate={"checkbox": True}.get(types.get("regenerate", ""), "All"))
    link = RunLink("run-1", "http://ui/runs/run-1")
    with board_for(notion) as board:
        board.update_row(page_id, {STATUS: "Asset Error", RUN: link, REGENERATE: CLEARED})
    assert notion.row(page_id)[column] == value


@pytest.mark.parametrize(
    "text",
    ["x" * 5_000, "🦉" * 3_000, "x" + "🦉" * 3_000, "a\x00b\x08c\r\nd\te", "lone \ud83e surrogate", "é" * 199_000],
    ids=["long", "pairs", "shifted pairs", "control", "surrogate", "nearly all"],
)
def test_a_long_error_log_arrives_whole(notion: NotionEmulator, board: TaskBoard, text: str) -> None:
    page_id = notion.add_row()
    board.update_row(page_id, {ERROR_LOG: text})
    expected = text.replace("\x00", "").replace("\x08", "").replace("\r\n", "\n").replace("\ud83e", "?")
    assert notion.row(page_id)["Error Log"] == expected


@pytest.mark.parametrize("text", ["x" * 500_000, "漢" * 190_000, "🦉" * 150_000], ids=["ascii", "three bytes", "pairs"])
def test_an_error_log_that_notion_would_not_take_is_cut_and_says_so(
    notion: NotionEmulator, board: TaskBoard, text: str
) -> None:
    page_id = notion.add_row()
    board.update_row(page_id, {ERROR_LOG: text})
    written = notion.row(page_id)["Error Log"]
    assert written.startswith(text[:50_000])
    assert written.endswith("… (the rest is in the run's log)")


@pytest.mark.parametrize("kind", ["status", "select"])
def test_an_option_that_is_not_there_is_never_made(notion: NotionEmulator, kind: str) -> None:
    notion.create_database(types={"status": kind}, statuses=(TRIGGER, "Asset Error"))
    page_id = notion.add_row(status=TRIGGER)
    with board_for(notion) as board, pytest.raises(BoardError, match="NOTION_STATUS_READY") as missing:
        board.update_row(page_id, {STATUS: "Assets Ready"})
    assert missing.value.setting == "NOTION_STATUS_READY"
    assert notion.options("Status") == [TRIGGER, "Asset Error"]
    with board_for(notion) as board, pytest.raises(BoardError) as unknown:
        board.update_row(page_id, {STATUS: "Elsewhere"})
    assert unknown.value.code == "notion_option"
    assert notion.row(page_id)["Status"] == TRIGGER


@pytest.mark.parametrize("kind", ["status", "select"])
def test_an_option_that_was_removed_a_while_ago_is_not_made_again(notion: NotionEmulator, kind: str) -> None:
    notion.create_database(types={"status": kind})
    page_id = notion.add_row(status=TRIGGER)
    with board_for(notion) as board:
        board.triggered_rows()
        notion.remove_status_option("Assets Ready")
        board._caller.clock.sleep(60)
        with pytest.raises(BoardError, match=r"'Status' has no option 'Assets Ready'.*NOTION_STATUS_READY"):
            board.update_row(page_id, {STATUS: "Assets Ready"})
        assert "Assets Ready" not in notion.options("Status")
        notion.add_status_option("Assets Ready")
        board.update_row(page_id, {STATUS: "Assets Ready"})
    assert notion.row(page_id)["Status"] == "Assets Ready"


def test_a_row_that_is_gone_is_said_to_be_gone(notion: NotionEmulator, board: TaskBoard) -> None:
    trashed, deleted = notion.add_row(), notion.add_row()
    notion.archive(trashed)
    notion.delete(deleted)
    for page_id in (trashed, deleted):
        with pytest.raises(RowGoneError, match=page_id.replace("-", "")):
            board.update_row(page_id, {STATUS: "Assets Ready"})
        with pytest.raises(RowGoneError):
            board.update_row(page_id, {STATUS: "Assets Ready"}, only_if=lambda _: True)
    assert writes(notion) == []


def test_a_row_is_left_alone_when_the_caller_says_so(notion: NotionEmulator, board: TaskBoard) -> None:
    page_id = notion.add_row(status="Draft")
    seen: list[Row] = []

    def still_asked_for(row: Row) -> bool:
        seen.append(row)
        return row.status == TRIGGER

    assert board.update_row(page_id, {STATUS: "Assets Ready"}, only_if=still_asked_for) is None
    assert [row.status for row in seen] == ["Draft"]
    assert writes(notion) == []
    notion.set_status(page_id, TRIGGER)
    assert board.update_row(page_id, {STATUS: "Assets Ready"}, only_if=still_asked_for)


def test_a_write_whose_answer_was_lost_is_not_repeated_over_what_the_producer_chose_since(
    notion: NotionEmulator, board: TaskBoard
) -> None:
    page_id = notion.add_row(status=TRIGGER)
    notion.plan([Fault(ApiError(503, saved=True), endpoint="pages.update")])
    board._caller.clock._on_sleep = lambda: notion.set_status(page_id, "Draft")  # type: ignore[attr-defined]
    assert board.update_row(page_id, {STATUS: "Assets Ready"}, only_if=lambda row: row.status == TRIGGER) is None
    assert notion.row(page_id)["Status"] == "Draft"


def test_a_new_request_is_not_overwritten_by_a_report_that_had_arrived_before_it(
    notion: NotionEmulator, board: TaskBoard
) -> None:
    page_id = notion.add_row(status=TRIGGER, run="run-0")
    notion.plan([Fault(ApiError(503, saved=True), endpoint="pages.update")])
    board._caller.clock._on_sleep = lambda: notion.set_status(page_id, TRIGGER)  # type: ignore[attr-defined]
    report: RowUpdate = {STATUS: "Assets Ready", RUN: RunLink("run-1")}
    row = board.update_row(page_id, report, only_if=lambda row: row.status == TRIGGER)
    assert row
    assert (row.status, row.run) == (TRIGGER, "run-1")
    assert notion.row(page_id)["Status"] == TRIGGER
    notion.plan([Fault(ApiError(503), endpoint="pages.update")])
    board.update_row(page_id, report, only_if=lambda row: row.status == TRIGGER)
    assert notion.row(page_id)["Status"] == "Assets Ready", "the run was there before: it proves nothing"


def test_a_link_that_notion_does_not_like_costs_the_link_and_not_the_report(
    notion: NotionEmulator, board: TaskBoard
) -> None:
    page_id = notion.add_row(status=TRIGGER)
    notion.plan([Fault(ApiError(400, message="Invalid URL for link."), endpoint="pages.update")])
    board.update_row(page_id, {STATUS: "Assets Ready", RUN: RunLink("run-1", "http://localhost:3000/runs/run-1")})
    assert (notion.row(page_id)["Status"], notion.row(page_id)["Run"]) == ("Assets Ready", "run-1")
    board.update_row(page_id, {RUN: RunLink("run-2", "not a link")})
    assert notion.row(page_id)["Run"] == "run-2"


def test_what_notion_refuses_for_good_is_said_in_its_words_after_one_try(
    notion: NotionEmulator, board: TaskBoard
) -> None:
    page_id = notion.add_row()
    notion.plan([Fault(ApiError(400, message="No such luck."), endpoint="pages.update", times=None)])
    with pytest.raises(BoardError, match=r"refused to write to the row \w{32}: HTTP 400: No such luck\."):
        board.update_row(page_id, {STATUS: "Assets Ready"})
    assert endpoints(notion).count("pages.update") == 1
