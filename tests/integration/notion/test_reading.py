"""What the board reads, whatever a producer made of his database."""

import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from assetgen_dagster.notion.board import TaskBoard
from assetgen_dagster.notion.errors import BoardError, BoardUnavailableError
from assetgen_dagster.notion.table import Position
from assetgen_emulators.notion import NotionEmulator
from assetgen_emulators.notion.faults import ApiError, Fault
from tests.helpers.boards import board_for, endpoints

TRIGGER = "Generating Assets"


def test_a_row_is_read_with_everything_in_it(notion: NotionEmulator, board: TaskBoard) -> None:
    page_id = notion.add_row(
        channel="poke1",
        topic="Owls of the north 🦉",
        story_direction="line one\nline two " * 300,
        status=TRIGGER,
        project_id=" vid_123 ",
        run="run-1",
        regenerate="All",
        redraw="3, lonely owl",
        created="2026-03-01T10:00:30+00:00",
    )
    (row,) = board.triggered_rows()
    assert row.page_id == page_id
    assert (row.channel, row.project_id, row.topic) == ("poke1", "vid_123", "Owls of the north 🦉")
    assert row.story_direction == ("line one\nline two " * 300).strip()
    assert (row.status, row.run, row.regenerate, row.redraw) == (TRIGGER, "run-1", "All", "3, lonely owl")
    assert row.created == datetime(2026, 3, 1, 10, 0, tzinfo=UTC)
    assert board.read_row(page_id) == row
    assert board.find_row("poke1", "vid_123") == row


def test_empty_cells_are_empty_texts_and_the_page_names_the_project(notion: NotionEmulator, board: TaskBoard) -> None:
    page_id = notion.add_row(status=TRIGGER)
    (row,) = board.triggered_rows()
    assert (row.channel, row.topic, row.story_direction, row.run) == ("", "", "", "")
    assert row.project_id == page_id.replace("-", "")


@pytest.mark.parametrize(
    ("role", "kind", "entered", "read"),
    [
        ("channel", "select", "poke1", "poke1"),
        ("channel", "status", "poke1", "poke1"),
        ("channel", "rich_text", "poke1", "poke1"),
        ("channel", "title", "poke1", "poke1"),
        ("channel", "formula", "poke1", "poke1"),
        ("channel", "multi_select", ["poke1"], "poke1"),
        ("channel", "multi_select", ["poke1", "poke2"], "poke1, poke2"),
        ("channel", "number", 7, "7"),
        ("project_id", "rich_text", "vid_1", "vid_1"),
        ("project_id", "title", "vid_1", "vid_1"),
        ("project_id", "select", "vid_1", "vid_1"),
        ("project_id", "number", 12.0, "12"),
        ("project_id", "number", 12.5, "12.5"),
        ("project_id", "formula", "vid_1", "vid_1"),
        ("project_id", "formula", 3, "3"),
        ("project_id", "formula", True, "Yes"),
        ("project_id", "unique_id", None, "VID-1"),
        ("project_id", "url", "vid_1", "vid_1"),
        ("topic", "rich_text", "Owls", "Owls"),
        ("topic", "select", "Owls", "Owls"),
        ("regenerate", "rich_text", "All", "All"),
        ("regenerate", "checkbox", True, "Yes"),
        ("redraw", "multi_select", ["3", "owl"], "3, owl"),
        ("run", "url", "http://ui/runs/1", "http://ui/runs/1"),
    ],
)
def test_every_type_that_a_producer_may_have_chosen_is_read(
    notion: NotionEmulator, role: str, kind: str, entered: Any, read: str
) -> None:
    notion.create_database(types={role: kind})
    values = {} if entered is None else {role: entered}
    notion.add_row(status=TRIGGER, **values)
    with board_for(notion) as board:
        (row,) = board.triggered_rows()
    assert getattr(row, role) == read


@pytest.mark.parametrize("kind", ["status", "select"])
def test_only_rows_in_a_trigger_status_are_read_by_either_name(notion: NotionEmulator, kind: str) -> None:
    notion.create_database(
        types={"status": kind}, statuses=("Assets Generating", TRIGGER, "Assets Ready", "Asset Error")
    )
    wanted = {notion.add_row(status=TRIGGER), notion.add_row(status="Assets Generating")}
    notion.add_row(status="Assets Ready")
    notion.add_row()
    notion.archive(notion.add_row(status=TRIGGER))
    with board_for(notion) as board:
        assert {row.page_id for row in board.triggered_rows()} == wanted


def test_a_trigger_status_that_the_database_does_not_have_is_not_asked_for(notion: NotionEmulator) -> None:
    page_id = notion.add_row(status=TRIGGER)
    with board_for(notion, status_trigger=("Assets Generating", TRIGGER)) as board:
        assert [row.page_id for row in board.triggered_rows()] == [page_id]


def test_the_oldest_request_comes_first_then_the_older_row(notion: NotionEmulator, board: TaskBoard) -> None:
    start = datetime(2026, 3, 1, tzinfo=UTC)
    pages = [notion.add_row(created=start + timedelta(minutes=n)) for n in range(4)]
    for page, minute in zip(pages, (30, 20, 20, 10), strict=True):
        notion.set_status(page, TRIGGER, edited=start + timedelta(minutes=minute))
    assert [row.page_id for row in board.triggered_rows()] == [pages[3], pages[1], pages[2], pages[0]]


def test_any_number_of_rows_is_read_page_by_page(notion: NotionEmulator, board: TaskBoard) -> None:
    wanted = {notion.add_row(status=TRIGGER) for _ in range(250)}
    assert {row.page_id for row in board.triggered_rows()} == wanted
    assert endpoints(notion).count("data_sources.query") == 3
    assert endpoints(notion).count("databases.retrieve") == 1
    board.triggered_rows()
    assert endpoints(notion).count("databases.retrieve") == 1, "the schema is read once"


def test_more_rows_than_one_query_gives_are_read_with_several(notion: NotionEmulator, board: TaskBoard) -> None:
    notion.set_result_limit(120)
    start = datetime(2026, 3, 1, tzinfo=UTC)
    wanted = {notion.add_row(status=TRIGGER, created=start + timedelta(seconds=20 * n)) for n in range(310)}
    assert {row.page_id for row in board.triggered_rows()} == wanted


def test_more_rows_than_can_be_told_apart_are_an_error_not_a_shorter_list(
    notion: NotionEmulator, board: TaskBoard
) -> None:
    notion.set_result_limit(20)
    for _ in range(30):
        notion.add_row(status=TRIGGER, created="2026-03-01T10:00:00+00:00")
    with pytest.raises(BoardError, match="made in the same minute"):
        board.triggered_rows()


def test_rows_that_come_and_go_between_two_pages_of_results_cost_no_other_row(
    notion: NotionEmulator, board: TaskBoard, monkeypatch: pytest.MonkeyPatch
) -> None:
    noon = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
    pages = [notion.add_row(status=TRIGGER, created=noon + timedelta(minutes=n)) for n in range(250)]
    idle = notion.add_row(status="Draft", created=noon - timedelta(hours=1))
    gone, asked = [pages[3], pages[100], pages[180], pages[249]], 0
    answer = notion.world.answer

    def changing(request: Any, body: Any) -> Any:
        nonlocal asked
        found = answer(request, body)
        if request.endpoint == "data_sources.query":
            asked += 1
            if asked == 1:
                for page in gone:
                    notion.set_status(page, "Asset Error")
                notion.set_status(idle, TRIGGER)
        return found

    monkeypatch.setattr(notion.world, "answer", changing)
    found = {row.page_id for row in board.triggered_rows()}
    assert set(pages) - set(gone) <= found
    assert found <= {*pages, idle}
    assert asked >= 3


def test_a_page_that_was_moved_out_of_the_database_is_none(
    notion: NotionEmulator, board: TaskBoard, monkeypatch: pytest.MonkeyPatch
) -> None:
    page_id = notion.add_row(status=TRIGGER)
    moved = {"parent": {"type": "page_id", "page_id": page_id}, "properties": {"title": {"type": "title", "title": []}}}
    answer = notion.world._page_answer
    monkeypatch.setattr(notion.world, "_page_answer", lambda row: answer(row) | moved)
    assert board.read_row(page_id) is None


def test_a_page_of_results_whose_first_row_is_gone_is_read_again_from_the_start(
    notion: NotionEmulator, board: TaskBoard
) -> None:
    wanted = {notion.add_row(status=TRIGGER) for _ in range(150)}
    invalid = ApiError(400, message="The start_cursor provided is invalid: 0")
    notion.plan([Fault(invalid, endpoint="data_sources.query", nth=2)])
    assert {row.page_id for row in board.triggered_rows()} == wanted


@pytest.mark.parametrize(
    ("kind", "entered", "project"),
    [
        ("rich_text", "vid_1", "vid_1"),
        ("title", "vid_1", "vid_1"),
        ("select", "vid_1", "vid_1"),
        ("status", "vid_1", "vid_1"),
        ("multi_select", "vid_1", "vid_1"),
        ("number", 12, "12"),
        ("formula", "vid_1", "vid_1"),
        ("unique_id", None, "VID-2"),
        ("url", "vid_1", "vid_1"),
    ],
)
@pytest.mark.parametrize("channel_kind", ["select", "rich_text", "formula"])
def test_a_projects_row_is_found_by_any_type_of_column(
    notion: NotionEmulator, kind: str, entered: Any, project: str, channel_kind: str
) -> None:
    notion.create_database(types={"project_id": kind, "channel": channel_kind})
    cells = {} if entered is None else {"project_id": entered}
    notion.add_row(channel="poke2", **cells)
    wanted = notion.add_row(channel="poke1", **cells)
    with board_for(notion) as board:
        row = board.find_row("poke1", project)
        assert row
        assert row.page_id == wanted
        assert board.find_row("poke1", "another") is None
        assert board.find_row("unheard_of", project) is None


def many_rows(notion: NotionEmulator, kind: str, count: int = 450) -> str:
    """Adds rows whose project is a value of that type of column; returns the page of the last one, ``vid_1``."""
    notion.create_database(types={"project_id": kind})
    for number in range(count):
        notion.add_row(channel="poke1", project_id=f"other_{number}")
    return notion.add_row(channel="poke1", project_id="vid_1")


def test_a_row_of_a_large_board_is_found_by_its_formula_with_two_queries(notion: NotionEmulator) -> None:
    wanted = many_rows(notion, "formula")
    with board_for(notion) as board:
        row = board.find_row("poke1", "vid_1")
    assert row
    assert row.page_id == wanted
    assert endpoints(notion).count("data_sources.query") == 2


def test_a_search_that_runs_out_of_time_goes_on_where_it_stopped(
    notion: NotionEmulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted = many_rows(notion, "formula")
    monkeypatch.setattr("assetgen_dagster.notion.filters._FORMULAS", {})  # as of a formula that gives a date
    at = Position()
    for _ in range(2):
        # A tick gets a sample and two of the five batches.
        notion.plan([Fault(ApiError(503), endpoint="data_sources.query", after=3, times=None)])
        with board_for(notion, deadline_seconds=20) as board, pytest.raises(BoardUnavailableError):
            board.find_row("poke1", "vid_1", at=at)
    notion.plan([])
    notion.calls.clear()
    with board_for(notion) as board:
        row = board.find_row("poke1", "vid_1", at=at)
    assert row
    assert row.page_id == wanted
    assert endpoints(notion).count("data_sources.query") == 2


def test_a_search_begins_again_if_the_row_of_its_cursor_is_gone(
    notion: NotionEmulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted = many_rows(notion, "formula", 150)
    monkeypatch.setattr("assetgen_dagster.notion.filters._FORMULAS", {})
    with board_for(notion) as board:
        row = board.find_row("poke1", "vid_1", at=Position(start_cursor=str(uuid.uuid4())))
    assert row
    assert row.page_id == wanted


def test_a_project_without_an_id_is_found_by_its_page(notion: NotionEmulator, board: TaskBoard) -> None:
    page_id = notion.add_row(channel="poke1")
    project = page_id.replace("-", "")
    row = board.find_row("poke1", project)
    assert row
    assert row.page_id == page_id
    assert board.find_row("poke2", project) is None
    notion.set_value(page_id, "Project ID", "vid_9")
    assert board.find_row("poke1", project) is None, "it has another name now"
    notion.archive(page_id)
    assert board.find_row("poke1", "vid_9") is None


def test_of_copied_rows_the_first_one_is_found_whatever_case_notion_ignores(
    notion: NotionEmulator, board: TaskBoard
) -> None:
    first = notion.add_row(channel="poke1", project_id="vid_1", created="2026-03-01T10:00:00+00:00")
    notion.add_row(channel="poke1", project_id="VID_1", created="2026-02-01T10:00:00+00:00")
    notion.duplicate(first)
    row = board.find_row("poke1", "vid_1")
    assert row
    assert row.page_id == first


def test_a_row_in_the_trash_deleted_or_elsewhere_is_none(notion: NotionEmulator, board: TaskBoard) -> None:
    trashed, deleted = notion.add_row(), notion.add_row()
    notion.archive(trashed)
    notion.delete(deleted)
    assert board.read_row(trashed) is None
    assert board.read_row(deleted) is None
    other = notion.create_database()
    assert board.read_row(notion.add_row(database_id=other)) is None


def test_an_empty_board_is_an_empty_list(board: TaskBoard) -> None:
    assert board.triggered_rows() == []


def test_nothing_is_read_from_a_database_that_the_integration_sees_only_the_outside_of(
    notion: NotionEmulator, board: TaskBoard, monkeypatch: pytest.MonkeyPatch
) -> None:
    page_id = notion.add_row(status=TRIGGER)
    monkeypatch.setattr(notion.world, "_page_answer", lambda row: {"object": "page", "id": row.id})
    with pytest.raises(BoardError, match="Read content"):
        board.read_row(page_id)
