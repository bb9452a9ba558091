"""What ``assetgen doctor`` says of the services: whether the daemon and each sensor were heard of lately.

For a monitor that asks every few minutes. Services that were never started are no fault, unless they are said to be
needed: ``assetgen generate`` runs without them.
"""

import time
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

from assetgen_dagster.cli.dagster_home import open_instance
from assetgen_dagster.cli.doctor.finding import CAUSE_CHARACTERS, Finding
from assetgen_dagster.errors import AssetgenError
from assetgen_dagster.settings import Settings
from assetgen_dagster.support.redact import redact

if TYPE_CHECKING:
    from dagster import DagsterInstance, SensorDefinition

#: The daemon writes a heartbeat every 30 s; sensors look at the same time, each for 60 s at the most and its interval.
STALE_SECONDS = 240.0

_NAME = "services"

#: What a look that went well is called; Dagster exports no name for it.
_WENT_WELL = ("SUCCESS", "SKIPPED")


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
        return []  # the check of Dagster has told it
    return found or [Finding(_NAME, True, "The daemon runs, and every sensor looks.")]


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
            f"The daemon{parts} was last heard of {_ago(now - max(silent.values()))} ago: no row is looked at, and no "
            "queued run is started.",
            "Start it again (make dev) and read what it prints. If nothing is to run with this instance any more: "
            f"DAGSTER_HOME={instance.root_directory} .venv/bin/dagster-daemon wipe.",
        )


def _sensors(
    instance: "DagsterInstance", sensors: Iterable["SensorDefinition"], *, needed: bool, now: float
) -> Iterator[Finding]:
    states = sorted(instance.all_instigator_state(), key=_last_start)
    newest = {state.instigator_name: state for state in states}  # a code location that was renamed leaves its own
    for sensor in sensors:
        name = sensor.name
        if name not in newest:
            yield _not_started(f"The sensor {name} has not looked yet", needed=needed)
        elif not newest[name].is_running:
            remedy = "Switch it on in the Dagster UI, under Automation."
            yield Finding(_NAME, False, f"The sensor {name} is switched off.", remedy)
        else:
            due = now - STALE_SECONDS - (sensor.minimum_interval_seconds or 0)
            yield from _looks(instance, newest[name], due=due, needed=needed, now=now)


def _looks(instance: "DagsterInstance", state: Any, *, due: float, needed: bool, now: float) -> Iterator[Finding]:
    """Says what is wrong with a sensor that is switched on; nothing if it looked well since ``due``, Unix time."""
    name, of = state.instigator_name, (state.instigator_origin_id, state.selector_id)
    if any(tick.status.value in _WENT_WELL for tick in instance.get_ticks(*of, after=due)):
        return
    last = next(iter(instance.get_ticks(*of, limit=1)), None)
    if last is None:
        yield _not_started(f"The sensor {name} has not looked yet", needed=needed)
    elif last.error is not None:
        cause = redact(" ".join(last.error.message.split()))[:CAUSE_CHARACTERS]
        remedy = "The stack trace stands in the Dagster UI, under Automation; mend its cause, or restart the services."
        yield Finding(_NAME, False, f"The sensor {name} fails at every look: {cause}.", remedy)
    else:
        text = f"The sensor {name} looked {_ago(now - last.timestamp)} ago for the last time, though the daemon runs."
        yield Finding(_NAME, False, text, "See under Deployment in the Dagster UI whether the code location is loaded.")


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
