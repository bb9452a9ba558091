"""The Notion stand-in answers what the real client library understands, and refuses what Notion refuses."""

import json
import subprocess
import sys
from collections.abc import Iterator
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import notion_client
import pytest
from notion_client import APIResponseError, helpers

from assetgen_dagster.standins.fault_plan import faults_to_json
from assetgen_dagster.standins.notion import TOKEN, NotionStandIn, read_journal
from assetgen_dagster.standins.notion_board import control
from assetgen_dagster.standins.notion_faults import (
    AnyAction,
    ApiError,
    Delay,
    Drip,
    EmptyBody,
    Fault,
    Hang,
    HtmlPage,
    OddJson,
    Reset,
    TornBody,
    faults_from_json,
)

UNKNOWN = "00000000-0000-4000-8000-000000000000"
PARENT = "0a0a0a0a-0a0a-4a0a-8a0a-0a0a0a0a0a0a"


@pytest.fixture
def notion() -> Iterator[NotionStandIn]:
    with NotionStandIn() as stand_in:
        stand_in.create_database()
        yield stand_in


@pytest.fixture
def client(notion: NotionStandIn) -> Any:
    return notion_client.Client(auth=TOKEN, base_url=notion.base_url, retry=False)


def database_of(notion: NotionStandIn) -> str:
    return next(iter(notion.world.databases))


def ask(
    notion: NotionStandIn, path: str, body: Any = None, method: str = "GET", **headers: str | None
) -> tuple[int, dict[str, Any]]:
    given = {"Authorization": f"Bearer {TOKEN}", "Notion-Version": "2025-09-03"} | {
        name.replace("_", "-"): value for name, value in headers.items()
    }
    raw = body if isinstance(body, bytes) else None if body is None else json.dumps(body).encode()
    sent = {name: value for name, value in given.items() if value is not None}
    try:
        with urlopen(Request(notion.base_url + path, raw, sent, method=method), timeout=10) as answer:
            return answer.status, json.loads(answer.read())
    except HTTPError as error:
        return error.code, json.loads(error.read())


# --- shapes -----------------------------------------------------------------------------------------------------------


def test_the_library_takes_the_answers_for_whole_objects(notion: NotionStandIn, client: Any) -> None:
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


def test_pages_of_results_follow_each_other_in_the_order_asked_for(notion: NotionStandIn, client: Any) -> None:
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
def test_a_filter_lets_the_right_rows_through(notion: NotionStandIn, client: Any, test: Any, found: str) -> None:
    day = "2026-03-0{}T00:00:00+00:00".format
    notion.add_row(topic="a", channel="poke1", status="Draft", story_direction="x", created=day(1))
    notion.add_row(topic="b", channel="poke2", status="Draft", cost=2, created=day(2))
    notion.add_row(topic="c", status="Drawing", created=day(3))
    notion.add_row(topic="d", created=day(4))
    notion.archive(notion.add_row(topic="a", status="Draft"))
    answer = client.data_sources.query(notion.data_sources()[0], filter=test)
    assert "".join(page["properties"]["Topic"]["title"][0]["plain_text"] for page in answer["results"]) == found


def test_a_query_that_is_cut_off_says_so(notion: NotionStandIn, client: Any) -> None:
    notion.set_result_limit(3)
    for _ in range(4):
        notion.add_row()
    answer = client.data_sources.query(notion.data_sources()[0])
    assert (len(answer["results"]), answer["has_more"]) == (3, False)
    assert answer["request_status"]["incomplete_reason"] == "query_result_limit_reached"


def test_a_page_is_written_read_and_put_into_the_trash(notion: NotionStandIn, client: Any) -> None:
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


def test_a_database_can_be_created_but_for_a_status_property(notion: NotionStandIn, client: Any) -> None:
    properties: dict[str, Any] = {"Name": {"title": {}}, "State": {"select": {"options": [{"name": "Draft"}]}}}
    notion.share_page(PARENT)
    answer = client.databases.create(
        parent={"type": "page_id", "page_id": PARENT},
        title=[{"text": {"content": "Videos"}}],
        initial_data_source={"properties": properties},
    )
    source = client.data_sources.retrieve(answer["data_sources"][0]["id"])
    assert source["properties"]["State"]["select"]["options"][0]["name"] == "Draft"
    for wrong in ({"Name": {"rich_text": {}}}, properties | {"Status": {"status": {}}}):
        with pytest.raises(APIResponseError):
            client.databases.create(parent={"page_id": PARENT}, initial_data_source={"properties": wrong})
    for parent in (PARENT, UNKNOWN):
        notion.unshare_page(parent)
        with pytest.raises(APIResponseError, match="Could not find page with ID") as refused:
            client.databases.create(parent={"page_id": parent}, initial_data_source={"properties": properties})
        assert (refused.value.status, refused.value.code) == (404, "object_not_found")


# --- strictness -------------------------------------------------------------------------------------------------------


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
        ({"Channel": {"select": {"name": "a,b"}}}, "commas not allowed"),
        ({"Status": {"status": {"name": "Draft"}, "number": 1}}, "should be defined"),
    ],
)
def test_a_write_that_does_not_fit_is_refused_and_nothing_of_it_saved(
    notion: NotionStandIn, client: Any, properties: Any, words: str
) -> None:
    page_id = notion.add_row(status="Draft")
    before = notion.row(page_id)
    with pytest.raises(APIResponseError) as refused:
        client.pages.update(page_id, properties={"Topic": {"title": [{"text": {"content": "new"}}]}} | properties)
    assert (refused.value.status, refused.value.code) == (400, "validation_error")
    assert words in str(refused.value)
    assert notion.row(page_id) == before
    assert notion.journal()[-1].outcome == "refused"


def test_an_unknown_choice_of_a_select_is_made_as_notion_does(notion: NotionStandIn, client: Any) -> None:
    page_id = notion.add_row()
    client.pages.update(page_id, properties={"Channel": {"select": {"name": "poke9"}}})
    assert "poke9" in notion.options("Channel")


@pytest.mark.parametrize("url", ["", 5, "http://host/" + "x" * 1989])
def test_a_url_is_any_text_that_is_there_and_not_too_long(notion: NotionStandIn, client: Any, url: Any) -> None:
    notion.create_database(types={"run": "url"})
    page_id = notion.add_row()
    client.pages.update(page_id, properties={"Run": {"url": "a run's bare id"}})
    with pytest.raises(APIResponseError, match="should be a valid url"):
        client.pages.update(page_id, properties={"Run": {"url": url}})
    assert notion.row(page_id)["Run"] == "a run's bare id"
    client.pages.update(page_id, properties={"Run": {"url": None}})
    assert notion.row(page_id)["Run"] is None


def test_what_notion_fills_in_itself_cannot_be_written(notion: NotionStandIn, client: Any) -> None:
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
        ({"filter": {"property": "Status", "select": {"equals": "Draft"}}}, "status does not match filter select"),
        ({"filter": {"property": "Status", "status": {"equals": "Nope"}}}, 'option "Nope" not found for property'),
        ({"filter": {"property": "Cost (USD)", "number": {"equals": "1"}}}, "fitting value"),
        ({"filter": {"property": "Cost (USD)", "number": {"starts_with": 1}}}, "fitting value"),
        ({"filter": {"and": [{"or": [{"and": []}]}]}}, "two levels deep"),
        ({"filter": {"timestamp": "now", "now": {"equals": "x"}}}, "filter.timestamp"),
        ({"filter": []}, "an object"),
        ({"sorts": [{"timestamp": "created_time"}]}, "ascending or descending"),
        ({"sorts": [{"property": "Nope", "direction": "ascending"}]}, "Could not find property"),
        ({"page_size": 101}, "≤ `100`"),
        ({"page_size": 0}, "≤ `100`"),
        ({"start_cursor": UNKNOWN}, "The start_cursor provided is invalid"),
        ({"start": 1}, "body.start should be not present"),
    ],
)
def test_a_query_that_does_not_fit_is_refused(notion: NotionStandIn, body: Any, words: str) -> None:
    status, answer = ask(notion, f"/v1/data_sources/{notion.data_sources()[0]}/query", body, "POST")
    assert (status, answer["code"]) == (400, "validation_error")
    assert words in answer["message"]


def test_requests_are_refused_with_notions_codes(notion: NotionStandIn) -> None:
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


# --- disturbance, memory, process -------------------------------------------------------------------------------------


def test_a_rule_fits_by_endpoint_by_count_and_so_often(notion: NotionStandIn) -> None:
    page_id = notion.add_row()
    notion.plan(
        [
            Fault(ApiError(503), endpoint="pages.retrieve", nth=2),
            Fault(ApiError(529, retry_after="4"), endpoint="users.me", times=2),
        ]
    )
    pages = [ask(notion, f"/v1/pages/{page_id}")[0] for _ in range(3)]
    users = [ask(notion, "/v1/users/me") for _ in range(3)]
    assert pages == [200, 503, 200]
    assert [status for status, _ in users] == [529, 529, 200]
    assert users[0][1]["code"] == "service_overload"


def test_a_limit_counts_a_window_and_says_how_long_it_lasts(notion: NotionStandIn) -> None:
    notion.limit_requests(2, window_seconds=30)
    assert [ask(notion, "/v1/users/me")[0] for _ in range(2)] == [200, 200]
    with pytest.raises(HTTPError) as limited:
        urlopen(
            Request(
                f"{notion.base_url}/v1/users/me",
                headers={"Authorization": f"Bearer {TOKEN}", "Notion-Version": "2025-09-03"},
            )
        )
    assert limited.value.code == 429
    assert 28 <= int(limited.value.headers["Retry-After"]) <= 30
    assert json.loads(limited.value.read())["additional_data"]["rate_limit_reason"] == "public_api_request_rate_limit"
    notion.limit_requests(None)
    assert ask(notion, "/v1/users/me")[0] == 200


ALL: list[AnyAction] = [
    ApiError(503, "x", "y", "1", {"a": 1}, saved=True),
    *(HtmlPage(), EmptyBody(), OddJson({"a": 1}), TornBody(), Drip(0.1), Reset(), Hang(), Delay(1.5)),
]


def test_every_fault_can_be_written_as_json_and_read_again() -> None:
    plan = [Fault(action, endpoint="pages.update", nth=3, times=None) for action in ALL]
    assert faults_from_json(faults_to_json(plan)) == plan


@pytest.mark.parametrize(
    "plan", ['[{"action": {"kind": "earthquake"}}]', '[{"action": {"kind": "hang"}, "nht": 3}]', "{}"]
)
def test_a_plan_with_a_mistake_is_refused(plan: str) -> None:
    with pytest.raises(ValueError, match="validation error"):
        faults_from_json(plan)


def test_the_journal_tells_when_what_was_asked_and_no_token(notion: NotionStandIn) -> None:
    page_id = notion.add_row()
    ask(notion, f"/v1/pages/{page_id}")
    (call,) = notion.wait_for(lambda calls: len(calls) == 1)
    assert (call.method, call.path, call.endpoint) == ("GET", f"/v1/pages/{page_id}", "pages.retrieve")
    assert (call.object_id, call.outcome, call.status, call.saved) == (page_id, "ok", 200, False)
    assert call.finished_at
    assert call.finished_at >= call.arrived_at
    assert TOKEN not in repr(call)
    with pytest.raises(TimeoutError, match=r"1:pages.retrieve:ok"):
        notion.wait_for(lambda calls: len(calls) == 2, timeout=0.01)
    notion.set_status(page_id, "Drawing")
    notion.wait_for(lambda _: notion.row(page_id)["Status"] == "Drawing")


def test_it_runs_as_a_process_and_is_controlled_over_http() -> None:
    command = [sys.executable, "-m", "assetgen_dagster.standins.notion", "--token", "ntn_other"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        url = process.stdout.readline().strip()
        database_id = control(url, "create_database", types={"status": "select"})
        page_id = control(url, "add_row", topic="Owls", status="Draft")
        client: Any = notion_client.Client(auth="ntn_other", base_url=url, retry=False)
        source = client.databases.retrieve(database_id)["data_sources"][0]["id"]
        assert client.data_sources.retrieve(source)["properties"]["Status"]["type"] == "select"
        assert control(url, "row", page_id=page_id)["Topic"] == "Owls"
        with urlopen(f"{url}/standin/faults", faults_to_json([Fault(ApiError(503))])):
            pass
        with pytest.raises(APIResponseError):
            client.pages.retrieve(page_id)
        for wrong in ("nothing_like_it", "_column", "do"):
            with pytest.raises(HTTPError):
                control(url, wrong)
        assert [call.status for call in read_journal(url)] == [200, 200, 503]
        client.close()
        process.terminate()
        assert process.wait(10) == 0
