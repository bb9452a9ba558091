"""Slots for calls, shared by processes: never more than the limit in any window, and hardly fewer."""

import asyncio
import json
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from types import SimpleNamespace

import pytest
import structlog
from pyrate_limiter import AbstractBucket, Rate

from assetgen_dagster.budget import rate_limit
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


def most_in_a_window(slots: Sequence[tuple[float, float]], window: float) -> int:
    """Returns how many slots lie in one window for certain, each having been taken between two moments."""
    return max(sum(since <= before and after < since + window for before, after in slots) for since, _ in slots)


@pytest.mark.parametrize("backend", ["file", "postgres"])
def test_processes_never_pass_the_limit(backend: str, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    limit, window, wanted = 8, 1.5, (5, 5, 10)
    place = str(tmp_path) if backend == "file" else request.getfixturevalue("postgres_url")
    command = [sys.executable, "-m", taker.__name__, place, str(limit), str(window)]
    started = [
        subprocess.Popen([*command, str(count)], stdout=subprocess.PIPE, text=True, cwd=PROJECT_ROOT)
        for count in wanted
    ]
    slots = [slot for process in started for slot in json.loads(process.communicate(timeout=120)[0])]
    assert len(slots) == sum(wanted)
    assert most_in_a_window(slots, window) <= limit


class Clock:
    """The time of the slots' file and of those who wait for slots."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 1_000.0
        monkeypatch.setattr("pyrate_limiter.buckets.sqlite_bucket.time_ns", lambda: round(self.now * 1e9))
        monkeypatch.setattr(rate_limit, "time", SimpleNamespace(monotonic=lambda: self.now))


async def take_all(clock: Clock, takers: Sequence[RequestLimit], wanted: Sequence[int]) -> list[list[float]]:
    """Returns when each got its slots. A taker that had one asks again at once, before others have woken up."""
    taken: list[list[float]] = [[] for _ in takers]
    asks = dict.fromkeys(range(len(takers)), clock.now)
    while asks:
        number = min(asks, key=lambda one: asks[one])
        clock.now = max(clock.now, asks[number]) + 0.001  # what asking takes
        wait = await takers[number].take()
        if wait is None:
            taken[number].append(clock.now)
        asks[number] = clock.now if wait is None else clock.now + wait + 0.005  # what waking up takes
        if len(taken[number]) == wanted[number]:
            del asks[number]
    return taken


def test_runs_share_the_limit_fairly_never_pass_it_and_leave_little_of_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rate_limit, "_AFTER_YOU_SECONDS", 0.1)
    clock = Clock(monkeypatch)
    takers = [RequestLimit(in_file(tmp_path, "key"), limit=LIMIT, window_seconds=WINDOW) for _ in WANTED]
    each = asyncio.run(take_all(clock, takers, WANTED))
    times = sorted(moment for one in each for moment in one)
    assert most_in_a_window([(moment, moment) for moment in times], WINDOW) <= LIMIT
    assert len(times) / (LIMIT * (times[-1] - times[0]) / WINDOW) > 0.85
    # While all of them want slots, each gets about as many.
    since, until = max(one[0] for one in each), min(one[-1] for one in each)
    shares = [sum(since <= moment <= until for moment in one) for one in each]
    assert max(shares) - min(shares) <= 2


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

    assert asyncio.run(body()) < 30, "and not an hour"
