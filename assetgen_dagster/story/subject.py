"""Who a topic is about: its words without those that name a film, a place, a season or an hour."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache

from assetgen_dagster.story.tables import Words, conditions, habitats, subjects
from assetgen_dagster.story.words import Hit, Lexicon, Word, split_words

_MOST_WORDS = 6
_MOST_CHARACTERS = 80
_TOO_GENERAL = frozenset(("pokemon", "pok\u00e9mon", "animal", "animals", "creature", "creatures"))
_ABBREVIATIONS = frozenset(("mr", "mrs", "dr", "st", "jr"))


@dataclass(frozen=True)
class Places:
    """What a text says about places.

    Attributes:
        named: Habitats it names, in order.
        implied: Habitats that are only part of an animal's name, or an animal's home.
        words: Indexes of all words that belong to a habitat's name.
        kinds: Indexes of words that belong to an animal's name, whatever else they could mean.
    """

    named: tuple[str, ...]
    implied: tuple[str, ...]
    words: frozenset[int]
    kinds: frozenset[int]


@dataclass(frozen=True)
class Hero:
    """The hero: its name as the topic writes it, and how it gets about (``flying``, ``swimming``, or neither)."""

    name: str
    moves: str = ""


@cache
def _places() -> Lexicon[str]:
    return Lexicon({word: name for name, habitat in habitats().items() for word in habitat.words})


@cache
def _kinds() -> Lexicon[str]:
    """Animals and what habitat is their home; empty where they are at home in many."""
    table = subjects()
    return Lexicon(
        dict.fromkeys(table.kinds.names, "")
        | {word: "" if home == "anywhere" else home for home, words in table.homes.items() for word in words}
    )


@cache
def _pokemon() -> Lexicon[str]:
    return Lexicon(
        {word: "" if home == "anywhere" else home for home, words in subjects().pokemon.items() for word in words}
    )


@cache
def _conditions() -> Lexicon[str]:
    """Everything that names a season, an hour or a weather; moods are part of ``generic``."""
    table = conditions()
    phrases: list[str] = [*table.all_seasons.words, *table.all_day.words]
    for words in (*table.seasons.values(), *_words(table.times.values()), *_words(table.weathers.values())):
        phrases += words
    return Lexicon(dict.fromkeys(phrases, "condition"))


def _words(rows: Iterable[object]) -> list[Words]:
    return [row.words for row in rows if hasattr(row, "words")]


def find_places(words: Sequence[Word]) -> Places:
    """Finds the habitats of a text; "reef shark" and "snow leopard" are animals, not places or weather."""
    places = _places().find(words)
    kinds = _kinds().find(words)
    starts = {kind.start for kind in kinds}
    leading = [place.value for place in places if place.end in starts]  # "desert elephants" live in the desert
    part_of_kind = {index for kind in kinds if kind.end - kind.start > 1 for index in range(kind.start, kind.end)}
    for place in places:
        if place.end in starts:
            part_of_kind.update(range(place.start, place.end))
    named = [place for place in places if place.start not in part_of_kind]
    implied = [place for place in places if place.start in part_of_kind]
    homes = [hit.value for hit in sorted([*kinds, *_pokemon().find(words)], key=lambda hit: hit.start) if hit.value]
    return Places(
        named=tuple(dict.fromkeys(place.value for place in named)),
        implied=tuple(dict.fromkeys([*leading, *homes, *(place.value for place in implied)])),
        words=frozenset(index for place in places for index in range(place.start, place.end)),
        kinds=frozenset(part_of_kind),
    )


def find_hero(topic: str, *, known_only: bool = False) -> Hero | None:
    """Returns the hero of a topic; None if it names none.

    Args:
        topic: On one line.
        known_only: Only an animal that the tables know counts, not just any name.
    """
    words = split_words(topic)
    places = find_places(words)
    animals: list[Hit[str]] = [*_kinds().find(words), *_pokemon().find(words)]
    known = places.kinds | {index for hit in animals for index in range(hit.start, hit.end)}
    dropped = _dropped(words, places, known)
    runs = [run for run in _runs(topic, words, dropped) if not {words[index].key for index in run} <= _TOO_GENERAL]
    if not runs:
        runs = [run for run in _runs(topic, words, dropped) if words[run[0]].key.startswith(("animal", "creature"))]
    if not runs:
        return None
    telling = [run for run in runs if any(index in known and words[index].key not in _TOO_GENERAL for index in run)]
    if known_only and not telling:
        return None
    run = _trimmed(topic, words, telling[0], known) if telling else runs[0]
    run = run[:_MOST_WORDS]
    name = " ".join(_written(topic, words[index]) for index in run)[:_MOST_CHARACTERS].strip()
    # Of wolves and ravens, the first decides.
    return Hero(name, _moves([words[index].key for index in run if index in known]))


def _dropped(words: Sequence[Word], places: Places, known: Iterable[int]) -> frozenset[int]:
    generic = subjects().generic
    common = {*generic.words, *generic.stop}
    keep = {*known}
    seasonal = {index for hit in _conditions().find(words) for index in range(hit.start, hit.end)}
    return frozenset(
        index
        for index, word in enumerate(words)
        if index not in keep
        and (
            index in places.words
            or index in seasonal
            or word.key in common
            or (word.text.islower() and word.key.endswith("ing") and word.key not in generic.participles_kept)
        )
    )


def _runs(topic: str, words: Sequence[Word], dropped: frozenset[int]) -> list[list[int]]:
    """Returns stretches of words that belong together; "and" joins, punctuation separates."""
    runs: list[list[int]] = [[]]
    for index, word in enumerate(words):
        if runs[-1]:
            before = words[runs[-1][-1]]
            between = topic[before.end : word.start]
            joined = not between.strip(" (&") or (between.strip() == "." and before.key in _ABBREVIATIONS)
            if runs[-1][-1] != index - 1 or not joined:
                runs.append([])
        if index not in dropped:
            runs[-1].append(index)
    for run in runs:
        while run and words[run[-1]].key == "and":
            run.pop()
        while run and words[run[0]].key == "and":
            run.pop(0)
    return [run for run in runs if run]


def _trimmed(topic: str, words: Sequence[Word], run: list[int], known: Iterable[int]) -> list[int]:
    """Cuts what follows an animal's name in lower case (mostly a verb), but for what stands in brackets."""
    known = {*known}
    last = max(index for index in run if index in known)
    kept = [index for index in run if index <= last]
    for index in run:
        if index <= last:
            continue
        bracketed = "(" in topic[words[kept[-1]].end : words[index].start]
        if words[index].text.islower() and not bracketed:
            break
        kept.append(index)
    return kept


def _written(topic: str, word: Word) -> str:
    """Returns a word as written, without a possessive ending, with the dot of "Mr."."""
    text = re.sub("['\u2019]s?$", "", word.text)
    return f"{text}." if word.key in _ABBREVIATIONS and topic[word.end : word.end + 1] == "." else text


def _moves(keys: Sequence[str]) -> str:
    """Returns how the first animal gets about; a kind's name may have a place before it ("sea eagle")."""
    kinds = [key for key in keys if _kinds().find(split_words(key)) or _pokemon().find(split_words(key))]
    return next((manner for manner, names in subjects().moves.items() if kinds and kinds[0] in names), "")
