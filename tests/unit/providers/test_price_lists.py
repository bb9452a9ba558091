"""The emulator's price list is written without knowing ours; both are Google's."""

from datetime import date

import pytest

from assetgen_dagster.providers.gemini.models import EXTREME_RATIOS, IMAGE_MODELS, USUAL_RATIOS, ratios_of
from assetgen_dagster.providers.gemini.text_prices import TextUsage, text_cost
from assetgen_emulators.gemini import protocol, texts


def test_both_lists_hold_the_same_image_models_and_prices() -> None:
    ours = {
        name: (m.picture_tokens, m.image_output, m.text_input, m.text_output, m.reference_tokens, m.words)
        for name, m in IMAGE_MODELS.items()
    }
    theirs = {
        name: (m.image_tokens, m.image_usd, m.input_usd, m.text_usd, m.reference_tokens, m.words)
        for name, m in protocol.MODELS.items()
    }
    assert ours == theirs


@pytest.mark.parametrize("model", IMAGE_MODELS)
def test_both_lists_hold_the_same_aspect_ratios(model: str) -> None:
    assert set(ratios_of(model)) == protocol.MODELS[model].sizes.keys()
    assert set(USUAL_RATIOS).isdisjoint(EXTREME_RATIOS)


@pytest.mark.parametrize("model", IMAGE_MODELS)
def test_both_lists_hold_the_same_thinking_levels_and_the_same_default(model: str) -> None:
    assert list(IMAGE_MODELS[model].thinking.items()) == list(protocol.MODELS[model].thoughts.items())


@pytest.mark.parametrize("model", sorted(texts.MODELS.keys() - {"gemini-without-price"}))
@pytest.mark.parametrize("day", [date(2026, 12, 31), date(2027, 1, 1)])
def test_a_text_costs_the_same_by_both_lists(model: str, day: date) -> None:
    usage = TextUsage(1_000_000, 1_000_000)
    assert text_cost(usage, model, on=day) == texts.MODELS[model].billed_usd(1_000_000, 1_000_000, day)
