"""Every fault at every call: nothing lost, nothing doubled, no failed read taken for an empty list, and in time."""

import logging
import socket
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest
import structlog

from assetgen_dagster.notion.board import TaskBoard
from assetgen_dagster.notion.call_failures import LONGEST_WAIT_SECONDS
from assetgen_dagster.notion.calls import RequestLimit
from assetgen_dagster.notion.columns import COST, ERROR_LOG, RUN, STATUS, RunLink
from assetgen_dagster.notion.errors import BoardError, BoardUnavailableError
from assetgen_emulators.notion import NotionEmulator
from assetgen_emulators.notion.faults import (
    AnyAction,
    ApiError,
    Delay,
    Drip,
    EmptyBody,
    Endless,
    Fault,
    Hang,
    HtmlPage,
    OddJson,
    Reset,
    TornBody,
)
from tests.helpers.boards import FastClock, board_for, endpoints

TRIGGER = "Generating Assets"

PASSING: dict[str, AnyAction] = {
    "429": ApiError(429, retry_after="3"),
    "429 without a time": ApiError(429),
    "529": ApiError(529, retry_after="3"),
    "409": ApiError(409),
    "500": ApiError(500),
    "502": ApiError(502),
    "503": ApiError(503),
    "503 of the database": ApiError(503, "database_connection_unavailable"),
    "504": ApiError(504),
    "html 200": HtmlPage(200, "Please log in"),
    "html 403": HtmlPage(403, "Attention required"),
    "html 502": HtmlPage(502),
    "empty 200": EmptyBody(200),
    "empty 500": EmptyBody(500),
    "no answer": OddJson({"ok": True}),
    "list without results": OddJson({"object": "list"}),
    "torn": TornBody(),
    "endless": Endless(),
    "endless packed": Endless(packed=True),
    "endless 502": Endless(502),
    "reset": Reset(),
    "hang": Hang(),
    "drip": Drip(0.05),
}

#: What the reads and the write of the board call first.
CALLS: dict[str, Callable[[TaskBoard, str], Any]] = {
    "databases.retrieve": lambda board, _: board.triggered_rows(),
    "data_sources.retrieve": lambda board, _: board.triggered_rows(),
    "data_sources.query": lambda board, _: board.triggered_rows(),
    "pages.retrieve": lambda board, page_id: [board.read_row(page_id)],
    "pages.update": lambda board, page_id: [
        board.update_row(page_id, {ERROR_LOG: "seen", COST: 2, RUN: RunLink("run-1")})
    ],
}

#: Short, because a hanging request waits for it in earnest.
SECONDS = 0.25


@pytest.mark.parametrize("endpoint", CALLS)
@pytest.mark.parametrize("fault", PASSING)
def test_a_fault_that_passes_is_waited_out(notion: NotionEmulator, endpoint: str, fault: str) -> None:
    page_id = notion.add_row(status=TRIGGER, topic="Owls")
    clock = FastClock()
    notion.plan([Fault(PASSING[fault], endpoint=endpoint)])
    # Only a request that hangs is waited for in earnest; the others must not fail because the machine is busy.
    patience = 2 * SECONDS if fault in ("hang", "drip") else 10.0
    with board_for(notion, clock=clock, request_seconds=patience) as board:
        rows = CALLS[endpoint](board, page_id)
    assert [row.topic for row in rows] == ["Owls"]
    assert len(clock.slept) == 1, "one fault, one wait: the library does not try again on its own"
    assert clock.slept[0] >= (3 if fault in ("429", "529") else 0.5)
    assert endpoints(notion).count(endpoint) == 2 - (endpoint == "pages.update" and PASSING[fault].saved)
    if endpoint == "pages.update":
        assert notion.row(page_id)["Error Log"] == "seen"
        assert notion.row(page_id)["Cost (USD)"] == 2


@pytest.mark.parametrize("endpoint", CALLS)
@pytest.mark.parametrize("fault", ["429", "503", "html 200", "empty 200", "no answer", "reset"])
def test_a_fault_that_stays_is_an_error_in_time_and_never_an_empty_list(
    notion: NotionEmulator, endpoint: str, fault: str
) -> None:
    page_id = notion.add_row(status=TRIGGER)
    clock = FastClock()
    notion.plan([Fault(PASSING[fault], endpoint=endpoint, times=None)])
    with board_for(notion, clock=clock, deadline_seconds=20) as board:
        began = clock.monotonic()
        with pytest.raises(BoardUnavailableError) as away:
            CALLS[endpoint](board, page_id)
        assert 10 < clock.monotonic() - began < 20
    assert notion.token not in str(away.value)
    assert endpoints(notion).count(endpoint) in (4, 5, 6, 7)


SAVED: dict[str, AnyAction] = {
    "503": ApiError(503, saved=True),
    "500": ApiError(500, saved=True),
    "html": HtmlPage(502, saved=True),
    "empty": EmptyBody(200, saved=True),
    "torn": TornBody(),
    "reset": Reset(saved=True),
    "hang": Hang(saved=True),
}


@pytest.mark.parametrize("fault", SAVED)
def test_a_write_that_was_saved_all_the_same_is_found_out_and_not_sent_again(
    notion: NotionEmulator, fault: str
) -> None:
    page_id = notion.add_row(status=TRIGGER)
    notion.plan([Fault(SAVED[fault], endpoint="pages.update", times=None)])
    with board_for(notion, request_seconds=SECONDS) as board:
        row = board.update_row(
            page_id, {STATUS: "Asset Error", ERROR_LOG: "x" * 5000, COST: 1.25, RUN: RunLink("run-1")}
        )
    assert row
    assert row.status == "Asset Error"
    assert endpoints(notion).count("pages.update") == 1
    assert notion.row(page_id)["Error Log"] == "x" * 5000


def test_a_write_is_sent_again_while_the_database_itself_is_away(notion: NotionEmulator, board: TaskBoard) -> None:
    page_id = notion.add_row(status=TRIGGER)
    notion.plan([Fault(ApiError(503), times=9)])
    board.update_row(page_id, {STATUS: "Assets Ready"}, deadline_seconds=120)
    assert [call.outcome for call in notion.journal() if call.saved] == ["ok"]


def test_a_refused_connection_is_waited_out(notion: NotionEmulator) -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port = listener.getsockname()[1]
    later: list[NotionEmulator] = []

    def start() -> None:
        if not later:
            later.append(NotionEmulator(port).start())
            later[0].world = notion.world

    clock = FastClock(start)
    page_id = notion.add_row(status=TRIGGER)
    with board_for(notion, clock=clock, base_url=f"http://127.0.0.1:{port}") as board:
        assert [row.page_id for row in board.triggered_rows()] == [page_id]
        later[0].stop()
        with pytest.raises(BoardUnavailableError, match="no connection"):
            board.update_row(page_id, {STATUS: "Assets Ready"}, deadline_seconds=3)
    assert len(clock.slept) >= 3


def test_a_wait_that_is_longer_than_the_time_left_is_not_begun(notion: NotionEmulator, clock: FastClock) -> None:
    notion.plan([Fault(ApiError(429, retry_after="60"))])
    with board_for(notion, clock=clock) as board:
        with pytest.raises(BoardUnavailableError, match="asks us to wait"):
            board.triggered_rows(deadline_seconds=20)
        assert clock.slept == []
        # Until then nobody asks again: the limit is the integration's, not one call's.
        with pytest.raises(BoardUnavailableError, match="request limit is used up"):
            board.triggered_rows(deadline_seconds=20)
        assert len(notion.journal()) == 1
        clock.sleep(60)
        assert board.triggered_rows() == []


@pytest.mark.parametrize(
    "wait", ["900000", format_datetime(datetime.now(UTC) + timedelta(days=10), usegmt=True)], ids=["seconds", "date"]
)
def test_a_wait_of_days_is_over_after_ten_minutes(notion: NotionEmulator, clock: FastClock, wait: str) -> None:
    notion.plan([Fault(ApiError(429, retry_after=wait))])
    with board_for(notion, clock=clock) as board:
        with pytest.raises(BoardUnavailableError, match="asks us to wait"):
            board.triggered_rows()
        clock.sleep(LONGEST_WAIT_SECONDS)
        assert board.triggered_rows() == []


@pytest.mark.parametrize("packed", [False, True])
def test_an_endless_answer_is_not_read_beyond_its_bound(notion: NotionEmulator, board: TaskBoard, packed: bool) -> None:
    notion.plan([Fault(Endless(packed=packed))])
    with structlog.testing.capture_logs() as log:
        assert board.triggered_rows() == []
    assert [entry["cause"] for entry in log] == ["the answer is longer than 32 MiB"]


def test_a_hanging_notion_ends_a_call_in_its_time_on_the_clock_on_the_wall(notion: NotionEmulator) -> None:
    notion.plan([Fault(Hang(), times=None)])
    clock = FastClock()
    with board_for(notion, clock=clock) as board, pytest.raises(BoardUnavailableError, match="did not answer in time"):
        board.triggered_rows(deadline_seconds=0.6)
    (call,) = notion.wait_for(lambda calls: calls and calls[0].finished_at)
    assert call.finished_at
    assert call.finished_at - call.arrived_at < 5, "not the ten seconds that a request may take"


def test_a_dripping_notion_ends_a_call_in_its_time(notion: NotionEmulator) -> None:
    notion.plan([Fault(Drip(0.02), times=None)])
    clock = FastClock()
    with board_for(notion, clock=clock) as board:
        began = clock.monotonic()
        with pytest.raises(BoardUnavailableError):
            board.triggered_rows(deadline_seconds=0.5)
        assert clock.monotonic() - began < 5, "not as long as it drips"


def test_requests_are_paced_under_the_limit(notion: NotionEmulator) -> None:
    clock = FastClock()
    page_id = notion.add_row()
    with board_for(notion, clock=clock, limit=RequestLimit(5, 60)) as board:
        for _ in range(13):
            board.read_row(page_id, deadline_seconds=100)
    assert len(notion.journal()) == 15
    assert max(clock.slept) == pytest.approx(60, abs=1)
    assert sum(clock.slept) == pytest.approx(120, abs=2)


def test_boards_of_one_token_share_their_pace(notion: NotionEmulator) -> None:
    from assetgen_dagster.notion.calls import shared_limit
    from tests.helpers.boards import settings_for

    settings = settings_for(notion)
    assert shared_limit(settings) is shared_limit(settings_for(notion, database_id="0" * 32))
    assert shared_limit(settings) is not shared_limit(settings_for(notion, base_url="http://127.0.0.1:1"))


def test_the_limit_that_notion_enforces_is_waited_out_in_earnest(notion: NotionEmulator) -> None:
    from assetgen_dagster.notion.calls import SystemClock

    notion.limit_requests(3, window_seconds=4)
    page_id = notion.add_row(status=TRIGGER)
    with board_for(notion, clock=SystemClock()) as board:  # type: ignore[arg-type]
        board.triggered_rows()
        assert board.read_row(page_id)
    assert [call.outcome for call in notion.journal()] == ["ok"] * 3 + ["rate_limited", "ok"]


def test_the_token_is_in_no_message_and_in_no_log(
    notion: NotionEmulator, board: TaskBoard, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.DEBUG)
    said = f"Bearer {notion.token} is no good"
    plan = [Fault(ApiError(503, message=said), times=2), Fault(ApiError(400, message=said), times=None)]
    notion.plan([Fault(fault.action, endpoint="data_sources.query", times=fault.times) for fault in plan])
    with structlog.testing.capture_logs() as events, pytest.raises(BoardError) as error:
        board.triggered_rows()
    assert [event["event"] for event in events] == ["notion_call_retried"] * 2
    seen = [
        str(error.value),
        repr(error.value),
        repr(error.value.__cause__),
        repr(events),
        caplog.text,
        *capfd.readouterr(),
    ]
    assert "is no good" in seen[0]
    assert not any(notion.token in text for text in seen)
    assert error.value.__suppress_context__


def test_the_library_puts_no_handler_of_its_own_on_the_console(notion: NotionEmulator) -> None:
    before = list(logging.getLogger("notion_client").handlers)
    for _ in range(3):
        board_for(notion).close()
    assert logging.getLogger("notion_client").handlers == before


def test_a_board_may_be_used_by_several_threads(notion: NotionEmulator, board: TaskBoard) -> None:
    pages = [notion.add_row(status=TRIGGER) for _ in range(8)]
    threads = [
        threading.Thread(target=board.update_row, args=(page, {STATUS: "Assets Ready", COST: number}))
        for number, page in enumerate(pages)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert [notion.row(page)["Cost (USD)"] for page in pages] == list(range(8))


def test_a_call_in_one_thread_does_not_end_by_the_time_of_another_threads(notion: NotionEmulator) -> None:
    slow, quick = notion.add_row(status=TRIGGER), notion.add_row(status=TRIGGER)
    clock = FastClock()
    with board_for(notion, clock=clock) as board:
        board.schema()
        notion.plan([Fault(Delay(2), endpoint="pages.retrieve", nth=1)])
        waiting = threading.Thread(target=board.read_row, args=(slow,))
        waiting.start()
        notion.wait_for(lambda calls: calls[-1].endpoint == "pages.retrieve")
        assert board.read_row(quick, deadline_seconds=1.5)
        waiting.join(20)
    assert clock.slept == [], "no answer came too late"


def test_a_fault_of_our_own_is_not_taken_for_one_of_notions(
    notion: NotionEmulator, board: TaskBoard, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("assetgen_dagster.notion.calls.checked_answer", broken)
    with pytest.raises(ZeroDivisionError):
        board.triggered_rows()
