"""Diagnostics of the reader, each with the lines of the document it refers to.

A diagnostic is a warning that a person should read before paying, or a note about something left out on purpose, such
as a summary or a comment. Pictures and diagnostics together cover every line below the prompts' heading.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

_MOST_SHOWN = 8
#: Remedy for everything that was left out.
HOW_TO_GO_ON = (
    "write each picture, also those of the same list, as a line '### Title' with its prompt below it; put text that "
    "is not a picture between '<!--' and '-->'"
)


@dataclass(frozen=True)
class Diagnostic:
    """A warning or a note.

    Attributes:
        line: Its first line, from 1; 0 for the whole document.
        message: One sentence.
        last: Its last line, if it spans several.
        others: Further lines with the same diagnostic.
        note: Whether it is only a note.
        left_out: Whether the text may be a picture that could not be parsed.
        stops: Whether the text is so likely a picture that the run stops before anything is paid.
    """

    line: int
    message: str
    last: int = 0
    others: tuple[int, ...] = ()
    note: bool = False
    left_out: bool = False
    stops: bool = False

    @property
    def lines(self) -> Iterator[int]:
        """All its lines."""
        yield from range(self.line, max(self.line, self.last) + 1)
        yield from self.others

    def __str__(self) -> str:
        if not self.line:
            return self.message
        if self.last > self.line:
            return f"lines {self.line}-{self.last}: {self.message}"
        every = [self.line, *self.others]
        shown = ", ".join(map(str, every[:_MOST_SHOWN]))
        more = " and more" if len(every) > _MOST_SHOWN else ""
        return f"line{'s' if self.others else ''} {shown}{more}: {self.message}"


def same_for(lines: Sequence[int], message: str) -> Diagnostic:
    """Returns one diagnostic for several lines."""
    return Diagnostic(lines[0], message, others=tuple(lines[1:]))


def texts(diagnostics: Iterable[Diagnostic], *, notes: bool) -> tuple[str, ...]:
    """Returns the warnings, or the notes, as sentences in the document's order; equal ones once."""
    wanted = sorted(
        (diagnostic for diagnostic in diagnostics if diagnostic.note is notes), key=lambda diagnostic: diagnostic.line
    )
    return tuple(dict.fromkeys(map(str, wanted)))


def called(title: str) -> str:
    """Returns a picture's name for a message."""
    return short(title) if title else "a picture without a title"


def short(text: str) -> str:
    """Returns the beginning of a text in quotes, for a message."""
    text = " ".join(text[:400].split())
    return f"'{text if len(text) <= 60 else text[:59] + '…'}'"
