"""``tests/STORY.md`` maps every item of the story, and only to tests that exist."""

import ast
import re
from pathlib import Path

import pytest

from assetgen_dagster.settings import PROJECT_ROOT

STORY = PROJECT_ROOT / "tests" / "STORY.md"

#: How many items of each kind the story lists.
COUNTS = {"S": 15, "W": 10, "I": 2, "E": 8, "A": 5, "D": 21}

ITEM = re.compile(r"^\| ([A-Z]\d+) \| (.+) \| (.+) \|$", re.MULTILINE)
TEST = re.compile(r"`(tests/[\w/]+\.py)::(\w+)`")
OTHER_ITEM = re.compile(r"\b([SWIEAD]\d+)\b")
REASON = re.compile(r"\bfell away\b", re.IGNORECASE)


def rows() -> list[tuple[str, str]]:
    return [(item, covered) for item, _what, covered in ITEM.findall(STORY.read_text(encoding="utf-8"))]


def names_in(path: Path) -> set[str]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    functions = (node for node in tree.body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))
    return {function.name for function in functions if function.name.startswith("test_")}


def test_every_item_of_the_story_is_mapped_once() -> None:
    expected = [f"{kind}{number}" for kind, count in COUNTS.items() for number in range(1, count + 1)]
    assert [item for item, _ in rows()] == expected


@pytest.mark.parametrize(("item", "covered"), rows(), ids=[item for item, _ in rows()])
def test_an_item_has_a_test_or_a_reason(item: str, covered: str) -> None:
    others = set(OTHER_ITEM.findall(covered)) - {item}
    assert TEST.search(covered) or REASON.search(covered) or others


@pytest.mark.parametrize("path", sorted({path for _, covered in rows() for path, _ in TEST.findall(covered)}))
def test_every_named_test_exists(path: str) -> None:
    named = {name for _, covered in rows() for file, name in TEST.findall(covered) if file == path}
    assert sorted(named - names_in(PROJECT_ROOT / path)) == []


def test_nothing_that_looks_like_a_test_escapes_the_check() -> None:
    text = STORY.read_text(encoding="utf-8")
    assert text.count("::") == len(TEST.findall(text))
