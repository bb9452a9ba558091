"""Prices of texts.

Source: Google's price list for the Gemini API, USD per one million tokens of text, standard tier, prompts of up to
200,000 tokens (ours are far below), as of 2026-11. Thinking is billed as output.
"""

import math
from dataclasses import dataclass
from datetime import date

from assetgen_dagster.providers.gemini.retirement import is_version, retirement_of

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


_FLASH = (TextPrice(0.75, 3.75), TextPrice(1.50, 7.50, since=date(2027, 1, 1)))

#: By model; the last price whose day has come is valid. A model that Google routes to another costs as much as that.
TEXT_PRICES: dict[str, tuple[TextPrice, ...]] = {
    "gemini-3.8-flash": _FLASH,
    "gemini-3.7-flash": _FLASH,
    "gemini-3.6-flash": _FLASH,
    "gemini-3.5-flash-lite": (TextPrice(0.30, 2.50),),
    "gemini-3.1-pro": (TextPrice(2.00, 12.00),),
    "gemini-3.1-flash-lite": (TextPrice(0.25, 1.50),),
    "gemini-3-flash": (TextPrice(0.50, 3.00),),
    "gemini-2.5-pro": (TextPrice(1.25, 10.00),),
    "gemini-2.5-flash": (TextPrice(0.30, 2.50),),
    "gemini-2.5-flash-lite": (TextPrice(0.10, 0.40),),
}


def text_cost(usage: TextUsage, model: str, *, on: date | None = None) -> float | None:
    """Returns the cost of these tokens in USD on a day (default: today), or None for a model of unknown price."""
    day = on or date.today()
    prices = _prices(model, day)
    if prices is None:
        return None
    price = [price for price in prices if price.since <= day][-1]
    return round((usage.input_tokens * price.text_input + usage.output_tokens * price.text_output) / 1_000_000, 6)


def count_tokens(text: str) -> int:
    """Returns the approximate number of tokens of a text."""
    return math.ceil(len(text) / _CHARACTERS_PER_TOKEN)


def _prices(model: str, day: date) -> tuple[TextPrice, ...] | None:
    end = retirement_of(model)
    name = end.replacement if end is not None and end.routed and end.on <= day else model
    return next((TEXT_PRICES[known] for known in TEXT_PRICES if is_version(name, known)), None)
