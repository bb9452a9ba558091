"""A Markdown text as its author meant it: forgotten fences are closed, HTML goes, plain titles and lists stand apart.

Works on lines, before any parsing, and keeps count of them: whatever is said about the document later names the lines
as they were delivered.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from assetgen_dagster.documents.diagnostics import Diagnostic
from assetgen_dagster.documents.groups import is_group_line, read_group
from assetgen_dagster.documents.labels import Field, read_label

_OPENING = re.compile(r"^\s*(?:(?:[-*+>]|\d{1,3}[.)])\s*){0,4}(`{3,}|~{3,})([^`]*)$")
_ATX = re.compile(r"^\s{0,12}#{1,6}\s+\S")
#: A heading that was pasted with a tab or four spaces before it.
_PASTED = re.compile(r"^(?: {0,3}\t| {4})\s{0,8}#{1,6}\s+\S")
#: A list item that can be ticked off.
_TASK = re.compile(r"^([\s>]*(?:[-*+]|\d{1,3}[.)])\s+)\[[ xX]\]\s+")
_ITEM = re.compile(r"^(?:[-*+•]|\d{1,3}[.)])\s+\S")
#: An item as word processors write it, which Markdown does not know.
_DOT = re.compile(r"^\s{0,3}[•·▪◦‣]\s+(?=\S)")
_LONGEST_GROUP = 80
_RULE = re.compile(r"^\s{0,3}(?:-\s*){3,}$")
_TAG = re.compile(r"</?[a-z][a-z0-9]{0,15}(?:\s[^<>\n]{0,500})?/?>", re.IGNORECASE)
_HEADING = re.compile(r"^\s*<h([1-6])\b[^<>\n]{0,200}>(.{0,300}?)</h[1-6]>\s*$", re.IGNORECASE)
_SUMMARY = re.compile(r"^\s*(?:<details\b[^<>\n]{0,200}>)?\s*<summary\b[^<>\n]{0,200}>(.{0,300}?)</summary>\s*$", re.I)
_PRE = re.compile(r"^\s*</?pre\b[^<>\n]{0,200}>\s*$", re.IGNORECASE)


@dataclass
class Repaired:
    """Lines fit for a Markdown parser.

    Attributes:
        lines: The lines.
        origin: The 1-based line each of them was delivered as, and one more for the end.
        diagnostics: What had to be put right, and the comments that were taken out.
    """

    lines: list[str] = field(default_factory=list)
    origin: list[int] = field(default_factory=list)
    diagnostics: list[Diagnostic] = field(default_factory=list)


def repair(lines: Sequence[str]) -> Repaired:
    """Repairs a cleaned text, line by line."""
    source = _without_html(_unwrap(lines))
    repaired = Repaired()
    ahead = _look_ahead(source.lines)
    opened, opened_at = "", 0
    grouped = False  # the last line that is neither an item nor a sentence is a group's title
    for number, line in enumerate(source.lines):
        if opened:
            mark = line.strip().lstrip("> ")
            if mark and not mark.strip(opened[0]) and len(mark) >= len(opened):
                opened = ""
            elif ahead.is_forgotten(number, line):
                says = f"this fence is not closed; read as ending before line {number + 1}"
                repaired.diagnostics.append(Diagnostic(opened_at, says))
                repaired.lines.append(opened)
                repaired.origin.append(number + 1)
                opened = ""
        elif opening := _OPENING.match(line):
            opened, opened_at = opening[1], number + 1
        if not opened and _is_cramped(source.lines, number):
            repaired.lines.append("")
            repaired.origin.append(number + 1)
        dot = None if opened else _DOT.match(line)
        if not dot and line.strip() and not line.rstrip().endswith((".", "!", "?")):
            grouped = not opened and _is_group(line.strip())
        pasted = not opened and _PASTED.match(line)  # else it would be a part of the paragraph above it
        item = f"- {line[dot.end() :]}" if dot and grouped else line
        repaired.lines.append(line.lstrip() if pasted else item)
        repaired.origin.append(number + 1)
    if opened:
        repaired.diagnostics.append(Diagnostic(opened_at, "this fence is not closed; read to the document's end"))
    repaired.origin.append(len(source.lines))
    repaired.diagnostics += source.diagnostics
    return repaired


def _is_group(line: str) -> bool:
    if len(line) > _LONGEST_GROUP:
        return False
    heading = _ATX.match(line)
    return read_group(line.lstrip("# ")).titled if heading else is_group_line(line)


def _is_cramped(lines: Sequence[str], number: int) -> bool:
    """Returns whether a group's title in plain text runs into the text or list around it, before this line."""
    above, line = (lines[number - 1].strip() if number else ""), lines[number].strip()
    if not re.search(r"\w", above) or not re.search(r"\w", line):
        return False
    for title, other in ((above, line), (line, above)):
        if len(title) <= _LONGEST_GROUP and title[0].isalnum() and not _ITEM.match(title) and is_group_line(title):
            return title.isupper() or _ITEM.match(other) is not None
    return False


def is_only_tags(line: str) -> bool:
    """Returns whether a line is HTML tags and nothing else."""
    return "<" in line and ">" in line and not _TAG.sub("", line).strip()


def _unwrap(lines: Sequence[str]) -> list[str]:
    """Opens a document that stands in one big fence, as language models like to answer, with a word before or after."""
    lines = [*lines]
    fences = [(number, opening) for number, line in enumerate(lines) if (opening := _OPENING.match(line))]
    if not fences:
        return lines
    (first, opening), *others = fences
    mark, marked = opening[1], opening[2].strip().lower() in ("markdown", "md")
    before = [line for line in lines[:first] if line.strip()]
    inside = next((line for line in lines[first + 1 :] if line.strip()), "")
    begins = _ATX.match(inside) and not any(_ATX.match(line) or "**" in line for line in before)
    if not ((marked and not before) or (begins and (marked or not opening[2].strip()))):
        return lines
    lines[first] = ""
    same = [(number, found[2].strip()) for number, found in others if found[1].startswith(mark)]
    last, info = same[-1] if same else (first, "")
    if not info and (len(same) % 2 or not any(line.strip() for line in lines[last + 1 :])):
        lines[last] = "***"  # a rule: what stands behind it is no part of the last prompt
    return lines


def _without_html(lines: list[str]) -> Repaired:
    """Turns HTML that stands on lines of its own into Markdown, outside fences; comments go, unless they label."""
    result = Repaired()
    closings = _next_lines(lines, "-->")
    fence, comment_until = "", -1
    for number, line in enumerate(lines):
        kept = line
        if number <= comment_until:
            kept = line.partition("-->")[2] if number == comment_until else ""
        elif fence:
            mark = line.strip()
            if mark and not mark.strip(fence[0]) and len(mark) >= len(fence):
                fence = ""
        elif opening := _OPENING.match(line):
            fence = opening[1]
        elif "<!--" in line:
            before, _, behind = line.partition("<!--")
            comment_until = number if "-->" in behind else closings[number]
            if comment_until == len(lines):
                kept, comment_until = before + behind, -1
                result.diagnostics.append(Diagnostic(number + 1, "this comment is not closed; read as text"))
            else:
                said, _, rest = behind.partition("-->") if comment_until == number else (behind, "", "")
                label = read_label(said.strip())
                if label and label.field in (Field.FILE, Field.CATEGORY):
                    kept = before + said.strip() + rest
                else:
                    kept = before + rest
                    result.diagnostics.append(
                        Diagnostic(number + 1, "a comment is not read", last=comment_until + 1, note=True)
                    )
        elif "<" in line:
            kept = _tag_line(line)
        elif "]" in line:
            kept = _TASK.sub(r"\1", line)
        result.lines.append(kept)
    return result


def _tag_line(line: str) -> str:
    if heading := _HEADING.match(line):
        return f"{'#' * int(heading[1])} {_TAG.sub('', heading[2]).strip()}"
    if summary := _SUMMARY.match(line):
        title = _TAG.sub("", summary[1]).strip(" *")
        return f"**{title}**" if title else ""
    if _PRE.match(line):
        return "~~~~~~"
    return "" if is_only_tags(line) else line


def _next_lines(lines: Sequence[str], what: str) -> list[int]:
    """Returns for each line where the next line behind it with ``what`` stands."""
    found = len(lines)
    result = [found] * len(lines)
    for number in range(len(lines) - 1, -1, -1):
        result[number] = found
        if what in lines[number]:
            found = number
    return result


@dataclass(frozen=True)
class _Ahead:
    """For each line, where the next line that is no heading, with a fence, with a heading or rule stands."""

    text: list[int]
    fence: list[int]
    heading: list[int]

    def is_forgotten(self, number: int, line: str) -> bool:
        """Returns whether a fence must have ended before this line.

        In a good fence headings are never the last lines, and no heading follows a file name.
        """
        if _ATX.match(line):
            end = len(self.fence)
            return self.fence[number] == end or self.text[number] == self.fence[number]
        label = read_label(line)
        return bool(label and label.field is Field.FILE and self.heading[number] < self.fence[number])


def _look_ahead(lines: Sequence[str]) -> _Ahead:
    end = len(lines)
    text = fence = heading = end
    ahead = _Ahead([end] * end, [end] * end, [end] * end)
    for number in range(end - 1, -1, -1):
        ahead.text[number], ahead.fence[number], ahead.heading[number] = text, fence, heading
        line = lines[number]
        if line.strip() and not _ATX.match(line):
            text = number
        if _OPENING.match(line):
            fence = number
        elif _ATX.match(line) or _RULE.match(line):
            heading = number
    return ahead
