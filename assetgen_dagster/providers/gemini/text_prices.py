"""Prices of texts.

Source: Google's price list for the Gemini API, USD per one million tokens of text, standard tier, prompts of up to
200,000 tokens (ours are far below), as of 2026-10. Thinking is billed as output.
"""

import math
import re
from dataclasses import dataclass
from datetime import date

#: Rule of thumb from the Gemini API's guide to tokens; used only if the API's own count did not arrive.
_CHARACTERS_PER_TOKEN = 4


@dataclass(frozen=True)
class TextUsage:
    """Tokens that the API billed; thinking is part of the output."""

    input_tokens: int
    output_tokens: int


@dataclass(frozen=True)
class TextPrice:
    """USD per million tokens, valid from a day on."""

    text_input: float
    text_output: float
    since: date = date.min


#: By model; the last price whose day has come is valid.
TEXT_PRICES: dict[str, tuple[TextPrice, ...]] = {
    "gemini-3.8-flash": (TextPrice(0.75, 3.75), TextPrice(1.50, 7.50, since=date(2027, 1, 1))),
    "gemini-3.5-flash": (TextPrice(1.50, 9.00),),
    "gemini-3.5-flash-lite": (TextPrice(0.30, 2.50),),
    "gemini-3.1-pro": (TextPrice(2.00, 12.00),),
    "gemini-3.1-flash-lite": (TextPrice(0.25, 1.50),),
    "gemini-3-flash": (TextPrice(0.50, 3.00),),
    "gemini-2.5-pro": (TextPrice(1.25, 10.00),),
    "gemini-2.5-flash": (TextPrice(0.30, 2.50),),
    "gemini-2.5-flash-lite": (TextPrice(0.10, 0.40),),
}

# Responses name a version of the requested model; "-lite" or "-image" would be another model.
_VERSION = re.compile(r"(?:-preview)?(?:-\d{2,4}){0,3}\Z")


def text_cost(usage: TextUsage, model: str, *, on: date | None = None) -> float | None:
    """Returns the cost of these tokens in USD on a day (default: today), or None for a model of unknown price."""
    prices = _prices(model)
    if prices is None:
        return None
    day = on or date.today()
    price = [price for price in prices if price.since <= day][-1]
    return round((usage.input_tokens * price.text_input + usage.output_tokens * price.text_output) / 1_000_000, 6)


def count_tokens(text: str) -> int:
    """Returns the approximate number of tokens of a text."""
    return math.ceil(len(text) / _CHARACTERS_PER_TOKEN)


def _prices(model: str) -> tuple[TextPrice, ...] | None:
    name = model.removeprefix("models/")
    return next((TEXT_PRICES[known] for known in TEXT_PRICES if _is_version(name, known)), None)


def _is_version(name: str, known: str) -> bool:
    return name.startswith(known) and _VERSION.match(name, len(known)) is not None
