"""Which aspect ratios a model draws."""

import pytest

from assetgen_dagster.providers.ratios import drawable_ratio


@pytest.mark.parametrize(
    ("wanted", "drawn"),
    [("16:9", "16:9"), ("32:18", "16:9"), ("1920:1080", "16:9"), ("2.39:1", None), ("1:0", None), ("1:4", None)],
)
def test_a_ratio_is_known_by_its_shape(wanted: str, drawn: str | None) -> None:
    assert drawable_ratio(wanted, "gemini-2.5-flash-image") == drawn


def test_a_model_that_draws_long_pictures_or_that_is_not_known_may_draw_them() -> None:
    assert drawable_ratio("1:4", "gemini-nano-banana-2.1") == "1:4"
    assert drawable_ratio("1:4", None) == "1:4"
