"""The words of the tables, made ready for finding them in a text; each is built once."""

from collections.abc import Iterable, Mapping
from functools import cache
from typing import TypeVar

from assetgen_dagster.director.matching import Lexicon
from assetgen_dagster.director.tables import (
    Season,
    Time,
    Weather,
    Words,
    arcs,
    conditions,
    habitats,
    subjects,
    traces,
)

T = TypeVar("T")


def _by_value(table: Mapping[T, Iterable[str]]) -> Lexicon[T]:
    return Lexicon({word: value for value, words in table.items() for word in words})


def _listed(*lists: Words) -> Lexicon[bool]:
    return Lexicon(dict.fromkeys((word for words in lists for word in words), True))


@cache
def places() -> Lexicon[str]:
    """Returns what names a habitat."""
    return _by_value({name: habitat.words for name, habitat in habitats().items()})


@cache
def kinds() -> Lexicon[str]:
    """Returns animals and what habitat is their home; empty where they are at home in many."""
    table = subjects()
    homes = {word: _home(home) for home, words in table.homes.items() for word in words}
    return Lexicon(dict.fromkeys(table.kinds.names, "") | homes)


@cache
def pokemon() -> Lexicon[str]:
    """Returns Pokémon and their homes."""
    return Lexicon({word: _home(home) for home, words in subjects().pokemon.items() for word in words})


@cache
def things() -> Lexicon[str]:
    """Returns heroes without head and eyes, and their homes."""
    return Lexicon({word: _home(home) for home, words in subjects().things.items() for word in words})


def _home(name: str) -> str:
    return "" if name == "anywhere" else name


@cache
def seasons() -> Lexicon[Season | None]:
    """Returns what names a season; None is a trap such as "hot spring"."""
    return _with_traps(conditions().seasons)


@cache
def times() -> Lexicon[Time | None]:
    """Returns what names an hour; None is a trap."""
    return _with_traps({name: hour.words for name, hour in conditions().times.items()})


@cache
def weathers() -> Lexicon[Weather | None]:
    """Returns what names a weather; None is a trap such as "winds through"."""
    return _with_traps({name: sky.words for name, sky in conditions().weathers.items()})


def _with_traps(table: Mapping[T, Words]) -> Lexicon[T | None]:
    named: dict[str, T | None] = {word: value for value, words in table.items() for word in words}
    return Lexicon(named | dict.fromkeys(conditions().traps))


@cache
def moods() -> Lexicon[str]:
    """Returns what names a mood."""
    return _by_value({name: mood.words for name, mood in conditions().moods.items()})


@cache
def all_seasons() -> Lexicon[bool]:
    """Returns what means the whole year."""
    return _listed(conditions().all_seasons.words)


@cache
def all_day() -> Lexicon[bool]:
    """Returns what means the whole day."""
    return _listed(conditions().all_day.words)


@cache
def moon() -> Lexicon[bool]:
    """Returns what the moon is called; "without moonlight" is a dark night."""
    return _listed(conditions().times["night"].moon)


@cache
def moonless() -> Lexicon[bool]:
    """Returns what names a dark night."""
    return _listed(conditions().times["night"].moonless)


@cache
def courses(*, things: bool) -> Lexicon[str]:
    """Returns what names a course of events, for creatures or for things."""
    table = arcs().things if things else arcs().arcs
    return _by_value({name: arc.words for name, arc in table.items()})


@cache
def trace_words() -> Lexicon[tuple[str, ...]]:
    """Returns what cannot be everywhere, by the names of its traces."""
    names: dict[str, tuple[str, ...]] = {}
    for name, trace in traces().items():
        for word in trace.words if name not in ("landscape", "passage") else ():
            names[word] = (*names.get(word, ()), name)
    return Lexicon(names)


@cache
def landscape() -> Lexicon[bool]:
    """Returns what a plate without animals may speak of."""
    return _listed(traces()["landscape"].words)


@cache
def passage() -> Lexicon[bool]:
    """Returns what it may speak of besides, such as time that passes."""
    return _listed(traces()["passage"].words)


@cache
def common() -> frozenset[str]:
    """Returns words that carry no content of their own, those about the film included."""
    generic = subjects().generic
    return frozenset((*generic.words, *generic.stop, *generic.pronouns))


@cache
def small() -> frozenset[str]:
    """Returns articles, prepositions and their like."""
    generic = subjects().generic
    return frozenset(generic.stop) | frozenset(("and",))


@cache
def plain() -> frozenset[str]:
    """Returns function words, which name no subject."""
    return small() - frozenset(subjects().generic.pronouns)


@cache
def leading() -> frozenset[str]:
    """Returns small words that a part of a sentence can begin with."""
    hanging = [
        "and",
        "or",
        "but",
        "nor",
        "of",
        "is",
        "are",
        "was",
        "be",
        "has",
        "have",
        "than",
        "then",
        "so",
        "very",
        "most",
        "more",
        "about",
        "also",
        "too",
        "not",
        "no",
        "again",
    ]
    return small() - frozenset(hanging)
