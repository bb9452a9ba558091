"""What the Notion emulator can be told to do wrong, what it remembers, and that it runs as a process."""

import json
import shlex
import subprocess
import sys
import time
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import notion_client
import pytest
from notion_client import APIResponseError
from pydantic import SecretStr

from assetgen_dagster.notion.create import create_database
from assetgen_emulators.core.faults import faults_to_json
from assetgen_emulators.notion import TOKEN, NotionEmulator, read_journal
from assetgen_emulators.notion.board import control
from assetgen_emulators.notion.faults import (
    ApiError,
    Drip,
    Fault,
)
from tests.helpers.boards import board_settings
from tests.integration.emulators.notion_wire import ask


def test_a_rule_fits_by_endpoint_by_count_and_so_often(notion: NotionEmulator) -> None:
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


def test_a_limit_counts_a_window_and_says_how_long_it_lasts(notion: NotionEmulator) -> None:
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
    wait = limited.value.headers["Retry-After"]
    assert 28 <= int(wait) <= 30
    about = json.loads(limited.value.read())["additional_data"]
    assert about == {"retry_after": wait, "rate_limit_reason": "public_api_request_rate_limit"}
    notion.limit_requests(None)
    assert ask(notion, "/v1/users/me")[0] == 200


def test_an_answer_in_drops_is_whole_and_slow(notion: NotionEmulator) -> None:
    _, usual = ask(notion, "/v1/users/me")
    notion.plan([Fault(Drip(0.01))])
    began = time.monotonic()
    assert ask(notion, "/v1/users/me") == (200, usual)
    assert time.monotonic() - began >= len(json.dumps(usual)) // 8 * 0.01


def test_the_journal_tells_when_what_was_asked_and_no_token(notion: NotionEmulator) -> None:
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
    command = [sys.executable, "-m", "assetgen_emulators.notion", "--token", "ntn_other"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        url = process.stdout.readline().strip()
        assert process.stdout.readline() == f"export NOTION_BASE_URL={url} NOTION_TOKEN=ntn_other\n"
        settings = board_settings(SecretStr("ntn_other"), "", url)
        init = process.stdout.readline().split()
        create_database(settings, parent=init[-1])
        assert process.stdout.readline().startswith("#")
        _, _, address, _, order = shlex.split(process.stdout.readline())  # what a person types to add a row
        with urlopen(address, order.encode()) as answer:
            row = json.load(answer)
        assert control(url, "row", page_id=row)["Status"] == "Generating Assets"
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
        assert [call.status for call in read_journal(url)][-3:] == [200, 200, 503]
        client.close()
        process.terminate()
        assert process.wait(10) == 0
