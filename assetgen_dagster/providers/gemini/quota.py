"""When a daily quota is renewed."""

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

#: Where Google's day begins.
_QUOTA_ZONE = ZoneInfo("America/Los_Angeles")

#: So soon after the day began, the API may still speak of yesterday.
_ECHO = timedelta(hours=1)
_AGAIN = timedelta(minutes=10)


def quota_renewed_at(moment: float) -> float:
    """Returns when a quota that is used up at ``moment`` may be tried again; both Unix times.

    That is the next midnight in Los Angeles; in the hour after midnight, ten minutes later.
    """
    there = datetime.fromtimestamp(moment, UTC).astimezone(_QUOTA_ZONE)
    today = datetime.combine(there.date(), time(), tzinfo=_QUOTA_ZONE)
    if moment - today.timestamp() < _ECHO.total_seconds():
        return moment + _AGAIN.total_seconds()
    return datetime.combine(there.date() + timedelta(days=1), time(), tzinfo=_QUOTA_ZONE).timestamp()
