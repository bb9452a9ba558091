"""Runs that share a key with something wrong about it: the first one meets it, the others make no call."""

import asyncio
from typing import Any

import pytest

from assetgen_dagster.budget.breaker_store import BreakerStore
from assetgen_dagster.budget.stores import broken_now, open_switches
from assetgen_dagster.budget.switches import resume
from assetgen_dagster.drawing.outcome import Summary
from assetgen_dagster.project.key import ProjectKey
from assetgen_dagster.providers.registry import provider_of
from assetgen_dagster.settings import load_settings
from assetgen_emulators.gemini import Fault, GeminiEmulator
from assetgen_emulators.gemini.faults import ApiError, Delay, PromptBlocked
from tests.conftest import API_KEY
from tests.helpers.breakers import code_of, edit_breaker, make_half_open, run, turn_billing_off
from tests.helpers.drawings import Drawing, start, until
from tests.helpers.harness import Core, billed, manifest_of

UNPAID = ApiError(400, message="Billing is off", api_status="FAILED_PRECONDITION")


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("assetgen_dagster.budget.admission._POLL_SECONDS", 0.05)


@pytest.fixture
def cores(gemini: GeminiEmulator) -> list[Core]:
    return [Core(ProjectKey("poke1", f"vid_{number}"), manifest_of(4)) for number in range(3)]


def test_a_wrong_key_costs_the_calls_of_one_run_and_a_right_one_draws_all(
    cores: list[Core], gemini: GeminiEmulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    gemini.set_api_keys({"another"})
    assert code_of(run(cores[0], "first")) == "api_key"
    calls = len(gemini.journal())
    assert 1 <= calls <= 8
    for core in cores[1:]:
        summary = run(core, "later")
        assert (code_of(summary), len(summary.not_started)) == ("api_key", 4)
        assert summary.stopped_by is not None
        for told in ("first", "API key not valid"):
            assert told in summary.stopped_by.cause
        for told in ("GEMINI_API_KEY", "assetgen resume"):
            assert told in summary.stopped_by.remedy
    assert len(gemini.journal()) == calls
    monkeypatch.setenv("GEMINI_API_KEY", "another")
    assert [run(core).generated for core in cores] == [4, 4, 4]
    assert len(billed(gemini.journal())) == len(gemini.journal()) - calls == 12


def test_a_second_wrong_key_is_found_out_without_a_call(
    cores: list[Core], gemini: GeminiEmulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    gemini.set_api_keys({"another"})
    run(cores[0])
    calls = len(gemini.journal())
    monkeypatch.setenv("GEMINI_API_KEY", "a_second_wrong_one")
    assert code_of(run(cores[1])) == "api_key"
    assert len(gemini.journal()) == calls


def test_a_key_that_the_provider_takes_again_is_noticed_by_the_next_run_at_no_cost(
    cores: list[Core], gemini: GeminiEmulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    gemini.set_api_keys({"another"})
    run(cores[0])
    gemini.set_api_keys({API_KEY})
    monkeypatch.setattr("assetgen_dagster.budget.admission._ASK_AGAIN_SECONDS", 0.0)
    assert run(cores[1]).generated == 4
    assert broken_now(load_settings()) is None


@pytest.mark.parametrize("backend", ["file", "postgres"])
def test_of_runs_at_a_half_open_breaker_one_probes_and_the_others_wait_and_go_on(
    cores: list[Core],
    gemini: GeminiEmulator,
    monkeypatch: pytest.MonkeyPatch,
    request: pytest.FixtureRequest,
    backend: str,
) -> None:
    if backend == "postgres":
        monkeypatch.setenv("ASSETGEN_POSTGRES_URL", request.getfixturevalue("postgres_url"))
    turn_billing_off(cores[0], gemini, monkeypatch)
    assert code_of(run(cores[1])) == "billing"
    assert len(gemini.journal()) == 1
    make_half_open()
    gemini.set_latency(1.0)

    async def body() -> list[Drawing]:
        drawings = [start(core, run_id=f"run{number}") for number, core in enumerate(cores)]
        await until(lambda: len(gemini.journal()) == 2 and all(drawing.told() for drawing in drawings))
        assert gemini.journal()[1].in_flight
        await asyncio.gather(*(drawing.task for drawing in drawings))
        return drawings

    assert [drawing.task.result().generated for drawing in asyncio.run(body())] == [4, 4, 4]
    probe, others = gemini.journal()[1], gemini.journal()[2:]
    assert len(billed(gemini.journal())) == 12
    assert min(call.arrived_at for call in others) >= probe.arrived_at + 1.0
    assert broken_now(load_settings()) is None


def test_runs_that_waited_for_a_probe_that_fails_stop_without_a_call(
    cores: list[Core], gemini: GeminiEmulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    turn_billing_off(cores[0], gemini, monkeypatch)
    make_half_open()
    gemini.plan([Fault(UNPAID, times=None)])

    async def body() -> list[Summary]:
        return await asyncio.gather(*(start(core, run_id=f"run{n}").task for n, core in enumerate(cores)))

    assert [code_of(summary) for summary in asyncio.run(body())] == ["billing"] * 3
    assert len(gemini.journal()) == 2


@pytest.mark.parametrize(("action", "calls_at_once"), [(ApiError(503), 1), (PromptBlocked(), 3)])
def test_a_probe_that_shows_nothing_makes_room_for_the_next_and_one_that_was_answered_closes_the_breaker(
    cores: list[Core], gemini: GeminiEmulator, monkeypatch: pytest.MonkeyPatch, action: Any, calls_at_once: int
) -> None:
    turn_billing_off(cores[0], gemini, monkeypatch)
    make_half_open()
    gemini.plan([Fault(action)])
    gemini.set_latency(1.0)

    async def body() -> Drawing:
        drawing = start(cores[1])
        await until(lambda: len(gemini.journal()) >= 2 + calls_at_once)
        assert sum(call.in_flight for call in gemini.journal()) <= calls_at_once
        await drawing.task
        return drawing

    summary = asyncio.run(body()).task.result()
    assert summary.generated + len(summary.failures) == 4
    assert broken_now(load_settings()) is None


def test_a_run_that_is_cancelled_while_it_probes_lets_another_one_probe(
    cores: list[Core], gemini: GeminiEmulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    turn_billing_off(cores[0], gemini, monkeypatch)
    make_half_open()
    gemini.set_latency(60.0)

    async def body() -> Summary:
        probing = start(cores[0])
        await until(lambda: len(gemini.journal()) == 2)
        probing.task.cancel()
        await asyncio.wait([probing.task])
        gemini.set_latency(0.0)
        return await asyncio.wait_for(start(cores[1]).task, 30)

    assert asyncio.run(body()).generated == 4


def test_a_call_that_was_in_flight_when_the_breaker_opened_does_not_close_it(
    cores: list[Core], gemini: GeminiEmulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    cores[0].manifest = manifest_of(1)
    gemini.set_latency(3.0)

    async def body() -> Summary:
        slow = start(cores[0], run_id="slow")
        await until(lambda: len(gemini.journal()) == 1)
        gemini.plan([Fault(UNPAID, times=None)])
        assert code_of(await start(cores[1], run_id="fast").task) == "billing"
        return await slow.task

    assert asyncio.run(body()).generated == 1
    assert broken_now(load_settings()) is not None


def test_resume_lets_a_run_that_waits_for_a_probe_go_on(
    cores: list[Core], gemini: GeminiEmulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    turn_billing_off(cores[0], gemini, monkeypatch)
    make_half_open()
    gemini.plan([Fault(Delay(60.0))])

    async def body() -> tuple[Summary, bool]:
        drawings = [start(core, run_id=f"run{number}") for number, core in enumerate(cores[:2])]
        await until(lambda: len(gemini.journal()) == 2)
        resume(open_switches(load_settings()))
        tasks = [drawing.task for drawing in drawings]
        done, probing = await asyncio.wait(tasks, timeout=50, return_when=asyncio.FIRST_COMPLETED)
        in_flight = gemini.journal()[1].in_flight
        for task in probing:
            task.cancel()
        await asyncio.wait(probing)
        return done.pop().result(), in_flight

    summary, probe_in_flight = asyncio.run(body())
    assert summary.generated == 4
    assert probe_in_flight


def test_a_probe_that_outlived_its_time_does_not_free_the_one_after_it(
    cores: list[Core], gemini: GeminiEmulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    turn_billing_off(cores[0], gemini, monkeypatch)
    make_half_open()
    settings = load_settings()
    late, second, third = (
        BreakerStore(settings, provider_of(settings), open_switches(settings), run_id=run_id)
        for run_id in ("late", "second", "third")
    )
    assert late.take_probe()
    assert not second.take_probe()
    edit_breaker(lambda value: value["probe"].update(at=value["probe"]["at"] - value["probe"]["seconds"]))
    assert second.take_probe()
    late.leave()
    assert not third.take_probe()
    second.leave()
    assert third.take_probe()
