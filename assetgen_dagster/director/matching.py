"""Finds whole words and phrases in a text, ignoring case, hyphens, possessives and plurals."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Generic, TypeVar

T_co = TypeVar("T_co", covariant=True)

#: A word of any script; joined by apostrophes, hyphens and the dot of "Mr.", so that names stay whole.
_WORD = re.compile(r"[^\W_]+(?:['\u2019\u2010-\u2013-][^\W_]+)*[\u2640\u2642]?")
_SPLIT = re.compile(r"[\s\u2010-\u2013-]+")
_POSSESSIVE = re.compile("['\u2019]s?$")

#: Words that deny what follows.
DENIALS = frozenset(
    [
        "no",
        "not",
        "without",
        "never",
        "neither",
        "avoid",
        "minus",
        "lacks",
        "lacking",
        "hardly",
        "isn't",
        "isn’t",
        "aren't",
        "doesn't",
        "doesn’t",
        "don't",
        "don’t",
        "didn't",
        "didn’t",
        "won't",
        "won’t",
        "stops",
        "stopped",
    ]
)
_NO_OF = frozenset(("lack", "absence", "instead", "free"))
#: May stand between a "no" and what it denies.
_BETWEEN = frozenset(
    [
        "a",
        "an",
        "any",
        "the",
        "more",
        "much",
        "further",
        "fresh",
        "new",
        "yet",
        "longer",
        "real",
        "single",
        "falling",
        "heavy",
        "or",
        "nor",
        "and",
    ]
)


@dataclass(frozen=True)
class Word:
    """One word of a text: as written, its key for comparison, and its position."""

    text: str
    key: str
    start: int
    end: int


@dataclass(frozen=True)
class Hit(Generic[T_co]):
    """A phrase that was found: its range of words, and its value."""

    start: int
    end: int
    value: T_co


def split_words(text: str) -> list[Word]:
    """Returns the words of a text; ``key`` is in lower case and without a possessive ending."""
    return [
        Word(word[0], _POSSESSIVE.sub("", word[0].casefold()), word.start(), word.end())
        for word in _WORD.finditer(text)
    ]


@lru_cache(maxsize=4096)
def singulars(word: str) -> tuple[str, ...]:
    """Returns the possible singulars of a regular plural (or a verb's third person): "wolves", "foxes", "cries"."""
    if not word.endswith("s") or word.endswith("ss"):
        return ()
    return tuple(
        word.removesuffix(ending) + instead
        for ending, instead in (("ves", "f"), ("ves", "fe"), ("ies", "y"), ("es", ""), ("s", ""))
        if word.endswith(ending) and len(word) > len(ending) + 1
    )


def indexes(hits: Iterable[Hit[Any]]) -> frozenset[int]:
    """Returns the indexes of all words of some hits."""
    return frozenset(index for hit in hits for index in range(hit.start, hit.end))


class Lexicon(Generic[T_co]):
    """Maps phrases to values; the last word of a phrase may be plural."""

    def __init__(self, phrases: Mapping[str, T_co]) -> None:
        self._phrases = {_parts(phrase): value for phrase, value in phrases.items()}
        self._longest: dict[str, int] = {}  # by first word
        for parts in self._phrases:
            self._longest[parts[0]] = max(len(parts), self._longest.get(parts[0], 0))

    def find(self, words: Sequence[Word]) -> list[Hit[T_co]]:
        """Returns the phrases in a text, the longest at each position, without denied ones."""
        return [hit for hit, denied in self._find(words) if not denied]

    def find_denied(self, words: Sequence[Word]) -> list[Hit[T_co]]:
        """Returns the denied phrases, such as "without any snow"; each begins at the word that denies it."""
        return [hit for hit, denied in self._find(words) if denied]

    def _find(self, words: Sequence[Word]) -> Iterator[tuple[Hit[T_co], bool]]:
        # Hyphens separate for comparing: "deep-sea" is "deep sea".
        parts = [(part, index) for index, word in enumerate(words) for part in _parts(word.key)]
        denied: dict[int, int] = {}  # a word that a "no" denies, and where that "no" stands
        at = 0
        while at < len(parts):
            longest = max(self._longest.get(form, 0) for form in (parts[at][0], *singulars(parts[at][0])))
            for length in range(min(longest, len(parts) - at), 0, -1):
                key = self._known(tuple(part for part, _ in parts[at : at + length]))
                if key is not None:
                    first, end = parts[at][1], parts[at + length - 1][1] + 1
                    no = _denial(words, first, denied)
                    if no is not None:
                        denied |= dict.fromkeys(range(first, end), no)
                    yield Hit(first if no is None else no, end, self._phrases[key]), no is not None
                    at += length
                    break
            else:
                at += 1

    def _known(self, key: tuple[str, ...]) -> tuple[str, ...] | None:
        if key in self._phrases:
            return key
        forms = ((*key[:-1], singular) for singular in singulars(key[-1]))
        return next((form for form in forms if form in self._phrases), None)


def _denial(words: Sequence[Word], index: int, denied: Mapping[int, int]) -> int | None:
    """Returns where the "no" before a word stands; "without rain or snow" denies both."""
    before = index - 1
    while before >= 0 and words[before].key in _BETWEEN:
        before -= 1
    if before < 0:
        return None
    if before in denied:
        return denied[before] if before < index - 1 else None
    if words[before].key in DENIALS:
        return before
    if words[before].key == "of" and before and words[before - 1].key in _NO_OF:
        return before - 1
    return None


def _parts(phrase: str) -> tuple[str, ...]:
    return tuple(part for part in _SPLIT.split(phrase.casefold()) if part)
