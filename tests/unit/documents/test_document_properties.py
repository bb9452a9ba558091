"""What holds for the reader whatever it is given: its own error or a manifest, no prompt lost, nothing in silence."""

import re
from collections.abc import Callable
from contextlib import suppress

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from assetgen_dagster.documents import DocumentError, read_document
from assetgen_dagster.manifest.model import AssetManifest
from tests.unit.documents.dialects import Wanted, documents

#: The same examples on every machine; the slow runs look further.
FEW = settings(max_examples=150, deadline=None, derandomize=True, database=None)
MANY = settings(max_examples=3000, deadline=None, suppress_health_check=list(HealthCheck))

FRAGMENTS = st.sampled_from(
    [
        *("## Part 4: Master Prompts", "**Part 3: The Global Atmosphere Block**", "Part II", "### CHARACTERS"),
        *("#### 1. A [CORE]", "```", "````", "~~~", "**Suggested filename:** a.png", "**Filename:**", "`x.png`", "---"),
        *("===", "> ", "- ", "1. ", "**PROPS**", "**Prompt:**", "Negative prompt: x", "Category: prop", "--ar 1:0"),
        *(
            "--no",
            "--no a,",
            "—no b",
            "--ar 16:9",
            "some words of a prompt that is long enough",
            "\t",
            "\x00",
            "\u2028",
        ),
        *("\r", "<!--", "-->", "<details>", "[x]: y", "| a | b |", "#", "\ud800", "[Global Atmosphere]", "## Summary"),
        *("", " ", "**", "__a__", "\\", "&amp;", "a" * 300, "İ", "ﬀ"),
    ]
)


JUMBLE = st.lists(st.tuples(FRAGMENTS, st.sampled_from(["\n", "\n\n", " ", "\r\n"])), max_size=40).map(
    lambda pieces: "".join(fragment + end for fragment, end in pieces)
)


def check_jumble(text: str) -> None:
    try:
        manifest = read_document(text)
    except DocumentError as error:
        assert error.line >= 1
    else:
        assert manifest.content_sha256()
        assert all(said(remark) for remark in manifest.notes)


def check_any_text(text: str) -> None:
    for tried in (text, f"## Part 4: Master Prompts\n\n#### A\n```\n{text}\n```\n"):
        with suppress(DocumentError):
            read_document(tried)


def check_every_prompt_is_there(document: tuple[str, list[Wanted]]) -> None:
    text, wanted = document
    manifest = read_document(text)
    # Emphasis is no part of a prompt in bold, and stays where it is one word's.
    assert [(asset.asset_type, asset.prompt) for asset in manifest.assets] == [(one.kind, one.prompt) for one in wanted]
    assert manifest.global_atmosphere == "Rain."
    for asset, one in zip(manifest.assets, wanted, strict=True):
        assert asset.name == (one.stem if f"{one.stem}.png" in text else f"subject_{one.title[-1].lower()}")
        assert asset.category_reason
        assert one.title in text.splitlines()[(asset.source_line or 0) - 1]
    assert not [warning for warning in manifest.warnings if "is not read" in warning]


MARKS = st.sampled_from(
    [
        "{m} was here",
        "- {m} in a list",
        "1. {m} in a list of numbers",
        "> {m} said",
        "### {m}",
        "###### {m}",
        "**{m}**",
        "**{m}:** in bold",
        "Note: {m}",
        "**Used in:** {m}",
        "| {m} | b |\n|---|---|\n| c | {m} |",
        "```\n{m}\n```",
        "```json\n{m}\n```",
        "<!-- {m} -->",
        "<div>{m}</div>",
        "<!-- {m}",
        "{m}\n---",
        "[{m}]: http://example.com",
        "![{m}](x.jpg)",
        "    {m} with spaces before it",
        "> > > - - 1. {m} deep down",
        "{m}.png",
        "Suggested filename: {m}.png",
        "Category: {m}",
        "Negative prompt: {m}",
        "--no {m}",
    ]
)


@st.composite
def marked(draw: st.DrawFn) -> tuple[str, dict[str, list[int]]]:
    """A document with marks put into Part 4 wherever, and the lines on which each stands."""
    text, _ = draw(documents())
    lines = text.split("\n")
    start = next(number for number, line in enumerate(lines) if "Rain." in line) + 4
    for index in range(draw(st.integers(1, 3))):
        at = draw(st.integers(start, len(lines)))
        form = draw(MARKS).format(m=f"zq{index}x")
        lines[at:at] = [*draw(st.sampled_from(([], [""]))), *form.split("\n"), *draw(st.sampled_from(([], [""])))]
    return "\n".join(lines), {
        mark: [number for number, line in enumerate(lines, 1) if mark in line] for mark in ("zq0x", "zq1x", "zq2x")
    }


def said(remark: str) -> set[int]:
    """The lines that a warning or a note speaks of."""
    found = re.match(r"lines? ((?:\d+(?:-\d+)?(?:, )?)+)", remark)
    lines: set[int] = set()
    for part in found[1].split(", ") if found else []:
        first, _, last = part.partition("-")
        lines.update(range(int(first), int(last or first) + 1))
    return lines


def told(manifest: AssetManifest) -> str:
    parts = [manifest.global_atmosphere, *manifest.warnings, *manifest.notes]
    for asset in manifest.assets:
        parts += [asset.prompt, asset.name, asset.title, asset.category_reason]
    return " ".join(parts)


def check_nothing_is_dropped_in_silence(document: tuple[str, dict[str, list[int]]]) -> None:
    text, marks = document
    try:
        manifest = read_document(text)
    except DocumentError:
        return  # said out loud
    spoken_of = set().union(*(said(remark) for remark in (*manifest.warnings, *manifest.notes)))
    groups = {number for number, line in enumerate(text.split("\n"), 1) if line.startswith(("#", "**"))}
    for mark, lines in marks.items():
        if lines and mark not in told(manifest):
            # A title that nothing is drawn for is told of, or stands over pictures.
            assert set(lines) & (spoken_of | groups), f"{mark} on {lines} is gone"


CHECKS: list[tuple[Callable[..., None], st.SearchStrategy[object]]] = [
    (check_jumble, JUMBLE),
    (check_any_text, st.text(max_size=400)),
    (check_every_prompt_is_there, documents()),
    (check_nothing_is_dropped_in_silence, marked()),
]


@pytest.mark.parametrize(("check", "examples"), CHECKS, ids=lambda value: getattr(value, "__name__", ""))
def test_whatever_the_document_the_reader_keeps_its_word(
    check: Callable[..., None], examples: st.SearchStrategy[object]
) -> None:
    FEW(given(examples)(check))()


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize(("check", "examples"), CHECKS, ids=lambda value: getattr(value, "__name__", ""))
def test_whatever_the_document_the_reader_keeps_its_word_in_a_long_search(
    check: Callable[..., None], examples: st.SearchStrategy[object]
) -> None:
    MANY(given(examples)(check))()
