"""Finding whole words and phrases in a text, whatever their case, hyphens and apostrophes."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

T = TypeVar("T")

#: A word of any script; joined by apostrophes, hyphens and the dot of "Mr.", so that names stay whole.
_WORD = re.compile(r"[^\W_]+(?:['\u2019\u2010-\u2013-][^\W_]+)*[\u2640\u2642]?")
_NO = frozenset(("no", "not", "without", "never", "avoid", "minus", "lacks"))


@dataclass(frozen=True)
class Word:
    """One word of a text: as written, for comparing, and where it stands."""

    text: str
    key: str
    start: int
    end: int


@dataclass(frozen=True)
class Hit(Generic[T]):
    """A phrase that was found: from which word up to which, and what it means."""

    start: int
    end: int
    value: T


def split_words(text: str) -> list[Word]:
    """Returns the words of a text; ``key`` is in lower case and without a possessive ending."""
    return [
        Word(word[0], re.sub("['\u2019]s?$", "", word[0].casefold()), word.start(), word.end())
        for word in _WORD.finditer(text)
    ]


class Lexicon(Generic[T]):
    """Phrases and what they mean."""

    def __init__(self, phrases: Mapping[str, T]) -> None:
        self._phrases = {_parts(phrase): value for phrase, value in phrases.items()}
        self._longest = max((len(parts) for parts in self._phrases), default=0)

    def find(self, words: Sequence[Word]) -> list[Hit[T]]:
        """Returns the phrases in a text, the longest at each place; none that follows a ``no`` or ``without``."""
        return list(self._find(words))

    def _find(self, words: Sequence[Word]) -> Iterator[Hit[T]]:
        # Hyphens separate for comparing: "deep-sea" is "deep sea".
        parts = [(part, index) for index, word in enumerate(words) for part in _parts(word.key)]
        at = 0
        while at < len(parts):
            for length in range(min(self._longest, len(parts) - at), 0, -1):
                key = tuple(part for part, _ in parts[at : at + length])
                if key in self._phrases:
                    first, last = parts[at][1], parts[at + length - 1][1]
                    if not (first and words[first - 1].key in _NO):
                        yield Hit(first, last + 1, self._phrases[key])
                    at += length
                    break
            else:
                at += 1


def _parts(phrase: str) -> tuple[str, ...]:
    return tuple(part for part in re.split(r"[\s\u2010-\u2013-]+", phrase.casefold()) if part)
