"""Maps a requested aspect ratio to one that the provider draws."""

from collections.abc import Iterable
from fractions import Fraction


def drawable_ratio(wanted: str, ratios: Iterable[str]) -> str | None:
    """Returns the ratio that equals ``wanted``, such as 16:9 for 32:18, or None.

    Args:
        wanted: ``W:H`` as a person wrote it.
        ratios: The provider's ratios, as it writes them.
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
