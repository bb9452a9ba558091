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
    why = f" ({pause.reason})" if pause.reason else ""
    since = moment_in_words(pause.at, settings)
    return f"Paying is paused by {pause.by} since {since}{why}. To go on: assetgen resume"


def quota_in_words(used_up: UsedUp, settings: Settings) -> str:
    """Returns until when a quota is used up, and what happens then."""
    until = moment_in_words(used_up.until, settings)
    return (
        f"The key's daily quota is used up; it is asked again from {until} on. Rows of "
        "Notion go on by themselves then; run others again. Where the quota was raised: assetgen resume"
    )


def held_in_words(held: Held, settings: Settings) -> str | None:
    """Returns what holds the paying up; None where nothing does."""
    if held.pause is not None:
        return f"{pause_in_words(held.pause, settings)}."
    return f"{quota_in_words(held.used_up, settings)}." if held.used_up else None
