"""Subject and place of a topic: its words without those that name a film, a season or an hour."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from assetgen_dagster.director import lexicons
from assetgen_dagster.director.matching import Lexicon, Word, indexes, singulars, split_words
from assetgen_dagster.director.tables import subjects

_MOST_WORDS = 6
_MOST_CHARACTERS = 80
_TOO_GENERAL = frozenset(("pokemon", "pok\u00e9mon", "animal", "animals", "creature", "creatures", "wildlife"))
_ABBREVIATIONS = frozenset(("mr", "mrs", "dr", "st", "jr", "vs"))
_JOINING = frozenset(("and", "vs", "versus"))
_NOT_PLURAL = re.compile(r"(?:ss|us|is|as|os)$")


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
    """The hero.

    Attributes:
        name: As the topic writes it.
        moves: How it gets about: ``flying``, ``swimming``, or neither.
        many: The name is a plural.
        thing: It has no head, no eyes, and does not move by itself.
        home: Habitat that an animal or a thing comes from; empty where it can be anywhere, as a Pokémon can.
    """

    name: str
    moves: str = ""
    many: bool = False
    thing: bool = False
    home: str = ""

    @cached_property
    def keys(self) -> frozenset[str]:
        """Its words for comparing, in the singular, too."""
        keys = [part for word in split_words(self.name) for part in re.split("[\u2010-\u2013-]", word.key)]
        return frozenset(form for key in keys for form in (key, *singulars(key))) - lexicons.small() - _JOINING

    @cached_property
    def pattern(self) -> re.Pattern[str]:
        """Finds the hero in a text: its whole name where that has an "of", else its last word in any number."""
        keys = [word.key for word in split_words(self.name)]
        names = [" ".join(keys)] if "of" in keys else [*keys[-1:], *singulars(*keys[-1:])] if keys else []
        return re.compile(rf"\b(?:{'|'.join(map(re.escape, names)) or '(?!)'})(?:s|es)?\b", re.IGNORECASE)


def find_places(words: Sequence[Word]) -> Places:
    """Finds the habitats of a text; "reef shark" and "snow leopard" are animals, not places or weather."""
    places = lexicons.places().find(words)
    kinds = lexicons.kinds().find(words)
    starts = {kind.start for kind in kinds}
    leading = [place.value for place in places if place.end in starts]  # "desert elephants" live in the desert
    part_of_kind = {index for kind in kinds if kind.end - kind.start > 1 for index in range(kind.start, kind.end)}
    for place in places:
        if place.end in starts:
            part_of_kind.update(range(place.start, place.end))
    named = [place for place in places if place.start not in part_of_kind]
    implied = [place for place in places if place.start in part_of_kind]
    living = sorted([*kinds, *lexicons.pokemon().find(words)], key=lambda hit: hit.start)
    homes = [hit.value for hit in living if hit.value]
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
    kinds, pokemon = lexicons.kinds().find(words), lexicons.pokemon().find(words)
    known = places.kinds | {index for hit in [*kinds, *pokemon] for index in range(hit.start, hit.end)}
    things = [hit for hit in lexicons.things().find(words) if not known or hit.end - hit.start > 1]
    known -= indexes(things)  # a whale fall is no whale
    things = [] if known else things
    runs = _runs(topic, words, _dropped(words, places, known | indexes(things)))
    telling = [run for run in runs if any(index in known and words[index].key not in _TOO_GENERAL for index in run)]
    if known_only and not telling:
        return None
    specific = [run for run in runs if not {words[index].key for index in run} <= _TOO_GENERAL]
    general = [run for run in runs if words[run[0]].key.startswith(("animal", "creature"))]
    if not (specific or general):
        return None
    run = _trimmed(topic, words, telling[0], known) if telling else (specific or general)[0]
    run = run[:_MOST_WORDS]
    living = any(hit.start in run for hit in kinds)
    homes = places.implied if living else [hit.value for hit in things if hit.start in run]
    name = " ".join(_written(topic, words[index]) for index in run)[:_MOST_CHARACTERS].strip()
    return Hero(
        name.lower() if name.isupper() and living else name,
        moves=_moves([words[index].key for index in run if index in known]),
        many=_is_many([words[index] for index in run], known=any(hit.start in run for hit in pokemon)),
        thing=any(hit.start in run for hit in things),
        home=next((home for home in homes if home), ""),
    )


def find_locations(text: str, hero: Hero) -> list[str]:
    """Returns proper names of places, as written: "London" in "Foxes of London", "the Sahara"."""
    words = split_words(text)
    if sum(word.text.islower() for word in words) * 4 < len(words):
        return []  # in capitals, everything looks like a name
    living = indexes([*lexicons.kinds().find(words), *lexicons.pokemon().find(words), *lexicons.things().find(words)])
    said = indexes([*lexicons.times().find(words), *lexicons.seasons().find(words), *lexicons.weathers().find(words)])
    places = find_places(words)
    found: list[str] = []
    for index, word in enumerate(words):
        if (
            found
            and index
            and found[-1].endswith(words[index - 1].text)
            and word.text[0].isupper()
            and index not in living
        ):
            found[-1] += f" {word.text}"  # South Africa
            continue
        before = [earlier.key for earlier in words[max(0, index - 2) : index]]
        article = before[-1:] == ["the"]
        leading = before[:-1] if article else before
        proper = word.text[0].isupper() and not word.text.isupper() and index not in (living | said | places.kinds)
        if not proper or word.key in hero.keys or word.key in lexicons.common() or not leading:
            continue
        follows_hero = leading[-1] == "of" and index >= 2 and words[index - 2 - article].key in hero.keys
        if follows_hero or leading[-1] in {"in", "over", "across", "from", "to", "near", "throughout", "around"}:
            found.append(f"the {word.text}" if article else word.text)
    return [re.sub("['\u2019]s?$", "", name) for name in dict.fromkeys(found)]


def _dropped(words: Sequence[Word], places: Places, known: frozenset[int]) -> frozenset[int]:
    generic = subjects().generic
    common = {*generic.words, *generic.stop}
    conditions: tuple[Lexicon[Any], ...] = (
        lexicons.seasons(),
        lexicons.times(),
        lexicons.weathers(),
        lexicons.all_seasons(),
        lexicons.all_day(),
    )
    passing = {index for lexicon in conditions for index in indexes(lexicon.find(words))}
    return frozenset(
        index
        for index, word in enumerate(words)
        if index not in known
        and (
            index in places.words
            or index in passing
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
        while run and words[run[-1]].key in _JOINING:
            run.pop()
        while run and words[run[0]].key in _JOINING:
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


def _is_many(run: Sequence[Word], *, known: bool) -> bool:
    """Returns whether a hero's name is a plural; a Pokémon's name never is, however it ends."""
    if any(word.key in _JOINING for word in run):
        return True
    last = run[-1].key
    if known:
        return False
    if lexicons.kinds().find([run[-1]]):
        exact = last in subjects().generic.plurals
        return exact or (any(lexicons.kinds().find(split_words(form)) for form in singulars(last)))
    return last.endswith("s") and len(last) > 3 and not _NOT_PLURAL.search(last)


def _moves(keys: Sequence[str]) -> str:
    """Returns how the first animal gets about; a kind's name may have a place before it ("sea eagle")."""
    names = " ".join(keys)
    table = subjects().moves
    found = [
        (match.start(), -len(name), manner)
        for manner, known in table.items()
        for name in known
        if (match := re.search(rf"(?:^|\W){re.escape(name)}(?:s|es)?(?:\W|$)", names))
    ]
    return min(found)[2] if found else ""
