"""What a text costs, by the price list."""

from datetime import date

import pytest

from assetgen_dagster.providers.gemini.text_prices import TextUsage, text_cost

MILLION = TextUsage(1_000_000, 1_000_000)
DAY = date(2026, 11, 1)


@pytest.mark.parametrize(
    ("model", "day", "usd"),
    [
        ("gemini-3.8-flash", DAY, 4.5),
        ("models/gemini-3.8-flash", DAY, 4.5),
        ("gemini-3.8-flash", date(2026, 12, 31), 4.5),
        ("gemini-3.8-flash", date(2027, 1, 1), 9.0),
        ("gemini-3.8-flash-001", DAY, 4.5),
        ("gemini-3.7-flash", DAY, 4.5),
        ("gemini-3.6-flash", date(2027, 1, 1), 9.0),
        ("gemini-3.5-flash", DAY, 4.5),
        ("gemini-3.5-flash", date(2027, 1, 1), 9.0),
        ("gemini-2.5-pro", date(2026, 11, 30), 11.25),
        ("gemini-2.5-pro", date(2026, 12, 1), 4.5),
        ("gemini-2.5-flash", date(2026, 12, 1), 2.8),
        ("gemini-3.1-pro-preview", DAY, 14.0),
        ("gemini-2.5-flash-preview-09-2025", DAY, 2.8),
        ("gemini-2.5-flash-lite", DAY, 0.5),
        ("gemini-2.5-flash-image", DAY, None),
        ("gemini-3.8-flash-lite", DAY, None),
        ("gemini-3.88-flash", DAY, None),
        ("", DAY, None),
    ],
)
def test_the_price_is_that_of_the_model_and_of_the_day(model: str, day: date, usd: float | None) -> None:
    assert text_cost(MILLION, model, on=day) == usd
