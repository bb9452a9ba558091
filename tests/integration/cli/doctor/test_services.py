"""``assetgen doctor`` on the services: silence is told from never having been started, for the daemon and each sensor.

What the real daemon writes is looked at in ``test_dev.py``; here the same things are written by hand, at any age.
"""

import json
import time
from collections.abc import Iterator

import dagster as dg
import pytest
from dagster._core.definitions.run_request import InstigatorType
from dagster._core.remote_origin import GrpcServerCodeLocationOrigin, RemoteInstigatorOrigin, RemoteRepositoryOrigin
from dagster._core.scheduler.instigation import InstigatorState, InstigatorStatus, TickData, TickStatus
from dagster._daemon.types import DaemonHeartbeat
from dagster_shared.error import SerializableErrorInfo

from assetgen_dagster.cli.dagster_home import open_instance
from assetgen_dagster.cli.doctor.examine import as_json, examine
from assetgen_dagster.cli.doctor.finding import Finding
from assetgen_dagster.cli.doctor.services import STALE_SECONDS, examine_services
from assetgen_dagster.definitions import SENSORS
from assetgen_dagster.errors import Code
from assetgen_dagster.settings import load_settings
from assetgen_emulators.gemini import GeminiEmulator
from tests.conftest import API_KEY
from tests.helpers.harness import both_storages

LATELY, LONG_AGO = 5.0, STALE_SECONDS * 10
NAMES = [sensor.name for sensor in SENSORS]


class Services:
    """What daemon and sensors leave in an instance."""

    def __init__(self, instance: dg.DagsterInstance) -> None:
        self.instance = instance

    def beat(self, *, ago: float, but: str = "", but_ago: float = 0.0) -> None:
        for name in self.instance.get_required_daemon_types():
            at = time.time() - (but_ago if name == but else ago)
            self.instance.add_daemon_heartbeat(DaemonHeartbeat(at, name, "daemon", None))

    def sensor(self, name: str, status: InstigatorStatus = InstigatorStatus.DECLARED_IN_CODE) -> InstigatorState:
        location = GrpcServerCodeLocationOrigin("localhost", port=4000, location_name="assetgen_dagster")
        origin = RemoteInstigatorOrigin(RemoteRepositoryOrigin(location, "__repository__"), name)
        return self.instance.add_instigator_state(InstigatorState(origin, InstigatorType.SENSOR, status))

    def look(
        self, state: InstigatorState, *, ago: float, status: str = "SKIPPED", error: str = "", reason: str | None = None
    ) -> None:
        told = SerializableErrorInfo(f"RuntimeError: {error}\n", ["at line 1\n"], "RuntimeError") if error else None
        at = time.time() - ago
        self.instance.create_tick(
            TickData(
                state.instigator_origin_id,
                state.instigator_name,
                InstigatorType.SENSOR,
                TickStatus[status],
                at,
                selector_id=state.selector_id,
                error=told,
                skip_reason=reason,
            )
        )

    def all_look(self, *, but: str = "") -> None:
        for name in NAMES:
            if name != but:
                self.look(self.sensor(name), ago=LATELY)


@pytest.fixture
def services(dagster_home: None, gemini: GeminiEmulator) -> Iterator[Services]:
    with open_instance(load_settings()) as instance:
        yield Services(instance)


def said() -> Finding:
    [found] = examine_services(load_settings(), needed=False)
    assert found.ok or found.remedy
    assert "\n" not in str(found)
    return found


def test_services_that_were_never_started_are_a_fault_only_if_they_are_needed(services: Services) -> None:
    assert said().ok
    assert [one.ok for one in examine_services(load_settings(), needed=True)] == [False]
    assert all(finding.ok for finding in examine())
    assert [finding.name for finding in examine(services=True) if not finding.ok] == ["services"]


def test_a_daemon_and_sensors_that_were_heard_of_lately_are_in_order(services: Services) -> None:
    services.beat(ago=LATELY)
    services.all_look()
    assert [one.ok for one in examine_services(load_settings(), needed=True)] == [True]


@both_storages
def test_a_silent_daemon_is_a_fault_with_what_to_do_until_its_heartbeats_are_wiped(services: Services) -> None:
    services.beat(ago=LONG_AGO)
    services.all_look()
    assert not said().ok
    assert "40 minutes ago" in said().detail
    assert "dagster-daemon wipe" in said().remedy
    assert json.loads(as_json(examine()))["ok"] is False, "a monitor hears of it"
    services.instance.wipe_daemon_heartbeats()
    assert said().ok


def test_one_part_of_the_daemon_that_is_silent_is_named(services: Services) -> None:
    services.all_look()
    services.beat(ago=LATELY, but="SENSOR", but_ago=LONG_AGO)
    assert "(SENSOR)" in said().detail


@both_storages
def test_a_sensor_that_looks_no_longer_is_a_fault_though_the_daemon_runs(services: Services) -> None:
    name = "project_upkeep"
    services.beat(ago=LATELY)
    services.all_look(but=name)
    services.look(services.sensor(name), ago=LONG_AGO)
    assert not said().ok
    found = said()
    assert not found.ok
    assert f"{name} was 40 minutes ago" in found.detail


def test_a_sensor_that_fails_at_every_look_is_a_fault_and_no_secret_is_told(services: Services) -> None:
    services.beat(ago=LATELY)
    services.all_look(but="notion_tasks")
    state = services.sensor("notion_tasks")
    for ago in (LONG_AGO, LATELY * 3, LATELY * 2):
        services.look(state, ago=ago, status="FAILURE", error=f"out of luck\nwith {API_KEY}")
    assert "RuntimeError: out of luck with" in said().detail
    assert API_KEY not in str(said())
    services.look(state, ago=LATELY)
    assert said().ok


def test_a_sensor_that_is_kept_from_its_work_says_why_and_is_a_fault_once_it_lasts(services: Services) -> None:
    services.beat(ago=LATELY)
    services.all_look(but="notion_tasks")
    state = services.sensor("notion_tasks")
    services.look(state, ago=LATELY * 3, reason="No row asks for a new run.")
    services.look(state, ago=LATELY, reason=f"Not for 580 s, {API_KEY}. [notion_unavailable]")
    found = said()
    assert (found.ok, found.code) == (True, Code.NOTION_UNAVAILABLE)
    assert "notion_tasks said at its last tick: Not for 580 s" in found.detail
    assert API_KEY not in str(found)
    services.instance.purge_ticks(state.instigator_origin_id, state.selector_id, time.time() - LATELY * 2)
    found = said()
    assert (found.ok, found.code) == (False, Code.NOTION_UNAVAILABLE)
    services.look(state, ago=0.0, reason="No row asks for a new run [yet].")
    assert said().code is None


def test_a_sensor_that_is_switched_off_is_a_fault(services: Services) -> None:
    services.beat(ago=LATELY)
    services.all_look(but="notion_tasks")
    services.look(services.sensor("notion_tasks", InstigatorStatus.STOPPED), ago=LATELY)
    assert "notion_tasks is switched off" in said().detail


def test_a_sensor_that_has_not_looked_yet_is_a_fault_only_if_it_is_needed(services: Services) -> None:
    services.beat(ago=LATELY)
    services.all_look(but="project_upkeep")
    assert said().ok
    services.sensor("project_upkeep")
    assert said().ok
    [missed] = examine_services(load_settings(), needed=True)
    assert not missed.ok
    assert "project_upkeep" in missed.detail


def test_what_another_code_location_left_does_not_count(services: Services) -> None:
    services.beat(ago=LATELY)
    services.all_look()
    services.look(services.sensor("someone_elses"), ago=LONG_AGO)
    assert said().ok
