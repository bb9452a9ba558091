"""The pictures of "Part 4: Master Prompts": which block is whose title, prompt and file name.

Producers agree on little here. What counts as a picture: a title with a fenced block or a file name below it; or,
where there is neither, a heading with nothing but text below it.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

from assetgen_dagster.story.blocks import Block, Kind, plain
from assetgen_dagster.story.categories import read_group
from assetgen_dagster.story.labels import is_label, is_label_heading
from assetgen_dagster.story.sections import Picture, Section, read_section, short

_TAIL = re.compile(
    r"^\W*(?:\d+[.)]\s*)?(?:summary\b|(?:production|final|usage|important|general)?\s*notes?\s*:?$|production notes|"
    r"appendix|end of\b|usage$|technical spec|workflow|checklist|next steps?\b|total (?:assets|images|pictures)|"
    r"colou?r palette|quality (?:check|control|notes)|generation (?:order|workflow)|credits)",
    re.I,
)


@dataclass
class _Walk:
    """Where a walk through the sections has got to.

    Attributes:
        groups: Level and title of the groups that the next picture stands in, outermost first.
        tail: Level of the heading behind the prompts that the walk is under, 0 if it is not.
        expected: Under that heading, prompts are nothing unusual: it is merely no group's and no picture's.
        lowest: Level of the highest picture's heading so far.
    """

    groups: list[tuple[int, str]] = field(default_factory=list)
    tail: int = 0
    expected: bool = True
    lowest: int = 9

    def enter(self, section: Section, *, level: int, group: bool) -> None:
        """Notes a title that is no picture's, or not yet known to be one."""
        title = section.title
        if title.kind is not Kind.HEADING:
            return
        if title.level <= self.tail:
            self.tail = 0
        if self.tail or section.has_file:
            return
        if _TAIL.match(title.text) and (title.level <= level or not section.prompts):
            self.tail, self.expected = title.level, False
        elif title.level <= level < 7 and title.level < self.lowest < 9 and not group and not section.is_strong:
            self.tail, self.expected = title.level, True

    def open_group(self, title: Block) -> None:
        self.groups = [(level, text) for level, text in self.groups if level < title.level]
        if title.level:
            self.groups.append((title.level, title.text))


def read_pictures(blocks: Sequence[Block], *, level: int, strict: bool = False) -> tuple[list[Picture], list[str]]:
    """Reads the pictures of a part.

    Args:
        blocks: What stands below the part's title.
        level: The level of that title.
        strict: Only what has a fence or a file name is a picture (for parts not known to hold prompts).

    Returns:
        The pictures in the document's order, and warnings.
    """
    pictures: list[Picture] = []
    warnings: list[str] = []
    walk = _Walk()
    sections = _sections(blocks)
    for index, section in enumerate(sections):
        title = section.title
        group = read_group(title.text).titled
        deeper = index + 1 < len(sections) and sections[index + 1].title.level > title.level
        walk.enter(section, level=level, group=group)
        if _is_picture(section, walk, bare=not (group or deeper or strict), alone=len(sections) == 1 and not strict):
            if group:
                walk.open_group(title)
            found, said = read_section(section, tuple(text for _, text in reversed(walk.groups)), grouped=group)
            pictures += found
            warnings += said
            if title.kind is Kind.HEADING and not group:
                walk.lowest = min(walk.lowest, title.level)
            if walk.tail and not walk.expected:
                warnings.append(f"line {title.line}: {short(title.text)} stands behind the prompts; read nevertheless")
        else:
            warnings += [] if strict else _unread(section, walk, group=group, deeper=deeper)
            walk.open_group(title)
    return pictures, warnings


def _is_picture(section: Section, walk: _Walk, *, bare: bool, alone: bool) -> bool:
    """Tells whether a section describes a picture.

    Args:
        section: The section.
        walk: Where it stands.
        bare: Text alone would be enough.
        alone: There is no other section, so that a prompt without a title can only be the picture.
    """
    if section.has_file:
        return True
    if walk.tail and not walk.expected:
        return False
    if not section.title.level and not alone:
        return False  # an example or a remark right under the part's title
    if section.prompts:
        return True
    return bare and not walk.tail and bool(section.title.level) and section.has_text


def _unread(section: Section, walk: _Walk, *, group: bool, deeper: bool) -> list[str]:
    """Says what is left out of a section that is no picture; talk that leads to deeper titles needs no word."""
    title = section.title
    if section.prompts or (section.fences and not walk.tail):
        return [f"line {section.fences[0].line}: a fenced block without a picture's heading or file name is not read"]
    if walk.tail or deeper or not title.level:
        return []
    if group:
        return [f"line {title.line}: text under {short(title.text)} is not read"] if section.has_text else []
    return [f"line {title.line}: {short(title.text)} has no prompt below it; nothing is drawn for it"]


def _sections(blocks: Sequence[Block]) -> list[Section]:
    """Cuts blocks at titles. A bold line under a picture's own heading is part of that picture."""
    cut = [Section(Block(Kind.BOLD, blocks[0].line if blocks else 1, "", 0))]
    for index, block in enumerate(blocks):
        if block.is_title and not is_label_heading(block.text):
            cut.append(Section(block))
        elif _is_plain_group(block, blocks[index + 1 : index + 2]):
            cut.append(Section(replace(block, kind=Kind.BOLD, text=plain(block.text), level=7)))
        elif block.is_title:
            cut[-1].body.append(Block(Kind.TEXT, block.line, block.text))
        else:
            cut[-1].body.append(block)
    sections: list[Section] = []
    start = 0
    for index in range(1, len(cut) + 1):
        if index == len(cut) or cut[index].title.kind is Kind.HEADING:
            sections += _join_bold(cut[start], cut[start + 1 : index])
            start = index
    return [section for section in sections if section.title.level or section.body]


def _is_plain_group(block: Block, following: Sequence[Block]) -> bool:
    """Tells whether a line of plain text is a group's title: in capitals, or underlined."""
    if block.kind is not Kind.TEXT or block.listed or len(block.text) > 80 or "\n" in block.text:
        return False
    underlined = any(rule.kind is Kind.RULE and rule.line == block.line + 1 for rule in following)
    return (underlined or block.text.isupper()) and read_group(plain(block.text)).titled


def _join_bold(head: Section, bold: list[Section]) -> Iterator[Section]:
    """Decides for the bold lines under one heading whether they are titles or belong to the heading's picture."""
    own = [section for section in bold if section.is_strong and not is_label(section.title.text)]
    files = sum(section.has_file for section in own)
    separate = (
        not head.title.level
        or read_group(head.title.text).titled
        or files > 1
        or (files == 1 and head.has_file)
        or (len(own) > 1 and not head.is_strong)
    )
    current = head
    for section in bold:
        label = is_label(section.title.text) and not section.has_file
        if read_group(section.title.text).titled or (separate and not label):
            yield current
            current = section
        else:
            current.body += [Block(Kind.TEXT, section.title.line, section.title.text), *section.body]
    yield current
