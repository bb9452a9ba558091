"""What a topic and a story direction say: hero, places, seasons, hours, weather, mood, and the course of events.

Whatever is named once holds for the whole film and goes into the atmosphere. Whatever is named several times (two
seasons, "from dawn to dusk") goes round among the pictures, and the atmosphere keeps silent about it.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from assetgen_dagster.story.subject import Hero, Places, find_hero, find_places
from assetgen_dagster.story.tables import (
    DAY,
    SEASONS,
    Season,
    Time,
    Weather,
    Words,
    arcs,
    conditions,
    habitats,
    subjects,
)
from assetgen_dagster.story.text import one_line
from assetgen_dagster.story.words import Hit, Lexicon, T, Word, split_words


@dataclass(frozen=True)
class Brief:
    """A film in short.

    Attributes:
        hero: Who it is about.
        places: Names of its habitats, the main one first.
        seasons: Several go round; none leaves it open.
        times: As for seasons; never empty where the habitat has an hour.
        weathers: As for seasons.
        mood: Name of the mood; empty if none is named.
        arcs: Names of the courses of events, one or two.
        warnings: What was missing, or was left out because it does not go together.
    """

    hero: Hero
    places: tuple[str, ...]
    seasons: tuple[Season, ...]
    times: tuple[Time, ...]
    weathers: tuple[Weather, ...]
    mood: str
    arcs: tuple[str, ...]
    warnings: tuple[str, ...]


@dataclass(frozen=True)
class _Text:
    """One of the two texts, with the words that belong to animals' names left out of account."""

    words: Sequence[Word]
    places: Places

    def find(self, lexicon: Lexicon[T]) -> list[Hit[T]]:
        return [hit for hit in lexicon.find(self.words) if hit.start not in self.places.kinds]


def read_brief(topic: str, story_direction: str) -> Brief:
    """Reads the two texts; the topic has the first word on hero and place, the story direction on events."""
    topic, story_direction = one_line(topic), one_line(story_direction)
    texts = [_Text(words, find_places(words)) for words in (split_words(topic), split_words(story_direction))]
    warnings = [
        f"{name} is empty: {instead}"
        for name, text, instead in (
            ("topic", topic, "the prompts are those of a generic Pokémon documentary"),
            ("story direction", story_direction, "the prompts follow a generic documentary"),
        )
        if not text
    ]
    generic = subjects().generic
    hero = find_hero(topic) or find_hero(story_direction, known_only=True)
    if topic and find_hero(topic) is None:
        warnings.append(f"the topic names no subject: {hero.name if hero else generic.hero} takes its place")
    places, starlit, said = _choose_places(texts, default=generic.habitat if hero is None else "meadow")
    warnings += said
    seasons = _seasons(texts)
    times, said = _times(texts, places[0], starlit=starlit)
    warnings += said
    weathers, said = _weathers(texts, places[0], seasons, named_time=bool(said or times))
    warnings += said
    habitat = habitats()[places[0]]
    return Brief(
        hero=hero or Hero(generic.hero),
        places=places,
        seasons=seasons,
        times=times or ((habitat.time,) if habitat.time else ()),
        weathers=weathers,
        mood=next(iter(_found(reversed(texts), _moods())), ""),
        arcs=_arcs(texts),
        warnings=tuple(warnings),
    )


def _found(texts: Iterable[_Text], lexicon: Lexicon[T]) -> list[T]:
    return list(dict.fromkeys(hit.value for text in texts for hit in text.find(lexicon)))


def _choose_places(texts: Sequence[_Text], *, default: str) -> tuple[tuple[str, ...], bool, list[str]]:
    """Returns the habitats, whether a night sky was named beside one of them, and warnings."""
    named = list(dict.fromkeys(name for text in texts for name in text.places.named))
    starlit = "night_sky" in named and len(named) > 1
    if starlit:
        named.remove("night_sky")
    if not named:
        implied = [name for text in texts for name in text.places.implied]
        return ((implied or [default])[0],), False, []
    main = habitats()[named[0]]
    beside = [name for name in named[1:] if name in main.neighbours]
    warnings = [
        f"{habitats()[name].label} is named, too, but does not go with {main.label} in one atmosphere: left out"
        for name in named[1:]
        if name not in main.neighbours
    ]
    return (named[0], *beside[:1]), starlit, warnings


def _seasons(texts: Sequence[_Text]) -> tuple[Season, ...]:
    table = conditions()
    traps = Lexicon({phrase: True for phrases in table.season_traps.values() for phrase in phrases})
    lexicon = _lexicon(table.seasons)
    found: list[Season] = []
    for text in texts:
        trapped = {index for hit in text.find(traps) for index in range(hit.start, hit.end)}
        found += [hit.value for hit in text.find(lexicon) if hit.start not in trapped]
    if _found(texts, Lexicon(dict.fromkeys(table.all_seasons.words, True))) and len(set(found)) < 2:
        return SEASONS
    return tuple(dict.fromkeys(found))


def _times(texts: Sequence[_Text], place: str, *, starlit: bool) -> tuple[tuple[Time, ...], list[str]]:
    table = conditions()
    habitat = habitats()[place]
    found = _found(texts, _lexicon({name: hour.words for name, hour in table.times.items()}))
    whole_day = bool(_found(texts, Lexicon(dict.fromkeys(table.all_day.words, True))))
    if starlit and not found:
        found = ["night"]
    if whole_day:
        found = [*DAY]
    if habitat.light == "own" or habitat.time_locked:
        strange = [name for name in found if name != habitat.time]
        return (), [f"{', '.join(strange)}: does not show in {habitat.label} and is left out"] if strange else []
    return tuple(found), []


def _weathers(
    texts: Sequence[_Text], place: str, seasons: Sequence[Season], *, named_time: bool
) -> tuple[tuple[Weather, ...], list[str]]:
    habitat = habitats()[place]
    found = _found(texts, _lexicon({name: sky.words for name, sky in conditions().weathers.items()}))
    if not found:
        fits = habitat.weather and not named_time
        return ((habitat.weather,) if fits and habitat.weather else ()), []
    kept: list[Weather] = []
    warnings: list[str] = []
    for weather in found:
        if weather not in habitat.weathers:
            warnings.append(f"{weather} does not go with {habitat.label} and is left out")
        elif weather == "snow" and len(seasons) > 1:
            continue  # the winter among the seasons has it
        elif (weather == "snow" and seasons and "winter" not in seasons) or (weather == "heat" and "winter" in seasons):
            warnings.append(f"{weather} does not go with {seasons[0]} and is left out")
        else:
            kept.append(weather)
    return tuple(kept), warnings


def _moods() -> Lexicon[str]:
    return Lexicon({word: name for name, mood in conditions().moods.items() for word in mood.words})


def _arcs(texts: Sequence[_Text]) -> tuple[str, ...]:
    """Returns the arcs of the story direction, else of the topic, else the plain portrait."""
    lexicon = Lexicon({word: name for name, arc in arcs().arcs.items() for word in arc.words})
    for text in reversed(texts):
        if found := _found([text], lexicon):
            return tuple(found[:2])
    return ("portrait",)


def _lexicon(table: dict[T, Words]) -> Lexicon[T]:
    return Lexicon({word: name for name, words in table.items() for word in words})
