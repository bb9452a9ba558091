"""Where the prompts begin in a document that has no heading "Part 4: Master Prompts"."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import islice, takewhile

from assetgen_dagster.documents.blocks import Block, Kind
from assetgen_dagster.documents.groups import CLEAR, read_group
from assetgen_dagster.documents.parts import Part, Role
from assetgen_dagster.documents.pictures import is_plain_group


def mark_prompts(parts: Sequence[Part]) -> list[Part]:
    """Returns the parts with the prompts' role for everything from where the prompts seem to begin.

    That is the first title that names a kind, such as ``Characters``; or behind the atmosphere a title with a list, a
    table or a fence below it, which may be a group by another name; or where the document has nothing else, whatever
    title follows the atmosphere. Nothing is marked where there is none of these.
    """
    marked = _marked(parts, loose=False)
    only = all(part.role in (Role.ATMOSPHERE, Role.OTHER) for part in marked)
    return _marked(parts, loose=True) if only else marked


def _marked(parts: Sequence[Part], *, loose: bool) -> list[Part]:
    marked: list[Part] = []
    behind = begun = False
    for part in parts:
        behind = behind or part.role is Role.ATMOSPHERE
        if part.role is not Role.OTHER:
            marked.append(part)
            continue
        blocks = with_title(part)
        start = 0 if begun else next(_beginnings(blocks, behind=behind, loose=loose), len(blocks))
        if start:
            last = blocks[start].line - 1 if start < len(blocks) else part.last
            marked.append(replace(part, title="", blocks=blocks[:start], last=last))
        if start < len(blocks):
            begun = True
            line = blocks[start].line - 1
            marked.append(Part(Role.PROMPTS, line, "", 9, blocks[start:], last=part.last))
    return marked


def with_title(part: Part) -> list[Block]:
    """Returns a part's blocks with its title before them."""
    title = [Block(Kind.HEADING, part.line, part.title, min(part.level, 6))] if part.title else []
    return [*title, *part.blocks]


def _beginnings(blocks: Sequence[Block], *, behind: bool, loose: bool) -> Iterator[int]:
    for index, block in enumerate(blocks):
        below = blocks[index + 1 : index + 2]
        own = takewhile(lambda after: after.listed or not after.is_title, islice(blocks, index + 1, None))
        holds = block.is_title and any(after.listed or after.kind in (Kind.TABLE, Kind.FENCE) for after in own)
        if is_plain_group(block, below):
            yield index
        elif not block.is_title or block.listed:
            if behind and (block.listed or block.kind is Kind.TABLE):
                yield index
        elif read_group(block.text).kind:
            clear = any(word in CLEAR for word in re.findall(r"\w+", block.text.lower()))
            if holds or clear:  # "Settings" over a paragraph are Midjourney's
                yield index
        elif behind and (holds or (loose and below)):
            yield index
