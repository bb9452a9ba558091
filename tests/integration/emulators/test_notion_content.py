"""The Notion emulator's pages and files refuse what Notion refuses, asked through Notion's own library."""

import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from notion_client.errors import APIResponseError

from assetgen_emulators.notion import NotionEmulator

JPEG = b"\xff\xd8\xff\r\n\x00\r\n--a boundary that is none\r\n\r\n\xff\xd9\r\n"


@pytest.fixture
def page(notion: NotionEmulator) -> str:
    return notion.add_row(topic="Owls")


def text(content: str) -> list[dict[str, Any]]:
    return [{"type": "text", "text": {"content": content}}]


def paragraph(content: str = "hello", **more: Any) -> dict[str, Any]:
    return {"type": "paragraph", "paragraph": {"rich_text": text(content)} | more}


def row(*cells: str) -> dict[str, Any]:
    return {"type": "table_row", "table_row": {"cells": [text(cell) for cell in cells]}}


def table(width: int, *rows: dict[str, Any]) -> dict[str, Any]:
    return {"type": "table", "table": {"table_width": width, "has_column_header": True, "children": list(rows)}}


def upload(client: Any, content: bytes = JPEG, kind: str = "image/jpeg") -> str:
    made = client.file_uploads.create(filename="sheet.jpg", content_type="image/jpeg")
    assert (made["status"], made["upload_url"].endswith(f"/v1/file_uploads/{made['id']}/send")) == ("pending", True)
    client.file_uploads.send(made["id"], file=("sheet.jpg", content, kind))
    return str(made["id"])


def image(upload_id: str) -> dict[str, Any]:
    return {"type": "image", "image": {"type": "file_upload", "file_upload": {"id": upload_id}}}


def refusal(call: Any) -> tuple[int, str]:
    with pytest.raises(APIResponseError) as refused:
        call()
    return refused.value.status, str(refused.value)


def test_a_file_arrives_as_it_was_sent_and_is_shown_by_the_block_that_it_is_attached_to(
    notion: NotionEmulator, client: Any, page: str
) -> None:
    upload_id = upload(client)
    assert client.file_uploads.retrieve(upload_id)["content_length"] == len(JPEG)
    [sent] = notion.world.content.uploads.all()
    assert sent.content == JPEG
    [block] = client.blocks.children.append(page, children=[image(upload_id)])["results"]
    assert (block["image"]["type"], block["parent"]) == ("file", {"type": "page_id", "page_id": page})
    assert client.file_uploads.retrieve(upload_id)["expiry_time"] is None


def test_a_file_that_nobody_attaches_expires_after_an_hour(notion: NotionEmulator, client: Any, page: str) -> None:
    upload_id = upload(client)
    notion.world.content.uploads.now = lambda: datetime.now(UTC) + timedelta(minutes=61)
    assert client.file_uploads.retrieve(upload_id)["status"] == "expired"
    status, said = refusal(lambda: client.blocks.children.append(page, children=[image(upload_id)]))
    assert (status, "its status is expired" in said) == (400, True)


def test_an_upload_takes_one_file_of_its_kind_and_size(notion: NotionEmulator, client: Any) -> None:
    upload_id = upload(client)
    assert "not pending" in refusal(lambda: client.file_uploads.send(upload_id, file=("a", JPEG, "image/jpeg")))[1]
    assert "does not match" in refusal(lambda: upload(client, kind="image/png"))[1]
    assert (
        "does not match" in refusal(lambda: client.file_uploads.create(filename="a.gif", content_type="image/png"))[1]
    )
    notion.limit_files(10)
    assert "larger than this workspace allows" in refusal(lambda: upload(client))[1]
    status, said = refusal(lambda: client.file_uploads.send(str(uuid.uuid4()), file=("a", JPEG, "image/jpeg")))
    assert (status, "Could not find file_upload" in said) == (404, True)


@pytest.mark.parametrize(
    ("children", "says"),
    [
        ([], "children.length should be ≥ `1`"),
        ([paragraph()] * 101, "children.length should be ≤ `100`, instead was `101`"),
        ([paragraph("x" * 2001)], "text.content.length should be ≤ `2000`"),
        ([{"type": "paragraph"}], "children[0] should be a block"),
        ([{"type": "synced", "synced": {}}], "children[0] should be a block"),
        ([paragraph(colour="red")], "paragraph.colour should be not present"),
        ([table(2, row("a", "b"), row("a"))], "Number of cells in table row must match the table width"),
        ([table(1, *[row("a")] * 101)], "table.children.length should be ≤ `100`"),
        ([{"type": "table", "table": {"table_width": 1, "has_column_header": True}}], "array of table rows"),
        ([paragraph(children=[paragraph(children=[paragraph(children=[paragraph()])])])], "should be not present"),
        ([image("0" * 32)], "Could not find file_upload"),
    ],
)
def test_what_notion_would_not_append_is_refused_and_nothing_is_added(
    notion: NotionEmulator, client: Any, page: str, children: list[Any], says: str
) -> None:
    assert says in refusal(lambda: client.blocks.children.append(page, children=[*children]))[1]
    assert notion.blocks(page) == []


def test_what_is_on_a_page_comes_in_pages_and_in_order(notion: NotionEmulator, client: Any, page: str) -> None:
    first = notion.write_note(page, "1")
    notion.write_note(page, "3")
    client.blocks.children.append(page, children=[paragraph("2")], after=first)
    seen, cursor = [], None
    while True:
        more: dict[str, Any] = {"start_cursor": cursor} if cursor else {}
        answer = client.blocks.children.list(page, page_size=2, **more)
        seen += [block["paragraph"]["rich_text"][0]["plain_text"] for block in answer["results"]]
        cursor = answer["next_cursor"]
        if not answer["has_more"]:
            break
    assert seen == ["1", "2", "3"]
    assert "should be ≤ `100`" in refusal(lambda: client.blocks.children.list(page, page_size=101))[1]


def test_a_deleted_block_is_gone_with_all_in_it(notion: NotionEmulator, client: Any, page: str) -> None:
    nested = paragraph("outer", children=[paragraph("inner")])
    [outer] = client.blocks.children.append(page, children=[nested])["results"]
    [inner] = client.blocks.children.list(outer["id"])["results"]
    assert (outer["has_children"], inner["has_children"]) == (True, False)
    assert client.blocks.delete(outer["id"])["in_trash"]
    for block in (outer, inner):
        assert "archived" in refusal(lambda block=block: client.blocks.delete(block["id"]))[1]
    assert notion.blocks(page) == []


def test_a_page_in_the_trash_and_one_that_is_not_shared_take_nothing(
    notion: NotionEmulator, client: Any, page: str
) -> None:
    notion.archive(page)
    assert "archived" in refusal(lambda: client.blocks.children.append(page, children=[paragraph()]))[1]
    notion.restore(page)
    notion.unshare()
    assert refusal(lambda: client.blocks.children.list(page))[0] == 404


def test_capabilities_that_are_not_ticked_are_missed(notion: NotionEmulator, client: Any, page: str) -> None:
    [block] = client.blocks.children.append(page, children=[paragraph()])["results"]
    notion.allow(insert=False, update=False)
    assert refusal(lambda: client.file_uploads.create(filename="a.jpg"))[0] == 403
    assert refusal(lambda: client.blocks.children.append(page, children=[paragraph()]))[0] == 403
    assert refusal(lambda: client.blocks.delete(block["id"]))[0] == 403
    assert len(client.blocks.children.list(page)["results"]) == 1


def test_a_workspace_that_has_used_up_its_blocks_takes_no_more_but_everything_else(
    notion: NotionEmulator, client: Any, page: str
) -> None:
    [block] = client.blocks.children.append(page, children=[paragraph()])["results"]
    notion.use_up_blocks()
    with pytest.raises(APIResponseError) as refused:
        client.blocks.children.append(page, children=[paragraph()])
    assert (refused.value.status, refused.value.code) == (403, "restricted_resource")
    assert refused.value.additional_data == {"block_limit": "block_creation"}
    client.pages.update(page, properties={"Error Log": {"rich_text": text("written")}})
    client.blocks.delete(block["id"])
    assert (notion.row(page)["Error Log"], notion.blocks(page)) == ("written", [])
