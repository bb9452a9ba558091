"""What a picture costs. What a text costs is in ``writer.pricing``.

Sources: Google's price list for the Gemini API, per one million tokens, standard tier, 1K pictures, as of 2026-11;
the estimate per picture is the story's.
"""

import math
from dataclasses import dataclass

from assetgen_dagster.providers.script_report import Usage

#: Rule of thumb in the Gemini API's guide to tokens; only used where the API's own count never arrived.
_CHARACTERS_PER_TOKEN = 4

#: Input tokens of a picture that is passed along: 560 in the price list of the newest models; used likewise.
_REFERENCE_TOKENS = 560


@dataclass(frozen=True)
class Price:
    """USD per million tokens, and the output tokens of one 1K picture."""

    image_output: float
    text_input: float
    text_output: float
    picture_tokens: int = 1120


PRICES: dict[str, Price] = {
    "gemini-nano-banana-2.1": Price(30, 1.50, 7.50),
    "gemini-2.5-flash-image": Price(30, 0.30, 2.50, picture_tokens=1290),
    "gemini-3.1-flash-lite-image": Price(30, 0.25, 1.50),
    "gemini-3.1-flash-image": Price(60, 0.50, 3.00),
    "gemini-3-pro-image": Price(120, 2.00, 12.00),
}


def estimate_cost(asset_count: int, cost_per_image_usd: float = 0.068) -> float:
    """Returns the story's estimate for ``asset_count`` pictures, in USD: 22 are 1.496."""
    return round(asset_count * cost_per_image_usd, 6)


def usage_cost(usage: Usage, model: str) -> float | None:
    """Returns what these tokens cost in USD, or None for a model whose price is not known."""
    price = _price(model)
    if price is None:
        return None
    return _usd(
        usage.image_tokens * price.image_output
        + usage.prompt_tokens * price.text_input
        + usage.text_tokens * price.text_output
    )


def list_price(model: str, prompt: str, *, references: int = 0) -> float | None:
    """Returns what a picture of ``prompt`` costs in USD by the price list, or None for an unknown model.

    Args:
        model: Gemini model.
        prompt: The combined prompt.
        references: Number of pictures passed along.
    """
    price = _price(model)
    if price is None:
        return None
    tokens = math.ceil(len(prompt) / _CHARACTERS_PER_TOKEN) + references * _REFERENCE_TOKENS
    return _usd(price.picture_tokens * price.image_output + tokens * price.text_input)


def _price(model: str) -> Price | None:
    """Finds a model's price; answers name versions (``…-preview``, ``…-001``) of the model that was asked for."""
    name = model.removeprefix("models/")
    known = [known for known in PRICES if name == known or name.startswith(f"{known}-")]
    return PRICES[max(known, key=len)] if known else None


def _usd(millionths: float) -> float:
    return round(millionths / 1_000_000, 6)
