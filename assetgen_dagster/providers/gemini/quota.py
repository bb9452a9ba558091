"""When a daily quota is renewed."""

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

#: The time zone of Google's quota day.
_QUOTA_ZONE = ZoneInfo("America/Los_Angeles")

#: For this long after midnight, the API may still report yesterday's quota.
_STALE = timedelta(hours=1)
_RETRY = timedelta(minutes=10)


def quota_renewed_at(moment: float) -> float:
    """Returns when to retry after a quota was used up at ``moment``; both Unix times.

    That is the next midnight in Los Angeles; in the first hour after midnight, ten minutes later.
    """
    local = datetime.fromtimestamp(moment, UTC).astimezone(_QUOTA_ZONE)
    today = datetime.combine(local.date(), time(), tzinfo=_QUOTA_ZONE)
    if moment - today.timestamp() < _STALE.total_seconds():
        return moment + _RETRY.total_seconds()
    return datetime.combine(local.date() + timedelta(days=1), time(), tzinfo=_QUOTA_ZONE).timestamp()
