"""The parts of a producer's document: which stretch is the manifest, the clip table, the atmosphere, the prompts."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from itertools import islice

from assetgen_dagster.documents.blocks import Block, Kind, plain
from assetgen_dagster.documents.groups import read_group
from assetgen_dagster.documents.labels import has_image_ending
from assetgen_dagster.manifest.model import AssetType


class Role(StrEnum):
    """What a part is for; the words are those that producers write above it."""

    LISTS = "Part 1: The Manifest"
    CLIPS = "Part 2: Clip-to-Asset Mapping Table"
    ATMOSPHERE = "Part 3: The Global Atmosphere Block"
    PROMPTS = "Part 4: Master Prompts"
    OTHER = "another part"


@dataclass(frozen=True)
class Part:
    """A stretch of blocks under one part heading; the stretch before the first has no title.

    Attributes:
        role: What the part is for.
        line: 1-based line of its title.
        title: The title as written.
        level: Level of the title; 7 for a bold line, 8 for a plain one.
        blocks: What stands below the title.
        last: 1-based line before the next part's title; 0 for the last part.
        sure: Its words say its role, not only its number.
    """

    role: Role
    line: int
    title: str
    level: int
    blocks: Sequence[Block]
    last: int = 0
    sure: bool = False


#: Blocks that say something.
SPEAKING = (Kind.TEXT, Kind.FENCE, Kind.TABLE)
_WORDS = re.compile(r"[^\W\d_]{2}")
_NUMBERS = {
    **dict.fromkeys(("1", "i", "one"), Role.LISTS),
    **dict.fromkeys(("2", "ii", "two"), Role.CLIPS),
    **dict.fromkeys(("3", "iii", "three"), Role.ATMOSPHERE),
    **dict.fromkeys(("4", "iv", "four"), Role.PROMPTS),
}
_PART = re.compile(
    r"^\W{0,8}(?:part|section|step|teil|parte|partie)\s+([0-9]{1,2}|[ivx]{1,4}|one|two|three|four|five|six)\b\s*(.*)$",
    re.I,
)
_SHARED = r"(?:global|shared|common|universal|master|base|overall)"
PHRASES = (
    (
        Role.ATMOSPHERE,
        re.compile(
            rf"\b{_SHARED}[\s_-](?:visual |style |look |scene )?"
            r"(?:atmosphere|atmospheric|style|look|mood|prefix|setting)|"
            r"\batmosphere block|\bstyle block|\bprompt prefix\b",
            re.I,
        ),
    ),
    (
        Role.PROMPTS,
        re.compile(
            r"\b(?:master|image|asset|generation|picture|final|full|detailed|individual|complete|production)"
            r"(?: (?:image|asset|generation|picture))? prompts?\b",
            re.I,
        ),
    ),
    (Role.CLIPS, re.compile(r"\bclip[\s-]to[\s-]asset|\bmapping table|\b(?:clip|shot)[\s-](?:list|table|map)", re.I)),
    (
        Role.LISTS,
        re.compile(r"^\W*(?:the |asset )?manifest\W*$|\b(?:asset|picture|image) (?:list|overview|index)\b", re.I),
    ),
)
#: A heading that is nothing but this word is a part's where no other heading says more.
_BARE = (
    (Role.ATMOSPHERE, re.compile(r"^\W*(?:\d{1,2}\W+)?(?:the )?(?:visual )?atmosphere\W*$", re.I)),
    (Role.PROMPTS, re.compile(r"^\W*(?:\d{1,2}\W+)?(?:the )?prompts\W*$", re.I)),
)
_ATMOSPHERE_HEADING = re.compile(r"^\W*(?:the )?global atmosphere(?: block)?\W*$", re.I)
#: ``**Atmosphere**: soft light``, ``Global atmosphere: soft light``
_LED_ATMOSPHERE = re.compile(
    r"^(\*\*|__|)(?:the )?(?:global |overall |visual )?atmosphere(?: block)?(?:\1\s?[:–—]|:\1)[ \t]+(?=\S)", re.I
)
#: What stands behind such a title and says only what is to come: ``(before every prompt)``, ``as follows:``
_NO_ATMOSPHERE = re.compile(r"^\s*(?:[(\[*_].*[)\]*_]|.{0,120}:)\s*$")


def split_parts(blocks: Sequence[Block]) -> list[Part]:
    """Splits a document into its parts, in order; a heading that is no part's but as high as one ends it."""
    blocks = _with_led_atmosphere(blocks)
    parts: list[Part] = []
    current = Part(Role.OTHER, 1, "", 9, ())
    outer = None  # an atmosphere inside the prompts gives back to them
    start = 0
    for index, block in enumerate(blocks):
        found, sure = _role(block, inside=current.role, level=current.level)
        behind = found is None and current.role is Role.ATMOSPHERE and _is_behind(current, blocks, start, index)
        found = Role.OTHER if behind else found
        if found is None:
            continue
        parts.append(replace(current, blocks=blocks[start:index], last=block.line - 1))
        if found is Role.OTHER and outer and current.role is Role.ATMOSPHERE:
            current, outer, start = replace(outer, line=block.line), None, index
        elif behind:
            current, start = Part(Role.OTHER, block.line, "", 9, ()), index
        else:
            inner = current.role is Role.PROMPTS and found is Role.ATMOSPHERE and block.level > current.level
            outer = current if inner else None
            current, start = Part(found, block.line, block.text.strip(), block.level or 8, (), sure=sure), index + 1
    parts.append(replace(current, blocks=blocks[start:]))
    said = {part.role for part in parts if part.sure}
    # A number alone says little where another part says the same in words: parts are numbered differently, too.
    return [
        replace(part, role=Role.OTHER) if part.role in said and not part.sure else part
        for part in parts
        if part.title or part.blocks
    ]


def _role(block: Block, *, inside: Role, level: int) -> tuple[Role | None, bool]:
    """Returns the role of the part that begins at this block, and whether words name it; None if none begins."""
    if (
        (block.listed and not (block.is_title and _PART.match(block.text)))
        or block.kind in (Kind.FENCE, Kind.RULE, Kind.TABLE)
        or "\n" in block.text
        or len(block.text) > 160
        or has_image_ending(block.text)
    ):
        return None, False
    numbered = _PART.match(plain(block.text))
    if numbered and block.kind is Kind.TEXT and not re.match(r"[:.)\-–—]|$", numbered[2]):
        return None, False  # a sentence that begins with "Part 3 of the story"
    words = numbered[2] if numbered else block.text
    said = sorted((match.start(), role) for role, phrase in PHRASES if (match := phrase.search(words)))
    if block.is_title or numbered:
        said += [(0, role) for role, phrase in _BARE if phrase.match(words)]
    if numbered:
        by_number = _NUMBERS.get(numbered[1].lower(), Role.OTHER)
        return (said[0][1], True) if said else (by_number, not _WORDS.search(numbered[2]))
    # Below Part 4 only a numbered part or a heading as high as its own ends it: prompts speak of atmosphere, too.
    if inside is Role.PROMPTS and (block.kind is not Kind.HEADING or block.level > level):
        inner = block.is_title and not block.listed and _ATMOSPHERE_HEADING.match(block.text)
        return (Role.ATMOSPHERE, True) if inner else (None, False)
    if said and block.is_title:
        return (None, False) if said[0][1] is inside else (said[0][1], True)
    # Whatever is as high as a part's heading and no part ends it; what belongs to Part 4 is judged by ``pictures``.
    if block.kind is Kind.HEADING and block.level <= level < 7 and inside not in (Role.PROMPTS, Role.OTHER):
        return Role.OTHER, False
    return None, False


def _with_led_atmosphere(blocks: Sequence[Block]) -> Sequence[Block]:
    """Cuts ``**Atmosphere**: soft light`` into a title and its text, where that is the document's and no picture's."""
    led = [
        (index, match)
        for index, block in enumerate(blocks)
        if block.kind is Kind.TEXT and not block.listed and (match := _LED_ATMOSPHERE.match(block.text))
    ]
    if len(led) != 1:
        return blocks
    index, match = led[0]
    if any(_precedes_pictures(block) for block in blocks[:index]) or any(
        block.is_title and _role(block, inside=Role.OTHER, level=9)[0] is Role.ATMOSPHERE for block in blocks
    ):
        return blocks
    block = blocks[index]
    title = replace(block, kind=Kind.BOLD, text="Global Atmosphere", level=7)
    return [*blocks[:index], title, replace(block, text=block.text[match.end() :]), *blocks[index + 1 :]]


def _precedes_pictures(block: Block) -> bool:
    if not block.is_title:
        return block.kind in (Kind.FENCE, Kind.TABLE) or block.listed
    role = _role(block, inside=Role.OTHER, level=9)[0]
    return block.level > 2 or role is Role.PROMPTS or read_group(block.text).titled


def _is_behind(part: Part, blocks: Sequence[Block], start: int, index: int) -> bool:
    """Returns whether a block is no part of an atmosphere any more, although no part's heading has come.

    Args:
        part: The atmosphere's part; its blocks are not known yet.
        blocks: The document's.
        start: Where those below its title begin.
        index: The block asked for.
    """
    block, first = blocks[index], blocks[start]
    if not any(blocks[before].kind in SPEAKING for before in range(start, index)):
        return False
    led = first.line == part.line and first.kind is Kind.TEXT and not _NO_ATMOSPHERE.match(first.text)
    if led or (block.kind is Kind.HEADING and part.level >= 7):
        return True  # what stands on the title's own line is a paragraph
    if not block.is_title or block.listed:
        return False
    kind = read_group(block.text).kind
    below = blocks[index + 1 : index + 2]
    after = next(
        (after for after in islice(blocks, index + 1, None) if after.listed or after.kind is not Kind.TEXT), None
    )
    if after and after.ordered:
        return True
    pictured = any(after.kind is not Kind.TEXT or after.listed for after in below)
    return kind is not None and (pictured or (part.level >= 7 and kind is not AssetType.ENVIRONMENT))
