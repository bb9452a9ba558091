"""Drawings under way in this process, each with an admission of its own, as the threads of several runs have them."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass

from assetgen_dagster.budget.admission import AdmissionWaits, open_admission
from assetgen_dagster.drawing.draw import generate_assets
from assetgen_dagster.drawing.events import Event
from assetgen_dagster.drawing.outcome import Summary
from assetgen_dagster.drawing.plan import Request
from assetgen_dagster.providers.failures import Failure
from assetgen_dagster.providers.registry import provider_of
from tests.helpers.harness import Core


@dataclass
class Drawing:
    """A drawing under way, as a run's thread has it."""

    task: "asyncio.Task[Summary]"
    events: list[Event]

    def told(self) -> list[str]:
        return [event.why for event in self.events if isinstance(event, AdmissionWaits)]


def start(core: Core, look: Callable[[], Failure | None] | None = None, *, run_id: str = "run1") -> Drawing:
    events: list[Event] = []
    request = Request(run_id, time.time())
    job = core.job(request, run_id, frozenset(range(1, 23)))

    async def draw() -> Summary:
        with open_admission(core.settings, provider_of(core.settings), run_id=run_id) as admission:
            return await generate_assets(job, core.store, events.append, admission=admission, check_row=look)

    return Drawing(asyncio.create_task(draw()), events)


async def until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(10):
        while not condition():
            await asyncio.sleep(0.02)
