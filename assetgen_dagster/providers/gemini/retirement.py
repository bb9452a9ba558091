"""When Google retires a model. A new date is a row of ``RETIREMENTS``.

Source: the Gemini API's deprecations page and changelog, as of 2026-11. Google calls its dates the earliest possible
ones, so a model may still answer afterwards, at times only to those who used it before.
"""

import re
from dataclasses import dataclass
from datetime import date

# Responses name a version of the requested model; "-lite" or "-image" would be another model.
_VERSION = re.compile(r"(?:-preview)?(?:-\d{2,4}){0,3}\Z")


@dataclass(frozen=True)
class Retirement:
    """The end of a model.

    Attributes:
        on: The day from which it may be gone.
        replacement: The model that Google recommends; empty if it names none.
        routed: Whether the replacement answers requests from that day on, at its own price.
    """

    on: date
    replacement: str = ""
    routed: bool = False


RETIREMENTS: dict[str, Retirement] = {
    "gemini-2.5-flash-image": Retirement(date(2026, 10, 2), "gemini-nano-banana-2.1"),
    "gemini-3.1-flash-image": Retirement(date(2026, 10, 29), "gemini-nano-banana-2.1"),
    "gemini-3.5-flash": Retirement(date(2026, 10, 9), "gemini-3.6-flash", routed=True),  # routed by that day
    "gemini-2.5-pro": Retirement(date(2026, 12, 1), "gemini-3.8-flash", routed=True),
    "gemini-2.5-flash": Retirement(date(2026, 12, 1), "gemini-3.5-flash-lite", routed=True),
    "gemini-3.1-flash-lite": Retirement(date(2027, 5, 7)),
}


def retirement_of(model: str) -> Retirement | None:
    """Returns when a model or a version of it is retired; None if no date is known."""
    return next((RETIREMENTS[known] for known in RETIREMENTS if is_version(model, known)), None)


def retirement_note(model: str, *, setting: str, today: date) -> str:
    """Returns what to do about a model that is retired; empty if no date is known.

    Args:
        model: The model.
        setting: The variable that names it.
        today: The current day.
    """
    end = retirement_of(model)
    if end is None:
        return ""
    since = "since" if end.on <= today else "from"
    if end.routed:
        return f"Google answers it {since} {end.on} with {end.replacement}, at that model's price: set {setting} to it."
    said = "is legacy: Google's date for its end was" if end.on <= today else "will be retired: Google's date is"
    return f"It {said} {end.on}. Set {setting} to {end.replacement or 'another model'}."


def is_version(model: str, known: str) -> bool:
    """Returns whether a name is that of ``known`` or of a version of it (``…-preview``, ``…-001``)."""
    name = model.removeprefix("models/")
    return name.startswith(known) and _VERSION.match(name, len(known)) is not None
