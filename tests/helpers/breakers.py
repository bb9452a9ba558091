"""What opens the circuit breaker and lets its time pass."""

import asyncio
from collections.abc import Callable

import pytest

from assetgen_dagster.budget.breaker import LONGEST_PROBE_SECONDS
from assetgen_dagster.budget.stores import open_switches
from assetgen_dagster.budget.switches import Json
from assetgen_dagster.drawing.outcome import Summary
from assetgen_dagster.settings import load_settings
from assetgen_emulators.gemini import Fault, GeminiEmulator
from assetgen_emulators.gemini.faults import ApiError
from tests.helpers.drawings import start
from tests.helpers.harness import Core

UNPAID = ApiError(400, message="Billing is off", api_status="FAILED_PRECONDITION")


def run(core: Core, run_id: str = "run1") -> Summary:
    async def body() -> Summary:
        return await start(core, run_id=run_id).task

    return asyncio.run(body())


def code_of(summary: Summary) -> str:
    return summary.stopped_by.code if summary.stopped_by else ""


def edit_breaker(change: Callable[[Json], None]) -> None:
    """Edits the stored breakers, as time does."""

    def edit(values: dict[str, Json]) -> None:
        for name, value in values.items():
            if name.startswith("breaker:"):
                change(value)

    open_switches(load_settings()).change(edit)


def make_half_open() -> None:
    edit_breaker(lambda value: value.update(opened_at=value["opened_at"] - LONGEST_PROBE_SECONDS))


def turn_billing_off(core: Core, gemini: GeminiEmulator, monkeypatch: pytest.MonkeyPatch) -> None:
    """Has a run meet it, with a single call."""
    monkeypatch.setenv("ASSETGEN_IMAGE_CONCURRENCY", "1")
    gemini.plan([Fault(UNPAID)])
    assert code_of(run(core)) == "billing"
    monkeypatch.delenv("ASSETGEN_IMAGE_CONCURRENCY")
    gemini.plan([])
