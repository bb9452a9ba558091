"""Which aspect ratios can be drawn: Google's table for each image model, as of 2026-11."""

from fractions import Fraction

_USUAL = ("1:1", "2:3", "3:2", "3:4", "4:3", "4:5", "5:4", "9:16", "16:9", "21:9")
_LONG = ("1:4", "4:1", "1:8", "8:1")

#: Models that draw the long ones, too; others are taken to draw the usual ones only.
_LONG_MODELS = ("gemini-3.1-flash-image", "gemini-nano-banana-2")


def drawable_ratio(wanted: str, model: str | None) -> str | None:
    """Returns a ratio as the API writes it, so 16:9 for 32:18; None if the model does not draw it.

    Args:
        wanted: ``W:H`` as a person wrote it.
        model: Gemini model; None if it is not known which one draws, and then any model's ratio will do.
    """
    return next((ratio for ratio in drawable_ratios(model) if _same_shape(ratio, wanted)), None)


def drawable_ratios(model: str | None) -> tuple[str, ...]:
    """Returns the ratios that a model draws; those of any model for None."""
    long = model is None or model.removeprefix("models/").startswith(_LONG_MODELS)
    return (*_USUAL, *_LONG) if long else _USUAL


def _same_shape(first: str, second: str) -> bool:
    try:
        return _fraction(first) == _fraction(second)
    except (ValueError, ZeroDivisionError):
        return False


def _fraction(ratio: str) -> Fraction:
    width, _, height = ratio.partition(":")
    return Fraction(width) / Fraction(height)
