"""The report that a row gets when a run has ended, with messages that a producer can act on."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from assetgen_dagster.drawing.defects import DefectivePicture, describe_defects, numbers_of
from assetgen_dagster.errors import Code
from assetgen_dagster.notion.columns import COST, REDRAW, REDRAW_REMARK, Figures
from assetgen_dagster.notion.reported import Reported
from assetgen_dagster.notion.settings import NotionSettings
from assetgen_dagster.support.redact import redact

_FIXED_BY_ANOTHER_PROMPT = frozenset({Code.REFUSED, Code.REJECTED, Code.UNUSABLE_PROMPT, Code.PROMPT_TOO_LONG})


@dataclass(frozen=True)
class Report:
    """New values for a row.

    Attributes:
        reported: The kind of report.
        status: Name of the option; None leaves it unchanged, so that the row keeps asking.
        error_log: Empty if nothing failed and there is nothing to look at.
        figures: The project's numbers.
    """

    reported: Reported
    status: str | None
    error_log: str
    figures: Figures


def ready_report(settings: NotionSettings, figures: Figures, defective: Sequence[DefectivePicture] = ()) -> Report:
    """Returns the report that all pictures are done.

    Args:
        settings: Names of the properties and statuses.
        figures: The project's numbers.
        defective: The pictures that a person should look at.
    """
    text = ""
    if defective:
        text = f"{describe_defects(defective)}\n\n{_draw_again(settings, numbers_of(defective))}"
    return Report(Reported.READY, settings.status_ready, text, figures)


def _draw_again(settings: NotionSettings, numbers: str) -> str:
    redraw, trigger = settings.name_of(REDRAW), settings.status_trigger[0]
    if not redraw:
        return f'To draw them again, at the same cost: assetgen redraw --pictures "{numbers}".'
    return f"To draw them again, at the same cost, write {numbers} into {redraw} and set the status to {trigger}."


def error_report(settings: NotionSettings, figures: Figures, *, reason: str, codes: Collection[str] = ()) -> Report:
    """Returns the report that a run failed.

    Args:
        settings: Names of the statuses.
        figures: The project's numbers.
        reason: The failed run's message: what to do, and each failed picture with its cause.
        codes: The codes of the failures.
    """
    cost_usd = figures.get(COST)
    cost = "" if cost_usd is None else f"This project has cost ${cost_usd:.2f} so far. "
    again = f"To try again, set the status to {settings.status_trigger[0]}: only what is missing is drawn and paid for."
    edit = "" if _FIXED_BY_ANOTHER_PROMPT.isdisjoint(codes) else _edit_from_here(settings)
    return _report(Reported.ERROR, settings.status_error, reason, f"{edit}{cost}{again}", figures)


def _edit_from_here(settings: NotionSettings) -> str:
    """Returns how to change a prompt from Notion; empty if the board has no properties for it."""
    redraw, remark = settings.name_of(REDRAW), settings.name_of(REDRAW_REMARK)
    if not (redraw and remark):
        return ""
    return (
        f"To change a prompt from here, write the picture's number into {redraw} and the change you want into "
        f"{remark}. "
    )


def budget_report(settings: NotionSettings, figures: Figures, *, reason: str) -> Report:
    """Returns the report that the row waits for room in the budget and is then requeued automatically."""
    what_follows = (
        f"When there is room, the status is set to {settings.status_trigger[0]} automatically. To prevent that, set "
        "another status."
    )
    return _report(Reported.BUDGET, settings.status_waiting, _first_line(reason), what_follows, figures)


def waiting_report(settings: NotionSettings, figures: Figures, *, reason: str, passes: bool = True) -> Report:
    """Returns the report that the row has to wait, and keeps asking: the row itself is fine.

    Args:
        settings: Names of the statuses.
        figures: The project's numbers.
        reason: The failed run's message.
        passes: Whether the cause ends without a person.
    """
    # The status for "is being drawn" would request no run.
    status = settings.status_trigger[0] if settings.status_drawing else None
    what_follows = (
        "There is nothing to do here: the row continues automatically when the cause is gone."
        if passes
        else "Once that is fixed, the row continues automatically."
    )
    return _report(Reported.WAITS, status, _first_line(reason), what_follows, figures)


def _report(reported: Reported, status: str | None, reason: str, what_follows: str, figures: Figures) -> Report:
    return Report(reported, status, f"{redact(reason)}\n\n{what_follows}", figures)


def _first_line(reason: str) -> str:
    """Returns what stopped a run, without the list of pictures."""
    return reason.splitlines()[0]
