"""What takes minutes: many rows, and a daemon that is killed while it works. Run by ``make test-slow``."""

import contextlib
import os
import random
import statistics
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import dagster as dg
import pytest

from assetgen_dagster.cli.costs import materialized_costs
from assetgen_dagster.definitions import build_definitions
from assetgen_dagster.sensors.notion_tasks import notion_tasks
from assetgen_dagster.settings import load_settings
from assetgen_emulators.gemini import GeminiEmulator
from assetgen_emulators.notion import NotionEmulator
from tests.helpers.dev import Dev
from tests.helpers.pipeline import ROW
from tests.helpers.services import Kind, Services
from tests.helpers.studio import sensor_context

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]


def wait_for_status(notion: NotionEmulator, page: str, status: str) -> None:
    notion.wait_for(lambda _calls: notion.row(page)["Status"] == status, timeout=120)


@pytest.mark.timed
def test_from_a_rows_change_to_the_first_call_it_takes_20_seconds_in_the_middle_and_never_30(
    notion: NotionEmulator, dev: Dev, gemini: GeminiEmulator
) -> None:
    first, last = [], []
    for number in range(10):
        before, set_at = len(gemini.journal()), time.time()
        page = notion.add_row({**ROW, "Project ID": f"vid_{number}"})
        wait_for_status(notion, page, "Assets Ready")
        ready_at = time.time()
        calls = gemini.journal()[before:]
        first.append(calls[0].arrived_at - set_at)
        last.append(ready_at - max(call.finished_at or 0.0 for call in calls))
    print("first call after", [round(x, 1) for x in first], "ready after", [round(x, 1) for x in last])
    assert statistics.median(first) <= 20
    assert max(first) <= 30
    assert max(last) <= 5


@pytest.mark.timed
def test_a_thousand_rows_take_a_tick_of_seconds_and_25_runs(
    notion: NotionEmulator, gemini: GeminiEmulator, tmp_path: Path
) -> None:
    noon = datetime(2026, 11, 1, 12, tzinfo=UTC)
    numbers = list(range(1000))
    random.Random(1).shuffle(numbers)
    for number in numbers:
        notion.add_row({**ROW, "Project ID": f"vid_{number:04d}"}, created=noon + timedelta(minutes=number))
    (tmp_path / "dagster_home").mkdir()
    with dg.DagsterInstance.local_temp(str(tmp_path / "dagster_home")) as instance:
        definitions, spent = build_definitions(), []
        found, cursor = None, ""
        for _ in range(3):  # at the first all rows are new; the run keys of the second are those of the third
            begun, context = time.process_time(), sensor_context(instance, definitions, cursor)
            found, cursor = notion_tasks(context), context.cursor or ""
            spent.append(time.process_time() - begun)
    assert isinstance(found, dg.SensorResult)
    assert [r.partition_key for r in found.run_requests or []] == [f"poke1:vid_{n:04d}" for n in range(25)]
    print("CPU of the ticks, the emulator's included:", [f"{one:.1f} s" for one in spent])
    assert max(spent) < 5


@pytest.fixture
def services(tmp_path: Path) -> Iterator[Services]:
    found = Services(tmp_path)
    yield found
    found.kill(frozenset(Kind))


def test_rows_survive_a_daemon_that_is_killed_at_random_moments(
    notion: NotionEmulator, gemini: GeminiEmulator, services: Services
) -> None:
    seed = int(os.environ.get("SEED", "7"))
    chance = random.Random(seed)
    gemini.set_latency(0.5)
    pages = [notion.add_row({**ROW, "Project ID": f"vid_{number}"}) for number in range(20)]
    deadline = time.monotonic() + 800
    rounds = 0

    def final(_calls: object = None) -> bool:
        return all(notion.row(page)["Status"] in ("Assets Ready", "Asset Error") for page in pages)

    while not final():
        assert time.monotonic() < deadline, f"seed {seed}: {[notion.row(page)['Status'] for page in pages]}"
        services.start()
        with contextlib.suppress(TimeoutError):
            notion.wait_for(final, timeout=chance.uniform(20, 60) if rounds < 4 else 800)
        services.kill()
        rounds += 1
    errors = [notion.row(page)["Error Log"] for page in pages if notion.row(page)["Status"] != "Assets Ready"]
    assert errors == [], f"seed {seed}"
    journal = gemini.journal()
    assert len([call for call in journal if call.outcome == "ok"]) == 20 * 22, f"seed {seed}"
    confirmed = sum(materialized_costs(load_settings()).values())
    lost = sum(materialized_costs(load_settings(), "possibly_billed_usd").values())
    assert confirmed + lost == pytest.approx(sum(call.billed_usd for call in journal), abs=0.01), f"seed {seed}"
