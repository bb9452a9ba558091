"""Calendar months and days where the operator is: a month is what a bill and a budget are for."""

import re
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

from assetgen_dagster.errors import AssetgenError, Code

_MONTH = re.compile(r"(\d{4})-(0[1-9]|1[0-2])", re.ASCII)


def month_of(moment: float, zone: ZoneInfo | None) -> str:
    """Returns the month of a Unix time, such as ``2026-11``; without a zone, by the machine's."""
    return f"{datetime.fromtimestamp(moment, UTC).astimezone(zone):%Y-%m}"


def month_bounds(month: str, zone: ZoneInfo | None) -> tuple[float, float]:
    """Returns the Unix times at which a month begins and the next one does.

    Raises:
        AssetgenError: It is no month such as ``2026-11``.
    """
    found = _MONTH.fullmatch(month)
    year = int(found[1]) if found else 0
    if found is None or not datetime.min.year < year < datetime.max.year:
        raise AssetgenError(f"{month!r} is no month. Give year and month, such as 2026-11.", code=Code.COMMAND_LINE)
    number = int(found[2])
    following = (year, number + 1) if number < 12 else (year + 1, 1)
    return _midnight(year, number, zone), _midnight(*following, zone)


def day_begins(day: str, zone: ZoneInfo | None) -> float:
    """Returns the Unix time at which a day such as ``2026-11-01`` begins.

    Raises:
        AssetgenError: It is no day.
    """
    try:
        found = date.fromisoformat(day)
        return datetime(found.year, found.month, found.day, tzinfo=zone).timestamp()
    except (ValueError, OverflowError):
        raise AssetgenError(
            f"{day!r} is no day. Give year, month and day, such as 2026-11-01.", code=Code.COMMAND_LINE
        ) from None


def _midnight(year: int, month: int, zone: ZoneInfo | None) -> float:
    return datetime(year, month, 1, tzinfo=zone).timestamp()
