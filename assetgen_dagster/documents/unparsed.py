"""Reports text that was not parsed: every line below the prompts' heading belongs to a picture or a diagnostic.

The check uses the delivered lines only, not the parser's structures, so that no bug there drops a text in silence.
"""

import re
from collections.abc import Iterator, Sequence
from itertools import pairwise

from assetgen_dagster.documents.blocks import Block, Kind, plain
from assetgen_dagster.documents.diagnostics import Diagnostic, short
from assetgen_dagster.documents.items import LEAST_WORDS, may_be_picture
from assetgen_dagster.documents.normalize import is_only_tags
from assetgen_dagster.documents.parts import Part, Role
from assetgen_dagster.documents.pictures import Found

_WORD = re.compile(r"[^\W_]")
_FENCE = re.compile(r"^\s*(?:`{3,}|~{3,})\s*\w*\s*$")


def unparsed_text(
    lines: Sequence[str], parts: Sequence[Part], found: Found, diagnostics: Sequence[Diagnostic]
) -> Iterator[Diagnostic]:
    """Yields a warning for each stretch of text in Part 4 without a picture or a diagnostic."""
    known = {line for diagnostic in diagnostics for line in diagnostic.lines} | found.lines
    for part in parts:
        if part.role is not Role.PROMPTS:
            continue
        start = 0
        for number in range(part.line + 1, (part.last or len(lines)) + 1):
            line = lines[number - 1]
            silent = not _WORD.search(line) or _FENCE.match(line) or is_only_tags(line)
            if number in known or (silent and not start):
                yield from _unread(lines, start, number - 1)
                start = 0
            elif not silent:
                start = start or number
        yield from _unread(lines, start, part.last or len(lines))


def lost_entries(parts: Sequence[Part], found: Found, diagnostics: Sequence[Diagnostic]) -> Iterator[Diagnostic]:
    """Yields a warning for each likely picture outside the prompts, if no heading marks where they begin."""
    known = {line for diagnostic in diagnostics for line in diagnostic.lines} | found.lines
    for part in parts:
        if part.role is not Role.OTHER:
            continue
        for block, below in pairwise([*part.blocks, Block(Kind.RULE, 0, "")]):
            last = block.end
            if block.kind is Kind.TABLE:
                likely = any(len(cell.split()) >= LEAST_WORDS for row in block.rows[1:] for cell in row.cells)
            elif block.kind is Kind.BOLD:
                likely, last = below.kind is Kind.TEXT and len(below.text.split()) >= LEAST_WORDS, below.end
            else:
                likely = block.kind is Kind.TEXT and may_be_picture(block)
            if likely and known.isdisjoint(range(block.line, last + 1)):
                known.update(range(block.line, last + 1))
                name = "this table" if block.kind is Kind.TABLE else short(plain(block.text))
                says = f"{name} gave no picture: no heading 'Part 4: Master Prompts' stands above it"
                yield Diagnostic(block.line, says, last=last, left_out=True)


def _unread(lines: Sequence[str], start: int, end: int) -> Iterator[Diagnostic]:
    if not start:
        return
    while not _WORD.search(lines[end - 1]):
        end -= 1
    says = f"{short(lines[start - 1])} belongs to no picture and is not read"
    yield Diagnostic(start, says, last=end, left_out=True)
