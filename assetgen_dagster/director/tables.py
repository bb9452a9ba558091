"""The tables in ``world/``, typed and checked: habitats, conditions, arcs, framings, subjects, traces.

The tables hold every word of the prompts, so that a film-maker can edit them; how prompts are put together from them
is the subject of ``director``.
"""

import tomllib
from functools import cache
from importlib.resources import files
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

Season = Literal["spring", "summer", "autumn", "winter"]
Time = Literal["dawn", "morning", "noon", "afternoon", "sunset", "twilight", "night"]
Weather = Literal["mist", "rain", "after_rain", "storm", "snow", "wind", "clear", "overcast", "heat"]
Medium = Literal["air", "water"]
Words = tuple[str, ...]

SEASONS: tuple[Season, ...] = ("spring", "summer", "autumn", "winter")
DAY: tuple[Time, ...] = ("dawn", "noon", "sunset", "night")


class _Table(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Habitat(_Table):
    """A place: how it looks, what stands there, and what weather it can have.

    Attributes:
        label: What it is called in prompts.
        words: By which a text names it.
        medium: Whether creatures walk or swim in it.
        wet: There is water to swim in.
        light: ``air`` and ``water`` change with the hour; ``own`` does not (caves, the deep sea).
        atmosphere: Its look, without season, hour or weather.
        time: The hour where a text names none.
        time_locked: There is no other hour.
        weather: The weather where a text names none.
        weathers: Weather that is possible there.
        neighbours: Habitats that can stand beside it in one film.
        strangers: Habitats where none of its animals can be.
        own_light: The light, for ``light = "own"``.
        own_plates: Its variations.
        spots: Places for the hero, as noun phrases.
        seasons: What each season looks like there.
        plates: Backgrounds by file name: framing and what is seen.
        props: Details by file name.
    """

    label: str
    words: Words
    medium: Literal["land", "water"]
    wet: bool = False
    light: Literal["air", "water", "own"]
    atmosphere: str
    time: Time | Literal[""]
    time_locked: bool = False
    weather: Weather | Literal[""]
    weathers: tuple[Weather, ...]
    neighbours: Words
    strangers: Words
    own_light: str = ""
    own_plates: Words = ()
    spots: Annotated[Words, Field(min_length=8)]
    seasons: dict[Season, str]
    plates: Annotated[dict[str, tuple[str, str]], Field(min_length=9)]
    props: Annotated[dict[str, str], Field(min_length=5)]


class Light(_Table):
    """The light of an hour in one medium; ``dull`` where weather hides the sun."""

    atmosphere: str
    dull: str
    plates: Annotated[Words, Field(min_length=3)]


class Hour(_Table):
    """An hour of the day: its words, and its light above and below water; for the night, what it can be without."""

    words: Words
    moon: Words = ()
    moonless: Words = ()
    air: Light
    water: Light


class Air(_Table):
    """What weather looks like in one medium, and on details."""

    atmosphere: str
    macro: str


class Sky(_Table):
    """A weather: its words, and its look above and, where it shows there, below water."""

    words: Words
    air: Air
    water: Air | None = None


class Mood(_Table):
    """A mood: its words and its look."""

    words: Words
    atmosphere: str


class Dull(_Table):
    """Which weather hides the sun, and the light there is then."""

    hides_sun: tuple[Weather, ...]
    air: Words
    water: Words
    air_night: Words
    water_night: Words


class PhraseList(_Table):
    """Phrases that mean all of something."""

    words: Words


class Conditions(_Table):
    """Season, time, weather and mood."""

    seasons: dict[Season, Words]
    traps: Words
    all_seasons: PhraseList
    all_day: PhraseList
    times: dict[Time, Hour]
    dull: Dull
    weathers: dict[Weather, Sky]
    moods: dict[str, Mood]


class Arc(_Table):
    """A course of events: its words, the light it goes through, eight poses (file name part, pose, framing)."""

    words: Words = ()
    day: tuple[Time, ...] = ()
    poses: Annotated[tuple[tuple[str, str, str], ...], Field(min_length=8, max_length=8)]


class Arcs(_Table):
    """All arcs: of creatures, of things, and how a sentence of the story direction is staged for either."""

    arcs: dict[str, Arc]
    things: dict[str, Arc]
    told: dict[Literal["characters", "things"], Arc]


class Framings(_Table):
    """Where the camera stands, by key: for creatures, for things, for plates and for props."""

    characters: dict[str, str]
    things: dict[str, str]
    plates: dict[str, str]
    props: Annotated[dict[str, str], Field(min_length=5)]


class Trace(_Table):
    """Words that name something which cannot be everywhere.

    Attributes:
        words: What it is called.
        places: Habitats without it.
        only: The only habitats with it; empty if there is no such limit.
        seasons: Seasons without it.
        times: Hours without it.
        weathers: Weather without it.
        heroes: Animals that never meet it.
    """

    words: Words
    places: Words = ()
    only: Words = ()
    seasons: tuple[Season, ...] = ()
    times: tuple[Time, ...] = ()
    weathers: tuple[Weather, ...] = ()
    heroes: Words = ()


class Names(_Table):
    """Names of kinds."""

    names: Words


class Generic(_Table):
    """Default subject and place, and words that name no subject."""

    hero: str
    habitat: str
    words: Words
    stop: Words
    pronouns: Words
    participles_kept: Words
    openers: Words
    plurals: Words


class Subjects(_Table):
    """How the hero is found in a topic."""

    homes: dict[str, Words]
    pokemon: dict[str, Words]
    moves: dict[Literal["flying", "swimming"], Words]
    things: dict[str, Words]
    kinds: Names
    generic: Generic


def _read(name: str) -> dict[str, object]:
    return tomllib.loads(files("assetgen_dagster.director").joinpath("world", name).read_text("utf-8"))


@cache
def habitats() -> dict[str, Habitat]:
    """Returns all habitats by name."""
    folder = files("assetgen_dagster.director").joinpath("world", "habitats")
    names = sorted(entry.name for entry in folder.iterdir() if entry.name.endswith(".toml"))
    return {name.removesuffix(".toml"): Habitat.model_validate(_read(f"habitats/{name}")) for name in names}


@cache
def conditions() -> Conditions:
    """Returns season, time, weather and mood."""
    return Conditions.model_validate(_read("conditions.toml"))


@cache
def arcs() -> Arcs:
    """Returns the arcs."""
    return Arcs.model_validate(_read("arcs.toml"))


@cache
def subjects() -> Subjects:
    """Returns what helps to find the hero."""
    return Subjects.model_validate(_read("subjects.toml"))


@cache
def framings() -> Framings:
    """Returns where the camera can stand."""
    return Framings.model_validate(_read("framings.toml"))


@cache
def traces() -> dict[str, Trace]:
    """Returns what cannot be everywhere; ``landscape`` and ``passage`` are what a plate may speak of."""
    return {name: Trace.model_validate(row) for name, row in _read("traces.toml").items()}
