"""The report of ``assetgen costs``: sums by channel, project, month or model, as table, CSV or JSON."""

import csv
import io
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from zoneinfo import ZoneInfo

from rich.table import Table

from assetgen_dagster.support.months import month_of

#: Decimal places: the price list's, so that parts add up to their sum.
_DIGITS = 6


class By(StrEnum):
    """What costs are grouped by."""

    MONTH = "month"
    CHANNEL = "channel"
    PROJECT = "project"
    MODEL = "model"


class Format(StrEnum):
    """The output format."""

    TABLE = "table"
    CSV = "csv"
    JSON = "json"


@dataclass(frozen=True)
class Cost:
    """The cost of one call, or of the calls of one event.

    Attributes:
        at: When it was spent or reported, Unix time.
        channel: The project's channel.
        project: The project's id.
        model: The model that was paid; empty if the event names none.
        cost_usd: Confirmed cost.
        possibly_billed_usd: Cost of calls without an answer.
        tokens: The calls.
    """

    at: float
    channel: str
    project: str
    model: str
    cost_usd: float = 0.0
    possibly_billed_usd: float = 0.0
    tokens: tuple[str, ...] = ()


@dataclass(frozen=True)
class Line:
    """One group's sum.

    Attributes:
        of: Its month, channel, project or model, in the order of the grouping; empty for the total.
        cost_usd: Confirmed cost.
        possibly_billed_usd: Cost of calls without an answer, in addition.
    """

    of: tuple[str, ...]
    cost_usd: float
    possibly_billed_usd: float


def add_up(costs: Iterable[Cost], by: Sequence[By], zone: ZoneInfo | None) -> list[Line]:
    """Returns the sums in order, one for each group with costs."""
    sums: dict[tuple[str, ...], tuple[float, float]] = {}
    for cost in costs:
        of = tuple(_value(cost, one, zone) for one in by)
        spent, perhaps = sums.get(of, (0.0, 0.0))
        sums[of] = spent + cost.cost_usd, perhaps + cost.possibly_billed_usd
    return [Line(of, round(spent, _DIGITS), round(perhaps, _DIGITS)) for of, (spent, perhaps) in sorted(sums.items())]


def total(lines: Iterable[Line]) -> Line:
    """Returns the total."""
    given = list(lines)
    spent, perhaps = sum(line.cost_usd for line in given), sum(line.possibly_billed_usd for line in given)
    return Line((), round(spent, _DIGITS), round(perhaps, _DIGITS))


def as_table(lines: Sequence[Line], by: Sequence[By]) -> Table:
    """Returns a table for people, with the total in its footer."""
    whole = total(lines)
    table = Table(show_footer=True)
    for place, one in enumerate(by):
        table.add_column(str(one), footer="" if place else "all")
    table.add_column("cost", justify="right", footer=f"${whole.cost_usd:.4f}")
    table.add_column("possibly billed", justify="right", footer=f"${whole.possibly_billed_usd:.4f}")
    for line in lines:
        table.add_row(*line.of, f"${line.cost_usd:.4f}", f"${line.possibly_billed_usd:.4f}")
    return table


def as_csv(lines: Iterable[Line], by: Sequence[By]) -> str:
    """Returns lines for a spreadsheet, without the total."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([*by, "cost_usd", "possibly_billed_usd"])
    for line in lines:
        writer.writerow([*line.of, f"{line.cost_usd:.{_DIGITS}f}", f"{line.possibly_billed_usd:.{_DIGITS}f}"])
    return text.getvalue()


def as_json(lines: Sequence[Line], by: Sequence[By]) -> str:
    """Returns an object for a program: ``lines`` and the totals."""
    whole = total(lines)
    return json.dumps({"lines": [_object(line, by) for line in lines], **_object(whole, ())}, indent=2)


def _object(line: Line, by: Sequence[By]) -> dict[str, str | float]:
    named = {str(one): value for one, value in zip(by, line.of, strict=True)}
    return {**named, "cost_usd": line.cost_usd, "possibly_billed_usd": line.possibly_billed_usd}


def _value(cost: Cost, by: By, zone: ZoneInfo | None) -> str:
    match by:
        case By.MONTH:
            return month_of(cost.at, zone)
        case By.CHANNEL:
            return cost.channel
        case By.PROJECT:
            return f"{cost.channel}:{cost.project}"  # as Dagster names its partition: unique over channels
        case By.MODEL:
            return cost.model or "unknown"
