"""What a topic and a story direction say: hero, places, seasons, hours, weather, mood, and the course of events.

Whatever is named once holds for the whole film and goes into the atmosphere. Whatever changes (two seasons, "from dawn
to dusk", a storm in the second sentence) goes with the pictures, and the atmosphere keeps silent about it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

from assetgen_dagster.director import lexicons
from assetgen_dagster.director.beats import gather, split_beats
from assetgen_dagster.director.matching import Lexicon, Word, split_words
from assetgen_dagster.director.subject import Hero, Places, find_hero, find_locations, find_places
from assetgen_dagster.director.tables import (
    DAY,
    SEASONS,
    Habitat,
    Season,
    Time,
    Weather,
    arcs,
    habitats,
    subjects,
)
from assetgen_dagster.support.text import one_line

T = TypeVar("T")
_MOST_CHARACTERS = 5_000  # far more than 22 pictures can tell
#: What goes on in the course of a film: a row for each beat, or one row for all of it.
Course = tuple[tuple[T, ...], ...]


@dataclass(frozen=True)
class Brief:
    """A film in short.

    Attributes:
        hero: The subject.
        places: Names of its habitats, the main one first.
        locations: Proper names of places.
        beats: The story direction in at most eight groups of sentences; one empty group if there is none.
        seasons: As they follow each other; empty leaves it open.
        times: As for seasons; empty where there is no hour.
        weathers: As for seasons.
        denied: Weather that is said not to be.
        dark: There is no moon.
        starlit: The night sky is part of it.
        mood: Name of the mood; empty if none is named.
        arcs: Names of the courses of events.
        warnings: What was missing, or was left out because it does not go together.
    """

    hero: Hero
    places: tuple[str, ...]
    locations: tuple[str, ...]
    beats: tuple[tuple[str, ...], ...]
    seasons: Course[Season]
    times: Course[Time]
    weathers: Course[Weather]
    denied: frozenset[Weather]
    dark: bool
    starlit: bool
    mood: str
    arcs: Course[str]
    warnings: tuple[str, ...]


@dataclass(frozen=True)
class _Text:
    """A text's words; those that belong to animals' names are left out of account."""

    words: Sequence[Word]
    places: Places

    def find(self, lexicon: Lexicon[T | None]) -> tuple[T, ...]:
        hits = [hit for hit in lexicon.find(self.words) if hit.start not in self.places.kinds]
        return tuple(dict.fromkeys(hit.value for hit in hits if hit.value is not None))

    def denies(self, lexicon: Lexicon[T | None]) -> tuple[T, ...]:
        return tuple(dict.fromkeys(hit.value for hit in lexicon.find_denied(self.words) if hit.value is not None))


def _text(text: str) -> _Text:
    words = split_words(text)
    return _Text(words, find_places(words))


def read_brief(topic: str, story_direction: str) -> Brief:
    """Reads the two texts; the topic has the first word on hero and place, the story direction on events."""
    topic, story_direction = one_line(topic)[:_MOST_CHARACTERS], one_line(story_direction)[:_MOST_CHARACTERS]
    topic = topic.replace(" & ", " and ")  # a sign that no name keeps
    beats = gather(split_beats(story_direction)) or [[]]
    film, story, rows = _text(topic), _text(story_direction), [_text(". ".join(beat)) for beat in beats]
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
    default = "meadow" if hero else generic.habitat
    places, starlit, said = _choose_places(film, story, hero, default=default)
    warnings += said
    habitat = habitats()[places[0]]
    hero = hero or Hero(generic.hero)
    seasons: Course[Season] = _course(film.find(lexicons.seasons()), [row.find(lexicons.seasons()) for row in rows])
    if len({season for row in seasons for season in row}) < 2 and any(
        t.find(lexicons.all_seasons()) for t in (film, story)
    ):
        seasons = (SEASONS,)
    courses = [row.find(lexicons.courses(things=hero.thing)) for row in rows]
    events = _course(film.find(lexicons.courses(things=hero.thing)) if not any(courses) else (), courses)
    weathers, said = _weathers(film, rows, habitat)
    warnings += said
    times, said = _times(film, story, rows, habitat, starlit=starlit)
    warnings += said
    denied: tuple[Weather, ...] = film.denies(lexicons.weathers())
    also_denied: tuple[Weather, ...] = story.denies(lexicons.weathers())
    denied += also_denied
    if not times and habitat.time:
        by_arc = (
            ()
            if seasons or weathers or habitat.light == "own" or habitat.time_locked
            else _day(events, things=hero.thing)
        )
        if habitat.weather and habitat.weather not in denied and not (any(map(len, weathers)) or by_arc or said):
            weathers = ((habitat.weather,),)
        times = (by_arc or (habitat.time,),)
    return Brief(
        hero=hero,
        places=places,
        locations=tuple(dict.fromkeys([*find_locations(topic, hero), *find_locations(story_direction, hero)])),
        beats=tuple(tuple(beat) for beat in beats),
        seasons=seasons,
        times=times,
        weathers=weathers,
        denied=frozenset(denied),
        dark=any(text.find(lexicons.moonless()) or text.denies(lexicons.moon()) for text in (film, story)),
        starlit=starlit,
        mood=next(iter([*story.find(lexicons.moods()), *film.find(lexicons.moods())]), ""),
        arcs=events,
        warnings=tuple(warnings),
    )


def _course(first: tuple[T, ...], rows: Sequence[tuple[T, ...]], *, backward: bool = True) -> Course[T]:
    """Returns what holds in each beat: what it names, else what the one before named; the topic comes first."""
    filled = [tuple(dict.fromkeys([*first, *rows[0]])), *rows[1:]]
    for index in range(1, len(filled)):
        filled[index] = filled[index] or filled[index - 1][-1:]
    if backward:
        opening = next((row[:1] for row in filled if row), ())
        filled = [row or opening for row in filled]
    return tuple(filled[:1] if len({*filled}) == 1 else filled) if any(filled) else ()


def _choose_places(
    film: _Text, story: _Text, hero: Hero | None, *, default: str
) -> tuple[tuple[str, ...], bool, list[str]]:
    """Returns the habitats, whether a night sky was named beside one of them, and warnings."""
    named = list(dict.fromkeys([*film.places.named, *story.places.named]))
    implied = [*film.places.implied, *story.places.implied]
    home = hero.home if hero else ""
    strange = [name for name in named if home and name in habitats()[home].strangers]
    warnings = [
        f"{hero.name if hero else ''} cannot be in {habitats()[name].label}: "
        + ("drawn there all the same, as the topic says so" if name in film.places.named else "left out")
        for name in strange
    ]
    named = [name for name in named if name not in strange or name in film.places.named]
    # Stars stand over any open country; not over a reef or in a cave.
    open_air = [name for name in (*named, home) if name and name != "night_sky" and habitats()[name].light == "air"]
    starlit = "night_sky" in named and bool(open_air)
    if starlit:
        named.remove("night_sky")
    if home and not film.places.named and (not named or _is_aside(named[0], home)):
        named.insert(0, home)
    if not named:
        return ((implied or [default])[0],), starlit, warnings
    main = habitats()[named[0]]
    warnings += [
        f"{habitats()[name].label} is named, too, but does not go with {main.label} in one atmosphere: left out"
        for name in named[1:]
        if name not in main.neighbours
    ]
    return (named[0], *[name for name in named[1:] if name in main.neighbours][:1]), starlit, warnings


def _is_aside(place: str, home: str) -> bool:
    """Returns whether a place that a story direction names stands back behind the hero's home.

    A herd of the savanna comes to the river; a polar bear that goes to sea is not drawn at its bottom.
    """
    there, here = habitats()[place], habitats()[home]
    return place in here.neighbours or (here.medium == "land" and there.medium == "water")


def _times(
    film: _Text, story: _Text, rows: Sequence[_Text], habitat: Habitat, *, starlit: bool
) -> tuple[Course[Time], list[str]]:
    course: Course[Time] = _course(film.find(lexicons.times()), [row.find(lexicons.times()) for row in rows])
    if any(text.find(lexicons.all_day()) for text in (film, story)):
        course = (DAY,)
    if starlit and not course:
        course = (("night",),)
    if habitat.light == "own" or habitat.time_locked:
        strange = dict.fromkeys(time for row in course for time in row if time != habitat.time)
        return (), [f"{', '.join(strange)}: does not show in {habitat.label} and is left out"] if strange else []
    return course, []


def _weathers(film: _Text, rows: Sequence[_Text], habitat: Habitat) -> tuple[Course[Weather], list[str]]:
    course: Course[Weather] = _course(
        film.find(lexicons.weathers()), [row.find(lexicons.weathers()) for row in rows], backward=False
    )
    named = dict.fromkeys(weather for row in course for weather in row)
    possible = tuple(tuple(weather for weather in row if weather in habitat.weathers) for row in course)
    warnings = [
        f"{weather.replace('_', ' ')} does not go with {habitat.label} and is left out"
        for weather in named
        if weather not in habitat.weathers
    ]
    return possible if any(possible) else (), warnings


def _day(events: Course[str], *, things: bool) -> tuple[Time, ...]:
    """Returns the light that the first course of events goes through."""
    table = arcs().things if things else arcs().arcs
    return next((table[name].day for row in events for name in row), ())
