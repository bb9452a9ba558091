"""``assetgen init-notion``: the database that is made is one that the board can use as it is."""

from typing import Any

import pytest

from assetgen_dagster.errors import Code
from assetgen_dagster.notion.calls import RequestLimit
from assetgen_dagster.notion.columns import CLEARED, COLUMNS, COST, PICTURES, REGENERATE, STATUS
from assetgen_dagster.notion.create import Created, create_database, parse_page_id, properties
from assetgen_dagster.notion.errors import BoardError, BoardUnavailableError
from assetgen_emulators.notion import Fault, NotionEmulator
from assetgen_emulators.notion.faults import AnyAction, ApiError, HtmlPage, OddJson, Reset, TornBody
from tests.helpers.boards import FastClock, board_for, endpoints, settings_for

PAGE = "0123456789abcdef0123456789abcdef"
DASHED = "01234567-89ab-cdef-0123-456789abcdef"


@pytest.fixture(autouse=True)
def page(notion: NotionEmulator) -> None:
    notion.share_page(PAGE)


def create(notion: NotionEmulator, **changes: Any) -> Created:
    return create_database(settings_for(notion, **changes), parent=PAGE, clock=FastClock(), limit=RequestLimit(100_000))


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"status_drawing": "Drawing", "channel": "Kanal", "status": "Stand", "status_trigger": ("Zeichnen", "Draw")},
        {"cost": "", "run": "", "regenerate": "", "redraw": "", "redraw_remark": "", "project_id": ""},
    ],
)
def test_a_database_that_was_made_fits_the_settings_it_was_made_for(
    notion: NotionEmulator, changes: dict[str, Any]
) -> None:
    made = create(notion, **changes)
    with board_for(notion, made.database_id, **changes) as board:
        schema = board.schema()
    assert schema.faults == {}
    assert set(schema.properties) == {column for column in COLUMNS if changes.get(column.role) != ""}
    assert made.url.endswith(made.database_id.replace("-", ""))


def test_a_row_in_it_is_read_and_reported_to(notion: NotionEmulator) -> None:
    made = create(notion)
    row = {"Topic": "Owls", "Channel": "poke1", "Status": "Generating Assets", "Regenerate": "All"}
    page_id = notion.add_row(row, database_id=made.database_id)
    with board_for(notion, made.database_id) as board:
        [found] = board.triggered_rows()
        assert (found.page_id, found.topic, found.regenerate) == (page_id, "Owls", "All")
        board.update_row(page_id, {STATUS: "Assets Ready", COST: 1.5, PICTURES: 22, REGENERATE: CLEARED})
    told = notion.row(page_id)
    assert (told["Status"], told["Cost (USD)"], told["Regenerate"]) == ("Assets Ready", 1.5, None)
    assert told["Pictures"] == 22


def test_the_cost_is_in_dollars_and_the_status_has_the_storys_options(notion: NotionEmulator) -> None:
    columns = properties(settings_for(notion))
    assert columns["Cost (USD)"] == {"number": {"format": "dollar"}}
    options = [option["name"] for option in columns["Status"]["select"]["options"]]
    assert options == ["Draft", "Generating Assets", "Assets Ready", "Asset Error"]


@pytest.mark.parametrize(
    "given",
    [
        PAGE,
        DASHED,
        f"https://www.notion.so/My-Page-{PAGE}",
        f"https://www.notion.so/team/My-Page-{PAGE}?pvs=4",
        f"https://www.notion.so/team/{'f' * 32}?v={'e' * 32}&p={PAGE}&pm=s",
    ],
)
def test_a_page_is_named_by_its_id_or_by_any_link_to_it(given: str) -> None:
    assert parse_page_id(given) == DASHED


def test_a_parent_that_is_none_is_said_before_notion_is_asked(notion: NotionEmulator) -> None:
    with pytest.raises(BoardError) as wrong:
        create_database(settings_for(notion), parent="My page")
    assert wrong.value.code == Code.COMMAND_LINE
    assert notion.journal() == []


@pytest.mark.parametrize(
    ("action", "words"),
    [
        (ApiError(404), "Open the page in Notion.*Connections"),
        (ApiError(403), "Insert content"),
        (ApiError(403, additional_data={"block_limit": "block_creation"}), r"1,000 free blocks .* Upgrade it\. \["),
        (ApiError(401), "NOTION_TOKEN"),
        (ApiError(400, message="too many options"), "too many options"),
    ],
)
def test_a_refusal_is_said_in_words_that_fit_a_page(notion: NotionEmulator, action: AnyAction, words: str) -> None:
    before = len(notion.world.databases)
    notion.plan([Fault(action, endpoint="databases.create")])
    with pytest.raises(BoardError, match=words) as refused:
        create(notion)
    assert not isinstance(refused.value, BoardUnavailableError)
    assert notion.token not in str(refused.value)
    assert (len(notion.world.databases), len(endpoints(notion))) == (before, 1)


def test_a_page_that_is_not_shared_is_said_to_be_with_the_click_that_shares_it(notion: NotionEmulator) -> None:
    notion.unshare_page(PAGE)
    with pytest.raises(BoardError, match=f"no page {DASHED}.*click •••.*then Connections"):
        create(notion)
    notion.share_page(PAGE)
    assert create(notion).database_id


@pytest.mark.parametrize(
    "action",
    [
        ApiError(503, saved=True),
        HtmlPage(saved=True),
        OddJson({"object": "page"}, saved=True),
        TornBody(saved=True),
        Reset(saved=True),
    ],
    ids=lambda action: action.kind,
)
def test_a_database_that_may_have_been_made_is_not_made_again(notion: NotionEmulator, action: AnyAction) -> None:
    before = len(notion.world.databases)
    notion.plan([Fault(action, endpoint="databases.create")])
    with pytest.raises(BoardError, match="Look at the page"):
        create(notion)
    assert len(notion.world.databases) == before + 1


@pytest.mark.parametrize("status", [429, 409])
def test_a_refusal_that_passes_is_waited_out(notion: NotionEmulator, status: int) -> None:
    before = len(notion.world.databases)
    notion.plan([Fault(ApiError(status), endpoint="databases.create")])
    create(notion)
    assert len(notion.world.databases) == before + 1


def test_a_notion_that_stays_busy_ends_it_in_its_time(notion: NotionEmulator) -> None:
    notion.plan([Fault(ApiError(429), times=None)])
    with pytest.raises(BoardUnavailableError, match="asks us to wait"):
        create(notion)
