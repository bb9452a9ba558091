"""The review sheet on a row's page: there once, the earlier one gone, and nothing that anybody else made is touched."""

import hashlib
import io
from dataclasses import replace
from typing import Any

import pytest
from PIL import Image

from assetgen_dagster.notion.board import TaskBoard
from assetgen_dagster.notion.errors import BoardError
from assetgen_dagster.notion.sheet import ReviewSheet, SheetPicture, mark_of, marks_on
from assetgen_emulators.notion import NotionEmulator
from assetgen_emulators.notion.content import PERSON
from assetgen_emulators.notion.faults import (
    AnyAction,
    ApiError,
    EmptyBody,
    Fault,
    Hang,
    HtmlPage,
    Reset,
    TornBody,
)
from tests.helpers.boards import board_for, endpoints

#: The calls that show a first sheet, and those that replace it.
FIRST = ["blocks.children.list", "file_uploads.create", "file_uploads.send", "blocks.children.append"]
AGAIN = [
    "blocks.children.list",
    "users.me",
    *FIRST[1:],
    "blocks.children.list",  # what is in the earlier one
    "blocks.children.list",  # its table
    "blocks.delete",
]

FAULTS: dict[str, AnyAction] = {
    "429": ApiError(429, retry_after="1"),
    "503": ApiError(503),
    "503, saved": ApiError(503, saved=True),
    "502 as a page": HtmlPage(),
    "409": ApiError(409),
    "reset, saved": Reset(saved=True),
    "torn": TornBody(),
    "empty": EmptyBody(saved=True),
    "hang, saved": Hang(saved=True),
}


def picture() -> bytes:
    buffer = io.BytesIO()
    Image.effect_noise((64, 64), 80).save(buffer, format="JPEG")
    return buffer.getvalue()


def sheet(count: int = 2, round_number: int = 1) -> ReviewSheet:
    made = [SheetPicture(n, f"picture_{n:02d}", "character", 0.0336, f"{n:x}" * 64) for n in range(1, count + 1)]
    return ReviewSheet(round_number, 0.0672, tuple(made))


@pytest.fixture
def page(notion: NotionEmulator) -> str:
    return notion.add_row(topic="Owls", status="Assets Ready")


def shown(notion: NotionEmulator, page: str) -> list[dict[str, Any]]:
    """Returns the boxes of the integration on a page."""
    return [block for block in notion.blocks(page) if block["by"] == "integration"]


def marks(notion: NotionEmulator, page: str) -> list[str]:
    return [block["text"].split()[-1] for block in shown(notion, page)]


def test_a_sheet_is_a_box_with_the_picture_and_a_line_for_each_picture(
    notion: NotionEmulator, board: TaskBoard, page: str
) -> None:
    content = picture()
    unknown = replace(sheet().pictures[1], cost_usd=None, category="environment")
    assert board.show_sheet(page, ReviewSheet(1, 0.0672, (sheet().pictures[0], unknown)), content)
    [box] = notion.blocks(page)
    assert box["text"].startswith("Review: 2 pictures, $0.07 so far. To have some drawn again, write their numbers")
    image, table = box["in it"]
    assert image["type"] == "image"
    assert [row["text"] for row in table["in it"]] == [
        "Number | Name | Category | Cost (USD)",
        "01 | picture_01 | character | 0.0336",
        "02 | picture_02 | environment | unknown",
    ]
    [sent] = [call.body for call in notion.journal() if call.endpoint == "file_uploads.send"]
    assert sent["sha256"] == hashlib.sha256(content).hexdigest()
    assert (sent["filename"], sent["content_type"]) == ("contact_sheet.jpg", "image/jpeg")
    assert endpoints(notion)[2:] == FIRST, "after the two calls for the columns"


def test_the_same_sheet_is_there_once_however_often_it_is_shown(
    notion: NotionEmulator, board: TaskBoard, page: str
) -> None:
    assert [board.show_sheet(page, sheet(), picture()) for _ in range(3)] == [True, False, False]
    assert len(shown(notion, page)) == 1
    assert endpoints(notion).count("file_uploads.create") == 1


def test_another_sheet_takes_the_place_of_the_one_before_among_what_people_wrote(
    notion: NotionEmulator, board: TaskBoard, page: str
) -> None:
    notes = [notion.write_note(page, f"note {number}") for number in range(120)]
    board.show_sheet(page, sheet(), picture())
    [first] = marks(notion, page)
    notes.append(notion.write_note(page, "Review: 2 pictures assetgen sheet " + first))
    board.show_sheet(page, sheet(round_number=2), picture())
    assert len(marks(notion, page)) == 1
    assert marks(notion, page) != [first]
    assert [block["id"] for block in notion.blocks(page) if block["by"] == "person"] == notes


def test_who_has_written_into_the_box_keeps_what_he_wrote(notion: NotionEmulator, board: TaskBoard, page: str) -> None:
    board.show_sheet(page, sheet(), picture())
    [box] = notion.blocks(page)
    notion.write_note(box["id"], "I like number 2")
    for round_number in (2, 3):
        board.show_sheet(page, sheet(round_number=round_number), picture())
    kept, latest = notion.blocks(page)
    assert (kept["id"], [block["text"] for block in kept["in it"]]) == (box["id"], ["I like number 2"])
    assert len(latest["in it"]) == 2


def test_a_line_that_somebody_added_to_the_table_keeps_the_table(
    notion: NotionEmulator, board: TaskBoard, page: str
) -> None:
    board.show_sheet(page, sheet(), picture())
    [box] = notion.blocks(page)
    notion.write_note(box["in it"][1]["id"], "a line of mine")
    board.show_sheet(page, sheet(round_number=2), picture())
    kept, _ = notion.blocks(page)
    assert [block["type"] for block in kept["in it"]] == ["table"]
    assert len(kept["in it"][0]["in it"]) == 4


def test_a_sheet_on_a_copied_page_is_not_taken_for_our_own(notion: NotionEmulator, board: TaskBoard, page: str) -> None:
    board.show_sheet(page, sheet(), picture())
    copy = notion.duplicate(page)
    board.show_sheet(copy, sheet(round_number=2), picture())
    assert [block["by"] for block in notion.blocks(copy)] == ["person", "integration"]
    assert len(notion.blocks(page)) == 1


def test_a_sheet_that_somebody_duplicated_is_his(notion: NotionEmulator, board: TaskBoard, page: str) -> None:
    board.show_sheet(page, sheet(), picture())
    notion.world.content.blocks.copy(page, page, PERSON)
    ours, copied = notion.blocks(page)
    for block in copied["in it"]:
        notion.remove_block(block["id"])
    assert not board.show_sheet(page, sheet(), picture())
    board.show_sheet(page, sheet(round_number=2), picture())
    ids = {block["id"] for block in notion.blocks(page)}
    assert copied["id"] in ids
    assert ours["id"] not in ids


def test_the_mark_of_a_sheet_is_of_its_page(notion: NotionEmulator, board: TaskBoard, page: str) -> None:
    board.show_sheet(page, sheet(), picture())
    text = [{"plain_text": notion.blocks(page)[0]["text"]}]
    block = {"type": "callout", "callout": {"rich_text": text}}
    assert marks_on(page, [block]) == [(block, mark_of(page, sheet()))]
    assert marks_on(page.replace("-", ""), [block]) == marks_on(page, [block])
    assert marks_on(notion.add_row(topic="Foxes"), [block]) == []


@pytest.mark.parametrize("count", [1, 99])
def test_a_sheet_may_have_as_many_pictures_as_there_are_slots(
    notion: NotionEmulator, board: TaskBoard, page: str, count: int
) -> None:
    board.show_sheet(page, sheet(count), picture())
    [box] = notion.blocks(page)
    assert len(box["in it"][1]["in it"]) == count + 1


def test_the_hint_names_only_what_the_database_has(notion: NotionEmulator) -> None:
    notion.create_database(types={"redraw": None})
    page = notion.add_row(topic="Owls")
    with board_for(notion) as board:
        board.show_sheet(page, sheet(), picture())
    assert "Redraw" not in notion.blocks(page)[0]["text"]


def test_the_hint_names_a_status_that_the_database_has(notion: NotionEmulator) -> None:
    notion.create_database(statuses=["Assets Generating", "Assets Ready", "Asset Error"])
    page = notion.add_row(topic="Owls")
    with board_for(notion) as board:
        board.show_sheet(page, sheet(), picture())
    assert "set the status to Assets Generating." in notion.blocks(page)[0]["text"]


@pytest.mark.parametrize("kind", FAULTS)
@pytest.mark.parametrize("call", range(1, len(AGAIN) + 1))
def test_a_fault_at_any_call_doubles_nothing_and_loses_nothing(notion: NotionEmulator, call: int, kind: str) -> None:
    page = notion.add_row(topic="Owls")
    with board_for(notion, request_seconds=0.5 if kind.startswith("hang") else 10.0) as board:
        board.show_sheet(page, sheet(), picture())
        notion.calls.clear()
        notion.plan([Fault(FAULTS[kind], nth=call)])
        assert board.show_sheet(page, sheet(round_number=2), picture())
    assert len(marks(notion, page)) == 1
    assert len([call for call in notion.journal() if call.outcome != "ok"]) >= 1
    assert endpoints(notion)[0] == AGAIN[0]


@pytest.mark.parametrize("call", range(1, len(AGAIN) + 1))
def test_whoever_dies_between_two_calls_is_made_good_by_the_next_one(notion: NotionEmulator, call: int) -> None:
    page = notion.add_row(topic="Owls")
    note = notion.write_note(page, "mine")
    with board_for(notion) as board:
        board.show_sheet(page, sheet(), picture())
        notion.plan([Fault(ApiError(401, saved=True), after=call - 1, times=None)])
        with pytest.raises(BoardError):
            board.show_sheet(page, sheet(round_number=2), picture())
        notion.plan([])
        assert len(shown(notion, page)) in (1, 2), "there is always one"
        board.show_sheet(page, sheet(round_number=2), picture())
        board.show_sheet(page, sheet(round_number=2), picture())
    assert [block["by"] for block in notion.blocks(page)] == ["person", "integration"]
    assert notion.blocks(page)[0]["id"] == note


def test_without_the_capability_the_message_says_what_to_tick_or_to_set(
    notion: NotionEmulator, board: TaskBoard, page: str
) -> None:
    notion.allow(insert=False)
    with pytest.raises(BoardError, match=r"Insert content.*NOTION_REVIEW_SHEET=false"):
        board.show_sheet(page, sheet(), picture())
    assert notion.blocks(page) == []


def test_a_workspace_that_has_used_up_its_blocks_is_said_with_what_to_set(
    notion: NotionEmulator, board: TaskBoard, page: str
) -> None:
    notion.use_up_blocks()
    with pytest.raises(BoardError, match=r"1,000 free blocks .* NOTION_REVIEW_SHEET=false") as full:
        board.show_sheet(page, sheet(), picture())
    assert full.value.code == "notion_full"
    assert "tick" not in str(full.value)


def test_a_file_that_the_workspace_does_not_take_is_said(notion: NotionEmulator, board: TaskBoard, page: str) -> None:
    notion.limit_files(100)
    with pytest.raises(BoardError, match="larger than this workspace allows"):
        board.show_sheet(page, sheet(), picture())
