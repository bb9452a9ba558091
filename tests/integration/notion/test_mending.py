"""What a producer can do to the database while it is in use: one clear sentence, and it goes on when it is mended."""

from collections.abc import Callable

import pytest
from pydantic import SecretStr

from assetgen_dagster.notion.board import TaskBoard
from assetgen_dagster.notion.columns import COST, ERROR_LOG, STATUS
from assetgen_dagster.notion.errors import BoardError, BoardUnavailableError
from assetgen_emulators.notion import NotionEmulator
from assetgen_emulators.notion.faults import ApiError, Fault, blocked
from tests.helpers.boards import board_for, settings_for

TRIGGER = "Generating Assets"

Step = Callable[[NotionEmulator], object]


def remove_trigger(notion: NotionEmulator) -> None:
    notion.add_row(status="Draft")
    notion.remove_status_option(TRIGGER)


BREAKS: list[tuple[str, Step, Step, str, str]] = [
    (
        "status renamed",
        lambda notion: notion.rename_property("Status", "State"),
        lambda notion: notion.rename_property("State", "Status"),
        "NOTION_PROPERTY_STATUS",
        r"no property 'Status' \(renamed\?\).*State",
    ),
    (
        "channel renamed",
        lambda notion: notion.rename_property("Channel", "Show"),
        lambda notion: notion.rename_property("Show", "Channel"),
        "NOTION_PROPERTY_CHANNEL",
        "no property 'Channel'.*NOTION_PROPERTY_CHANNEL",
    ),
    (
        "error log renamed",
        lambda notion: notion.rename_property("Error Log", "Log"),
        lambda notion: notion.rename_property("Log", "Error Log"),
        "NOTION_PROPERTY_ERROR_LOG",
        "no property 'Error Log'",
    ),
    (
        "trigger option removed",
        remove_trigger,
        lambda notion: notion.add_status_option(TRIGGER),
        "NOTION_STATUS_TRIGGER",
        "'Status' has no option 'Generating Assets' or 'Assets Generating'.*NOTION_STATUS_TRIGGER to one of: Draft",
    ),
    (
        "token revoked",
        lambda notion: notion.revoke_token(),
        lambda notion: notion.accept_token(),
        "NOTION_TOKEN",
        "does not accept the token. Set NOTION_TOKEN",
    ),
    (
        "unshared",
        lambda notion: notion.unshare(),
        lambda notion: notion.share(),
        "NOTION_DATABASE_ID",
        "click ••• at the top right, then Connections",
    ),
    (
        "cost of another type",
        lambda notion: notion.change_type("Cost (USD)", "formula"),
        lambda notion: notion.change_type("Cost (USD)", "number"),
        "NOTION_PROPERTY_COST",
        "'Cost \\(USD\\)' is of type formula; it must be number.*or set NOTION_PROPERTY_COST to another",
    ),
]


@pytest.mark.parametrize(
    ("do", "undo", "setting", "words"), [case[1:] for case in BREAKS], ids=[case[0] for case in BREAKS]
)
@pytest.mark.parametrize("known", [True, False], ids=["while in use", "from the start"])
def test_a_broken_board_is_said_in_one_sentence_and_works_again_when_mended(
    notion: NotionEmulator, board: TaskBoard, do: Step, undo: Step, setting: str, words: str, known: bool
) -> None:
    page_id = notion.add_row(status=TRIGGER, channel="poke1", project_id="vid_1")
    if known:
        board.triggered_rows()
    do(notion)
    for _ in range(2):
        with pytest.raises(BoardError, match=words) as broken:
            board.triggered_rows()
        assert broken.value.setting == setting
        assert not isinstance(broken.value, BoardUnavailableError)
        assert notion.token not in str(broken.value)
    undo(notion)
    notion.set_status(page_id, TRIGGER)
    assert [row.page_id for row in board.triggered_rows()] == [page_id]
    assert board.update_row(page_id, {STATUS: "Assets Ready", COST: 2})
    assert notion.row(page_id)["Cost (USD)"] == 2


@pytest.mark.parametrize(
    ("do", "words"),
    [(case[1], case[4]) for case in BREAKS if case[0] in ("status renamed", "token revoked", "unshared")],
)
def test_a_report_that_cannot_be_written_says_why_and_loses_nothing(
    notion: NotionEmulator, board: TaskBoard, do: Step, words: str
) -> None:
    page_id = notion.add_row(status=TRIGGER)
    board.triggered_rows()
    before = notion.row(page_id)
    do(notion)
    calls: list[Callable[[], object]] = [
        lambda: board.update_row(page_id, {STATUS: "Assets Ready", ERROR_LOG: "x", COST: 1}),
        lambda: board.read_row(page_id),
        lambda: board.find_row("poke1", "vid_1"),
    ]
    for call in calls:
        with pytest.raises(BoardError, match=words):
            call()
    assert list(notion.row(page_id).values()) == list(before.values())


def test_a_renamed_optional_column_is_left_out_of_the_report(notion: NotionEmulator, board: TaskBoard) -> None:
    page_id = notion.add_row(status=TRIGGER)
    board.triggered_rows()
    notion.rename_property("Cost (USD)", "Price")
    board.update_row(page_id, {STATUS: "Assets Ready", COST: 1})
    assert (notion.row(page_id)["Status"], notion.row(page_id)["Price"]) == ("Assets Ready", None)


def test_a_column_that_is_added_later_is_used_from_then_on(notion: NotionEmulator) -> None:
    notion.create_database(types={"project_id": None})
    page_id = notion.add_row(status=TRIGGER)
    with board_for(notion) as board:
        assert board.triggered_rows()[0].project_id == page_id.replace("-", "")
        notion.add_property("Project ID", "rich_text")
        notion.set_value(page_id, "Project ID", "vid_1")
        assert board.triggered_rows()[0].project_id == "vid_1"


def test_a_database_that_is_changed_again_and_again_is_not_read_wrongly(
    notion: NotionEmulator, board: TaskBoard, monkeypatch: pytest.MonkeyPatch
) -> None:
    page_id = notion.add_row(status=TRIGGER, channel="poke1")
    board.triggered_rows()
    monkeypatch.setattr("assetgen_dagster.notion.schema.Schema.fits", lambda *_: False)
    with pytest.raises(BoardUnavailableError):
        board.read_row(page_id)


def test_a_missing_option_for_a_report_stops_new_rows_before_they_cost_anything(
    notion: NotionEmulator, board: TaskBoard
) -> None:
    notion.add_row(status=TRIGGER)
    notion.remove_status_option("Asset Error")
    with pytest.raises(BoardError, match="NOTION_STATUS_ERROR"):
        board.triggered_rows()


def test_all_faults_of_a_schema_are_known_at_once(notion: NotionEmulator) -> None:
    notion.create_database(types={"channel": None, "run": "number"}, statuses=("Draft",))
    with board_for(notion, status_drawing="Drawing", error_log="") as board:
        faults = board.schema().faults
        assert set(faults) == {
            *("NOTION_PROPERTY_CHANNEL", "NOTION_PROPERTY_RUN", "NOTION_PROPERTY_ERROR_LOG", "NOTION_STATUS_TRIGGER"),
            *("NOTION_STATUS_READY", "NOTION_STATUS_ERROR", "NOTION_STATUS_DRAWING"),
        }
        with pytest.raises(BoardError) as all_of_them:
            board.triggered_rows()
    assert all(fault.message in str(all_of_them.value) for fault in faults.values())
    assert all(fault.setting == setting for setting, fault in faults.items())


def test_several_data_sources_are_an_error_that_names_them_and_any_of_them_can_be_set(notion: NotionEmulator) -> None:
    database_id = notion.create_database(data_sources=2)
    page_id = notion.add_row(status=TRIGGER)
    first, second = notion.data_sources()
    with board_for(notion) as board, pytest.raises(BoardError, match=f"{first}.*{second}.*Videos 2") as several:
        board.triggered_rows()
    assert several.value.setting == "NOTION_DATABASE_ID"
    with board_for(notion, first) as board:
        assert [row.page_id for row in board.triggered_rows()] == [page_id]
    with board_for(notion, second) as board:
        assert board.triggered_rows() == []
    notion.world.databases[database_id].sources.clear()
    with board_for(notion, database_id) as board, pytest.raises(BoardError, match="view of a database elsewhere"):
        board.triggered_rows()


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ("", "NOTION_DATABASE_ID"),
        ("my database", "NOTION_DATABASE_ID"),
        ("0" * 32, "shows the integration no database 00000000-0000.*NOTION_DATABASE_ID"),
    ],
)
def test_an_id_that_leads_nowhere_names_its_setting(notion: NotionEmulator, given: str, words: str) -> None:
    with pytest.raises(BoardError, match=words) as wrong:
        board_for(notion, given or " ").triggered_rows()
    assert wrong.value.setting == "NOTION_DATABASE_ID"


def test_a_page_instead_of_a_database_is_said_to_be_one(notion: NotionEmulator) -> None:
    page_id = notion.add_row()
    with board_for(notion, page_id) as board, pytest.raises(BoardError, match=r"is a page, not.*NOTION_DATABASE_ID"):
        board.triggered_rows()


@pytest.mark.parametrize(
    "shape", ["https://www.notion.so/acme/Videos-{}?v=0123456789abcdef0123456789abcdef", "{}", " {} "]
)
def test_a_link_to_the_database_serves_as_its_id(notion: NotionEmulator, shape: str) -> None:
    page_id = notion.add_row(status=TRIGGER)
    database_id = next(iter(notion.world.databases)).replace("-", "")
    with board_for(notion, shape.format(database_id)) as board:
        assert [row.page_id for row in board.triggered_rows()] == [page_id]


def test_a_database_in_the_trash_is_said_to_be_there(notion: NotionEmulator, board: TaskBoard) -> None:
    notion.trash_database()
    with pytest.raises(BoardError, match="is in the trash"):
        board.triggered_rows()


@pytest.mark.parametrize("token", ["", "  ", "ntn_with space", "ntn_ü", "ntn_\n1"])
def test_a_token_that_cannot_be_one_is_not_shown(notion: NotionEmulator, token: str) -> None:
    with pytest.raises(BoardError, match="NOTION_TOKEN") as wrong:
        board_for(notion, token=SecretStr(token))
    assert not token.strip() or token not in str(wrong.value)


def test_a_token_with_space_around_it_is_taken(notion: NotionEmulator) -> None:
    with board_for(notion, token=SecretStr(f" {notion.token}\n")) as board:
        assert board.triggered_rows() == []


def test_rights_that_are_missing_and_a_block_are_not_tried_again(notion: NotionEmulator, board: TaskBoard) -> None:
    notion.plan([Fault(ApiError(403, message="Insufficient permissions."), times=None)])
    with pytest.raises(BoardError, match="tick Read content and Update content"):
        board.triggered_rows()
    notion.plan([Fault(blocked(), times=None)])
    with pytest.raises(BoardError, match=r"has blocked the integration's requests.*waiting does not help") as stopped:
        board.triggered_rows()
    assert not isinstance(stopped.value, BoardUnavailableError)
    assert len(notion.journal()) == 2


@pytest.mark.parametrize("url", ["ftp://127.0.0.1:1", "http://[::1", "127.0.0.1:9"])
def test_an_endpoint_that_cannot_be_one_names_its_setting(notion: NotionEmulator, url: str) -> None:
    with pytest.raises(BoardError, match="NOTION_BASE_URL"):
        board_for(notion, base_url=url).triggered_rows()


@pytest.mark.parametrize("end", ["/", "/v1", "/v1/"])
def test_an_endpoint_may_be_written_with_its_version(notion: NotionEmulator, end: str) -> None:
    with board_for(notion, base_url=notion.base_url + end) as board:
        assert board.triggered_rows() == []


def test_the_settings_have_the_storys_names(notion: NotionEmulator) -> None:
    settings = settings_for(notion)
    assert (settings.status_trigger[0], settings.status_ready, settings.status_error) == (
        TRIGGER,
        "Assets Ready",
        "Asset Error",
    )
