"""An outage of the provider: runs stop instead of failing picture by picture, and one call probes."""

import asyncio

import pytest

from assetgen_dagster.budget.stores import broken_now
from assetgen_dagster.drawing.outcome import Summary
from assetgen_dagster.errors import Code
from assetgen_dagster.project.key import ProjectKey
from assetgen_dagster.settings import load_settings
from assetgen_emulators.gemini import Fault, GeminiEmulator
from assetgen_emulators.gemini.faults import ApiError, HtmlPage
from tests.helpers.breakers import code_of, make_half_open, run
from tests.helpers.drawings import start
from tests.helpers.harness import Core, billed, manifest_of

OVERLOADED = ApiError(503, message="The model is overloaded.")


@pytest.fixture(autouse=True)
def no_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("assetgen_dagster.providers.backoff.BACKOFF_SECONDS", (0.0,) * 5)
    monkeypatch.setattr("assetgen_dagster.budget.admission._POLL_SECONDS", 0.05)


@pytest.fixture
def cores() -> list[Core]:
    return [Core(ProjectKey("poke1", f"vid_{number}"), manifest_of(4)) for number in range(3)]


def test_an_outage_stops_the_run_and_holds_the_others_back_until_a_probe_draws(
    cores: list[Core], gemini: GeminiEmulator
) -> None:
    gemini.plan([Fault(OVERLOADED, times=None)])
    first = run(cores[0])
    assert first.stopped_by is not None
    assert (first.stopped_by.code, "overloaded" in first.stopped_by.cause) == (Code.OUTAGE, True)
    calls = len(gemini.journal())
    assert 6 <= calls <= 24
    assert code_of(run(cores[1])) == Code.OUTAGE
    assert len(gemini.journal()) == calls

    make_half_open()

    async def together() -> list[Summary]:
        return await asyncio.gather(*(start(core, run_id=f"run{n}").task for n, core in enumerate(cores)))

    assert [code_of(summary) for summary in asyncio.run(together())] == [Code.OUTAGE] * 3
    assert len(gemini.journal()) == calls + 1, "one call probes, and a probe that fails is not repeated"

    gemini.plan([])
    make_half_open()
    assert [summary.generated for summary in asyncio.run(together())] == [4, 4, 4]
    assert broken_now(load_settings()) is None
    assert len(billed(gemini.journal())) == 12


def test_an_outage_in_the_middle_keeps_what_is_drawn(
    cores: list[Core], gemini: GeminiEmulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ASSETGEN_IMAGE_CONCURRENCY", "1")
    gemini.plan([Fault(HtmlPage(503), nth=nth) for nth in range(3, 40)])
    summary = run(cores[0])
    assert (code_of(summary), summary.generated) == (Code.OUTAGE, 2)
    gemini.plan([])
    make_half_open()
    summary = run(cores[0])
    assert (summary.generated, summary.skipped) == (2, 2)


@pytest.mark.parametrize("fault", [OVERLOADED, HtmlPage(503)], ids=repr)
def test_a_picture_that_fails_while_others_are_drawn_is_no_outage(
    cores: list[Core], gemini: GeminiEmulator, monkeypatch: pytest.MonkeyPatch, fault: ApiError | HtmlPage
) -> None:
    monkeypatch.setenv("ASSETGEN_IMAGE_CONCURRENCY", "1")
    gemini.plan([Fault(fault, prompt="Subject 02", times=None)])
    summary = run(cores[0])
    assert (summary.generated, len(summary.failures), summary.stopped_by) == (3, 1, None)
    assert broken_now(load_settings()) is None
