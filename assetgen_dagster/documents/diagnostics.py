"""What the reader has to say about a producer's document, each with the lines it speaks of.

A remark is a warning where a person should look before paying, and a note where something is knowingly left out: a
summary, a comment, a word on which clip uses a picture. Together with the pictures they account for every line below
the prompts' heading.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

_MOST_SHOWN = 8
#: What to do about everything that was left out.
HOW_TO_GO_ON = (
    "write each picture, also those of the same list, as a line '### Title' with its prompt below it; put what is to "
    "be left out between '<!--' and '-->'"
)


@dataclass(frozen=True)
class Remark:
    """One remark.

    Attributes:
        line: 1-based line it begins at; 0 where it is about the whole document.
        says: What there is to say.
        last: Last line it speaks of, where that is another one.
        others: Further lines that the same is said of.
        note: Nothing a person has to look at.
        left_out: It may be a picture that could not be read as one.
        stops: Whether it is so likely a picture that the run stops before anything is paid.
    """

    line: int
    says: str
    last: int = 0
    others: tuple[int, ...] = ()
    note: bool = False
    left_out: bool = False
    stops: bool = False

    @property
    def lines(self) -> Iterator[int]:
        """All lines it speaks of."""
        yield from range(self.line, max(self.line, self.last) + 1)
        yield from self.others

    def __str__(self) -> str:
        if not self.line:
            return self.says
        if self.last > self.line:
            return f"lines {self.line}-{self.last}: {self.says}"
        every = [self.line, *self.others]
        shown = ", ".join(map(str, every[:_MOST_SHOWN]))
        more = " and more" if len(every) > _MOST_SHOWN else ""
        return f"line{'s' if self.others else ''} {shown}{more}: {self.says}"


def same_for(lines: Sequence[int], says: str) -> Remark:
    """Returns one remark that holds for several lines."""
    return Remark(lines[0], says, others=tuple(lines[1:]))


def texts(remarks: Iterable[Remark], *, notes: bool) -> tuple[str, ...]:
    """Returns the warnings, or the notes, as sentences in the document's order; equal ones once."""
    wanted = sorted((remark for remark in remarks if remark.note is notes), key=lambda remark: remark.line)
    return tuple(dict.fromkeys(map(str, wanted)))


def called(title: str) -> str:
    """Returns what a message calls a picture."""
    return short(title) if title else "a picture without a title"


def short(text: str) -> str:
    """Returns the beginning of a text in quotes, for a message."""
    text = " ".join(text[:400].split())
    return f"'{text if len(text) <= 60 else text[:59] + '…'}'"
