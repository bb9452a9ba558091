"""Several machines: two workers, one broker, six projects; a worker is lost, a run cancelled, the broker restarted."""

import contextlib
import itertools
from collections import Counter
from pathlib import Path
from typing import Any

import dagster as dg

from assetgen_dagster.cli.dagster_home import open_instance
from assetgen_dagster.cli.doctor.workers import examine_workers
from assetgen_dagster.manifest.model import AssetManifest
from assetgen_dagster.settings import load_settings
from assetgen_emulators.gemini import GeminiEmulator
from assetgen_emulators.gemini.journal import Call
from assetgen_emulators.notion import NotionEmulator
from tests.helpers.dev import Dev, eventually, running_dev
from tests.helpers.harness import billed, manifest_of, write_project
from tests.helpers.machines import Redis, on_several_machines, running_machine

pytestmark = on_several_machines

PICTURES = 4
PROJECTS = {f"vid_{number}": f"poke{number % 3 + 1}" for number in range(1, 7)}


def manifest_for(project: str) -> AssetManifest:
    """Gives every picture of every project a prompt of its own, so that the journal tells them apart."""
    prompts = {f"picture_{number:02d}": f"{project} picture {number}" for number in range(1, PICTURES + 1)}
    return manifest_of(PICTURES, **prompts)


def in_flight(calls: list[Call]) -> int:
    return sum(call.in_flight for call in calls)


def overlaps(spans: list[tuple[float, float]]) -> bool:
    ordered = sorted(spans)
    return any(later[0] < earlier[1] for earlier, later in itertools.pairwise(ordered))


def runs_of(instance: dg.DagsterInstance, project: str) -> list[dg.DagsterRun]:
    return [record.dagster_run for record in instance.get_run_records(dg.RunsFilter(tags={"project": project}))]


def status_of(instance: dg.DagsterInstance, run_id: str) -> dg.DagsterRunStatus:
    run = instance.get_run_by_id(run_id)
    assert run is not None
    return run.status


def begun_processes(instance: dg.DagsterInstance, run: dg.DagsterRun) -> int:
    return sum("Started process for run" in str(event.message) for event in instance.all_logs(run.run_id))


def cancel(dev: Dev, run_id: str) -> None:
    done: dict[str, Any] = dev.ask("mutation($id: String!) { terminateRun(runId: $id) { __typename } }", id=run_id)
    assert done["terminateRun"]["__typename"] == "TerminateRunSuccess", done


def test_a_lost_worker_a_cancelled_run_and_a_restarted_broker_leave_every_project_complete_and_paid_once(
    redis: Redis, notion: NotionEmulator, gemini: GeminiEmulator, tmp_path: Path
) -> None:
    folders = {
        project: write_project(tmp_path / "workspace", manifest_for(project), f"{channel}:{project}")
        for project, channel in PROJECTS.items()
    }
    gemini.set_latency(40)
    with contextlib.ExitStack() as stack:
        dev = stack.enter_context(running_dev(tmp_path))
        machines = [stack.enter_context(running_machine(name, tmp_path)) for name in ("first", "second")]
        for machine in machines:
            eventually(machine.ready, 120)
        [found] = examine_workers(redis.url, needed=True)
        assert found.ok
        assert "first@" in found.detail
        assert "second@" in found.detail
        pages = {
            project: notion.add_row(
                {"Channel": channel, "Project ID": project, "Topic": "Foxes", "Status": "Generating Assets"}
            )
            for project, channel in PROJECTS.items()
        }
        # Three runs, all of their pictures on their way.
        gemini.wait_for(lambda calls: in_flight(calls) == 3 * PICTURES, timeout=120)
        at_work = {
            project: machine for project, folder in folders.items() for machine in machines if machine.works_on(folder)
        }
        assert len(at_work) == 3
        print("MB of each machine's processes:", [machine.memory() for machine in machines])
        lost = at_work[next(iter(at_work))]
        dead = [project for project, machine in at_work.items() if machine is lost]
        instance = stack.enter_context(open_instance(load_settings()))
        survivors = [project for project in at_work if project not in dead]
        # Two processes each: one machine has two of the runs, the other has one.
        cancelled = survivors[0]
        [run] = runs_of(instance, cancelled)
        cancel(dev, run.run_id)
        lost.lose_power()
        redis.stop()
        eventually(lambda: status_of(instance, run.run_id) is dg.DagsterRunStatus.CANCELED, 60)
        redis.start()
        gemini.set_latency(0)
        # The cancelled run received its calls in flight, so nothing is left to order.
        notion.wait_for(
            lambda _calls: all(notion.row(page)["Status"] == "Assets Ready" for page in pages.values()), timeout=240
        )
        for project, folder in folders.items():
            assert len(list((folder / "assets").glob("*/*.png"))) == PICTURES
            runs = runs_of(instance, project)
            assert all(begun_processes(instance, run) == 1 for run in runs)
    received = Counter(call.prompt for call in billed(gemini.journal()))
    assert len(received) == len(PROJECTS) * PICTURES
    assert set(received.values()) == {1}
    spans: dict[str, list[tuple[float, float]]] = {}
    for call in gemini.journal():
        spans.setdefault(call.prompt, []).append((call.arrived_at, call.finished_at or call.arrived_at))
    assert not [prompt for prompt, found in spans.items() if overlaps(found)]
