"""The pictures of "Part 4: Master Prompts": assigns titles, prompts and file names to each.

Producers agree on little here. What counts as a picture: a title with a fenced block or a file name below it; or,
where there is neither, a heading with nothing but text below it.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise

from assetgen_dagster.documents.blocks import Block, Kind, plain
from assetgen_dagster.documents.diagnostics import Diagnostic, called, short
from assetgen_dagster.documents.drafts import CORE, is_numbered, read_section
from assetgen_dagster.documents.entries import Entries, Opened
from assetgen_dagster.documents.groups import is_group_line, read_group
from assetgen_dagster.documents.items import are_pictures, common_titles, even_items, may_be_picture
from assetgen_dagster.documents.labels import Field, is_label_heading, label_of_title
from assetgen_dagster.documents.sections import Picture, Section

_TAIL = re.compile(
    r"^\W*(?:\d+[.)]\s*)?(?:summary\b|(?:production|final|usage|important|general)?\s*notes?\s*:?$|production notes|"
    r"appendix|end of\b|usage$|technical spec|workflow|checklist|next steps?\b|total (?:assets|images|pictures)|"
    r"(?:video|motion|animation|audio|music|sound|voice)[\w\s/-]{0,30}\b(?:prompts?|clips?|script|cues?)\b|"
    r"colou?r palette|quality (?:check|control|notes)|generation (?:order|workflow)|credits)",
    re.I,
)


@dataclass
class Found:
    """What was read from a part.

    Attributes:
        pictures: The pictures in the document's order.
        diagnostics: What there is to say about the rest.
        lines: Lines that need no further word: the pictures' and their groups' titles.
    """

    pictures: list[Picture] = field(default_factory=list)
    diagnostics: list[Diagnostic] = field(default_factory=list)
    lines: set[int] = field(default_factory=set)

    def add(self, pictures: Sequence[Picture], diagnostics: Sequence[Diagnostic]) -> None:
        """Takes over what was read from a section."""
        self.pictures += pictures
        self.diagnostics += diagnostics
        for picture in pictures:
            self.lines |= picture.lines

    def extend(self, other: "Found") -> None:
        """Takes over what was read from another part."""
        self.add(other.pictures, other.diagnostics)
        self.lines |= other.lines


@dataclass
class _Walk:
    """The state of a walk through the sections.

    Attributes:
        level: The level of the part's title.
        groups: Level and title of the groups that the next picture stands in, outermost first.
        tail: Level of the heading behind the prompts that the walk is under, 0 if it is not.
        expected: Under that heading, prompts are nothing unusual: it is merely no group's and no picture's.
        lowest: Level of the highest picture's heading so far.
        picture: Level of the heading of the picture before, 0 if that was none.
    """

    level: int
    groups: list[tuple[int, str]] = field(default_factory=list)
    tail: int = 0
    expected: bool = True
    lowest: int = 9
    picture: int = 0

    def enter(self, section: Section) -> None:
        """Records a title that is not, or not yet, a picture's."""
        title = section.title
        if not title.level:
            return
        if title.level <= self.tail:
            self.tail = 0
        if self.tail or section.has_file:
            return
        if _TAIL.match(title.text) and (title.level <= self.level or not section.prompts):
            self.tail, self.expected = title.level, False
        elif title.kind is not Kind.HEADING:
            return
        elif (
            title.level <= self.level < 7
            and title.level < self.lowest < 9
            and not (section.is_strong or read_group(title.text).titled)
        ):
            self.tail, self.expected = title.level, True

    def open_group(self, title: Block) -> None:
        self.groups = [(level, text) for level, text in self.groups if level < title.level]
        if title.level:
            self.groups.append((title.level, title.text))


def read_pictures(blocks: Sequence[Block], *, level: int, strict: bool = False) -> Found:
    """Reads the pictures of a part.

    Args:
        blocks: What stands below the part's title.
        level: The level of that title.
        strict: Only what has a fence or a file name is a picture (for parts not known to hold prompts).

    Returns:
        The pictures, and what there is to say about the rest.
    """
    sections = _sections(blocks, level)
    reading = _PartReader(level, strict=strict, strong=sum(section.is_strong for section in sections))
    entries = Entries(sections)
    for index, section in enumerate(sections):
        below = any(_is_below(after.title, section.title) for after in sections[index + 1 : index + 2])
        reading.walk.enter(section)
        opened = Opened([section]) if reading.walk.tail else entries.open(section, index)
        reading.found.diagnostics += opened.diagnostics
        reading.found.lines.update(opened.headers)
        for number, part in enumerate(opened.sections, 1):
            deeper = number < len(opened.sections) or below
            first = not (strict or section.title.level) and len(opened.sections) == 1
            reading.read(part, deeper=deeper, alone=first and not _others(sections, index))
    return reading.found


def _is_below(title: Block, above: Block) -> bool:
    return title.level > above.level or (title.level == above.level and title.listed and not above.listed)


class _PartReader:
    """Reads the sections of a part, one after the other."""

    def __init__(self, level: int, *, strict: bool, strong: int) -> None:
        self.found = Found()
        self.walk = _Walk(level)
        self._strict = strict
        self._strong = strong  # how many sections have fences or file names

    def read(self, section: Section, *, deeper: bool, alone: bool) -> None:
        """Reads a section as a picture, or as something else.

        Args:
            section: The section.
            deeper: A title of a lower level follows.
            alone: There is no other section, so that a prompt without a title can only be the picture.
        """
        title, walk, found = section.title, self.walk, self.found
        group = not section.entry and read_group(title.text).titled
        if title.kind is Kind.HEADING or not self._strict:
            found.lines.add(title.line)
        if not _is_picture(section, walk, bare=not (group or deeper or self._strict), alone=alone):
            if not self._strict and walk.tail and not section.prompts:
                self._tail(section)
            elif not self._strict:
                found.diagnostics += _unread(section, walk, group=group, deeper=deeper)
            walk.open_group(title)
            walk.picture = walk.picture if title.level > walk.picture else 0
            return
        if group:
            walk.open_group(title)
        found.add(*read_section(section, tuple(text for _, text in reversed(walk.groups)), grouped=group))
        if not group:
            walk.lowest = min(walk.lowest, title.level or 8)
            walk.picture = title.level if title.kind is Kind.HEADING else walk.picture
        if walk.tail and not walk.expected:
            says = f"{called(title.text)} stands behind the prompts; read nevertheless"
            found.diagnostics.append(Diagnostic(title.line, says))
        elif self._strong > 1 and not (section.is_strong or section.entry or section.has_prompt_label or group):
            says = f"{called(title.text)} has neither fence nor file name, unlike others; its text is read as a prompt"
            found.diagnostics.append(Diagnostic(title.line, says))

    def _tail(self, section: Section) -> None:
        """Reports text behind the prompts, once for each heading."""
        if section.title.level == self.walk.tail:
            says = f"{short(section.title.text)} is behind the pictures and none of them"
            self.found.diagnostics.append(Diagnostic(section.title.line, says, last=section.end, note=True))
        else:
            self.found.diagnostics[-1] = replace(self.found.diagnostics[-1], last=section.end)


def _others(sections: Sequence[Section], index: int) -> bool:
    """Returns whether any other section could be a picture."""
    return any(
        other.is_strong or other.entry or (other.has_text and not _TAIL.match(other.title.text))
        for number, other in enumerate(sections[:20])
        if number != index
    )


def _is_picture(section: Section, walk: _Walk, *, bare: bool, alone: bool) -> bool:
    """Returns whether a section describes a picture.

    Args:
        section: The section.
        walk: Where it stands.
        bare: Text alone would be enough.
        alone: There is no other section, so that a prompt without a title can only be the picture.
    """
    if section.has_file or section.entry:
        return True
    if walk.tail and not walk.expected:
        return False
    if not section.title.level:
        # Otherwise an example or a remark right under the part's title.
        return alone and (bool(section.prompts) or section.has_text)
    if section.prompts or (section.has_prompt_label and section.has_text):
        return True
    if 0 < walk.picture < section.title.level:
        return False  # a remark below a picture that has its prompt
    return bare and not walk.tail and section.has_text


def _unread(section: Section, walk: _Walk, *, group: bool, deeper: bool) -> list[Diagnostic]:
    """Reports what is left out of a section that is not a picture."""
    title = section.title
    name = short(title.text) if title.text else "the part's title"
    if section.fences:
        fence = section.fences[0]
        says = "a fenced block without a picture's heading or file name is not read"
        return [
            Diagnostic(fence.line, says, last=fence.end, left_out=True),
            *_talk(section, f"text under {name} is no prompt"),
        ]
    if deeper or not title.level:
        return _talk(section, f"text under {name} is no prompt")
    if group or 0 < walk.picture < title.level:
        says = f"text under {name} is not read"
        stops = group and any(block.listed for block in section.body)
        unread = Diagnostic(title.line, says, last=section.end, left_out=True, stops=stops)
        return [unread] if section.has_text or stops else _talk(section, says)
    says = f"{name} has no prompt below it; nothing is drawn for it"
    return [Diagnostic(title.line, says, last=section.end, left_out=True)]


def _talk(section: Section, says: str) -> list[Diagnostic]:
    """Reports the text of a section that introduces pictures: a note, or a warning for a table."""
    table = "this table has no column of prompts; it is not read"
    talk: list[Diagnostic] = []
    for block in section.body:
        if block.kind in (Kind.TEXT, Kind.TABLE):
            note = block.kind is Kind.TEXT and not (may_be_picture(block) or CORE.search(block.text))
            what = says if block.kind is Kind.TEXT else table
            talk.append(Diagnostic(block.line, what, last=block.end, note=note, left_out=not note))
    return talk


def _sections(blocks: Sequence[Block], level: int) -> list[Section]:
    """Cuts blocks at titles. A bold line under a picture's own heading is part of that picture."""
    cut = [Section(Block(Kind.BOLD, blocks[0].line if blocks else 1, "", 0))]
    blocks = [*even_items(blocks)]
    for index, block in enumerate(blocks):
        if block.is_title and not (is_label_heading(block.text) and block.level > (level if level < 7 else 2)):
            cut.append(Section(block))
        elif is_plain_group(block, blocks[index + 1 : index + 2]):
            cut.append(Section(replace(block, kind=Kind.BOLD, text=plain(block.text), level=7)))
        else:
            place = cut[-1].title.items  # a title in a list's item: what stands in the item is below it
            inside = bool(place) and block.items[: len(place)] == place
            own = replace(block, items=block.items[len(place) :]) if inside else block
            cut[-1].body.append(_as_text(own) if own.is_title else own)
    heads = [0, *(index for index in range(1, len(cut)) if cut[index].title.kind is Kind.HEADING)]
    segments = [(cut[start], cut[start + 1 : end]) for start, end in pairwise([*heads, len(cut)])]
    common = common_titles(segments)
    sections = [section for head, bold in segments for section in _join_bold(head, bold, common)]
    return [section for section in sections if section.title.level or section.body]


def _as_text(title: Block) -> Block:
    return replace(title, kind=Kind.TEXT, text=f"**{title.text}**", level=0)


def is_plain_group(block: Block, following: Sequence[Block]) -> bool:
    """Returns whether a line of plain text is a group's title: in capitals, underlined, or only a kind's name."""
    if block.kind is not Kind.TEXT or block.listed or len(block.text) > 80 or "\n" in block.text:
        return False
    underlined = any(rule.kind is Kind.RULE and rule.line == block.line + 1 for rule in following)
    text = plain(block.text)
    return is_group_line(text) or (underlined and read_group(text).titled)


def _join_bold(head: Section, bold: list[Section], common: frozenset[str]) -> Iterator[Section]:
    """Decides for the bold lines under one heading whether they are titles or belong to the heading's picture."""
    own = [section for section in bold if section.is_strong and not _is_label(section)]
    files = sum(section.has_file for section in own)
    separate = (
        not head.title.level
        or read_group(head.title.text).titled
        or files > 1
        or (files == 1 and head.has_file)
        or (len(own) > 1 and not head.is_strong)
        or (len(own) == 1 and not head.body and is_numbered(own[0].title.text))
        or are_pictures(head, bold, common)
    )
    current = head
    for section in bold:
        if read_group(section.title.text).titled or (separate and not _is_label(section)):
            yield current
            current = section
        else:
            current.body += [_as_text(section.title), *section.body]
    yield current


def _is_label(section: Section) -> bool:
    """Returns whether a bold line labels a part of the picture above it."""
    said = label_of_title(section.title.text)
    if said in (Field.PROMPT, Field.NEGATIVE, Field.ELSEWHERE):
        return not section.has_file
    return said is not None and not section.is_strong
