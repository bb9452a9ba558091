"""The parts of a producer's document: which stretch is the manifest, the clip table, the atmosphere, the prompts."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from assetgen_dagster.story.reader.blocks import Block, Kind, plain
from assetgen_dagster.story.reader.labels import has_image_ending
from assetgen_dagster.story.reader.remarks import Remark


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


#: ``*Put this before every prompt:*``, in italics.
_HINT = re.compile(r"^([*_])(?!\1)[^*\n]{1,120}:\s?\1$")
_SPEAKING = (Kind.TEXT, Kind.FENCE, Kind.TABLE)
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
_PHRASES = (
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


def split_parts(blocks: Sequence[Block]) -> list[Part]:
    """Splits a document into its parts, in order; a heading that is no part's but as high as one ends it."""
    parts: list[Part] = []
    current = Part(Role.OTHER, 1, "", 9, ())
    outer = None  # an atmosphere inside the prompts gives back to them
    start = 0
    for index, block in enumerate(blocks):
        found, sure = _role(block, inside=current.role, level=current.level)
        if found is None:
            continue
        parts.append(replace(current, blocks=blocks[start:index], last=block.line - 1))
        if found is Role.OTHER and outer and current.role is Role.ATMOSPHERE:
            current, outer, start = replace(outer, line=block.line), None, index
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
    """Returns the role of the part that begins with this block, and whether words say so; None where none begins."""
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
    said = sorted((match.start(), role) for role, phrase in _PHRASES if (match := phrase.search(words)))
    if block.is_title or numbered:
        said += [(0, role) for role, phrase in _BARE if phrase.match(words)]
    if numbered:
        by_number = _NUMBERS.get(numbered[1].lower(), Role.OTHER)
        return (said[0][1], True) if said else (by_number, not _WORDS.search(numbered[2]))
    # Below Part 4 only a numbered part or a heading as high as its own ends it: prompts speak of atmosphere, too.
    if inside is Role.PROMPTS and (block.kind is not Kind.HEADING or block.level > level):
        inner = block.kind is Kind.HEADING and _ATMOSPHERE_HEADING.match(block.text)
        return (Role.ATMOSPHERE, True) if inner else (None, False)
    if said and block.is_title:
        return (None, False) if said[0][1] is inside else (said[0][1], True)
    # Whatever is as high as a part's heading and no part ends it; what belongs to Part 4 is judged by ``pictures``.
    if block.kind is Kind.HEADING and block.level <= level < 7 and inside not in (Role.PROMPTS, Role.OTHER):
        return Role.OTHER, False
    return None, False


def read_atmosphere(parts: Sequence[Part]) -> tuple[str, list[Remark]]:
    """Returns the Global Atmosphere Block with its flags still in it, and remarks."""
    found: list[tuple[str, int]] = []
    remarks: list[Remark] = []
    for part in parts:
        if part.role is not Role.ATMOSPHERE:
            continue
        taken = _until_rule(part.blocks)
        text = _joined(taken)
        if text:
            found.append((text, taken[0].line))
        left = next((block for block in part.blocks[len(taken) :] if block.kind in _SPEAKING), None)
        if text and left and taken[-1].line < left.line:
            remarks.append(Remark(left.line, "text behind the rule is not taken as part of the atmosphere"))
    if not found:
        return "", [Remark(0, "no Global Atmosphere Block was found; every prompt stands for itself")]
    remarks += [Remark(line, "a second Global Atmosphere Block is not used") for _, line in found[1:]]
    return found[0][0], remarks


def _until_rule(blocks: Sequence[Block]) -> list[Block]:
    """Returns the blocks up to the first rule that has text before it."""
    taken: list[Block] = []
    for block in blocks:
        if block.kind is Kind.RULE:
            if any(before.kind in _SPEAKING for before in taken):
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
        if block.kind is Kind.HEADING and any(phrase.search(block.text) for _, phrase in _PHRASES):
            continue
        written = _table_text(block) if block.kind is Kind.TABLE else block.text.strip()
        if _HINT.match(written):
            continue
        if block.is_title and not written.endswith((":", ".")):
            written += ":"
        text += ("\n" if block.line == end else "\n\n") + written
        end = block.end + 1
    text = text.replace("**", "").strip()
    return text if text.strip(" :\n") and any(block.kind in _SPEAKING for block in blocks) else ""


def _table_text(table: Block) -> str:
    """Returns a table as lines of ``key: value``; a header of mere column names is left out."""
    header = table.rows[0].cells
    bare = all(len(cell.split()) <= 2 for cell in header)
    rows = table.rows[1:] if bare and len(table.rows) > 1 else table.rows
    return "\n".join(": ".join(filter(None, (plain(cell) for cell in row.cells))) for row in rows)
