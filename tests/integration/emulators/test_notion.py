"""The Notion emulator answers what the real client library understands."""

import uuid
from typing import Any

import pytest
from notion_client import APIResponseError, helpers

from assetgen_emulators.notion import NotionEmulator
from assetgen_emulators.notion.protocol import VERSIONS
from tests.integration.emulators.notion_wire import UNKNOWN, ask, database_of

PARENT = "0a0a0a0a-0a0a-4a0a-8a0a-0a0a0a0a0a0a"


def test_the_library_takes_the_answers_for_whole_objects(notion: NotionEmulator, client: Any) -> None:
    page_id = notion.add_row(topic="Owls", channel="poke1", status="Draft", cost=1)
    database = client.databases.retrieve(database_of(notion))
    assert helpers.is_full_database(database)
    source = client.data_sources.retrieve(database["data_sources"][0]["id"])
    assert helpers.is_full_data_source(source)
    assert {name: config["type"] for name, config in source["properties"].items()}["Status"] == "status"
    assert all(config[config["type"]] is not None for config in source["properties"].values())
    found = helpers.collect_paginated_api(client.data_sources.query, data_source_id=source["id"])
    assert [helpers.is_full_page(page) for page in found] == [True]
    page = client.pages.retrieve(page_id)
    assert page == found[0]
    assert helpers.is_text_rich_text_item_response(page["properties"]["Topic"]["title"][0])
    assert page["properties"]["Status"]["status"]["name"] == "Draft"
    assert page["properties"]["Topic"]["id"] == "title"
    assert page["created_time"].endswith(":00.000Z"), "Notion tells times to the minute"
    assert helpers.is_full_user(client.users.me())
    assert helpers.get_id(page["url"]) == page_id


def test_pages_of_results_follow_each_other_in_the_order_asked_for(notion: NotionEmulator, client: Any) -> None:
    for number in (3, 1, 2, 5, 4):
        notion.add_row(topic=f"row {number}", cost=number, created=f"2026-03-0{number}T00:00:00+00:00")
    (source,) = notion.data_sources()

    def costs(**query: Any) -> list[float]:
        pages = helpers.collect_paginated_api(client.data_sources.query, data_source_id=source, page_size=2, **query)
        return [page["properties"]["Cost (USD)"]["number"] for page in pages]

    assert costs(sorts=[{"timestamp": "created_time", "direction": "ascending"}]) == [1, 2, 3, 4, 5]
    assert costs(sorts=[{"timestamp": "created_time", "direction": "descending"}]) == [5, 4, 3, 2, 1]
    assert costs(sorts=[{"property": "Cost (USD)", "direction": "descending"}]) == [5, 4, 3, 2, 1]
    assert costs(sorts=[{"property": "Topic", "direction": "ascending"}]) == [1, 2, 3, 4, 5]


@pytest.mark.parametrize(
    ("test", "found"),
    [
        ({"property": "Status", "status": {"equals": "Draft"}}, "ab"),
        ({"property": "Status", "status": {"does_not_equal": "Draft"}}, "cd"),
        ({"property": "Status", "status": {"is_empty": True}}, "d"),
        ({"property": "Channel", "select": {"equals": "poke1"}}, "a"),
        ({"property": "Channel", "select": {"is_not_empty": True}}, "ab"),
        ({"property": "Topic", "title": {"equals": "A"}}, "a"),
        ({"property": "Topic", "title": {"contains": "B"}}, "b"),
        ({"property": "Story Direction", "rich_text": {"is_empty": True}}, "bcd"),
        ({"property": "Cost (USD)", "number": {"equals": 2}}, "b"),
        ({"or": [{"property": "Topic", "title": {"equals": x}} for x in "ac"]}, "ac"),
        (
            {
                "and": [
                    {"property": "Status", "status": {"equals": "Draft"}},
                    {"or": [{"property": "Topic", "title": {"equals": x}} for x in "bc"]},
                ]
            },
            "b",
        ),
        ({"timestamp": "created_time", "created_time": {"on_or_after": "2026-03-03T00:00:00+00:00"}}, "cd"),
        ({"timestamp": "created_time", "created_time": {"before": "2026-03-02T00:00:00+00:00"}}, "a"),
    ],
)
def test_a_filter_lets_the_right_rows_through(notion: NotionEmulator, client: Any, test: Any, found: str) -> None:
    day = "2026-03-0{}T00:00:00+00:00".format
    notion.add_row(topic="a", channel="poke1", status="Draft", story_direction="x", created=day(1))
    notion.add_row(topic="b", channel="poke2", status="Draft", cost=2, created=day(2))
    notion.add_row(topic="c", status="Drawing", created=day(3))
    notion.add_row(topic="d", created=day(4))
    notion.archive(notion.add_row(topic="a", status="Draft"))
    answer = client.data_sources.query(notion.data_sources()[0], filter=test)
    assert "".join(page["properties"]["Topic"]["title"][0]["plain_text"] for page in answer["results"]) == found


def test_a_query_that_is_cut_off_says_so(notion: NotionEmulator, client: Any) -> None:
    notion.set_result_limit(3)
    for _ in range(4):
        notion.add_row()
    answer = client.data_sources.query(notion.data_sources()[0])
    assert (len(answer["results"]), answer["has_more"]) == (3, False)
    assert answer["request_status"]["incomplete_reason"] == "query_result_limit_reached"


def test_a_page_is_written_read_and_put_into_the_trash(notion: NotionEmulator, client: Any) -> None:
    page_id = notion.add_row(status="Draft", channel="poke1")
    text = [{"text": {"content": "a", "link": {"url": "http://x/"}}}, {"text": {"content": "b"}}]
    properties = {
        "Error Log": {"rich_text": text},
        "Status": {"status": {"name": "Drawing"}},
        "Channel": {"select": None},
    }
    answer = client.pages.update(page_id, properties=properties)
    assert answer == client.pages.retrieve(page_id)
    assert notion.row(page_id)["Error Log"] == "ab"
    assert answer["properties"]["Error Log"]["rich_text"][0]["href"] == "http://x/"
    assert (notion.row(page_id)["Status"], notion.row(page_id)["Channel"]) == ("Drawing", None)
    assert notion.journal()[0].written == {"Error Log": "ab", "Status": "Drawing", "Channel": None}
    assert client.pages.update(page_id, in_trash=True)["archived"]
    assert client.pages.retrieve(page_id)["in_trash"]
    with pytest.raises(APIResponseError, match="Can't edit block that is archived"):
        client.pages.update(page_id, properties=properties)
    assert not client.pages.update(page_id, in_trash=False)["in_trash"]


def test_a_database_can_be_created_but_for_a_status_property(notion: NotionEmulator, client: Any) -> None:
    properties: dict[str, Any] = {"Name": {"title": {}}, "State": {"select": {"options": [{"name": "Draft"}]}}}
    notion.share_page(PARENT)
    answer = client.databases.create(
        parent={"type": "page_id", "page_id": PARENT},
        title=[{"text": {"content": "Videos"}}],
        initial_data_source={"properties": properties},
    )
    source = client.data_sources.retrieve(answer["data_sources"][0]["id"])
    assert source["properties"]["State"]["select"]["options"][0]["name"] == "Draft"
    wrongs: list[dict[str, Any]] = [{"Name": {"rich_text": {}}}, properties | {"Status": {"status": {}}}]
    for wrong in wrongs:
        with pytest.raises(APIResponseError):
            client.databases.create(parent={"page_id": PARENT}, initial_data_source={"properties": wrong})
    for parent in (PARENT, UNKNOWN):
        notion.unshare_page(parent)
        with pytest.raises(APIResponseError, match="Could not find page with ID") as refused:
            client.databases.create(parent={"page_id": parent}, initial_data_source={"properties": properties})
        assert (refused.value.status, refused.value.code) == (404, "object_not_found")


def test_a_database_comes_back_as_it_was_given(notion: NotionEmulator, client: Any) -> None:
    notion.share_page("0" * 32)
    options = [{"name": "sea", "color": "blue", "description": "Deep"}, {"name": "poke1"}]
    title = [{"text": {"content": "Owls"}, "annotations": {"bold": True, "color": "red"}}]
    made = client.databases.create(
        parent={"page_id": "0" * 32},
        title=title,
        is_inline=True,
        icon={"type": "emoji", "emoji": "🦉"},
        initial_data_source={
            "properties": {
                "Name": {"title": {}},
                "Cost": {"number": {"format": "dollar"}, "description": "in USD"},
                "Count": {"number": {}},
                "Channel": {"select": {"options": options}},
                "Twice": {"formula": {"expression": "2 * 2"}},
            }
        },
    )
    source = client.data_sources.retrieve(made["data_sources"][0]["id"])
    parent = {"type": "page_id", "page_id": str(uuid.UUID(int=0))}
    assert made["parent"] == source["database_parent"] == parent
    assert (made["icon"]["emoji"], made["is_inline"]) == ("🦉", True)
    assert made["title"][0]["annotations"]["bold"]
    assert made["title"][0]["annotations"]["color"] == "red"
    found = source["properties"]
    assert [found[name]["number"]["format"] for name in ("Cost", "Count")] == ["dollar", "number"]
    assert [found[name]["description"] for name in ("Cost", "Count")] == ["in USD", None]
    assert found["Twice"]["formula"] == {"expression": "2 * 2"}
    sea, other = found["Channel"]["select"]["options"]
    assert (sea["color"], sea["description"]) == ("blue", "Deep")
    assert (other["color"], other["description"]) == ("default", None)


def test_the_newer_version_says_in_trash_only_and_takes_a_position(notion: NotionEmulator) -> None:
    page = notion.add_row()
    path, older, newer = f"/v1/blocks/{page}/children", *VERSIONS

    def append(text: str, version: str, **where: Any) -> tuple[int, dict[str, Any]]:
        body = {"children": [{"paragraph": {"rich_text": [{"text": {"content": text}}]}}], **where}
        return ask(notion, path, body, "PATCH", Notion_Version=version)

    status, first = append("first", newer)
    assert (status, "archived" in first["results"][0]) == (200, False)
    block = first["results"][0]["id"]
    assert append("second", newer, position={"type": "after_block", "after_block": {"id": block}})[0] == 200
    assert append("before", newer, position={"type": "start"})[0] == 200
    assert append("last", newer, position={"type": "end"})[0] == 200
    assert append("by after", older, after=block)[0] == 200
    assert [one["text"] for one in notion.blocks(page)] == ["before", "first", "by after", "second", "last"]
    assert append("no", newer, after=block)[0] == append("no", older, position={"type": "end"})[0] == 400
    assert append("no", newer, position={"type": "middle"})[0] == 400

    pages = [ask(notion, f"/v1/pages/{page}", Notion_Version=version)[1] for version in VERSIONS]
    assert ["archived" in one for one in pages] == [True, False]
    assert pages[0] == pages[1] | {"archived": False}
    trash = {"archived": True}
    assert ask(notion, f"/v1/pages/{page}", trash, "PATCH", Notion_Version=newer)[0] == 400
    assert ask(notion, f"/v1/pages/{page}", trash, "PATCH", Notion_Version=older)[0] == 200


def test_a_defect_of_the_emulator_is_an_answer_and_not_a_lost_connection(
    notion: NotionEmulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any) -> None:
        raise LookupError("nothing")

    monkeypatch.setattr(notion.world, "answer", fail)
    status, body = ask(notion, "/v1/users/me")
    assert (status, body["code"]) == (500, "internal_server_error")
    assert [call.outcome for call in notion.journal()] == ["refused"]
