"""Pictures without a heading: rows of a table, items of a list, paragraphs that begin with a name.

They become sections like any other, so that one reader (``sections``) serves all. What makes an item a picture is its
form, not its words: it holds a prompt, a fence or a file name; or it is led by a name that no other section's items
are led by (``Subject``, ``Setting``, ``Lens`` come again under every picture, and are parts of one prompt).
"""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import groupby

from assetgen_dagster.documents.blocks import Block, Kind, plain
from assetgen_dagster.documents.diagnostics import Diagnostic, short
from assetgen_dagster.documents.drafts import CORE
from assetgen_dagster.documents.fences import json_entries
from assetgen_dagster.documents.groups import read_group
from assetgen_dagster.documents.items import LEAST_WORDS, LED, LED_PLAIN, is_order, name_of
from assetgen_dagster.documents.labels import Field, read_label
from assetgen_dagster.documents.sections import LEAST_TEXT, Section, entry_section
from assetgen_dagster.documents.table_entries import read_table

_LEAST_BARE_WORDS = 12  # of a prompt that has not even a name
_LEAST_ITEM_WORDS = 2  # of one in a list below a group's title, where every item is a picture
_LONGEST_NAME = 12  # words
#: What a prompt's label fields say about the item they lead: it is a part of a picture, not a picture.
_PARTS = (Field.FILE, Field.PROMPT, Field.NEGATIVE, Field.CATEGORY, Field.RATIO, Field.CORE, Field.NOTE)


class Entries:
    """Splits the sections of a part into entries, by what the sections have in common."""

    def __init__(self, sections: Sequence[Section]) -> None:
        leads = Counter(lead for section in sections for lead in {*_leads(section)})
        self._common = frozenset(lead for lead, count in leads.items() if count > 1)
        self._strong_below = _strong_below(sections)
        self._none_strong = not any(section.is_strong for section in sections)
        self._lists = [*map(_is_list_of_group, sections, [*sections[1:], None])]
        listing = [section for section, is_list in zip(sections, self._lists, strict=True) if is_list]
        items = [block for section in listing for block in section.body if block.listed]
        # Mere names are an inventory.
        self._described = sum(len(item.text.split()) >= LEAST_WORDS for item in items) * 2 >= len(items)

    def open(self, section: Section, index: int) -> "Opened":
        """Makes a section of each row, item or paragraph that describes a picture; leaves the rest unchanged."""
        weak = not self._strong_below[index]
        listing = weak and self._described and self._lists[index]
        opening = _Opening(section, self._common, weak=weak, bare=self._none_strong, listing=listing)
        return Opened(opening.result(), opening.diagnostics, opening.headers)


@dataclass(frozen=True)
class Opened:
    """A section, opened.

    Attributes:
        sections: What it consists of, in the document's order.
        diagnostics: What is ambiguous.
        headers: Lines of the tables' headers.
    """

    sections: list[Section]
    diagnostics: list[Diagnostic] = field(default_factory=list)
    headers: list[int] = field(default_factory=list)


def _strong_below(sections: Sequence[Section]) -> list[bool]:
    """Returns for each section whether pictures with fences or file names of their own stand under its title."""
    result = [False] * len(sections)
    strong: list[int] = []  # levels of the strong sections behind, each higher than the one after it
    for index in range(len(sections) - 1, -1, -1):
        level = sections[index].title.level
        while strong and strong[-1] > level:
            strong.pop()
            result[index] = True
        if result[index] or sections[index].is_strong:
            strong.append(level)
    return result


def _is_list_of_group(section: Section, after: Section | None) -> bool:
    """Returns whether the lists below a title are a group's pictures, as no heading behind them can be one."""
    if not section.title.text or not read_group(section.title.text).titled:
        return False
    if after is None or read_group(after.title.text).titled:
        return True
    return after.title.level <= section.title.level and any(block.listed for block in after.body)


def _leads(section: Section) -> Iterator[str]:
    """Returns the words that lead its list items and paragraphs."""
    for block in section.body:
        if block.kind is Kind.TEXT and (led := LED.match(block.text.partition("\n")[0])):
            yield plain(led["name"]).strip(" :").lower()


class _Opening:
    """Goes through one section's stretches: lists, tables, paragraphs."""

    def __init__(self, section: Section, common: frozenset[str], *, weak: bool, bare: bool, listing: bool) -> None:
        self._section = section
        self._common = common
        self._bare = bare and bool(section.title.text)  # paragraphs may be prompts: no picture says more of itself
        self._listing = listing  # every item is a picture, however short
        self._weak = weak  # nothing stronger stands below, so that words alone may be a prompt
        self._group = not section.title.text or read_group(section.title.text).titled
        self._rest: list[Block] = []
        self._entries: list[Section] = []
        self.diagnostics: list[Diagnostic] = []
        self.headers: list[int] = []

    def result(self) -> list[Section]:
        """Returns the section without its entries, and the entries."""
        section = self._section
        for items in _stretches(section.body):
            block = items[0][0]
            if block.kind is Kind.TABLE:
                self._table(block)
            elif block.listed:
                self._list(items)
            else:
                self._paragraphs([block for item in items for block in item])
        if not self._entries and self._group and self._bare:
            self._bare_paragraphs()
        if not self._entries:
            return [Section(section.title, self._rest)]
        rest = Section(section.title, self._rest)
        return [*([rest] if rest.title.level or rest.body else []), *self._entries]

    def _table(self, table: Block) -> None:
        made, labels = read_table(table, guess=self._weak and not self._section.is_strong)
        self._entries += made
        self._rest += labels
        self.headers += [table.line] if made or labels else []
        if not made and not labels:
            self._rest.append(table)

    def _list(self, items: Sequence[Sequence[Block]]) -> None:
        """Reads a list as pictures, or leaves it as part of the section."""
        notes = [item for item in items if self._listing and _is_part(item[0], (Field.NOTE,))]
        described = [item for item in items if not (notes and item in notes)]
        entries = self._item_entries(described, short=False)
        if self._listing and (entries or self._bare):
            entries = self._item_entries(described, short=True)
        own_fence = any(not block.listed for block in self._section.prompts)
        strong = [entry for entry in entries if entry.is_strong or entry.has_prompt_label]
        if (
            not entries
            or own_fence
            or any(_is_part(item[0]) for item in described)
            or (not strong and not (self._weak and (self._group or self._is_list_of_pictures(items, entries))))
        ):
            self._rest += [block for item in items for block in item]
            return
        starts = {entry.title.line for entry in entries}
        self.diagnostics += [_unread(item) for item in described if item[0].line not in starts]
        self._rest += [block for item in notes for block in item]
        self._entries += entries
        if not self._group:
            says = f"the list under {short(self._section.title.text)} is read as {len(entries)} pictures"
            self.diagnostics.append(Diagnostic(entries[0].title.line, says))

    def _item_entries(self, items: Sequence[Sequence[Block]], *, short: bool) -> list[Section]:
        least = _LEAST_ITEM_WORDS if short else _LEAST_BARE_WORDS
        return [entry for item in items if (entry := _item_entry(item, self._common, least=least))]

    def _is_list_of_pictures(self, items: Sequence[Sequence[Block]], entries: Sequence[Section]) -> bool:
        """Returns whether a list under a title that could be a picture's own describes several."""
        spoken = sum(len(block.text) for block in self._section.body if block.kind is Kind.TEXT and not block.listed)
        looks = sum(bool((label := read_label(item[0].text[:300])) and label.field is Field.LOOK) for item in items)
        numbered = items[0][0].ordered and all(LED.match(item[0].text.partition("\n")[0]) for item in items)
        most = len(entries) * 2 > len(items) if numbered else 1 < len(entries) == len(items)
        return (
            most
            and all(entry.title.text for entry in entries)
            and looks * 2 < len(items)
            and (numbered or spoken < LEAST_TEXT)
            and not self._section.has_file
        )

    def _paragraphs(self, blocks: Sequence[Block]) -> None:
        """Reads paragraphs that begin with a name in bold, each with what stands below it."""
        for index, block in enumerate(blocks):
            entry = None
            if self._group and block.kind is Kind.TEXT and _BOLD_START.match(block.text):
                fenced = [after.kind for after in blocks[index + 1 : index + 2]] == [Kind.FENCE]
                if self._weak or fenced:
                    entry = _item_entry([block], self._common, short=fenced)
            made = json_entries(block) if block.kind is Kind.FENCE else []
            if made:
                self._entries += made
                self.headers += range(block.line, block.end + 1)
            elif entry and not _is_part(block):
                self._entries.append(entry)
            elif self._entries and self._group and block.kind is not Kind.RULE:
                self._entries[-1].body.append(block)
            else:
                self._rest.append(block)

    def _bare_paragraphs(self) -> None:
        """Reads paragraphs under a group's title, where there is nothing else, as a prompt each."""
        texts = [block for block in self._rest if block.kind is Kind.TEXT and not block.listed]
        if not texts or any(len(block.text.split()) < _LEAST_BARE_WORDS for block in texts):
            return
        for block in texts:
            self._entries.append(_entry(block.line, "", [block]))
            self.diagnostics.append(
                Diagnostic(block.line, "this paragraph has no title; it is read as a picture of its own")
            )
        self._rest = [block for block in self._rest if block not in texts]


_BOLD_START = re.compile(r"^[^\w\n*_]{0,12}(?:\*\*|__)\S")


def _stretches(body: Sequence[Block]) -> Iterator[list[list[Block]]]:
    """Splits a section's blocks into tables, lists (by item) and stretches of anything else."""
    for _, run in groupby(body, key=lambda block: (block.listed, block.kind is Kind.TABLE and not block.listed)):
        yield [list(item) for _, item in groupby(run, key=lambda block: block.items[:1])]


def _unread(item: Sequence[Block]) -> Diagnostic:
    """Reports an item without a picture in a list of pictures."""
    label = read_label(item[0].text[:300])
    if is_order(item[0].text) or (label and label.field is Field.LOOK):
        says = f"the item {short(item[0].text)} is no picture, but says how to draw: put it into atmosphere or prompts"
        return Diagnostic(item[0].line, says, last=item[-1].end)
    says = f"the item {short(item[0].text)} is not read as a picture, unlike others of its list"
    return Diagnostic(item[0].line, says, last=item[-1].end, left_out=True, stops=True)


def _is_part(block: Block, fields: Sequence[Field] = _PARTS) -> bool:
    """Returns whether a block begins with a label that belongs to a picture."""
    label = read_label(block.text.partition("\n")[0]) if block.kind is Kind.TEXT else None
    return label is not None and label.field in fields


def _item_entry(
    item: Sequence[Block], common: frozenset[str], *, least: int = _LEAST_BARE_WORDS, short: bool = False
) -> Section | None:
    """Makes a section of an item with a prompt in it; None if it has none.

    Args:
        item: The item's blocks.
        common: Names that lead items under several titles.
        least: Words of an item that is nothing but a description; below the usual number, it is named by them.
        short: A prompt follows, so that few words behind the name are enough.
    """
    head, *below = item
    below = [replace(block, items=block.items[1:]) for block in below]
    if head.kind is not Kind.TEXT:
        return _entry(head.line, "", [replace(head, items=())]) if head.kind is Kind.FENCE else None
    core = " [CORE]" if CORE.search(head.text) else ""
    head = replace(head, text=CORE.sub("", head.text).strip()) if core else head
    first, _, more = head.text.partition("\n")
    label = read_label(first)
    led = LED.match(first) or LED_PLAIN.match(first)
    named = least < _LEAST_BARE_WORDS
    if label and label.field is Field.NAME and label.value:
        return _entry(head.line, label.value + core, [replace(head, line=head.line + 1, text=more, items=()), *below])
    if named and (is_order(first) or (label and label.field is Field.LOOK)):
        return None
    name = ""
    if led and len(led["name"].split()) <= _LONGEST_NAME:
        name = plain(led["name"]).strip(" :")
        text = replace(head, text=led["rest"] + ("\n" + more if more else ""), items=())
        entry = _entry(head.line, name + (led["mark"] or "") + core, [text, *below])
        if name.lower() in common:
            return None
        if short or len(text.text.split()) >= LEAST_WORDS or entry.is_strong or entry.has_prompt_label:
            return entry
        if not named or len(text.text.split()) < least:
            return None
    entry = _entry(head.line, plain(first) + core, [replace(head, line=head.line + 1, text=more, items=()), *below])
    if not name and len(first.split()) <= _LONGEST_NAME and (entry.is_strong or entry.has_prompt_label):
        return entry
    title = (name or name_of(first)) + core if named or core else ""
    whole = _entry(head.line, title, [replace(head, items=()), *below])
    return whole if len(head.text.split()) >= least else None


def _entry(line: int, name: str, body: Sequence[Block]) -> Section:
    kept = [block for block in body if block.text.strip() or block.kind is not Kind.TEXT]
    return entry_section(line, name, kept)
