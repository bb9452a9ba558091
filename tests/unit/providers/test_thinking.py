"""How much a model thinks: the setting, and what it is reckoned to cost."""

import pytest

from assetgen_dagster.errors import AssetgenError, Code
from assetgen_dagster.providers.gemini.models import list_price
from assetgen_dagster.providers.registry import provider_of
from assetgen_dagster.settings import load_settings

DEFAULT = "gemini-nano-banana-2.1"


def test_the_published_typical_call_costs_what_is_published() -> None:
    assert list_price(DEFAULT, "x" * 4 * 54) == pytest.approx(0.0391, abs=5e-5)


@pytest.mark.parametrize(
    ("model", "level", "thinking_usd"),
    [
        (DEFAULT, None, 639 * 7.5e-6),
        (DEFAULT, "medium", 639 * 7.5e-6),
        (DEFAULT, "minimal", 0),
        (DEFAULT, "high", 1278 * 7.5e-6),
        ("gemini-3.1-flash-image", None, 0),
        ("gemini-3.1-flash-image", "high", 1278 * 3e-6),
        ("gemini-3-pro-image", None, 0),
    ],
)
def test_a_price_includes_the_thinking_of_its_level(model: str, level: str | None, thinking_usd: float) -> None:
    without = {DEFAULT: 0.0336 + 80 * 7.5e-6, "gemini-3.1-flash-image": 0.0672, "gemini-3-pro-image": 0.1344}[model]
    assert list_price(model, "", thinking=level) == pytest.approx(without + thinking_usd, abs=1e-6)


@pytest.mark.parametrize(
    ("model", "level", "remedy"),
    [
        (DEFAULT, "", ""),
        (DEFAULT, "MINIMAL", ""),
        (DEFAULT, "low", "Set GEMINI_THINKING_LEVEL to medium or minimal or high"),
        ("gemini-3.1-flash-image", "medium", "Set GEMINI_THINKING_LEVEL to minimal or high"),
        ("gemini-3-pro-image", "high", "Remove GEMINI_THINKING_LEVEL"),
        ("gemini-of-tomorrow", "low", ""),
    ],
)
def test_a_level_that_the_model_does_not_take_is_a_failure_before_any_call(
    monkeypatch: pytest.MonkeyPatch, model: str, level: str, remedy: str
) -> None:
    for name, value in (("GEMINI_API_KEY", "key"), ("GEMINI_IMAGE_MODEL", model), ("GEMINI_THINKING_LEVEL", level)):
        monkeypatch.setenv(name, value)
    failure = provider_of(load_settings()).setting_failure()
    assert (failure.remedy if failure else "") == remedy
    assert failure is None or failure.code is Code.CONFIGURATION


def test_a_level_that_no_model_knows_is_no_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GEMINI_THINKING_LEVEL", "deep")
    with pytest.raises(AssetgenError, match="GEMINI_THINKING_LEVEL") as raised:
        load_settings()
    assert raised.value.code is Code.SETTINGS
