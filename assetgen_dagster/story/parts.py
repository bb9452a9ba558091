"""The parts of a producer's document: which stretch is the manifest, the clip table, the atmosphere, the prompts."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from assetgen_dagster.story.blocks import Block, Kind, plain


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
    """

    role: Role
    line: int
    title: str
    level: int
    blocks: Sequence[Block]


_NUMBERS = {
    **dict.fromkeys(("1", "i", "one"), Role.LISTS),
    **dict.fromkeys(("2", "ii", "two"), Role.CLIPS),
    **dict.fromkeys(("3", "iii", "three"), Role.ATMOSPHERE),
    **dict.fromkeys(("4", "iv", "four"), Role.PROMPTS),
}
_PART = re.compile(r"^\W{0,8}(?:part|section)\s+([0-9]{1,2}|[ivx]{1,4}|one|two|three|four|five|six)\b\s*(.*)$", re.I)
_PHRASES = (
    (Role.ATMOSPHERE, re.compile(r"\bglobal atmosphere|\batmosphere block", re.I)),
    (Role.PROMPTS, re.compile(r"\b(?:master|image|asset|generation) prompts?\b", re.I)),
    (Role.CLIPS, re.compile(r"\bclip[\s-]to[\s-]asset|\bmapping table", re.I)),
    (Role.LISTS, re.compile(r"^\W*(?:the |asset )?manifest\W*$|\basset list\b", re.I)),
)
_ATMOSPHERE_HEADING = re.compile(r"^\W*(?:the )?global atmosphere(?: block)?\W*$", re.I)


def split_parts(blocks: Sequence[Block]) -> list[Part]:
    """Splits a document into its parts, in order; a heading that is no part's but as high as one ends it."""
    parts: list[Part] = []
    current = (Role.OTHER, 1, "", 9)
    outer = None  # an atmosphere inside the prompts gives back to them
    start = 0
    for index, block in enumerate(blocks):
        found = _role(block, inside=current[0], level=current[3])
        if found is None:
            continue
        role, line, title, level = current
        parts.append(Part(role, line, title, level, blocks[start:index]))
        if found is Role.OTHER and outer and role is Role.ATMOSPHERE:
            current, outer, start = outer, None, index
        else:
            outer = current if role is Role.PROMPTS and found is Role.ATMOSPHERE and block.level > level else None
            current, start = (found, block.line, block.text.strip(), block.level or 8), index + 1
    role, line, title, level = current
    parts.append(Part(role, line, title, level, blocks[start:]))
    return [part for part in parts if part.title or part.blocks]


def _role(block: Block, *, inside: Role, level: int) -> Role | None:
    """Returns the role of the part that begins with this block, or None where none does."""
    if block.listed or block.kind in (Kind.FENCE, Kind.RULE) or "\n" in block.text or len(block.text) > 160:
        return None
    numbered = _PART.match(plain(block.text))
    if numbered and block.kind is Kind.TEXT and not re.match(r"[:.)\-–—]|$", numbered[2]):
        return None  # a sentence that begins with "Part 3 of the story"
    words = numbered[2] if numbered else block.text
    said = sorted((match.start(), role) for role, phrase in _PHRASES if (match := phrase.search(words)))
    if numbered:
        by_number = _NUMBERS.get(numbered[1].lower(), Role.OTHER)
        return said[0][1] if said else by_number
    # Below Part 4 only a numbered part or a heading as high as its own ends it: prompts speak of atmosphere, too.
    if inside is Role.PROMPTS and (block.kind is not Kind.HEADING or block.level > level):
        return Role.ATMOSPHERE if block.kind is Kind.HEADING and _ATMOSPHERE_HEADING.match(block.text) else None
    if said and block.is_title:
        return None if said[0][1] is inside else said[0][1]
    # Whatever is as high as a part's heading and no part ends it; what belongs to Part 4 is judged by ``pictures``.
    if block.kind is Kind.HEADING and block.level <= level < 7 and inside not in (Role.PROMPTS, Role.OTHER):
        return Role.OTHER
    return None


def read_atmosphere(parts: Sequence[Part]) -> tuple[str, int | None, list[str]]:
    """Returns the Global Atmosphere Block with its flags still in it, its first line, and warnings."""
    found: list[tuple[str, int]] = []
    warnings: list[str] = []
    for part in parts:
        if part.role is not Role.ATMOSPHERE:
            continue
        taken = _until_rule(part.blocks)
        text = _joined(taken)
        if text:
            found.append((text, taken[0].line))
        left = next((block for block in part.blocks[len(taken) :] if block.kind in (Kind.TEXT, Kind.FENCE)), None)
        if text and left and taken[-1].line < left.line:
            warnings.append(f"line {left.line}: text behind the rule is not taken as part of the atmosphere")
    if not found:
        return "", None, ["no Global Atmosphere Block was found; every prompt stands for itself"]
    warnings += [f"line {line}: a second Global Atmosphere Block is not used" for _, line in found[1:]]
    return *found[0], warnings


def _until_rule(blocks: Sequence[Block]) -> list[Block]:
    """Returns the blocks up to the first rule that has text before it."""
    taken: list[Block] = []
    for block in blocks:
        if block.kind is Kind.RULE:
            if any(before.kind in (Kind.TEXT, Kind.FENCE) for before in taken):
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
        written = block.text.strip()
        if block.is_title and not written.endswith((":", ".")):
            written += ":"
        text += ("\n" if block.line == end else "\n\n") + written
        end = block.line + block.text.rstrip("\n").count("\n") + 1
    text = text.replace("**", "").strip()
    return text if text.strip(" :\n") and any(block.kind in (Kind.TEXT, Kind.FENCE) for block in blocks) else ""
