"""What was reported to a row about a run, as a tag of the run: never a status name, as those may be renamed."""

from collections.abc import Mapping
from enum import StrEnum

from assetgen_dagster.notion.settings import NotionSettings


class Reported(StrEnum):
    """What was reported to a row about a run that has ended."""

    READY = "ready"  #: All pictures are done.
    ERROR = "error"  #: The run failed.
    BUDGET = "budget"  #: The row waits for room in the budget.
    WAITS = "waits"  #: The row keeps asking.
    LEFT = "left"  #: Figures only: the producer has set another status.
    NOTHING = "nothing"  #: There was nothing to report.
    ROW_GONE = "gone"  #: The row was gone; if it comes back, the report is still due.
    TOLD = "told"  #: Only read: the name of a status, written by an earlier version and renamed since.


def read_reported(value: str, settings: NotionSettings) -> Reported | None:
    """Parses the value of a run's tag; None if it is empty.

    Args:
        value: A ``Reported``, or what earlier versions wrote: a phrase, or the name of a status.
        settings: The names of the statuses.
    """
    if not value:
        return None
    ours = next((reported for reported in Reported if reported == value), None)
    return ours or _of_earlier_versions(settings).get(value, Reported.TOLD)


def values_of(reported: Reported, settings: NotionSettings) -> list[str]:
    """Returns all values of the tag with this meaning, to filter runs by."""
    earlier = _of_earlier_versions(settings).items()
    return [reported.value, *(value for value, meaning in earlier if meaning is reported and value != reported)]


def _of_earlier_versions(settings: NotionSettings) -> Mapping[str, Reported]:
    return {
        "row gone": Reported.ROW_GONE,
        "nothing to say": Reported.NOTHING,
        "left to the producer": Reported.LEFT,
        **dict.fromkeys(settings.status_asking, Reported.WAITS),
        settings.status_waiting: Reported.BUDGET,
        settings.status_error: Reported.ERROR,  # after the status for the budget, which may be the same
        settings.status_ready: Reported.READY,
    }
