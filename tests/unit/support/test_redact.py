import ast

import pytest

from assetgen_dagster.settings import PROJECT_ROOT
from assetgen_dagster.support.redact import hide, preview, redact
from assetgen_emulators.notion.board import TOKEN

PACKAGE = PROJECT_ROOT / "assetgen_dagster"

KEY = "AIzaSyA1234567890abcdefghijklmnopqrstu"


@pytest.mark.parametrize(
    "text",
    [
        f"key={KEY}",
        f"https://x/y?key={KEY}&a=1",
        f"x-goog-api-key: {KEY}",
        f'"GEMINI_API_KEY": "{KEY}"',
        "API_KEY=secret123",
        "my api-key: 'hunter22'",
        "NOTION_TOKEN=ntn_123456789012345678901234",
        "Authorization: Bearer abcdefghijkl.mnop",
        "postgresql://dagster:hunter22@db/dagster",
        "password = hunter22",
        "sk-abcdefghijklmnop1234567890",
    ],
)
def test_keys_tokens_and_passwords_are_masked(text: str) -> None:
    shown = redact(text)
    assert "***" in shown
    assert not any(secret in shown for secret in (KEY, "secret123", "hunter22", "ntn_123", "abcdefghijkl"))


def test_a_known_secret_is_masked_whatever_its_shape() -> None:
    hide("tr0ub4dor&3")
    assert redact("it said tr0ub4dor&3 loudly") == "it said *** loudly"


@pytest.mark.parametrize("text", ["a Bulbasaur keeps the key to the forest", "tokens: many", '{"prompt_tokens": 276}'])
def test_ordinary_words_stay(text: str) -> None:
    assert redact(text) == text


def test_no_sentence_of_ours_is_taken_for_a_secret() -> None:
    for path in PACKAGE.rglob("*.py"):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        docstrings = {node.value for node in ast.walk(tree) if isinstance(node, ast.Expr)}
        for node in ast.walk(tree):
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and node not in docstrings:
                assert redact(node.value) == node.value or node.value == TOKEN, f"{path.name}:{node.lineno}"


def test_a_preview_is_one_line_of_at_most_100_characters() -> None:
    shown = preview("line one\nline two API_KEY=secret123 " + "x" * 500)
    assert len(shown) == 100
    assert "\n" not in shown
    assert "secret123" not in shown
