"""The Notion emulator refuses what Notion refuses, with its codes and in its words, and saves nothing of it."""

from typing import Any

import pytest
from notion_client import APIResponseError

from assetgen_emulators.notion import NotionEmulator
from tests.integration.emulators.notion_wire import UNKNOWN, ask, database_of


def linked(url: str | None) -> dict[str, Any]:
    return {"Run": {"rich_text": [{"text": {"content": "x", "link": {"url": url}}}]}}


def text_of(length: int, items: int = 1) -> dict[str, Any]:
    return {"rich_text": [{"text": {"content": "x" * length}}] * items}


@pytest.mark.parametrize(
    ("properties", "words"),
    [
        ({"Nope": {"number": 1}}, "Nope is not a property that exists."),
        ({"Cost (USD)": {"rich_text": []}}, "Cost (USD) is expected to be number."),
        ({"Status": {"select": {"name": "Draft"}}}, "Status is expected to be status."),
        ({"Cost (USD)": {"number": "1"}}, "should be a valid number"),
        ({"Cost (USD)": 1}, "should be an object"),
        ({"Error Log": text_of(2001)}, "should be ≤ `2000`, instead was `2001`"),
        ({"Error Log": {"rich_text": [{"text": {"content": "🦉" * 1001}}]}}, "should be ≤ `2000`, instead was `2002`"),
        ({"Error Log": text_of(1, 101)}, "should be ≤ `100`, instead was `101`"),
        ({"Error Log": {"rich_text": "text"}}, "should be an array"),
        (linked("nowhere"), "Invalid URL for link."),
        (linked("/runs/1"), "Invalid URL for link."),
        (linked("http://no host/runs/1"), "Invalid URL for link."),
        (linked("https:///runs/1"), "Invalid URL for link."),
        (linked("http://host/" + "x" * 1989), "should be ≤ `2000`, instead was `2001`"),
        (linked(None), "should be a string"),
        ({"Status": {"status": {"name": "Nope"}}}, 'Status option "Nope" does not exist'),
        ({"Status": {"status": {}}}, "should be defined"),
        ({"Channel": {"select": {"name": "a,b"}}}, "Invalid select option, commas not allowed: a,b"),
        ({"Channel": {"select": {"name": "x" * 101}}}, "should be ≤ `100`, instead was `101`"),
        ({"Status": {"status": {"name": "Draft"}, "number": 1}}, "should be defined"),
    ],
)
def test_a_write_that_does_not_fit_is_refused_and_nothing_of_it_saved(
    notion: NotionEmulator, client: Any, properties: Any, words: str
) -> None:
    page_id = notion.add_row(status="Draft")
    before = notion.row(page_id)
    with pytest.raises(APIResponseError) as refused:
        client.pages.update(page_id, properties={"Topic": {"title": [{"text": {"content": "new"}}]}} | properties)
    assert (refused.value.status, refused.value.code) == (400, "validation_error")
    assert words in str(refused.value)
    assert notion.row(page_id) == before
    assert notion.journal()[-1].outcome == "refused"


def test_an_unknown_choice_of_a_select_is_made_as_notion_does(notion: NotionEmulator, client: Any) -> None:
    page_id = notion.add_row()
    client.pages.update(page_id, properties={"Channel": {"select": {"name": "poke9"}}})
    assert "poke9" in notion.options("Channel")


@pytest.mark.parametrize("url", ["", 5, "http://host/" + "x" * 1989])
def test_a_url_is_any_text_that_is_there_and_not_too_long(notion: NotionEmulator, client: Any, url: Any) -> None:
    notion.create_database(types={"run": "url"})
    page_id = notion.add_row()
    client.pages.update(page_id, properties={"Run": {"url": "a run's bare id"}})
    with pytest.raises(APIResponseError, match="should be a valid url"):
        client.pages.update(page_id, properties={"Run": {"url": url}})
    assert notion.row(page_id)["Run"] == "a run's bare id"
    client.pages.update(page_id, properties={"Run": {"url": None}})
    assert notion.row(page_id)["Run"] is None


def test_what_notion_fills_in_itself_cannot_be_written(notion: NotionEmulator, client: Any) -> None:
    notion.create_database(types={"project_id": "unique_id", "redraw": "formula"})
    page_id = notion.add_row(redraw="computed")
    for name, kind in (("Project ID", "unique_id"), ("Redraw", "formula")):
        with pytest.raises(APIResponseError, match="should be not present"):
            client.pages.update(page_id, properties={name: {kind: 1}})
    assert (notion.row(page_id)["Project ID"], notion.row(page_id)["Redraw"]) == ("VID-1", "computed")
    assert notion.row(notion.duplicate(page_id))["Project ID"] == "VID-2"


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"filter": {"property": "Nope", "number": {"equals": 1}}}, "Could not find property with name or id: Nope"),
        (
            {"filter": {"property": "Status", "select": {"equals": "Draft"}}},
            "provided: database property status does not match filter select",
        ),
        ({"filter": {"property": "Status", "status": {"equals": "Nope"}}}, 'option "Nope" not found for property'),
        ({"filter": {"property": "Cost (USD)", "number": {"equals": "1"}}}, "fitting value"),
        ({"filter": {"property": "Cost (USD)", "number": {"starts_with": 1}}}, "fitting value"),
        ({"filter": {"and": [{"or": [{"and": []}]}]}}, "two levels deep"),
        ({"filter": {"timestamp": "now", "now": {"equals": "x"}}}, "filter.timestamp"),
        ({"filter": []}, "an object"),
        ({"sorts": [{"timestamp": "created_time"}]}, "ascending or descending"),
        (
            {"sorts": [{"property": "Nope", "direction": "ascending"}]},
            "Could not find sort property with name or id: Nope",
        ),
        ({"page_size": 101}, "≤ `100`"),
        ({"page_size": 0}, "≤ `100`"),
        ({"start_cursor": UNKNOWN}, "The start_cursor provided is invalid"),
        ({"start": "x"}, 'body.start should be not present, instead was `"x"`.'),
    ],
)
def test_a_query_that_does_not_fit_is_refused(notion: NotionEmulator, body: Any, words: str) -> None:
    status, answer = ask(notion, f"/v1/data_sources/{notion.data_sources()[0]}/query", body, "POST")
    assert (status, answer["code"]) == (400, "validation_error")
    assert words in answer["message"]


def test_requests_are_refused_with_notions_codes(notion: NotionEmulator) -> None:
    page_id = notion.add_row()
    database = f"/v1/databases/{database_of(notion)}"
    cases = [
        (ask(notion, database, Notion_Version=None), 400, "missing_version"),
        (ask(notion, database, Notion_Version="2022-06-28"), 400, "validation_error"),
        (ask(notion, database, Authorization=None), 401, "unauthorized"),
        (ask(notion, database, Authorization="Bearer wrong"), 401, "unauthorized"),
        (ask(notion, "/v1/nowhere"), 400, "invalid_request_url"),
        (ask(notion, "/v1/databases/1234"), 400, "validation_error"),
        (ask(notion, f"/v1/databases/{UNKNOWN}"), 404, "object_not_found"),
        (ask(notion, f"/v1/databases/{page_id}"), 400, "validation_error"),
        (ask(notion, f"/v1/pages/{page_id}", b"{", "PATCH"), 400, "invalid_json"),
        (ask(notion, f"/v1/pages/{page_id}", {"nope": 1}, "PATCH"), 400, "validation_error"),
        (ask(notion, f"/v1/pages/{page_id}", b" " * 600_000, "PATCH"), 413, "validation_error"),
    ]
    assert [(status, answer["code"]) for (status, answer), _, _ in cases] == [case[1:] for case in cases]
    assert all(answer["object"] == "error" and answer["request_id"] for (_, answer), _, _ in cases)
    assert ask(notion, database)[0] == 200
    notion.unshare()
    for path in (database, f"/v1/data_sources/{notion.data_sources()[0]}", f"/v1/pages/{page_id}"):
        status, answer = ask(notion, path)
        assert (status, answer["code"]) == (404, "object_not_found")
        assert "shared with your integration" in answer["message"]
    notion.share()
    notion.revoke_token()
    assert ask(notion, database)[0] == 401
