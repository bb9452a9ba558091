"""What Part 4 is made of: sections, each a title and the blocks below it, and the pictures that they describe."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from assetgen_dagster.documents.blocks import Block, Kind
from assetgen_dagster.documents.labels import Field, could_label, filename_in, is_bare_filename, read_label

#: Languages that people put behind a fence although a prompt is in it.
_PROMPT_LANGUAGES = frozenset(
    ("text", "txt", "prompt", "plaintext", "plain", "markdown", "md", "midjourney", "none", "image", "gemini", "copy")
)
#: Characters of plain text that can be a prompt.
LEAST_TEXT = 20
#: Level of a picture without a heading of its own: below every heading and bold line.
_ENTRY_LEVEL = 8
#: Pictures in one document; more are a mistake, and reading them would only take long.
MOST_PICTURES = 1_000


@dataclass(frozen=True)
class Picture:
    """One picture as the document describes it, before names and kinds are decided.

    Attributes:
        title: Its heading without numbering and ``[CORE]``; the group's title where it has none of its own.
        line: 1-based line of that heading, or of the prompt where there is none.
        prompt: The prompt with its flags still in it; may be empty.
        filename: As suggested; empty if it was not.
        code: Letters before its number, as in ``ENV-03``; empty if there are none.
        label: What a ``Category:`` line says; empty if there is none.
        groups: Titles of the groups it stands in, innermost first.
        core: Marked ``[CORE]``: other pictures of the same character refer to it.
        titled: It has a heading of its own.
        lines: The document's lines that went into it.
    """

    title: str
    line: int
    prompt: str
    filename: str
    code: str
    label: str
    groups: tuple[str, ...]
    core: bool
    titled: bool = True
    lines: frozenset[int] = frozenset()


@dataclass
class Section:
    """A title and the blocks below it, up to the next title; the stretch before the first title has level 0.

    Attributes:
        title: The title; its text is empty where a picture has none.
        body: What stands below it.
        entry: A picture for certain: a table's row, a list's item.
    """

    title: Block
    body: list[Block] = field(default_factory=list)
    entry: bool = False
    _labelled: tuple[int, set[Field]] = field(default=(-1, set()), repr=False, compare=False)

    @property
    def end(self) -> int:
        """The last line it stands on."""
        return max([self.title.line, *(block.end for block in self.body)])

    @property
    def fences(self) -> list[Block]:
        """All fenced blocks."""
        return [block for block in self.body if block.kind is Kind.FENCE]

    @property
    def prompts(self) -> list[Block]:
        """The fenced blocks that can be prompts."""
        return [fence for fence in self.fences if speaks_prompt(fence)]

    @property
    def has_file(self) -> bool:
        """Whether a file name is given, in the title or below it."""
        return bool(filename_in(self.title.text)) or Field.FILE in self._labels

    @property
    def has_prompt_label(self) -> bool:
        """Whether a line such as ``**Prompt:** ...`` stands below the title."""
        return Field.PROMPT in self._labels

    @property
    def _labels(self) -> set[Field]:
        if self._labelled[0] != len(self.body):
            fields = set()
            for block in self.body:
                if block.kind is Kind.TEXT and could_label(block.text):
                    for _, line in block.lines:
                        if label := read_label(line):
                            fields.add(label.field)
                        elif not block.listed and is_bare_filename(line):
                            fields.add(Field.FILE)
            self._labelled = (len(self.body), fields)
        return self._labelled[1]

    @property
    def is_strong(self) -> bool:
        """Whether more than plain text says that here is a picture."""
        return bool(self.fences) or self.has_file

    @property
    def has_text(self) -> bool:
        """Whether there is enough plain text for a prompt."""
        return sum(len(block.text) for block in self.body if block.kind is Kind.TEXT) >= LEAST_TEXT


def entry_section(line: int, name: str, body: Sequence[Block]) -> Section:
    """Makes a section of a table's row, a list's item or the like; ``name`` is empty where it has none."""
    return Section(Block(Kind.BOLD, line, name, _ENTRY_LEVEL), list(body), entry=True)


def speaks_prompt(fence: Block) -> bool:
    """Returns whether a fence's language leaves room for a prompt in it."""
    language = re.split(r"[\s{:,]", fence.info.lower(), maxsplit=1)[0]
    return not language or language in _PROMPT_LANGUAGES or bool(filename_in(fence.info))
