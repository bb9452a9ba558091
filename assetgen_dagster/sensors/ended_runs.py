"""The runs that ended since the last tick: each is found once, and stays pending until its sensor has handled it.

``updated_after`` compares clocks; a window of ten minutes covers their differences. Dagster's
``fetch_run_status_changes`` has a cursor that needs no clock, but would lose runs:

- It stores an event before it changes the run's status, so a run that has just ended is still STARTED then.
- PostgreSQL assigns an event's id before the event is visible, so a cursor may pass an event that is committed late.
- When Dagster gives up a retry, it changes the run's tags without an event. ``updated_after`` finds such a run again.

``RunRecord.storage_id`` is the order in which runs were created, not the order in which they ended.
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import dagster as dg

from assetgen_dagster.assets.runs import FINISHED

#: Must exceed the difference between two machines' clocks: a run's end is stamped by the machine that it ran on.
WINDOW_SECONDS = 600.0


@dataclass
class EndedRuns:
    """A sensor's position among the runs that ended.

    Attributes:
        until: Unix time: runs that ended later are new.
        pending: Runs that the sensor has not handled yet, oldest first.
        done: Runs in the window that it has handled.
    """

    until: float
    pending: list[str] = field(default_factory=list)
    done: list[str] = field(default_factory=list)

    @classmethod
    def from_cursor(cls, cursor: Mapping[str, Any], *, start: float) -> "EndedRuns":
        """Returns the position in a sensor's cursor; earlier versions stored its fields in the cursor itself.

        Args:
            cursor: The sensor's cursor; empty at the first tick.
            start: Start of the first tick's window, Unix time.
        """
        if "ended" in cursor:
            return cls(**cursor["ended"])
        until = cursor.get("looked_until", cursor.get("ended_after", start))
        return cls(until, list(cursor.get("run_ids", [])), list(cursor.get("done", [])))

    def advance(self, instance: dg.DagsterInstance, wanted: Callable[[dg.DagsterRun], bool]) -> list[dg.RunRecord]:
        """Adds the wanted runs that ended to the pending ones; returns all runs in the window.

        Args:
            instance: The Dagster instance.
            wanted: Called for each run in the window on every tick until it is pending: its tags may have changed.
        """
        now = time.time()
        found = ended_since(instance, self.until - WINDOW_SECONDS)
        known = {*self.pending, *self.done}
        for record in found:
            # A machine whose clock is ahead must not make the next tick begin in the future.
            self.until = max(self.until, min(record.end_time or 0.0, now))
            run = record.dagster_run
            if run.run_id not in known and wanted(run):
                self.pending.append(run.run_id)
        inside = {record.dagster_run.run_id for record in found}
        self.done = [run_id for run_id in self.done if run_id in inside]
        return found

    def finish(self, run_id: str) -> None:
        """Marks a pending run as handled."""
        self.pending.remove(run_id)
        self.done.append(run_id)

    def postpone(self, run_id: str) -> None:
        """Moves a pending run to the end of the queue."""
        self.pending.remove(run_id)
        self.pending.append(run_id)


def ended_since(instance: dg.DagsterInstance, moment: float) -> list[dg.RunRecord]:
    """Returns the runs that ended, or changed after their end, since a Unix time; in the order of their ends."""
    since = datetime.fromtimestamp(max(0.0, moment), UTC)
    found = instance.get_run_records(dg.RunsFilter(statuses=list(FINISHED), updated_after=since))
    return sorted(found, key=lambda record: record.end_time or 0.0)
