"""A Markdown text as a flat list of blocks with line numbers: headings, bold lines, text, fences, tables and rules.

What the blocks mean is not known here. The parsing is markdown-it-py's; switched off are the rules that do harm in
documents written by hand: indented code (a pasted heading with a tab before it is still a heading), ``---`` under a
line of text as a heading (it separates pictures), link definitions (``[CORE]: ...``), HTML (``repairs`` sees to it).
"""

import html
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from enum import Enum, auto
from itertools import pairwise

from markdown_it import MarkdownIt
from markdown_it.token import Token

from assetgen_dagster.documents.diagnostics import Diagnostic
from assetgen_dagster.documents.labels import Field, file_label, read_label
from assetgen_dagster.documents.normalize import Repaired, repair
from assetgen_dagster.support.text import clean_text

_ESCAPE = re.compile(r"\\([!-/:-@\[-`{-~])")
#: An escaped character, which stands for itself, or a mark.
_MARKS = re.compile(r"\\([!-/:-@\[-`{-~])|\*\*|`|~~|(?<!\w)[*_]+|[*_]+(?!\w)")
_BOLD_LINE = re.compile(r"^(\*\*|__)(?=\S)((?:(?!\1).)+)\1(:?)((?:\s*[\[(][^\]()\n]{1,30}[\])])?)$")
_BOLD_LED_ATMOSPHERE = re.compile(r"^\*\*[^*\n]{0,40}global atmosphere[^*\n]{0,40}\*\*(?=[ \t]*\S)", re.IGNORECASE)
_CELL_BAR = re.compile(r"(?<!\\)\|")
_LINK = re.compile(r"!?\[([^\[\]\n]{0,300})\]\([^()\n]{0,500}\)")
_BREAK = re.compile(r"<br\s{0,3}/?>", re.IGNORECASE)
_TAGS = re.compile(
    r"</?(?:a|b|i|u|em|strong|span|sub|sup|code|kbd|p|div|small|mark|font|center|summary|details|img|pre)"
    r"(?:\s[^<>\n]{0,300})?/?>",
    re.IGNORECASE,
)
_ROW_LEAD = re.compile(r"^[\s>]*(?:[-*+]\s+|\d{1,3}[.)]\s+)?")
_HARD_BREAK = re.compile(r"\\$", re.MULTILINE)
_INLINE = (Field.PROMPT, Field.NEGATIVE, Field.CATEGORY, Field.RATIO, Field.NAME)
_SILENT = frozenset(
    f"{name}_{end}"
    for name in ("paragraph", "list_item", "bullet_list", "ordered_list", "heading", "blockquote", "td", "th")
    for end in ("open", "close")
)
_LONGEST_TITLE = 120


class Kind(Enum):
    """The form of a block."""

    HEADING = auto()
    BOLD = auto()
    TEXT = auto()
    FENCE = auto()
    RULE = auto()
    TABLE = auto()


@dataclass(frozen=True)
class Row:
    """A row of a table: its line and its cells, without Markdown's escapes."""

    line: int
    cells: tuple[str, ...]


@dataclass(frozen=True)
class Block:
    """One block.

    Attributes:
        kind: Its form.
        line: 1-based line in the text as it was delivered.
        text: Content without the marks of its kind; a table's is empty.
        level: 1 to 6 for headings, 7 for bold lines.
        info: What stands behind the opening of a fence.
        items: The list items it stands in, outermost first, each by its line.
        ordered: The outermost of them is numbered.
        rows: A table's rows, its header first.
        flat: However many lines the text has, it stands on one: a table's cell.
    """

    kind: Kind
    line: int
    text: str
    level: int = 0
    info: str = ""
    items: tuple[int, ...] = ()
    ordered: bool = False
    rows: tuple[Row, ...] = ()
    flat: bool = False

    @property
    def is_title(self) -> bool:
        """Whether the block can be a title: a heading or a line that is nothing but bold."""
        return self.kind in (Kind.HEADING, Kind.BOLD)

    @property
    def listed(self) -> bool:
        """Whether it stands in a list."""
        return bool(self.items)

    @property
    def lines(self) -> list[tuple[int, str]]:
        """Its lines with their numbers."""
        return [(self.line + (0 if self.flat else n), text) for n, text in enumerate(self.text.split("\n"))]

    @property
    def end(self) -> int:
        """The last line it stands on."""
        if self.kind is Kind.TABLE:
            return self.rows[-1].line
        if self.kind is Kind.FENCE:
            return self.line + self.text.rstrip("\n").count("\n") + 2
        return self.line if self.flat else self.line + self.text.count("\n")


def plain(text: str) -> str:
    """Returns a short text without Markdown's emphasis, code marks, links and escapes."""
    if text.replace(" ", "").isalnum():
        return text
    text = _TAGS.sub("", _BREAK.sub(" ", _LINK.sub(r"\1", text)))
    return _MARKS.sub(r"\1", text).strip()


def read_blocks(text: str) -> tuple[list[Block], list[Diagnostic]]:
    """Splits a cleaned text into blocks.

    Returns:
        The blocks, and what had to be repaired on the producer's behalf.
    """
    source = repair(text.split("\n"))
    tokens = _parser().parse("\n".join(source.lines))
    blocks = [part for block in _from_tokens(tokens, source) for part in _split_text(block)]
    return list(_underlined(blocks)), source.diagnostics


def _parser() -> MarkdownIt:
    # Inline markup is not parsed: prompts stay as they were written, and a megabyte stays below a second.
    rules = ["code", "lheading", "reference", "html_block", "inline"]
    return MarkdownIt("commonmark").enable("table").disable(rules)


def _from_tokens(tokens: Sequence[Token], source: Repaired) -> Iterator[Block]:
    place = _Place()
    rows: list[Row] = []
    for token in tokens:
        line = source.origin[token.map[0]] if token.map else 0
        if place.step(token, line) or (rows and token.type == "inline"):
            continue  # a row's cells are split with the row
        block = Block(Kind.TEXT, line, token.content, items=tuple(place.items), ordered=place.numbered[:1] == [True])
        if token.type == "tr_open" and token.map:
            rows.append(Row(line, _cells(source.lines[token.map[0]])))
        elif token.type == "table_close" and rows:
            yield replace(block, kind=Kind.TABLE, line=rows[0].line, rows=tuple(rows))
            rows = []
        elif token.type == "inline" and place.level and file_label(token.content) is None:
            yield replace(block, kind=Kind.HEADING, text=plain(html.unescape(token.content)), level=place.level)
        elif token.type == "inline":
            yield replace(block, text=_as_meant(token.content))
        elif token.type == "fence":
            yield replace(block, kind=Kind.FENCE, info=token.info.strip())
        elif token.type == "hr" and token.map:
            yield replace(block, kind=Kind.RULE, text=source.lines[token.map[0]].strip())


@dataclass
class _Place:
    """The lists, items and heading that a walk through the tokens is in."""

    items: list[int] = field(default_factory=list)
    numbered: list[bool] = field(default_factory=list)
    level: int = 0

    def step(self, token: Token, line: int) -> bool:
        """Enters or leaves what the token opens or closes; returns whether that is all it does."""
        if token.type in ("bullet_list_open", "ordered_list_open"):
            self.numbered.append(token.type == "ordered_list_open")
        elif token.type in ("bullet_list_close", "ordered_list_close"):
            self.numbered.pop()
        elif token.type == "list_item_open":
            self.items.append(line)
        elif token.type == "list_item_close":
            self.items.pop()
        elif token.type in ("heading_open", "heading_close"):
            self.level = int(token.tag[1]) if token.type == "heading_open" else 0
        return token.type in _SILENT


def _cells(line: str) -> tuple[str, ...]:
    """Splits a table's row itself: the parser drops what a bar too many has cut off from a prompt."""
    line = _ROW_LEAD.sub("", line, count=1).strip().removeprefix("|")
    line = line[:-1] if line.endswith("|") and not line.endswith("\\|") else line
    return tuple(_as_meant(_BREAK.sub("\n", cell)).strip() for cell in _CELL_BAR.split(line))


def _as_meant(text: str) -> str:
    """Returns a text without escapes, entities, hard line breaks and tags, on as many lines as before."""
    if "<" in text:
        text = _TAGS.sub("", _BREAK.sub(" ", text))
    if "&" in text:
        text = clean_text(html.unescape(text).replace("\n", " "))
    return _ESCAPE.sub(r"\1", _HARD_BREAK.sub("", text)) if "\\" in text else text


def _split_text(block: Block) -> Iterator[Block]:
    """Splits a paragraph at lines that are nothing but bold: they are titles, with or without blank lines around."""
    if block.kind is not Kind.TEXT:
        yield block
        return
    pending: list[str] = []
    start = block.line
    if "**" not in block.text and "__" not in block.text:
        yield block
        return
    lines = block.text.split("\n")
    if led := _BOLD_LED_ATMOSPHERE.match(lines[0]):
        yield replace(block, kind=Kind.BOLD, text=plain(led[0]), level=7)
        lines[0] = lines[0][led.end() :].lstrip(" :")
    for number, line in enumerate(lines, block.line):
        stripped = line.strip()
        bold = _BOLD_LINE.match(stripped) if len(stripped) <= 300 else None
        if bold is None or _labels_itself(stripped):
            pending.append(line)
            continue
        if pending:
            yield replace(block, line=start, text="\n".join(pending))
            pending = []
        yield replace(block, kind=Kind.BOLD, line=number, text=plain(bold[2]) + bold[3] + bold[4], level=7)
        start = number + 1
    if pending:
        yield replace(block, line=start, text="\n".join(pending))


def _labels_itself(line: str) -> bool:
    """Returns whether a bold line is a label with its value, ``**Filename: a.png**``, and not a title."""
    label = read_label(line)
    return label is not None and (label.field is Field.FILE or (bool(label.value) and label.field in _INLINE))


def _underlined(blocks: list[Block]) -> Iterator[Block]:
    """Turns a line underlined with ``===`` into a heading, and with ``---`` where that is no separator."""
    habit = any(_underlines(rule, block, least=4) for block, rule in pairwise(blocks))
    skip = False
    for index, block in enumerate(blocks):
        rule = blocks[index + 1] if index + 1 < len(blocks) else block
        behind = blocks[index + 2].kind if index + 2 < len(blocks) else Kind.RULE
        *before, title, underline = ["", *block.text.split("\n")] if block.kind is Kind.TEXT else ["", ""]
        if skip:
            skip = False
        elif block.kind is Kind.TEXT and len(underline) > 1 and not underline.strip().strip("=") and title.strip():
            if before[1:]:
                yield replace(block, text="\n".join(before[1:]))
            yield replace(block, kind=Kind.HEADING, line=block.end - 1, text=plain(title), level=1)
        elif _underlines(rule, block, least=4) or (
            _underlines(rule, block, least=3) and (behind is Kind.FENCE or (habit and behind is Kind.TEXT))
        ):
            yield replace(block, kind=Kind.HEADING, text=plain(block.text), level=2)
            skip = True
        else:
            yield block


def _underlines(rule: Block, block: Block, *, least: int) -> bool:
    """Returns whether a rule of at least this many dashes makes the line above it a heading."""
    return (
        rule.kind is Kind.RULE
        and block.kind is Kind.TEXT
        and rule.line == block.line + 1
        and not block.listed
        and len(block.text) <= _LONGEST_TITLE
        and len(rule.text) >= least
        and not rule.text.strip("-")
        and (not block.text.rstrip().endswith((".", ",", ";")) or len(rule.text) == len(block.text))
        and file_label(block.text) is None
    )
