"""Checks the services: that the daemon and each sensor were active lately.

Meant for a monitor that runs it every few minutes. Services that were never started are a fault only if they are
needed: ``assetgen generate`` runs without them.
"""

import time
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from assetgen_dagster.cli.dagster_home import open_instance
from assetgen_dagster.cli.doctor.finding import CAUSE_CHARACTERS, Finding
from assetgen_dagster.errors import AssetgenError, split_code
from assetgen_dagster.settings import Settings
from assetgen_dagster.support.redact import redact

if TYPE_CHECKING:
    from dagster import DagsterInstance, SensorDefinition

#: The daemon writes a heartbeat every 30 s; a sensor's tick takes at most 60 s, in addition to its interval.
STALE_SECONDS = 240.0

_NAME = "services"

#: Statuses of a successful tick; Dagster exports no name for them.
_TICK_SUCCEEDED = ("SUCCESS", "SKIPPED")


def examine_services(settings: Settings, *, needed: bool) -> list[Finding]:
    """Checks daemon and sensors.

    Args:
        settings: The settings in force.
        needed: Whether services that were never started are a fault.
    """
    from assetgen_dagster.definitions import SENSORS  # noqa: PLC0415 - takes 2 s to import

    try:
        with open_instance(settings) as instance:
            found = list(_daemon(instance, needed=needed, now=time.time()))
            if found:
                return found
            found = list(_sensors(instance, SENSORS, needed=needed, now=time.time()))
    except AssetgenError:
        return []  # the check of Dagster reports it
    return found or [Finding(_NAME, True, "The daemon and all sensors are running.")]


def _daemon(instance: "DagsterInstance", *, needed: bool, now: float) -> Iterator[Finding]:
    statuses = instance.get_daemon_statuses().values()
    heard = {one.daemon_type: one.last_heartbeat.timestamp for one in statuses if one.last_heartbeat is not None}
    if not heard:
        yield _not_started("The daemon has never been started with this instance", needed=needed)
        return
    silent = {name: at for name, at in heard.items() if now - at > STALE_SECONDS}
    if silent:
        parts = "" if len(silent) == len(heard) else f" ({', '.join(sorted(silent))})"
        yield Finding(
            _NAME,
            False,
            f"The last heartbeat of the daemon{parts} was {_ago(now - max(silent.values()))} ago: no row is read, and "
            "no queued run is started.",
            "Start it again (make dev) and read its output. If this instance is no longer used: "
            f"DAGSTER_HOME={instance.root_directory} .venv/bin/dagster-daemon wipe.",
        )


def _sensors(
    instance: "DagsterInstance", sensors: Iterable["SensorDefinition"], *, needed: bool, now: float
) -> Iterator[Finding]:
    states = sorted(instance.all_instigator_state(), key=_last_start)
    newest = {state.instigator_name: state for state in states}  # a renamed code location leaves its states behind
    for sensor in sensors:
        name = sensor.name
        if name not in newest:
            yield _not_started(f"The sensor {name} has had no tick yet", needed=needed)
        elif not newest[name].is_running:
            remedy = "Switch it on in the Dagster UI, under Automation."
            yield Finding(_NAME, False, f"The sensor {name} is switched off.", remedy)
        else:
            due = now - STALE_SECONDS - (sensor.minimum_interval_seconds or 0)
            yield from _check_ticks(instance, newest[name], due=due, needed=needed, now=now)


def _check_ticks(instance: "DagsterInstance", state: Any, *, due: float, needed: bool, now: float) -> Iterator[Finding]:
    """Yields what keeps a sensor from its work that is switched on, by its ticks since ``due``, Unix time."""
    name, of = state.instigator_name, (state.instigator_origin_id, state.selector_id)
    reasons = [
        tick.skip_reason or "" for tick in instance.get_ticks(*of, after=due) if tick.status.value in _TICK_SUCCEEDED
    ]
    if reasons:  # newest first
        yield from _hindrance(name, reasons)
        return
    last = next(iter(instance.get_ticks(*of, limit=1)), None)
    if last is None:
        yield _not_started(f"The sensor {name} has had no tick yet", needed=needed)
    elif last.error is not None:
        cause = redact(" ".join(last.error.message.split()))[:CAUSE_CHARACTERS]
        remedy = "The Dagster UI shows the stack trace, under Automation; fix its cause, or restart the services."
        yield Finding(_NAME, False, f"The sensor {name} fails at every tick: {cause}.", remedy)
    else:
        text = f"The last tick of the sensor {name} was {_ago(now - last.timestamp)} ago, though the daemon runs."
        remedy = "Check under Deployment in the Dagster UI that the code location is loaded."
        yield Finding(_NAME, False, text, remedy)


def _hindrance(name: str, reasons: Sequence[str]) -> Iterator[Finding]:
    """Yields the error that a sensor met at its last tick; a fault if it met one at every tick."""
    text, code = split_code(reasons[0])
    if code is None:
        return
    text = redact(text)[:CAUSE_CHARACTERS]
    if all(split_code(reason)[1] for reason in reasons):
        yield Finding(_NAME, False, f"The sensor {name} says at every tick: {text}", f"{code.advice}.", code)
    else:
        yield Finding(_NAME, True, f"The sensor {name} said at its last tick: {text}", code=code)


def _last_start(state: Any) -> float:
    data = state.sensor_instigator_data
    return (data.last_tick_start_timestamp if data else None) or 0.0


def _not_started(text: str, *, needed: bool) -> Finding:
    if needed:
        return Finding(_NAME, False, f"{text}.", "Start the services (make dev), and give them half a minute.")
    return Finding(_NAME, True, f"{text}, which is fine without Notion and the UI.")


def _ago(seconds: float) -> str:
    for size, unit in ((86400.0, "days"), (3600.0, "hours"), (60.0, "minutes")):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.0f} s"
