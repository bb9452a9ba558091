"""One section of Part 4: a title, the blocks below it, and the picture (or pictures) they describe."""

import re
from dataclasses import dataclass, field

from assetgen_dagster.story.blocks import Block, Kind
from assetgen_dagster.story.labels import (
    category_label,
    clean_filename,
    file_label,
    filename_in,
    has_image_ending,
    is_bare_filename,
    is_label,
    negative_label,
    without_prompt_label,
)

#: Languages that people put behind a fence although a prompt is in it.
_PROMPT_LANGUAGES = frozenset(
    ("text", "txt", "prompt", "plaintext", "plain", "markdown", "md", "midjourney", "none", "image", "gemini", "copy")
)
_CORE = re.compile(r"\[\s*core\s*\]", re.I)
_NUMBER = re.compile(r"^\W{0,6}(?:(?:asset|image|picture|prompt|no\.?)\s*)?#?\d{1,3}\s*[.):–—-]+\s+", re.I)
_LEAST_TEXT = 20


@dataclass(frozen=True)
class Picture:
    """One picture as the document describes it, before names and kinds are decided.

    Attributes:
        title: Its heading without numbering and ``[CORE]``; the group's title where it has none of its own.
        line: 1-based line of that heading, or of the prompt where there is none.
        prompt: The prompt with its flags still in it; may be empty.
        filename: As suggested; empty if it was not.
        label: What a ``Category:`` line says; empty if there is none.
        groups: Titles of the groups it stands in, innermost first.
        core: Marked ``[CORE]``: other pictures of the same character refer to it.
        titled: It has a heading of its own.
    """

    title: str
    line: int
    prompt: str
    filename: str
    label: str
    groups: tuple[str, ...]
    core: bool
    titled: bool = True


@dataclass
class Section:
    """A title and the blocks below it, up to the next title; the stretch before the first title has level 0."""

    title: Block
    body: list[Block] = field(default_factory=list)

    @property
    def fences(self) -> list[Block]:
        """All fenced blocks."""
        return [block for block in self.body if block.kind is Kind.FENCE]

    @property
    def prompts(self) -> list[Block]:
        """The fenced blocks that can be prompts."""
        return [fence for fence in self.fences if _speaks_prompt(fence)]

    @property
    def has_file(self) -> bool:
        """Whether a file name is given, in the title or below it."""
        return bool(filename_in(self.title.text)) or any(
            file_label(line) is not None
            for block in self.body
            if block.kind is Kind.TEXT
            for line in block.text.split("\n")
        )

    @property
    def is_strong(self) -> bool:
        """Whether more than plain text says that here is a picture."""
        return bool(self.fences) or self.has_file

    @property
    def has_text(self) -> bool:
        """Whether there is enough plain text for a prompt."""
        return sum(len(block.text) for block in self.body if block.kind is Kind.TEXT) >= _LEAST_TEXT


@dataclass
class _Draft:
    """A prompt and the file name that was found for it."""

    line: int
    prompt: str = ""
    filename: str = ""
    avoid: str = ""


def read_section(section: Section, groups: tuple[str, ...], *, grouped: bool) -> tuple[list[Picture], list[str]]:
    """Reads the picture of a section, or the pictures where it has several prompts.

    Args:
        section: The section.
        groups: Titles of the groups it stands in, innermost first.
        grouped: Its own title is a group's, so that its pictures have none.

    Returns:
        The pictures, and warnings.
    """
    return _Reading(section, grouped=grouped).result(groups)


class _Reading:
    """Goes through a section's blocks in order."""

    def __init__(self, section: Section, *, grouped: bool) -> None:
        self._section = section
        self._grouped = grouped
        self._drafts: list[_Draft] = []
        self._names: list[str] = []  # met before the prompt they belong to
        self._name_follows = False  # a label without a name: it stands on the next line
        self._spoken: list[tuple[int, str]] = []
        self._behind: int | None = None  # line of the first text behind a rule
        self._ruled = False
        self._label = ""
        self._negative = False
        self._warnings: list[str] = []
        for block in section.body:
            if block.kind is Kind.FENCE:
                self._fence(block)
            elif block.kind is Kind.TEXT:
                for line, text in enumerate(block.text.split("\n"), block.line):
                    self._text(line, text, bare=not block.listed)
                self._spoken.append((block.line, ""))
            elif block.kind is Kind.RULE:
                self._ruled = self._ruled or any(text.strip() for _, text in self._spoken)

    def _fence(self, block: Block) -> None:
        prompt, name = _split_fence(block.text)
        if self._negative and self._drafts:
            self._drafts[-1].avoid = prompt
        elif not _speaks_prompt(block) and not (self._section.has_file and len(self._section.fences) == 1):
            self._warnings.append(f"line {block.line}: the block marked {short(block.info)} is not read as a prompt")
        else:
            self._drafts.append(_Draft(block.line, prompt, name or (self._names.pop(0) if self._names else "")))
        self._negative = False

    def _text(self, line: int, text: str, *, bare: bool) -> None:
        if (name := file_label(text)) is not None:
            self._name(name)
        elif has_image_ending(text) and (self._name_follows or (bare and is_bare_filename(text))):
            self._name(clean_filename(text))
        elif (category := category_label(text)) is not None:
            self._label = category
        elif (listed := negative_label(text)) is not None:
            self._negative = not listed
            if listed:
                self._avoid(line, listed)
        elif self._ruled:
            self._behind = self._behind or (line if text.strip() else None)
        else:
            self._spoken.append((line, text))

    def _name(self, name: str) -> None:
        self._name_follows = not name
        if not name or name in self._names or name in [draft.filename for draft in self._drafts]:
            return
        if self._drafts and not self._drafts[-1].filename:
            self._drafts[-1].filename = name
        else:
            self._names.append(name)

    def _avoid(self, line: int, listed: str) -> None:
        if self._drafts:
            self._drafts[-1].avoid = listed
        else:
            self._spoken.append((line, f"--no {listed}"))

    def result(self, groups: tuple[str, ...]) -> tuple[list[Picture], list[str]]:
        """Returns the pictures, for the groups they stand in, and warnings."""
        title = self._section.title
        drafts = self._drafts or [_Draft(title.line, self._unfenced())]
        if self._drafts:
            self._note_remarks()
        if self._behind:
            self._warnings.append(f"line {self._behind}: text behind the rule is not taken as part of the prompt")
        nameless = [draft for draft in drafts if not draft.filename]
        for draft, name in zip(nameless, self._names, strict=False):
            draft.filename = name
        self._warnings += [
            f"line {title.line}: the file name {name} has no prompt" for name in self._names[len(nameless) :]
        ]
        several = len(drafts) > 1
        if several and not self._grouped:
            self._warnings += [
                f"line {draft.line}: a further fenced block under {short(title.text)} has no file name; "
                "it is read as a picture of its own"
                for draft in drafts
                if not draft.filename
            ]
        return [
            Picture(
                title=_without_number(title.text),
                line=draft.line if self._grouped or several or not title.level else title.line,
                prompt=f"{draft.prompt}\n--no {' '.join(draft.avoid.split())}" if draft.avoid else draft.prompt,
                filename=draft.filename or filename_in(title.text),
                label=self._label,
                groups=groups,
                core=bool(_CORE.search(title.text)),
                titled=not self._grouped and bool(title.level),
            )
            for draft in drafts
        ], self._warnings

    def _unfenced(self) -> str:
        """Puts a prompt together from plain text."""
        return without_prompt_label("\n".join(text for _, text in self._spoken).strip())

    def _note_remarks(self) -> None:
        """Text beside a fenced prompt is left out; labels and asides in italics or brackets need no warning."""
        for line, text in self._spoken:
            if text.strip() and not is_label(text) and not text.lstrip().startswith(("*", "_", "(")):
                title = short(self._section.title.text)
                self._warnings.append(f"line {line}: text beside the fenced prompt of {title} is not read")
                return


def _split_fence(content: str) -> tuple[str, str]:
    """Takes a file name and a leading ``Prompt:`` out of a fenced prompt."""
    name = ""
    lines = []
    for line in content.split("\n"):
        found = None if name else file_label(line)
        name = found or name
        if found is None:
            lines.append(line)
    return without_prompt_label("\n".join(lines).strip()), name


def _without_number(title: str) -> str:
    """Returns a title without numbering, ``[CORE]`` and trailing colon."""
    return _NUMBER.sub("", _CORE.sub("", title), count=1).strip(" :\t")


def short(text: str) -> str:
    """Returns the beginning of a text in quotes, for a message."""
    text = " ".join(text.split())
    return f"'{text if len(text) <= 60 else text[:59] + '…'}'"


def _speaks_prompt(fence: Block) -> bool:
    language = re.split(r"[\s{:,]", fence.info.lower(), maxsplit=1)[0]
    return not language or language in _PROMPT_LANGUAGES
