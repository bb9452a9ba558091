"""Which aspect ratio is drawn for the one that was asked for."""

from collections.abc import Iterable
from fractions import Fraction


def drawable_ratio(wanted: str, ratios: Iterable[str]) -> str | None:
    """Returns the one of ``ratios`` that has the shape of ``wanted``, so 16:9 for 32:18; None if none has.

    Args:
        wanted: ``W:H`` as a person wrote it.
        ratios: What can be drawn, as the provider writes it.
    """
    return next((ratio for ratio in ratios if _same_shape(ratio, wanted)), None)


def _same_shape(first: str, second: str) -> bool:
    try:
        return _fraction(first) == _fraction(second)
    except (ValueError, ZeroDivisionError):
        return False


def _fraction(ratio: str) -> Fraction:
    width, _, height = ratio.partition(":")
    return Fraction(width) / Fraction(height)
