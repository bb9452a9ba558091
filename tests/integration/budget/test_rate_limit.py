"""Slots for calls, shared by processes: never more than the limit in any window, and hardly fewer."""

import asyncio
import json
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import structlog
from pyrate_limiter import AbstractBucket, Rate

from assetgen_dagster.budget.rate_limit import RequestLimit, in_file, rates
from assetgen_dagster.settings import PROJECT_ROOT
from tests.helpers.postgres import running_postgres
from tests.integration.budget import taker

LIMIT, WINDOW = 12, 3.0

#: Slots that each process wants: the last one can have all of the limit when the others have ended.
WANTED = (10, 10, 28)


@pytest.fixture(autouse=True)
def alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """In this process nobody else asks for slots, and nobody is let ask first."""
    monkeypatch.setattr("assetgen_dagster.budget.rate_limit._AFTER_YOU_SECONDS", 0.0)


def taken_by_processes(place: str) -> list[list[float]]:
    command = [sys.executable, "-m", taker.__name__, place, str(LIMIT), str(WINDOW)]
    started = [
        subprocess.Popen([*command, str(count)], stdout=subprocess.PIPE, text=True, cwd=PROJECT_ROOT)
        for count in WANTED
    ]
    return [json.loads(process.communicate(timeout=60)[0]) for process in started]


@pytest.mark.parametrize("backend", ["file", "postgres"])
def test_processes_share_the_limit_fairly_never_pass_it_and_leave_little_of_it(
    backend: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    place = str(tmp_path) if backend == "file" else request.getfixturevalue("postgres_url")
    # Again before it is taken for unfair: a busy machine may keep one process from asking for a while.
    assert any(_is_fair(_checked(taken_by_processes(place))) for _ in range(3))


def _checked(each: list[list[float]]) -> list[list[float]]:
    times = sorted(moment for one in each for moment in one)
    assert len(times) == sum(WANTED)
    # A slot's own time lies between the moment before and after it was taken; a process may be kept from printing it.
    in_a_window = [sum(1 for other in times if moment <= other < moment + WINDOW - 0.3) for moment in times]
    assert max(in_a_window) <= LIMIT
    allowed = LIMIT * (times[-1] - times[0]) / WINDOW
    assert len(times) / allowed > 0.85
    return each


def _is_fair(each: list[list[float]]) -> bool:
    """Whether, while all of them want slots, none gets more than twice its share."""
    since, until = max(min(one) for one in each), min(max(one) for one in each)
    shares = [sum(since <= moment <= until for moment in one) for one in each]
    print(shares)
    return max(shares) <= 2 * sum(shares) / len(WANTED)


def test_a_whole_minutes_calls_do_not_start_all_at_once() -> None:
    assert [(rate.limit, rate.interval) for rate in rates(30, 61)] == [(5, 1016), (30, 61_000)]
    assert [(rate.limit, rate.interval) for rate in rates(600, 61)] == [(50, 1016), (600, 61_000)]
    assert [(rate.limit, rate.interval) for rate in rates(4, 61)] == [(4, 61_000)]


def test_it_says_how_long_to_wait(tmp_path: Path) -> None:
    async def body() -> tuple[float | None, float | None]:
        slots = RequestLimit(in_file(tmp_path, "key"), limit=1, window_seconds=30)
        return await slots.take(), await slots.take()

    first, second = asyncio.run(body())
    assert first is None
    assert second == pytest.approx(30, abs=1)


def test_each_key_has_slots_of_its_own(tmp_path: Path) -> None:
    async def body() -> list[float | None]:
        return [await RequestLimit(in_file(tmp_path, key), limit=1).take() for key in ("one", "two")]

    assert asyncio.run(body()) == [None, None]


@pytest.mark.parametrize("limit", [1, 2])
def test_slots_from_a_clock_that_was_set_back_keep_nobody_waiting_not_even_a_run_at_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, limit: int
) -> None:
    at_work = RequestLimit(in_file(tmp_path, "key"), limit=limit)
    later = time.time_ns() + 3600 * 10**9
    with monkeypatch.context() as patch:
        patch.setattr("pyrate_limiter.buckets.sqlite_bucket.time_ns", lambda: later)
        assert asyncio.run(at_work.take()) is None
    assert [asyncio.run(at_work.take()) for _ in range(limit)] == [None] * limit


def failing(_: list[Rate]) -> AbstractBucket:
    raise OSError("No space left on device")


def hanging(_: list[Rate]) -> AbstractBucket:
    time.sleep(3600)
    raise AssertionError


@pytest.mark.parametrize("open_bucket", [failing, hanging])
def test_slots_that_cannot_be_shared_become_a_third_of_the_limit_for_each_run(
    open_bucket: Callable[[list[Rate]], AbstractBucket], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("assetgen_dagster.budget.rate_limit._ANSWER_SECONDS", 0.3)

    async def body() -> list[bool]:
        slots = RequestLimit(open_bucket, limit=9)
        return [await slots.take() is None for _ in range(4)]

    with structlog.testing.capture_logs() as logs:
        assert asyncio.run(body()) == [True, True, True, False]
    assert [entry["event"] for entry in logs] == ["request_limit_unavailable"]


def test_slots_are_shared_again_when_their_database_is_back(monkeypatch: pytest.MonkeyPatch) -> None:
    from assetgen_dagster.budget.postgres import in_postgres

    monkeypatch.setattr("assetgen_dagster.budget.rate_limit._AGAIN_SECONDS", 0.0)
    with running_postgres() as postgres, postgres.database() as url:

        async def body() -> list[bool]:
            slots, other = (RequestLimit(in_postgres(url, "key"), limit=2) for _ in range(2))
            before = await slots.take() is None
            postgres.stop(kill=True)
            alone = await slots.take() is None
            postgres.start()
            return [before, alone, await slots.take() is None, await slots.take() is None, await other.take() is None]

        # One before and one after the crash are the two slots; what was taken alone in between counts for nobody else.
        assert asyncio.run(body()) == [True, True, True, False, False]


def test_nobody_waits_for_a_cancelled_call_to_a_database_that_does_not_answer() -> None:
    async def body() -> float:
        waiting = asyncio.create_task(RequestLimit(hanging, limit=9).take())
        await asyncio.sleep(0.2)
        waiting.cancel()
        began = time.monotonic()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        return time.monotonic() - began

    assert asyncio.run(body()) < 0.5
