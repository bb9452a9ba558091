"""What Part 1 lists (Cast, Props, Sets), in whatever form: the last word on a picture that nothing else places."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from assetgen_dagster.documents.blocks import Block, Kind, plain
from assetgen_dagster.documents.groups import read_group
from assetgen_dagster.manifest.model import AssetType

_MOST_COMPARED = 200
_CORE = re.compile(r"[\[(]\s*core\b[^\])\n]{0,20}[\])]", re.I)
_TYPE_COLUMN = re.compile(r"\b(?:category|type|kind|class|group|kategorie|typ)\b", re.I)
_NAME_COLUMN = re.compile(r"\b(?:name|title|asset|picture|image|subject|variant)s?\b", re.I)
_ENDING = re.compile(r"\.(?:png|jpe?g|webp)\b", re.I)
_SAID = re.compile(r"[(\[]\s*(\w{3,20})\s*[)\]]\s*$")


@dataclass(frozen=True)
class Lists:
    """What Part 1 lists.

    Attributes:
        entries: Kinds by the words of their pictures' titles.
        cast: First words of the characters' names.
        cores: Titles that are marked ``[CORE]``.
    """

    entries: dict[str, AssetType] = field(default_factory=dict)
    cast: set[str] = field(default_factory=set)
    cores: set[str] = field(default_factory=set)

    def find(self, title: str) -> AssetType | None:
        """Returns the kind under which Part 1 lists ``title``: word for word, else nearly so, else by a cast name."""
        key = key_of(title)
        if key in self.entries:
            return self.entries[key]
        # Comparing with every entry would take minutes for a list of thousands, and no real list is that long.
        near = [kind for entry, kind in list(self.entries.items())[:_MOST_COMPARED] if key and _alike(key, entry)]
        if near and len(set(near)) == 1:
            return near[0]
        return AssetType.CHARACTER if self.is_cast(title) else None

    def is_cast(self, title: str) -> bool:
        """Returns whether a title begins with the name of one of the cast."""
        first = key_of(title).split(" ")[0]
        return bool(first) and first in self.cast

    def is_core(self, title: str) -> bool:
        """Returns whether Part 1 marks a picture ``[CORE]``."""
        return bool(self.cores) and key_of(title) in self.cores


def read_lists(blocks: Sequence[Block]) -> Lists:
    """Reads the lists of Part 1: headings with lists, tables with a column for the kind, ``Props: one, two``."""
    lists = Lists()
    kind: AssetType | None = None
    for block in blocks:
        if block.kind is Kind.TABLE:
            for name, said in _table_entries(block):
                _enter(lists, name, said or kind)
        elif block.is_title:
            group = read_group(block.text)
            if group.titled:
                kind = group.kind
            elif block.kind is Kind.HEADING:
                kind = None
            elif kind is AssetType.CHARACTER:
                lists.cast.add(key_of(block.text).split(" ")[0])
        elif block.kind is Kind.TEXT:
            for _, line in block.lines:
                kind = _line(lists, line, kind, listed=block.listed)
    lists.cast.discard("")
    return lists


def _line(lists: Lists, line: str, kind: AssetType | None, *, listed: bool) -> AssetType | None:
    """Reads a line of a list; returns the kind that holds for the lines behind it."""
    text = plain(line)
    head, colon, rest = text.partition(":")
    group = read_group(head)
    if group.titled and (colon or len(text.split()) <= 4):
        if not rest.strip():
            return group.kind
        for part in re.split(r"[,;]", rest):
            _enter(lists, part, group.kind)
        return kind
    if listed:
        said = _SAID.search(_before_dash(text))
        own = read_group(said[1]).kind if said else None
        _enter(lists, text, own or kind)
    return kind


def _enter(lists: Lists, text: str, kind: AssetType | None) -> None:
    if _CORE.search(text[:300]):
        lists.cores.add(key_of(_before_dash(text)))
    if kind is None:
        return
    for key in {key_of(text), key_of(_before_dash(text))} - {""}:
        lists.entries.setdefault(key, kind)
    if kind is AssetType.CHARACTER:
        lists.cast.add(key_of(text).split(" ")[0])


def _table_entries(table: Block) -> Iterator[tuple[str, AssetType | None]]:
    """Returns the names in a table, and the kinds that it gives them."""
    header = [plain(cell) for cell in table.rows[0].cells]
    named = next((index for index, cell in enumerate(header) if _NAME_COLUMN.search(cell)), None)
    typed = next((index for index, cell in enumerate(header) if _TYPE_COLUMN.search(cell)), None)
    for row in table.rows[1:]:
        words = [index for index, cell in enumerate(row.cells) if re.search(r"[^\W\d_]{2}", cell) and index != typed]
        name = words[0] if named is None and words else named
        kind = read_group(plain(row.cells[typed])).kind if typed is not None and typed < len(row.cells) else None
        if name is not None and name < len(row.cells):
            yield plain(row.cells[name]), kind


def key_of(text: str) -> str:
    """Returns the words of a title, for comparing; ``[CORE]`` and numbering do not count."""
    text = re.sub(r"\[[^\]\n]{1,30}\]|^\W*\d{1,3}[.)]\s", " ", plain(_ENDING.sub("", text[:300])))
    text = text.replace("'", "").replace("\N{RIGHT SINGLE QUOTATION MARK}", "").replace("_", " ").lower()
    return " ".join(re.findall(r"\w+", text))


def _alike(first: str, second: str) -> bool:
    """Returns whether two keys mean the same picture: one begins with the other, or most of their words are shared."""
    words, others = first.split(), second.split()
    common = min(len(words), len(others))
    if common > 1 and words[:common] == others[:common]:
        return True
    return len(set(words) & set(others)) >= 0.6 * len(set(words) | set(others))


def _before_dash(line: str) -> str:
    """Cuts a list entry before the dash that leads its description, but not at a dash in brackets."""
    depth = 0
    for index, character in enumerate(line[:300]):
        depth += (character in "([") - (character in ")]")
        if depth == 0 and (line[index : index + 3] in (" - ", " – ", " — ") or line[index : index + 2] == ": "):
            return line[:index]
    return line
