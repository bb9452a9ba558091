"""A Markdown text as a flat list of blocks with line numbers: headings, bold lines, text, fences and rules.

What the blocks mean is not known here. The parsing is markdown-it-py's; switched off are the rules that do harm in
documents written by hand: indented code (a pasted heading with a tab before it is still a heading), ``---`` under a
line of text as a heading (it separates pictures), link definitions (``[CORE]: ...``).
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from enum import Enum, auto

from markdown_it import MarkdownIt
from markdown_it.token import Token

from assetgen_dagster.story.labels import file_label

_ESCAPE = re.compile(r"\\([!-/:-@\[-`{-~])")
_MARKS = re.compile(r"\*\*|`|(?<!\w)[*_]+|[*_]+(?!\w)")
_BOLD_LINE = re.compile(r"^(\*\*|__)(?=\S)((?:(?!\1).)+)\1(:?)((?:\s*\[[^\]\n]{1,30}\])?)$")
_BOLD_LED_ATMOSPHERE = re.compile(r"^\*\*[^*\n]{0,40}global atmosphere[^*\n]{0,40}\*\*(?=[ \t]*\S)", re.IGNORECASE)
_OPENING = re.compile(r"^\s*(?:(?:[-*+>]|\d{1,3}[.)])\s+){0,4}(`{3,}|~{3,})([^`]*)$")
_ATX = re.compile(r"^\s{0,12}#{1,6}\s+\S")
_RULE = re.compile(r"^\s{0,3}(?:-\s*){3,}$")


class Kind(Enum):
    """What a block is by its form."""

    HEADING = auto()
    BOLD = auto()
    TEXT = auto()
    FENCE = auto()
    RULE = auto()


@dataclass(frozen=True)
class Block:
    """One block.

    Attributes:
        kind: Its form.
        line: 1-based line in the text as it was delivered.
        text: Content without the marks of its kind.
        level: 1 to 6 for headings, 7 for bold lines.
        info: What stands behind the opening of a fence.
        listed: Stands in a list.
    """

    kind: Kind
    line: int
    text: str
    level: int = 0
    info: str = ""
    listed: bool = False

    @property
    def is_title(self) -> bool:
        """Whether the block can be a title: a heading or a line that is nothing but bold."""
        return self.kind in (Kind.HEADING, Kind.BOLD)


def plain(text: str) -> str:
    """Returns a short text without Markdown's emphasis, code marks and escapes."""
    if text.isalnum():
        return text
    return _ESCAPE.sub(r"\1", _MARKS.sub("", text)).strip()


def read_blocks(text: str) -> tuple[list[Block], list[str]]:
    """Splits a cleaned text into blocks.

    Returns:
        The blocks, and a warning for every fence that had to be closed on the producer's behalf.
    """
    lines, origin, warnings = _close_fences(_unwrap(text.split("\n")))
    tokens = _parser().parse("\n".join(lines))
    blocks = [part for block in _from_tokens(tokens, origin) for part in _split_text(block)]
    return list(_underlined(blocks)), warnings


def _parser() -> MarkdownIt:
    # Inline markup is not parsed: prompts stay as they were written, and a megabyte stays below a second.
    return MarkdownIt("commonmark").disable(["code", "lheading", "reference", "inline"])


def _from_tokens(tokens: Sequence[Token], origin: Sequence[int]) -> Iterator[Block]:
    lists = level = 0
    for token in tokens:
        line = origin[token.map[0]] if token.map else 0
        if token.type in ("bullet_list_open", "ordered_list_open"):
            lists += 1
        elif token.type in ("bullet_list_close", "ordered_list_close"):
            lists -= 1
        elif token.type == "heading_open":
            level = int(token.tag[1])
        elif token.type == "heading_close":
            level = 0
        elif token.type == "inline" and file_label(token.content) is not None:
            yield Block(Kind.TEXT, line, token.content, listed=lists > 0)
        elif token.type == "inline":
            kind = Kind.HEADING if level else Kind.TEXT
            yield Block(kind, line, plain(token.content) if level else token.content, level, listed=lists > 0)
        elif token.type == "fence":
            yield Block(Kind.FENCE, line, token.content, info=token.info.strip(), listed=lists > 0)
        elif token.type == "hr":
            yield Block(Kind.RULE, line, "")
        elif token.type == "html_block" and not token.content.lstrip().startswith("<!--"):
            without_tags = re.sub(r"<[^<>\n]{0,500}>", "", token.content)
            if without_tags.strip():
                yield Block(Kind.TEXT, line, without_tags.strip("\n"), listed=lists > 0)


def _split_text(block: Block) -> Iterator[Block]:
    """Splits a paragraph at lines that are nothing but bold: they are titles, with or without blank lines around."""
    if block.kind is not Kind.TEXT:
        yield block
        return
    pending: list[str] = []
    start = block.line
    lines = block.text.split("\n")
    if led := _BOLD_LED_ATMOSPHERE.match(lines[0]):
        yield replace(block, kind=Kind.BOLD, text=plain(led[0]), level=7)
        lines[0] = lines[0][led.end() :].lstrip(" :")
    for number, line in enumerate(lines, block.line):
        stripped = line.strip()
        bold = _BOLD_LINE.match(stripped) if len(stripped) <= 300 else None
        if bold is None or file_label(stripped) is not None:
            pending.append(line)
            continue
        if pending:
            yield replace(block, line=start, text="\n".join(pending))
            pending = []
        yield replace(block, kind=Kind.BOLD, line=number, text=plain(bold[2]) + bold[3] + bold[4], level=7)
        start = number + 1
    if pending:
        yield replace(block, line=start, text="\n".join(pending))


def _underlined(blocks: list[Block]) -> Iterator[Block]:
    """Turns a line underlined with ``===`` into a heading, and one underlined with ``---`` before a fence."""
    skip = False
    for index, block in enumerate(blocks):
        if skip:
            skip = False
            continue
        following = blocks[index + 1 : index + 3]
        title, _, underline = block.text.rpartition("\n")
        if block.kind is not Kind.TEXT or block.listed:
            yield block
        elif len(underline) > 1 and not underline.strip().strip("=") and title.strip():
            yield replace(block, kind=Kind.HEADING, text=plain(title), level=1)
        elif (
            [part.kind for part in following] == [Kind.RULE, Kind.FENCE]
            and following[0].line == block.line + 1
            and len(block.text) <= 120
            and file_label(block.text) is None
        ):
            yield replace(block, kind=Kind.HEADING, text=plain(block.text), level=2)
            skip = True
        else:
            yield block


def _unwrap(lines: list[str]) -> list[str]:
    """Opens a document that was pasted as one big Markdown fence, as language models like to answer."""
    written = [number for number, line in enumerate(lines) if line.strip()]
    if written and re.fullmatch(r"(?:`{3,}|~{3,})\s*(?:markdown|md)", lines[written[0]].strip(), re.IGNORECASE):
        lines = [*lines]
        lines[written[0]] = ""
        if re.fullmatch(r"`{3,}|~{3,}", lines[written[-1]].strip()):
            lines[written[-1]] = ""
    return lines


def _close_fences(lines: Sequence[str]) -> tuple[list[str], list[int], list[str]]:
    """Closes fences whose end was forgotten, so that they do not swallow the pictures behind them.

    Returns:
        The lines, the 1-based line each of them was delivered as (one more for the end), and warnings.
    """
    next_text, next_fence, next_heading = _look_ahead(lines)
    result: list[str] = []
    origin: list[int] = []
    warnings: list[str] = []
    opened = ""
    opened_at = 0
    for number, line in enumerate(lines):
        if opened:
            mark = line.strip().lstrip("> ")
            title = bool(_ATX.match(line))
            # In a good fence headings are never the last lines, and no heading follows a file name.
            forgotten = (title and (next_fence[number] == len(lines) or next_text[number] == next_fence[number])) or (
                file_label(line) is not None and next_heading[number] < next_fence[number]
            )
            if mark and not mark.strip(opened[0]) and len(mark) >= len(opened):
                opened = ""
            elif forgotten:
                warnings.append(f"line {opened_at}: this fence is not closed; read as ending before line {number + 1}")
                result.append(opened)
                origin.append(number + 1)
                opened = ""
        elif opening := _OPENING.match(line):
            opened, opened_at = opening[1], number + 1
        result.append(line)
        origin.append(number + 1)
    return result, [*origin, len(lines)], warnings


def _look_ahead(lines: Sequence[str]) -> tuple[list[int], list[int], list[int]]:
    """Returns for each line where the next line that is no heading, with a fence, with a heading or rule stands."""
    end = len(lines)
    text = fence = heading = end
    texts, fences, headings = [end] * end, [end] * end, [end] * end
    for number in range(end - 1, -1, -1):
        texts[number], fences[number], headings[number] = text, fence, heading
        line = lines[number]
        if line.strip() and not _ATX.match(line):
            text = number
        if _OPENING.match(line):
            fence = number
        elif _ATX.match(line) or _RULE.match(line):
            heading = number
    return texts, fences, headings
