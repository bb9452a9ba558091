"""Which aspect ratios a model draws."""

import pytest

from assetgen_dagster.providers.gemini.models import ratios_of
from assetgen_dagster.providers.ratios import drawable_ratio
from assetgen_dagster.providers.registry import provider_of
from assetgen_dagster.settings import load_settings


@pytest.mark.parametrize(
    ("wanted", "drawn"),
    [("16:9", "16:9"), ("32:18", "16:9"), ("1920:1080", "16:9"), ("2.39:1", None), ("1:0", None), ("1:4", None)],
)
def test_a_ratio_is_known_by_its_shape(wanted: str, drawn: str | None) -> None:
    assert drawable_ratio(wanted, ratios_of("gemini-2.5-flash-image")) == drawn


@pytest.mark.parametrize(
    ("model", "drawn"),
    [
        ("gemini-nano-banana-2.1", "1:4"),
        ("models/gemini-nano-banana-2.1-001", "1:4"),
        ("gemini-3.1-flash-lite-image", None),
        ("gemini-of-tomorrow", None),
    ],
)
def test_some_models_draw_extreme_ratios(model: str, drawn: str | None) -> None:
    assert drawable_ratio("1:4", ratios_of(model)) == drawn


def test_a_producers_script_may_draw_the_ratios_of_any_model(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GEMINI_IMAGE_MODEL", "gemini-2.5-flash-image")
    monkeypatch.setenv("ASSETGEN_SCRIPT", "theirs.py")
    assert drawable_ratio("1:4", provider_of(load_settings()).ratios) == "1:4"
