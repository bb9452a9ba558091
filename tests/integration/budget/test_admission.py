"""Drawings at the admission: paused, out of quota, over the limit, cancelled; seen from the emulator's journal."""

import asyncio
import time

import pytest
import structlog

from assetgen_dagster.budget.admission import AdmissionWaits
from assetgen_dagster.budget.messages import format_moment
from assetgen_dagster.budget.rate_limit import RequestLimit, in_file
from assetgen_dagster.budget.stores import open_switches, stopped_now
from assetgen_dagster.budget.switches import note_used_up, pause, resume
from assetgen_dagster.drawing.events import PictureStarted
from assetgen_dagster.drawing.outcome import Summary
from assetgen_dagster.errors import Code
from assetgen_dagster.providers.failures import Failure
from assetgen_dagster.providers.registry import provider_of
from assetgen_dagster.settings import load_settings
from assetgen_emulators.gemini import Fault, GeminiEmulator
from assetgen_emulators.gemini.faults import ApiError
from tests.helpers.drawings import Drawing, start, until
from tests.helpers.harness import Core, billed, manifest_of

DAILY = ApiError(429, quota_id="GenerateRequestsPerDayPerProjectPerModel")


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("assetgen_dagster.budget.admission._POLL_SECONDS", 0.05)


def test_a_pause_lets_pictures_in_flight_finish_starts_none_and_resume_draws_the_rest(
    core: Core, gemini: GeminiEmulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ASSETGEN_IMAGE_CONCURRENCY", "2")
    core.manifest = manifest_of(6)
    gemini.set_latency(0.5)
    switches = open_switches(load_settings())

    async def body() -> Drawing:
        drawing = start(core)
        await until(lambda: len(gemini.journal()) == 2)
        pause(switches, reason="lunch", by="anna@studio")
        await until(lambda: [call.outcome for call in gemini.journal()] == ["ok", "ok"])
        await asyncio.sleep(0.5)
        assert len(gemini.journal()) == 2
        [why] = drawing.told()
        assert "paused by anna@studio" in why
        assert "lunch" in why
        resume(switches)
        await drawing.task
        return drawing

    with structlog.testing.capture_logs() as logs:
        drawing = asyncio.run(body())
    assert drawing.task.result().generated == 6
    assert len(billed(gemini.journal())) == 6
    assert drawing.told()[1:] == ["Continues."]
    events = [entry["event"] for entry in logs]
    assert events.count("asset_generation_waits") == events.count("asset_generation_goes_on") == 1


@pytest.mark.parametrize("ends", ["cancel", "withdrawn"])
def test_a_run_that_waits_ends_at_once_when_it_is_cancelled_or_its_row_withdrawn(
    core: Core, gemini: GeminiEmulator, monkeypatch: pytest.MonkeyPatch, ends: str
) -> None:
    from assetgen_dagster.providers import failures

    monkeypatch.setattr("assetgen_dagster.budget.admission._POLL_SECONDS", 60.0)
    monkeypatch.setattr("assetgen_dagster.drawing.draw._CHECK_ROW_SECONDS", 0.05)
    pause(open_switches(load_settings()))
    wanted: list[Failure] = []

    async def body() -> float:
        drawing = start(core, look=lambda: wanted[0] if wanted else None)
        await until(drawing.told)
        began = time.monotonic()
        if ends == "cancel":
            drawing.task.cancel()
        else:
            wanted.append(failures.withdrawn("its row is gone"))
        await asyncio.wait([drawing.task])
        return time.monotonic() - began

    assert asyncio.run(body()) < 30, "before it looks again"
    assert gemini.journal() == []


def test_a_used_up_daily_quota_refuses_before_any_call_with_the_time_of_its_end(
    core: Core, gemini: GeminiEmulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ASSETGEN_TIMEZONE", "Europe/Berlin")
    switches = open_switches(load_settings())
    note_used_up(switches, provider_of(load_settings()))

    async def body() -> Summary:
        return await start(core).task

    summary = asyncio.run(body())
    assert gemini.journal() == []
    assert len(summary.not_started) == 3
    assert summary.stopped_by is not None
    assert summary.stopped_by.code == "daily_quota"
    assert "(CE" in summary.stopped_by.remedy  # CET or CEST
    resume(switches)
    assert asyncio.run(body()).generated == 3


def test_a_daily_quota_that_one_run_meets_stops_the_others_without_a_call_of_their_own(
    core: Core, gemini: GeminiEmulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ASSETGEN_IMAGE_CONCURRENCY", "1")
    gemini.plan([Fault(DAILY, times=None)])

    async def body() -> Summary:
        return await start(core).task

    first = asyncio.run(body())
    assert first.stopped_by is not None
    assert first.stopped_by.code == Code.DAILY_QUOTA
    used_up = stopped_now(load_settings()).used_up
    assert used_up is not None
    assert format_moment(used_up.until, load_settings()) in first.stopped_by.remedy
    second = asyncio.run(body())
    assert second.stopped_by is not None
    assert second.stopped_by.code == "daily_quota"
    assert len(gemini.journal()) == 1


@pytest.mark.parametrize(
    ("file", "cause"),
    [(".assetgen", "A file stands where a folder should be"), (".assetgen/switches.json", "not supported between")],
)
def test_pictures_in_flight_are_finished_where_a_used_up_quota_cannot_be_noted(
    core: Core, gemini: GeminiEmulator, monkeypatch: pytest.MonkeyPatch, file: str, cause: str
) -> None:
    monkeypatch.setenv("ASSETGEN_IMAGE_CONCURRENCY", "3")
    path = core.paths.workspace / file
    path.parent.mkdir(exist_ok=True)
    path.write_text('{"daily_quota:of another key": {"until": "an entry of another version"}}')
    gemini.set_latency(1.0)
    gemini.plan([Fault(DAILY, prompt="Subject 02")])

    async def body() -> Summary:
        return await start(core).task

    with structlog.testing.capture_logs() as logs:
        summary = asyncio.run(body())
    assert sorted(core.files()) == ["picture_01", "picture_03"]
    assert summary.stopped_by is not None
    assert summary.stopped_by.code == "daily_quota"
    [told] = [entry["cause"] for entry in logs if entry["event"] == "switches_unavailable"]
    assert cause in told


def test_a_run_with_nothing_to_draw_is_not_held_up(core: Core, gemini: GeminiEmulator) -> None:
    core.draw(close=False)
    note_used_up(open_switches(load_settings()), provider_of(load_settings()))
    pause(open_switches(load_settings()))

    async def body() -> Summary:
        return await asyncio.wait_for(start(core).task, 10)

    assert asyncio.run(body()).skipped == 3


def test_retries_take_slots_too_and_a_longer_wait_for_one_is_told_and_counts_in_no_pictures_time(
    core: Core, gemini: GeminiEmulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("assetgen_dagster.budget.admission._REPORT_AFTER_SECONDS", 0.5)
    slots = RequestLimit(in_file(load_settings().workspace, "test"), limit=2, window_seconds=3)
    monkeypatch.setattr("assetgen_dagster.budget.admission.open_limit", lambda *_: slots)
    monkeypatch.setattr("assetgen_dagster.providers.backoff.BACKOFF_SECONDS", (0.1, 0.1))
    gemini.plan([Fault(ApiError(500), prompt="Subject 01")])

    async def body() -> Drawing:
        drawing = start(core)
        await drawing.task
        return drawing

    drawing = asyncio.run(body())
    assert drawing.task.result().generated == 3
    assert len(gemini.journal()) == 4
    assert ["requests-per-minute" in why for why in drawing.told()] == [True]
    # A picture's time begins when it has its slot.
    told = next(number for number, event in enumerate(drawing.events) if isinstance(event, AdmissionWaits))
    assert sum(isinstance(event, PictureStarted) for event in drawing.events[:told]) == 2


def test_switches_that_cannot_be_read_hold_a_new_run_up_and_leave_a_running_one_as_it_was(
    core: Core, gemini: GeminiEmulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ASSETGEN_IMAGE_CONCURRENCY", "1")
    gemini.set_latency(0.3)
    file = load_settings().workspace / ".assetgen" / "switches.json"
    file.parent.mkdir(parents=True)
    file.write_text("{")

    async def body() -> Drawing:
        drawing = start(core)
        await until(drawing.told)
        assert "switches.json" in drawing.told()[0]
        assert gemini.journal() == []
        file.write_text("{}")
        await until(lambda: len(gemini.journal()) == 1)
        file.write_text("{")
        await drawing.task
        return drawing

    with structlog.testing.capture_logs() as logs:
        assert asyncio.run(body()).task.result().generated == 3
    assert [entry["event"] for entry in logs].count("switches_unavailable") == 2
