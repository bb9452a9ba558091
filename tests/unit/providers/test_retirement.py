"""What is said of a model that Google retires."""

from datetime import date

import pytest

from assetgen_dagster.providers.gemini.models import IMAGE_MODELS
from assetgen_dagster.providers.gemini.retirement import RETIREMENTS, retirement_note, retirement_of
from assetgen_dagster.settings import Settings

BEFORE, AFTER = date(2026, 10, 28), date(2026, 10, 29)


@pytest.mark.parametrize(
    ("model", "day", "words"),
    [
        ("gemini-3.1-flash-image", BEFORE, ("will be retired", "2026-10-29", "gemini-nano-banana-2.1")),
        ("gemini-3.1-flash-image", AFTER, ("legacy", "2026-10-29", "gemini-nano-banana-2.1")),
        ("models/gemini-2.5-flash-image-preview", AFTER, ("legacy", "2026-10-02")),
        ("gemini-2.5-pro", AFTER, ("from 2026-12-01", "gemini-3.8-flash, at that model's price")),
        ("gemini-3.5-flash", AFTER, ("since", "gemini-3.6-flash")),
        ("gemini-3.1-flash-lite", AFTER, ("will be retired", "another model")),
    ],
)
def test_a_known_end_is_said_with_its_day_and_the_model_to_set(model: str, day: date, words: tuple[str, ...]) -> None:
    note = retirement_note(model, setting="SETTING", today=day)
    assert "SETTING" in note
    assert [word for word in words if word not in note] == []


@pytest.mark.parametrize(
    "model", ["gemini-nano-banana-2.1", "gemini-3.1-flash-lite-image", "gemini-3.5-flash-lite", "gemini-2.5-flash-lite"]
)
def test_a_model_without_a_known_end_has_no_note(model: str) -> None:
    assert retirement_note(model, setting="SETTING", today=AFTER) == ""


def test_neither_the_default_model_nor_a_replacement_is_retired() -> None:
    default = Settings.model_fields["gemini_image_model"].default
    for model in (default, *(end.replacement for end in RETIREMENTS.values() if end.replacement)):
        assert retirement_of(model) is None, model
    assert default in IMAGE_MODELS
