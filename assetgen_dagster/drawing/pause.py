"""How long one run's end keeps others from starting: a cause that would fail them all must not be paid for by each."""

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

from assetgen_dagster.settings import Settings

#: Codes of problems that lie with the key, the model or the account, not with a video.
EVERYBODYS = frozenset({"api_key", "billing", "daily_quota", "model_not_found"})

#: After this long one run is let through, to see whether the cause is gone.
_TRY_AGAIN_SECONDS = 600.0

#: Where Google's day begins.
_QUOTA_ZONE = ZoneInfo("America/Los_Angeles")


@dataclass(frozen=True)
class Stopped:
    """What ended the last run.

    Attributes:
        code: Of the problem.
        fingerprint: Of the settings it had.
        ended_at: Unix time.
    """

    code: str
    fingerprint: str
    ended_at: float


def fingerprint(settings: Settings) -> str:
    """Returns what changes when an operator mends key, model, script or endpoint; tells nothing about the key."""
    key = settings.gemini_api_key.get_secret_value() if settings.gemini_api_key else ""
    parts = [key, settings.gemini_image_model, str(settings.script), settings.google_gemini_base_url or ""]
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:12]


def paused_until(stopped: Stopped, *, fingerprint_now: str) -> float | None:
    """Returns until when (Unix time) no further runs should start; None if they may.

    Args:
        stopped: How the last run ended.
        fingerprint_now: Of the settings in force; other ones may have mended the cause.
    """
    if stopped.code not in EVERYBODYS:
        return None
    if stopped.code == "daily_quota":
        return _next_quota_day(stopped.ended_at)
    return None if stopped.fingerprint != fingerprint_now else stopped.ended_at + _TRY_AGAIN_SECONDS


def _next_quota_day(moment: float) -> float:
    there = datetime.fromtimestamp(moment, UTC).astimezone(_QUOTA_ZONE)
    return datetime.combine(there.date() + timedelta(days=1), time(), tzinfo=_QUOTA_ZONE).timestamp()
