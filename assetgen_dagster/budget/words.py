"""What holds the paying up, in words that say until when and what to do; moments by the clock where the operator is."""

from datetime import UTC, datetime

from assetgen_dagster.budget.switches import Held, Pause, UsedUp
from assetgen_dagster.settings import Settings


def moment_in_words(moment: float, settings: Settings) -> str:
    """Returns a Unix time such as ``09:00 on 23 November 2026 (CET)``."""
    there = datetime.fromtimestamp(moment, UTC).astimezone(settings.zone)
    return f"{there:%H:%M} on {there.day} {there:%B %Y} ({there:%Z})"


def pause_in_words(pause: Pause, settings: Settings) -> str:
    """Returns who paused, since when, why, and how to go on."""
    return " ".join(_pause(pause, settings))


def quota_in_words(used_up: UsedUp, settings: Settings) -> str:
    """Returns until when a quota is used up, and what happens then."""
    return " ".join(_quota(used_up, settings))


def held_in_words(held: Held, settings: Settings) -> tuple[str, str] | None:
    """Returns what holds the paying up, and how to go on, each in sentences; None where nothing does."""
    if held.pause is not None:
        what, remedy = _pause(held.pause, settings)
    elif held.used_up is not None:
        what, remedy = _quota(held.used_up, settings)
    else:
        return None
    return what, f"{remedy}."


def _pause(pause: Pause, settings: Settings) -> tuple[str, str]:
    why = f" ({pause.reason})" if pause.reason else ""
    since = moment_in_words(pause.at, settings)
    return f"Paying is paused by {pause.by} since {since}{why}.", "To go on: assetgen resume"


def _quota(used_up: UsedUp, settings: Settings) -> tuple[str, str]:
    until = moment_in_words(used_up.until, settings)
    what = (
        f"The key's daily quota is used up; it is asked again from {until} on. Rows of "
        "Notion go on by themselves then; run others again."
    )
    return what, "Where the quota was raised: assetgen resume"
