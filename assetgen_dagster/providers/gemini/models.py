"""The image models: prices, aspect ratios, thinking. A new model or price is a row of ``IMAGE_MODELS``.

Sources: Google's price list for the Gemini API, USD per one million tokens, standard tier, 1K pictures, and its tables
of aspect ratios and thinking levels; all as of 2026-11. Prices of texts are in ``text_prices``, dates of retirement in
``retirement``.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

from assetgen_dagster.providers.script_report import Usage

#: Rule of thumb from the Gemini API's guide to tokens; used only if the API's own count did not arrive.
CHARACTERS_PER_TOKEN = 4

USUAL_RATIOS = ("1:1", "2:3", "3:2", "3:4", "4:3", "4:5", "5:4", "9:16", "16:9", "21:9")
EXTREME_RATIOS = ("1:4", "4:1", "1:8", "8:1")


@dataclass(frozen=True)
class ImageModel:
    """An image model.

    Attributes:
        image_output: Price of a picture's output tokens.
        text_input: Price of input tokens, of text and reference pictures.
        text_output: Price of output tokens of text, thinking included.
        picture_tokens: Output tokens of one 1K picture.
        reference_tokens: Input tokens of one reference picture.
        extreme_ratios: Whether it also draws ``EXTREME_RATIOS``.
        thinking: Typical thinking tokens by level, the model's default first; empty without levels.
        words: Typical tokens of text beside a picture.
    """

    image_output: float
    text_input: float
    text_output: float
    picture_tokens: int = 1120
    reference_tokens: int = 1120
    extreme_ratios: bool = False
    thinking: Mapping[str, int] = field(default_factory=dict)
    words: int = 0

    def thinking_tokens(self, level: str | None) -> int:
        """Returns the typical thinking tokens at a level; None is the model's default."""
        return self.thinking.get(level or next(iter(self.thinking), ""), 0)


# 639 (and 80 of text) are published for a call at the default level. No figure is published for the other levels: none
# and twice as many are assumptions, used only before the API's own count is there.
_MINIMAL_OR_HIGH = {"minimal": 0, "high": 1278}

IMAGE_MODELS: dict[str, ImageModel] = {
    "gemini-nano-banana-2.1": ImageModel(
        30, 1.50, 7.50, extreme_ratios=True, thinking={"medium": 639, **_MINIMAL_OR_HIGH}, words=80
    ),
    "gemini-2.5-flash-image": ImageModel(30, 0.30, 2.50, picture_tokens=1290, reference_tokens=258),
    "gemini-3.1-flash-lite-image": ImageModel(30, 0.25, 1.50, thinking=_MINIMAL_OR_HIGH),
    "gemini-3.1-flash-image": ImageModel(60, 0.50, 3.00, extreme_ratios=True, thinking=_MINIMAL_OR_HIGH),
    # Always thinks; how many tokens is not published.
    "gemini-3-pro-image": ImageModel(120, 2.00, 12.00, reference_tokens=560),
}


def usage_cost(usage: Usage, model: str) -> float | None:
    """Returns the cost of these tokens in USD, or None for a model of unknown price."""
    known = _find(model)
    if known is None:
        return None
    return _usd(
        usage.image_tokens * known.image_output
        + usage.prompt_tokens * known.text_input
        + usage.text_tokens * known.text_output
    )


def list_price(model: str, prompt: str, *, references: int = 0, thinking: str | None = None) -> float | None:
    """Returns the typical price of a picture of ``prompt`` in USD, or None for an unknown model.

    Args:
        model: Gemini model.
        prompt: The combined prompt.
        references: Number of reference pictures.
        thinking: The thinking level; None is the model's default.
    """
    known = _find(model)
    if known is None:
        return None
    return _usd(
        known.picture_tokens * known.image_output
        + (math.ceil(len(prompt) / CHARACTERS_PER_TOKEN) + references * known.reference_tokens) * known.text_input
        + (known.thinking_tokens(thinking) + known.words) * known.text_output
    )


def ratios_of(model: str) -> tuple[str, ...]:
    """Returns the aspect ratios that a model draws; the usual ones for an unknown model."""
    known = _find(model)
    return (*USUAL_RATIOS, *EXTREME_RATIOS) if known is not None and known.extreme_ratios else USUAL_RATIOS


def thinking_levels(model: str) -> tuple[str, ...] | None:
    """Returns the thinking levels that a model takes; None for an unknown model."""
    known = _find(model)
    return None if known is None else tuple(known.thinking)


def _find(model: str) -> ImageModel | None:
    """Finds a model by its name or by that of a version (``…-preview``, ``…-001``), as responses give it."""
    name = model.removeprefix("models/")
    known = [known for known in IMAGE_MODELS if name == known or name.startswith(f"{known}-")]
    return IMAGE_MODELS[max(known, key=len)] if known else None


def _usd(millionths: float) -> float:
    return round(millionths / 1_000_000, 6)
