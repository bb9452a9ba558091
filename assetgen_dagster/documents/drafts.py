"""Turns one section into pictures: finds the lines with prompts, file names and other labels."""

import re
from dataclasses import dataclass, field, replace

from assetgen_dagster.documents.blocks import Block, Kind
from assetgen_dagster.documents.diagnostics import Diagnostic, called, same_for, short
from assetgen_dagster.documents.fences import records
from assetgen_dagster.documents.flags import RATIO
from assetgen_dagster.documents.groups import read_group
from assetgen_dagster.documents.labels import (
    Field,
    Label,
    clean_filename,
    filename_in,
    has_image_ending,
    is_bare_filename,
    read_label,
    without_prompt_label,
)
from assetgen_dagster.documents.sections import LEAST_TEXT, Picture, Section, speaks_prompt

CORE = re.compile(r"\[\s*core\b[^\]\n]{0,20}\]|\(\s*core(?:\s(?:asset|reference|image|shot))?\s*\)", re.I)
_NUMBER = re.compile(
    r"^\W{0,6}(?:(?:asset|image|picture|prompt|shot|plate|no\.?|nr\.?)\s*)?#?\d{1,3}\s*(?:[\])]|[.:|·–—-])[\s.):|·–—-]*(?=\S)"
    r"|^\W{0,6}[a-z]{1,4}[-_ ]?\d{1,3}\s*(?:[\])]\s|[.:|·]\s|\s[·–—-])[\s|·–—-]*(?=\S)",
    re.I,
)
_RATIO = re.compile(rf"{RATIO}(?![.\d])", re.I)
_BESIDE = re.compile(r"\s+[|·•]\s+(?=\*\*)")  # several labels on one line
_TITLE_FILE = re.compile(
    r"[\s–—|:(\[-]*(?:file(?:\s?name)?:\s?)?[\w-]{1,200}\.(?:png|jpe?g|webp)\b[)\]\s]*$"
    r"|\s*\(\s?file(?:\s?name)?\s?:[^()\n]{1,200}\)\s*$",
    re.I,
)
_LONGEST_TITLE = 10  # words
_RATIO_ASIDE = re.compile(r"[(\[]\s*(\d{1,2}\s?[:x]\s?\d{1,2})\s*[)\]]")
_CODE = re.compile(r"^\W{0,6}([a-z]{1,4})[-_ ]?\d{1,3}\b", re.I)
_NAMELESS = re.compile(r"^\W*(?:(?:asset|image|picture|prompt|shot|no|nr)\W*)?\d{0,3}\W*$", re.I)
_FLAGS = re.compile(r"^\s*[`*]{0,3}--[a-z]", re.I)
_ASIDE = re.compile(r"^\s*(?:[*_](?![*_])|\(|!\[)")
_QUOTED = re.compile(r"^([\"“„«])([^\"“”„«»]+)([\"”“»])$")


@dataclass
class _Draft:
    """A prompt, as far as it is known, and the lines it was put together from."""

    line: int
    lines: list[str] = field(default_factory=list)
    filename: str = ""
    avoid: list[str] = field(default_factory=list)
    title: str = ""
    label: str = ""
    ratio: str = ""
    core: bool = False
    used: set[int] = field(default_factory=set)

    @property
    def prompt(self) -> str:
        """The prompt, with the flags from other lines."""
        prompt = without_prompt_label("\n".join(self.lines).strip())
        if quoted := _QUOTED.match(prompt):
            prompt = quoted[2].strip()
        if prompt.startswith("`") and prompt.endswith("`"):
            prompt = prompt.strip("` ")
        if self.ratio:
            prompt += f"\n--ar {self.ratio}"
        avoid = " ".join(" ".join(self.avoid).split()).removeprefix("--no ")
        return f"{prompt}\n--no {avoid}" if avoid else prompt


def read_section(section: Section, groups: tuple[str, ...], *, grouped: bool) -> tuple[list[Picture], list[Diagnostic]]:
    """Reads the picture of a section, or the pictures where it has several prompts.

    Args:
        section: The section.
        groups: Titles of the groups it stands in, innermost first.
        grouped: Its own title is a group's, so that its pictures have none.

    Returns:
        The pictures, and diagnostics.
    """
    reading = _SectionReader(section, grouped=grouped)
    return reading.pictures(groups), reading.diagnostics


class _SectionReader:
    """Goes through a section's blocks in order."""

    def __init__(self, section: Section, *, grouped: bool) -> None:
        self._section = section
        self._grouped = grouped
        self._drafts: list[_Draft] = []
        self._next = _Draft(0)  # what is known of a prompt before it is met
        self._names: list[tuple[int, str]] = []  # file names met before the prompt they belong to
        self._open: _Draft | None = None  # takes the text that follows its label
        self._avoids: _Draft | None = None  # takes what a negative prompt lists
        self._name_follows = False  # a label without a name: it stands on the next line
        self._spoken: list[tuple[int, str]] = []
        self._elsewhere = ""  # the label of a prompt that is no picture's, until that has come
        self._ruled = False
        self._named = False  # a file name stood behind plain text, which was the prompt, then
        self._behind: list[int] = []  # lines of text behind that, or behind a rule
        self.diagnostics: list[Diagnostic] = []
        for block in section.body:
            if block.kind is Kind.FENCE:
                for record in records(block):
                    self._fence(record, block)
            elif block.kind is Kind.TEXT:
                for line, text in block.lines:
                    for part in _BESIDE.split(text) if "**" in text else (text,):
                        self._text(line, part, block)
                self._blank(block.end)
            elif block.kind is Kind.RULE:
                self._open = self._avoids = None
                self._ruled = self._ruled or any(text.strip() for _, text in self._spoken)

    def _fence(self, block: Block, whole: Block) -> None:
        if self._elsewhere:
            self._note_elsewhere(block.line, block.end)
            self._elsewhere = ""
            return
        if self._avoids is not None:
            self._avoids.avoid.append(block.text)
            self._avoids.used.update(range(block.line, block.end + 1))
            self._avoids = None
            return
        if not speaks_prompt(block) and not (self._section.has_file and len(self._section.fences) == 1):
            says = f"the block marked {short(block.info)} is not read as a prompt"
            self.diagnostics.append(Diagnostic(block.line, says, last=block.end))
            return
        draft = self._begin(block.line, used=range(block.line, block.end + 1))
        draft.filename = draft.filename or filename_in(block.info)
        lines = block.text.split("\n")
        written = [text for text in lines if text.strip()]
        if block is not whole and len(written) > 1 and _NUMBER.match(written[0]) and _is_short(written[0]):
            draft.title = written[0]
            draft.line = block.line + 1 + lines.index(written[0])
            lines[lines.index(written[0])] = ""
        for text in lines:
            self._fenced_line(draft, text)
        draft.filename = draft.filename or self._pop_name(draft)
        self._open = self._avoids = None

    def _note_elsewhere(self, line: int, last: int) -> None:
        self.diagnostics.append(Diagnostic(line, f"{self._elsewhere} is not for this picture", last=last, note=True))

    def _fenced_line(self, draft: _Draft, text: str) -> None:
        label = read_label(text)
        if label and label.field is Field.FILE and not draft.filename:
            draft.filename = label.value
        elif label and label.field is Field.NEGATIVE and "".join(draft.lines).strip():
            self._avoids = draft
            draft.avoid.append(label.value)
        elif self._avoids and text.strip() and not _FLAGS.match(text):
            draft.avoid.append(text)
        else:
            self._avoids = None if _FLAGS.match(text) or any(draft.avoid) else self._avoids
            draft.lines.append(text)

    def _begin(self, line: int, *, used: range) -> _Draft:
        """Begins a prompt; what was said before it belongs to it."""
        if self._open is not None and not "".join(self._open.lines).strip():
            draft = self._open  # a label, and now its prompt
            draft.line = line
        else:
            draft, self._next = self._next, _Draft(0)
            draft.line = line
            self._drafts.append(draft)
            self._take_title(draft)
        draft.used.update(used)
        return draft

    def _take_title(self, draft: _Draft) -> None:
        """Where prompts stand one after the other, a short line right before one is its title."""
        while self._spoken and not self._spoken[-1][1].strip():
            self._spoken.pop()
        if self._spoken and not draft.title and (self._grouped or not self._section.title.level):
            line, text = self._spoken[-1]
            alone = len(self._spoken) == 1 or not self._spoken[-2][1].strip()
            if alone and _is_short(text) and not text.lstrip().startswith(("*", "_", "(", "!")):
                draft.title = text
                draft.line = line
                draft.used.add(line)
                self._spoken.pop()

    def _text(self, line: int, text: str, block: Block) -> None:
        label = read_label(text)
        if label and label.field is not Field.OTHER:
            self._elsewhere = ""
        if self._elsewhere and text.strip():
            self._note_elsewhere(line, line)
        elif label and label.field not in (Field.OTHER, Field.LOOK):
            self._label(line, text, label, listed=block.listed)
        elif has_image_ending(text) and (self._name_follows or (not block.listed and is_bare_filename(text))):
            self._name(line, clean_filename(text))
        elif _FLAGS.match(text) and self._drafts:
            self._add(self._drafts[-1], line, text.strip(" `*"))
        elif self._avoids is not None and text.strip():
            self._avoids.avoid.append(text)
            self._avoids.used.add(line)
        elif self._open is not None and not (label and label.bold and label.field is Field.OTHER):
            self._add(self._open, line, text)
        elif text.strip() and (self._ruled or (self._named and not self._drafts)):
            self._behind.append(line)
        else:
            self._spoken.append((line, text))

    def _blank(self, line: int) -> None:
        self._avoids = self._avoids if self._avoids and not any(self._avoids.avoid) else None
        if self._open is not None:
            self._open.lines.append("")
        else:
            self._spoken.append((line, ""))

    @staticmethod
    def _add(draft: _Draft, line: int, text: str) -> None:
        draft.lines.append(text)
        draft.used.add(line)

    def _label(self, line: int, text: str, label: Label, *, listed: bool) -> None:
        if label.field is Field.ELSEWHERE:
            self._open = self._avoids = None
            self._elsewhere = short(label.key)
            self._note_elsewhere(line, line)
        elif label.field is Field.NOTE:
            if not (label.bold or listed):
                self._spoken.append((line, text))
                return
            self._open = None
            self.diagnostics.append(Diagnostic(line, f"{short(text)} is no part of a prompt", note=True))
        elif label.field is Field.PROMPT:
            self._avoids = None
            self._open = self._begin(line, used=range(line, line + 1))
            self._open.filename = self._open.filename or self._pop_name(self._open)
            if label.value:
                self._open.lines.append(label.value)
        elif label.field is Field.FILE:
            self._open = None
            self._name(line, label.value)
        elif label.field is Field.NEGATIVE:
            draft = self._drafts[-1] if self._drafts else self._next
            draft.avoid += [label.value] if label.value else []
            draft.used.add(line)
            self._open, self._avoids = None, draft
        elif label.field is Field.NAME:
            if not label.bold and not listed:
                self._spoken.append((line, text))
                return
            self._open = None
            self._next.title = label.value
            self._next.used.add(line)
        else:
            self._attribute(line, label)

    def _attribute(self, line: int, label: Label) -> None:
        attribute = {Field.CATEGORY: "label", Field.RATIO: "ratio", Field.CORE: "core"}[label.field]
        last = self._drafts[-1] if self._drafts and not self._next.title else self._next
        draft = self._next if getattr(last, attribute) else last
        value = label.value.strip(" *_`.")
        draft.used.add(line)
        self._open = None
        if label.field is Field.CATEGORY:
            draft.label = value
            if value and read_group(value).kind is None:
                says = f"the category {short(value)} is neither character nor environment nor prop"
                self.diagnostics.append(Diagnostic(line, says))
        elif label.field is Field.CORE:
            draft.core = not value.lower().startswith(("n", "-", "false", "0"))
        elif ratio := _RATIO.match(value):
            draft.ratio = ratio[0]  # without the "(landscape)" behind it
        else:
            self.diagnostics.append(Diagnostic(line, f"the aspect ratio {short(value)} is not width:height"))

    def _name(self, line: int, name: str) -> None:
        self._named = any(len(text) >= LEAST_TEXT for _, text in self._spoken)
        self._name_follows = not name
        known = [*(known for _, known in self._names), *(draft.filename for draft in self._drafts)]
        last = self._drafts[-1] if self._drafts and not self._next.title else None
        (last or self._next).used.add(line)
        if not name or name in known:
            return
        if last and not last.filename:
            last.filename = name
        else:
            self._names.append((line, name))

    def _pop_name(self, draft: _Draft) -> str:
        if not self._names:
            return ""
        line, name = self._names.pop(0)
        draft.used.add(line)
        return name

    def pictures(self, groups: tuple[str, ...]) -> list[Picture]:
        """Returns the pictures, given their groups; leftover lines become diagnostics."""
        title = self._section.title
        self._drafts = [draft for draft in self._drafts if draft is not self._open or draft.lines] or self._drafts
        if self._drafts:
            self._report_texts_beside()
            self._drafts[-1].used |= self._next.used
        else:
            self._drafts = [self._unfenced()]
        if self._behind:
            self.diagnostics.append(same_for(self._behind, "text behind the prompt is not taken as part of it"))
        nameless = [draft for draft in self._drafts if not draft.filename]
        for draft, (line, name) in zip(nameless, self._names, strict=False):
            draft.filename = name
            draft.used.add(line)
        self.diagnostics += [
            Diagnostic(line, f"the file name {name} has no prompt") for line, name in self._names[len(nameless) :]
        ]
        several = len(self._drafts) > 1
        if several and not self._grouped and title.text:
            says = f"a further prompt under {short(title.text)} has no name; it is read as a picture of its own"
            self.diagnostics += [
                Diagnostic(draft.line, says) for draft in self._drafts[1:] if not (draft.filename or draft.title)
            ]
        return [self._picture(draft, groups, several=several) for draft in self._drafts]

    def _picture(self, draft: _Draft, groups: tuple[str, ...], *, several: bool) -> Picture:
        heading = self._section.title
        own = "" if self._grouped or not heading.level else _without_number(heading.text)
        named = bool(draft.title) and (several or not own or bool(_NAMELESS.match(heading.text)))
        title = _without_number(draft.title) if named else _without_number(heading.text)
        if ratio := _RATIO_ASIDE.search(title):
            draft.ratio, title = draft.ratio or ratio[1], _RATIO_ASIDE.sub("", title).strip()
        return Picture(
            title=title,
            line=draft.line if self._grouped or several or not heading.level else heading.line,
            prompt=draft.prompt,
            filename=draft.filename or ("" if several else filename_in(heading.text)),
            code=code[1] if (code := _CODE.match(draft.title if named else heading.text)) else "",
            label=draft.label,
            groups=groups,
            core=draft.core or bool(CORE.search(draft.title if several and named else heading.text)),
            titled=named or bool(own),
            lines=frozenset({heading.line, *draft.used}),
        )

    def _unfenced(self) -> _Draft:
        """Puts a prompt together from plain text."""
        draft, self._next = self._next, _Draft(0)
        draft.line = self._section.title.line
        for line, text in self._spoken:
            draft.lines.append(text)
            draft.used.add(line)
        if not self._section.title.level and self._spoken:
            draft.line = self._spoken[0][0]
        return draft

    def _report_texts_beside(self) -> None:
        """Reports text beside a prompt; labels, and asides in italics or brackets, need no warning."""
        asides, others = [], []
        for line, text in self._spoken:
            label = read_label(text)
            if _ASIDE.match(text) or (label and label.field is not Field.OTHER):
                asides.append(line)
            elif text.strip():
                others.append(line)
        title = called(self._section.title.text)
        if others:
            self.diagnostics.append(same_for(others, f"text beside the prompt of {title} is not read"))
        if asides:
            self.diagnostics.append(replace(same_for(asides, f"an aside to the prompt of {title}"), note=True))


def _without_number(title: str) -> str:
    """Returns a title without numbering, ``[CORE]`` and trailing colon."""
    title = _TITLE_FILE.sub("", CORE.sub("", title).strip()) or title
    return (_NUMBER.sub("", title, count=1) or title).strip(" :\t")


def _is_short(text: str) -> bool:
    """Returns whether a line could be a title: a few words, and no sentence."""
    return len(text.split()) <= _LONGEST_TITLE and not text.rstrip().endswith((".", "!", "?", ",", ";", ":"))


def is_numbered(title: str) -> bool:
    """Returns whether a title begins with a number or a code such as ``ENV-03``."""
    return _NUMBER.match(title) is not None
