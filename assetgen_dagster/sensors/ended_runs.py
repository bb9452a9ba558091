"""Which runs ended since the last tick: each is met once, and stays pending until its sensor is done with it.

``updated_after`` goes by clocks; a window of ten minutes makes up for their differences. Dagster's
``fetch_run_status_changes`` has a cursor that needs no clock, but would lose runs:

- It stores an event before it changes the run's status, so a run that has just ended is still STARTED then.
- PostgreSQL gives out an event's id before the event can be seen, so a cursor may pass one that is committed late.
- A run that Dagster gives up to retry changes its tags, and ends by no event. ``updated_after`` meets it again.

``RunRecord.storage_id`` tells the order in which runs were created, not that in which they ended.
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import dagster as dg

from assetgen_dagster.assets.request import FINISHED

#: Must exceed what two machines' clocks differ by: a run's end bears the time of the machine that it ran on.
WINDOW_SECONDS = 600.0


@dataclass
class EndedRuns:
    """A sensor's place among the runs that ended.

    Attributes:
        until: Unix time: runs that ended later are new.
        pending: Runs that the sensor is not done with, oldest first.
        done: Runs in the window that it is done with.
    """

    until: float
    pending: list[str] = field(default_factory=list)
    done: list[str] = field(default_factory=list)

    @classmethod
    def from_cursor(cls, cursor: Mapping[str, Any], *, start: float) -> "EndedRuns":
        """Returns the place that a sensor's cursor holds; earlier versions kept its parts as keys of the cursor itself.

        Args:
            cursor: The sensor's cursor; empty at the first tick.
            start: Where the first tick begins, Unix time.
        """
        if "ended" in cursor:
            return cls(**cursor["ended"])
        until = cursor.get("looked_until", cursor.get("ended_after", start))
        return cls(until, list(cursor.get("run_ids", [])), list(cursor.get("done", [])))

    def advance(self, instance: dg.DagsterInstance, wanted: Callable[[dg.DagsterRun], bool]) -> list[dg.RunRecord]:
        """Adds the wanted ones of the runs that ended to the pending ones; returns all in the window.

        Args:
            instance: Whose runs.
            wanted: Asked for each run in the window again, until it is pending: its tags may have changed.
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
        """Ends the sensor's work on a pending run."""
        self.pending.remove(run_id)
        self.done.append(run_id)

    def postpone(self, run_id: str) -> None:
        """Moves a pending run to the end, so that it keeps no other waiting."""
        self.pending.remove(run_id)
        self.pending.append(run_id)


def ended_since(instance: dg.DagsterInstance, moment: float) -> list[dg.RunRecord]:
    """Returns the runs that ended, or changed after that, since a moment, Unix time; the first to end first."""
    since = datetime.fromtimestamp(max(0.0, moment), UTC)
    found = instance.get_run_records(dg.RunsFilter(statuses=list(FINISHED), updated_after=since))
    return sorted(found, key=lambda record: record.end_time or 0.0)
