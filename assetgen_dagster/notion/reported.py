"""What a row was told about a run, as noted on the run: our own values, never a status name, which may be renamed."""

from collections.abc import Mapping
from enum import StrEnum

from assetgen_dagster.notion.settings import NotionSettings


class Reported(StrEnum):
    """What a row was told about a run that has ended."""

    READY = "ready"  #: All pictures are there.
    ERROR = "error"  #: They are not.
    BUDGET = "budget"  #: It waits for room in the budget.
    WAITS = "waits"  #: It goes on asking.
    LEFT = "left"  #: Figures only: the producer has set another status.
    NOTHING = "nothing"  #: There was nothing to say.
    ROW_GONE = "gone"  #: Nothing: the row was gone. It has not been told, should it come back.
    TOLD = "told"  #: Only read, for a status that was renamed after an earlier version had noted its name.


def read_reported(value: str, settings: NotionSettings) -> Reported | None:
    """Returns what the value of a run's tag means; None where it is empty.

    Args:
        value: Of this version, or what an earlier one noted: a phrase, or the name of a status.
        settings: The names of the statuses.
    """
    if not value:
        return None
    ours = next((reported for reported in Reported if reported == value), None)
    return ours or _of_earlier_versions(settings).get(value, Reported.TOLD)


def values_of(reported: Reported, settings: NotionSettings) -> list[str]:
    """Returns the values of the tag that mean something, for a search among runs."""
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
