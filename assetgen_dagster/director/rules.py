"""Finds words that contradict a scene: its place, season, hour, weather or hero.

The tables decide (``traces.toml``, and the words of habitats and conditions); ``beats`` applies the result when it
puts a producer's sentence into a prompt.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from assetgen_dagster.director import lexicons
from assetgen_dagster.director.matching import Word, indexes, singulars
from assetgen_dagster.director.subject import Hero, find_places
from assetgen_dagster.director.tables import Season, Time, Trace, Weather, habitats, traces


@dataclass(frozen=True)
class Scene:
    """The setting of one picture.

    Attributes:
        hero: The film's subject.
        places: Names of its habitats, the main one first.
        season: None if unspecified.
        time: None if the place has no daylight (a cave, the deep sea).
        weather: None if unspecified.
    """

    hero: Hero
    places: tuple[str, ...]
    season: Season | None = None
    time: Time | None = None
    weather: Weather | None = None


def strange_words(words: Sequence[Word], scene: Scene) -> frozenset[int]:
    """Returns the indexes of words that contradict a scene; denied things ("no snow") must not be named at all."""
    # In the arctic, "sea ice" stands; a penguin there does not.
    own = indexes(hit for hit in lexicons.places().find(words) if hit.value in scene.places)
    kinds = indexes(lexicons.kinds().find(words))
    cast = scene.hero.keys | {form for at in kinds for form in (words[at].key, *singulars(words[at].key))}
    strange = [
        hit
        for hit in lexicons.trace_words().find(words)
        if any(_is_strange(traces()[name], scene, cast, own=hit.start in own) for name in hit.value)
    ]
    denied = lexicons.trace_words().find_denied(words)
    return _strange_places(words, scene) | _strange_conditions(words, scene) | indexes([*strange, *denied])


def _strange_places(words: Sequence[Word], scene: Scene) -> frozenset[int]:
    main = scene.places[0]
    own = find_places(words).kinds
    places = [hit for hit in lexicons.places().find(words) if hit.start not in own]
    around = {*scene.places, *habitats()[main].neighbours}
    # An animal from elsewhere: a camel on a glacier.
    guests = [hit for hit in lexicons.kinds().find(words) if hit.value and main in habitats()[hit.value].strangers]
    return indexes([hit for hit in places if hit.value not in around]) | indexes(guests)


def _strange_conditions(words: Sequence[Word], scene: Scene) -> frozenset[int]:
    own = find_places(words).kinds
    found = [
        *(hit for hit in lexicons.seasons().find(words) if hit.value and hit.value != scene.season),
        *(hit for hit in lexicons.times().find(words) if hit.value != scene.time),
        *(hit for hit in lexicons.weathers().find(words) if hit.value != scene.weather),
        *lexicons.all_seasons().find(words),
        *lexicons.all_day().find(words),
    ]
    denied = [
        *lexicons.seasons().find_denied(words),
        *lexicons.times().find_denied(words),
        *lexicons.weathers().find_denied(words),
    ]
    return indexes([hit for hit in found if hit.start not in own]) | indexes(denied)


def _is_strange(trace: Trace, scene: Scene, cast: frozenset[str], *, own: bool) -> bool:
    """Returns whether something cannot be in a scene; the place's own name (``own``) can be, except for its cast."""
    main = scene.places[0]
    elsewhere = main in trace.places or bool(trace.only and main not in trace.only)
    conditions = (scene.season in trace.seasons, scene.time in trace.times, scene.weather in trace.weathers)
    return any(cast >= {*name.split()} for name in trace.heroes) or (not own and (elsewhere or any(conditions)))
