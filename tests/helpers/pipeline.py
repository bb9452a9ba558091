"""From a row to pictures and back in this process: the sensors' ticks and the runs they ask for, one after another."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import dagster as dg
import pytest
from PIL import Image

from assetgen_dagster.assets.keys import JOB_NAME
from assetgen_dagster.assets.tags import PAGE_TAG
from assetgen_dagster.notion.calls import RequestLimit
from assetgen_dagster.run_coordinator import ProjectRunCoordinator
from assetgen_dagster.sensors.notion_outcomes import notion_outcomes
from assetgen_dagster.sensors.notion_tasks import notion_tasks, read_seen
from assetgen_emulators.gemini import GeminiEmulator, pictures
from assetgen_emulators.notion import NotionEmulator
from tests.helpers.boards import FastClock, set_board_default
from tests.helpers.studio import Dagit

ROW = {"Channel": "poke1", "Topic": "Bulbasaur forest", "Story Direction": "Seasons", "Status": "Generating Assets"}

FINAL = ("Assets Ready", "Asset Error")


def glance(dagit: Dagit) -> dg.SensorResult | dg.SkipReason:
    """One tick of ``notion_tasks``."""
    context = dagit.sensor_context(dagit.tasks_cursor)
    found = notion_tasks(context)
    assert isinstance(found, (dg.SensorResult, dg.SkipReason))
    dagit.tasks_cursor = context.cursor or ""
    return found


def look(dagit: Dagit) -> dg.SensorResult | dg.SkipReason:
    """One tick of ``notion_tasks``, at which the rows' texts have stood still: a second one if some had changed."""
    before = read_seen(dagit.tasks_cursor)
    found = glance(dagit)
    changed = not set(read_seen(dagit.tasks_cursor)) <= set(before)
    return glance(dagit) if changed and isinstance(found, dg.SkipReason) else found


def requested(dagit: Dagit) -> list[dg.RunRequest]:
    found = look(dagit)
    return list(found.run_requests or []) if isinstance(found, dg.SensorResult) else []


def said(dagit: Dagit) -> str:
    found = look(dagit)
    assert isinstance(found, dg.SkipReason)
    return found.skip_message or ""


def carry_out(dagit: Dagit, request: dg.RunRequest) -> dg.ExecuteInProcessResult:
    """Runs a request as the daemon would, on a project whose manifest a person wrote."""
    assert request.partition_key is not None
    if request.partition_key not in dagit.instance.get_dynamic_partitions("projects"):
        dagit.instance.add_dynamic_partitions("projects", [request.partition_key])
    config = {**request.run_config, "loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}
    return dagit.definitions.resolve_job_def(JOB_NAME).execute_in_process(
        run_config=config,
        instance=dagit.instance,
        partition_key=request.partition_key,
        tags={**request.tags, "dagster/run_key": request.run_key or ""},
        raise_on_error=False,
    )


def re_execute(dagit: Dagit, parent: dg.DagsterRun) -> dg.DagsterRun:
    """Returns a run that a person has made by *Re-execute*: Dagster copies the tags of the run before."""
    run = dagit.instance.create_run_for_job(
        dagit.definitions.resolve_job_def(JOB_NAME),
        run_config=parent.run_config,
        tags=parent.tags,
        parent_run_id=parent.run_id,
        root_run_id=parent.run_id,
        status=dg.DagsterRunStatus.STARTED,  # here is no code location that a queued one could come from
    )
    coordinator = ProjectRunCoordinator()
    coordinator.register_instance(dagit.instance)
    return coordinator.submit_run(dg.SubmitRunContext(run, workspace=None))  # type: ignore[arg-type]


def report(dagit: Dagit, cursor: str | None = None) -> str:
    """One tick of ``notion_outcomes``; returns its cursor."""
    return report_and_hear(dagit, cursor)[0]


def report_and_hear(dagit: Dagit, cursor: str | None) -> tuple[str, str]:
    """One tick of ``notion_outcomes``; returns its cursor and what it says."""
    context = dagit.sensor_context(cursor)
    skipped = notion_outcomes(context)
    assert isinstance(skipped, dg.SkipReason)
    return context.cursor or "", skipped.skip_message or ""


def impatient_boards(monkeypatch: pytest.MonkeyPatch, *, request_seconds: float = 10.0) -> FastClock:
    """Gives every board a clock that does not wait and its own request limit, by the defaults of its parameters."""
    clock = FastClock()
    set_board_default(monkeypatch, "clock", clock)
    set_board_default(monkeypatch, "limit", RequestLimit(100_000))
    set_board_default(monkeypatch, "request_seconds", request_seconds)
    return clock


@dataclass
class Pipeline:
    """What the daemon does, tick by tick; remembers what an operator would have read.

    Attributes:
        dagit: The code location with its instance.
        notion: The board.
        cursor: Of ``notion_outcomes``.
        tasks_said: What ``notion_tasks`` gave as its reason to skip, tick by tick; empty where it asked for runs.
        outcomes_said: The same of ``notion_outcomes``.
        request_keys: Run keys that were asked for: Dagster carries each out once.
    """

    dagit: Dagit
    notion: NotionEmulator
    cursor: str = ""
    tasks_said: list[str] = field(default_factory=list)
    outcomes_said: list[str] = field(default_factory=list)
    request_keys: list[str] = field(default_factory=list)

    def tick(self) -> None:
        """Lets both sensors look once, and runs what the first one asks for in between."""
        found = look(self.dagit)
        self.tasks_said.append((found.skip_message or "") if isinstance(found, dg.SkipReason) else "")
        for request in (found.run_requests or []) if isinstance(found, dg.SensorResult) else []:
            if request.run_key not in self.request_keys:
                self.request_keys.append(request.run_key or "")
                carry_out(self.dagit, request)
                end_of_watching()
        self.cursor, said = report_and_hear(self.dagit, self.cursor)
        self.outcomes_said.append(said)

    def tick_until(self, done: Callable[[], object], ticks: int = 6) -> None:
        """Ticks until something is so; twice more, because nothing may come after it."""
        for _ in range(ticks):
            if done():
                break
            self.tick()
        assert done(), f"not after {ticks} ticks: {self.tasks_said} {self.outcomes_said}"
        for _ in range(2):
            self.tick()
        assert done(), "it did not stay so"

    def is_final(self, page: str) -> bool:
        return self.notion.row(page)["Status"] in FINAL

    def runs_of(self, page: str) -> list[dg.DagsterRun]:
        return list(self.dagit.instance.get_runs(dg.RunsFilter(tags={PAGE_TAG: page})))


@contextmanager
def at_the_picture(number: int, gemini: GeminiEmulator, do: Callable[[], Any]) -> Iterator[None]:
    """Does something while the picture of this number is being drawn: its answer waits for that."""
    paint: Callable[[str, int, int], Image.Image] = vars(pictures)["paint"]
    done = threading.Event()

    def paint_and_do(prompt: str, width: int, height: int) -> Image.Image:
        if len(gemini.journal()) >= number and not done.is_set():
            done.set()
            do()
        return paint(prompt, width, height)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pictures, "paint", paint_and_do)
        yield
    assert done.is_set(), f"picture {number} was never drawn"


def end_of_watching() -> None:
    """Waits for the looks at rows that a run does not wait for: they must not reach into the next test."""
    for thread in threading.enumerate():
        if thread.name == "check-row":
            thread.join(30)
