"""Midjourney's flags: out of the prompt, without losing what they mean and without touching what is no flag."""

import pytest

from assetgen_dagster.documents.flags import Flags, take_flags


@pytest.mark.parametrize(
    ("text", "prompt", "ratio"),
    [
        ("A hill --ar 16:9", "A hill", "16:9"),
        ("A hill, --ar 16 : 9 --v 6.1 --style raw --s 250", "A hill", "16:9"),
        ("--ar 3:2\nA hill", "A hill", "3:2"),
        ("A hill —ar 9x16", "A hill", "9:16"),
        ("A hill --AR 1:1 in rain", "A hill in rain", "1:1"),
        ("A hill --ar 1:1 --ar 2:1", "A hill", "2:1"),
        ("A hill --no people, text", "A hill\n\nAvoid: people, text.", None),
        ("A hill --no people, text. --ar 16:9", "A hill\n\nAvoid: people, text.", "16:9"),
        ("A hill\n\n--no people,\ntext, people", "A hill\n\nAvoid: people, text.", None),
        ("A hill\n—no people\nin rain", "A hill\n\nin rain\n\nAvoid: people.", None),
        ("A hill --no people --no text", "A hill\n\nAvoid: people, text.", None),
        ("A hill --no people\nRain falls.", "A hill\nRain falls.\n\nAvoid: people.", None),
        ("--no people --ar 16:9", "", "16:9"),
        ("A hill --no", "A hill", None),
        ("A hill --ar", "A hill", None),
    ],
)
def test_flags_are_taken_out(text: str, prompt: str, ratio: str | None) -> None:
    assert take_flags(text) == Flags(prompt, ratio)


@pytest.mark.parametrize(
    "text",
    [
        "Decay—rusted steel, cracked concrete—and rain",
        "The pose -- no movement -- is held",
        "The pose — no movement — is held",
        "A look--no more than that",
        "One --unheard-of word",
        "Three dashes --- and a number -5",
    ],
)
def test_dashes_in_sentences_stay(text: str) -> None:
    assert take_flags(text) == Flags(text)


def test_a_flag_that_points_at_a_picture_is_reported() -> None:
    text = "A hill --cref https://example.org/a.png --cw 80 in rain"
    assert take_flags(text) == Flags("A hill in rain", None, ("cref",))
