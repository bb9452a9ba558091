"""The Global Atmosphere Block: what of its part is put before every prompt, and where a person should look."""

import re
from collections.abc import Sequence

from assetgen_dagster.documents.blocks import Block, Kind, plain
from assetgen_dagster.documents.diagnostics import Diagnostic, short
from assetgen_dagster.documents.labels import Field, label_of_title
from assetgen_dagster.documents.parts import PHRASES, SPEAKING, Part, Role

#: ``*Put this before every prompt:*``, in italics.
_HINT = re.compile(r"^([*_])(?!\1)[^*\n]{1,120}:\s?\1$")
#: Words of an atmosphere; more are likely to be the pictures below it.
_MOST_WORDS = 250


def read_atmosphere(parts: Sequence[Part]) -> tuple[str, list[Diagnostic]]:
    """Returns the Global Atmosphere Block with its flags still in it, and diagnostics."""
    found: list[tuple[str, int]] = []
    diagnostics: list[Diagnostic] = []
    for number, part in enumerate(parts):
        if part.role is not Role.ATMOSPHERE:
            continue
        taken = _until_rule(part.blocks)
        text = _joined(taken)
        if text:
            found.append((text, taken[0].line))
            diagnostics += _doubts(text, taken)
            diagnostics += _paragraph_behind(part, parts[number + 1 :])
        left = next((block for block in part.blocks[len(taken) :] if block.kind in SPEAKING), None)
        if text and left and taken[-1].line < left.line:
            diagnostics.append(Diagnostic(left.line, "text behind the rule is not taken as part of the atmosphere"))
    if not found:
        return "", [Diagnostic(0, "no Global Atmosphere Block was found; every prompt stands for itself")]
    diagnostics += [Diagnostic(line, "a second Global Atmosphere Block is not used") for _, line in found[1:]]
    return found[0][0], diagnostics


def _doubts(text: str, taken: Sequence[Block]) -> list[Diagnostic]:
    """Warns of an atmosphere that may have pictures in it: it is put before every prompt."""
    words = len(text.split())
    title = next((block for block in taken if block.kind is Kind.HEADING and not _is_own(block.text)), None)
    if words <= _MOST_WORDS and title is None:
        return []
    what = f"the heading {short(title.text)}" if title else f"{words} words"
    says = f"the Global Atmosphere Block has {what} in it and is put before every prompt; end it with a line '---'"
    return [Diagnostic(title.line if title else taken[0].line, says)]


def _is_own(title: str) -> bool:
    """Returns whether a heading is an atmosphere's own, such as ``Light``."""
    return label_of_title(title) is Field.LOOK or any(phrase.search(title) for _, phrase in PHRASES)


def _paragraph_behind(part: Part, following: Sequence[Part]) -> list[Diagnostic]:
    """Warns of text behind an atmosphere that is one paragraph, where nothing else would read it."""
    if not following or following[0].title or not following[0].blocks or part.level < 7:
        return []
    block = following[0].blocks[0]
    read = block.listed or block.kind is Kind.TABLE
    if block.kind not in SPEAKING or (read and not any(later.role is Role.PROMPTS for later in following)):
        return []
    return [Diagnostic(block.line, "text behind the atmosphere's paragraph is not taken as part of it", last=block.end)]


def _until_rule(blocks: Sequence[Block]) -> list[Block]:
    """Returns the blocks up to the first rule that has text before it."""
    taken: list[Block] = []
    for block in blocks:
        if block.kind is Kind.RULE:
            if any(before.kind in SPEAKING for before in taken):
                break
            continue
        taken.append(block)
    return taken


def _joined(blocks: Sequence[Block]) -> str:
    """Joins an atmosphere's blocks; where the better half stands in fences, the rest is talk about it."""
    fenced = [block for block in blocks if block.kind is Kind.FENCE and block.text.strip()]
    spoken = sum(len(block.text) for block in blocks if block.kind is Kind.TEXT)
    if fenced and sum(len(block.text) for block in fenced) >= spoken:
        return "\n\n".join(block.text.strip() for block in fenced).replace("**", "")
    text, end = "", 0
    for block in blocks:
        if block.kind is Kind.HEADING and any(phrase.search(block.text) for _, phrase in PHRASES):
            continue
        written = _table_text(block) if block.kind is Kind.TABLE else block.text.strip()
        if _HINT.match(written):
            continue
        if block.is_title and not written.endswith((":", ".")):
            written += ":"
        text += ("\n" if block.line == end else "\n\n") + written
        end = block.end + 1
    text = text.replace("**", "").strip()
    return text if text.strip(" :\n") and any(block.kind in SPEAKING for block in blocks) else ""


def _table_text(table: Block) -> str:
    """Returns a table as lines of ``key: value``; a header of mere column names is left out."""
    header = table.rows[0].cells
    bare = all(len(cell.split()) <= 2 for cell in header)
    rows = table.rows[1:] if bare and len(table.rows) > 1 else table.rows
    return "\n".join(": ".join(filter(None, (plain(cell) for cell in row.cells))) for row in rows)
