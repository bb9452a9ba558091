"""What season, hour and weather each picture of a film has, and how that looks.

What is the same in every picture goes into the atmosphere; what changes goes into the picture's own prompt and name.
"""

import re
from dataclasses import dataclass
from typing import Generic, TypeVar

from assetgen_dagster.director import lexicons
from assetgen_dagster.director.brief import Brief
from assetgen_dagster.director.matching import split_words
from assetgen_dagster.director.tables import Air, Habitat, Light, Season, Time, Weather, conditions, habitats

T = TypeVar("T")


@dataclass(frozen=True)
class Turn(Generic[T]):
    """Whose turn it is at a picture: the row, the value of it, and how many pictures of the row came before."""

    row: tuple[T, ...]
    value: T | None
    before: int


def turn(course: tuple[tuple[T, ...], ...], index: int, count: int) -> Turn[T]:
    """Goes through the rows of a course once, in order, in the course of the pictures, and so through each row."""
    if not course:
        return Turn((), None, 0)
    at = index * len(course) // count
    first, end = (-(-number * count // len(course)) for number in (at, at + 1))
    row = course[at]
    value = row[(index - first) * len(row) // (end - first)] if row else None
    return Turn(row, value, index - first)


@dataclass(frozen=True)
class Stage:
    """What holds for one picture; ``names`` are those that change in the film, for its file name."""

    season: Season | None
    time: Time | None
    weather: Weather | None
    names: tuple[str, ...] = ()

    @property
    def conditions(self) -> tuple[Season | None, Time | None, Weather | None]:
        """Season, hour and weather."""
        return self.season, self.time, self.weather


class Stages:
    """The stages of a film.

    Args:
        brief: The film.
        counts: Into how many pictures it will be divided; what differs within any of them counts as changing.
    """

    def __init__(self, brief: Brief, *counts: int) -> None:
        self._brief = brief
        self._main = habitats()[brief.places[0]]
        every = [self._plain(index, count) for count in counts for index in range(count)]
        self._seasons = {stage.season for stage in every}
        self._times = {stage.time for stage in every}
        self._weathers = {stage.weather for stage in every}
        self._hours = {(stage.time, self._is_dull(stage)) for stage in every}

    def of(self, index: int, count: int) -> Stage:
        """Returns the stage of one of ``count`` pictures."""
        plain = self._plain(index, count)
        changing = ((plain.season, self._seasons), (plain.weather, self._weathers), (plain.time, self._times))
        names = tuple(name for name, every in changing if name and len(every) > 1)
        return Stage(*plain.conditions, names)

    def atmosphere(self) -> list[str]:
        """Returns everything that holds for the whole film."""
        brief, main = self._brief, self._main
        stage = self._plain(0, 1)
        mood = [conditions().moods[brief.mood].atmosphere] if brief.mood else []
        stars = brief.starlit and self._hours == {("night", False)}
        return [
            *([f"Location: {' and '.join(brief.locations[:3])}"] if brief.locations else []),
            self._allowed(main.atmosphere),
            *(f"{habitats()[name].label} close by" for name in brief.places[1:]),
            *([self._hour(stage, main)] if stage.time and len(self._hours) == 1 else []),
            *(["Dense stars overhead"] if stars else []),
            *([main.own_light] if main.light == "own" else []),
            *([_sky(main, stage.weather).atmosphere] if stage.weather and len(self._weathers) == 1 else []),
            *([self._allowed(main.seasons[stage.season])] if stage.season and len(self._seasons) == 1 else []),
            *mood,
        ]

    def sentences(self, stage: Stage, habitat: Habitat) -> list[str]:
        """Returns what a picture's prompt says of what changes in the film."""
        return [
            *([self._allowed(habitat.seasons[stage.season])] if stage.season and len(self._seasons) > 1 else []),
            *([_sky(habitat, stage.weather).atmosphere] if stage.weather and len(self._weathers) > 1 else []),
            *([self._hour(stage, habitat)] if stage.time and len(self._hours) > 1 else []),
        ]

    def light(self, stage: Stage, habitat: Habitat, index: int) -> str:
        """Returns one of the lights that a picture can have."""
        if not stage.time:
            return habitat.own_plates[index % len(habitat.own_plates)]
        plates = _lights(habitat, stage.time).plates
        if self._is_dull(stage):
            dull = conditions().dull
            day, night = (dull.water, dull.water_night) if habitat.light == "water" else (dull.air, dull.air_night)
            plates = night if stage.time == "night" else day
        return plates[index % len(plates)]

    def touch(self, habitat: Habitat) -> str:
        """Returns what the weather leaves on a detail, if it is the same all through the film."""
        weather = next(iter(self._weathers))
        return _sky(habitat, weather).macro if weather and len(self._weathers) == 1 else ""

    def warnings(self) -> list[str]:
        """Says which weather goes with none of the seasons."""
        named = dict.fromkeys(weather for row in self._brief.weathers for weather in row)
        seasons = [season for season in dict.fromkeys(self._seasons) if season]
        lost = [weather for weather in named if weather not in self._weathers]
        order = [season for row in self._brief.seasons for season in row if season in seasons]
        return [f"{weather.replace('_', ' ')} does not go with {order[0]} and is left out" for weather in lost if order]

    def _plain(self, index: int, count: int) -> Stage:
        brief = self._brief
        season = turn(brief.seasons, index, count).value
        weather = turn(brief.weathers, index, count).value
        if (weather == "snow" and season not in (None, "winter")) or (weather == "heat" and season == "winter"):
            weather = None
        if weather in brief.denied:
            weather = None
        return Stage(season, turn(brief.times, index, count).value, weather)

    def _is_dull(self, stage: Stage) -> bool:
        dark = self._brief.dark and stage.time == "night"
        return dark or stage.weather in conditions().dull.hides_sun

    def _hour(self, stage: Stage, habitat: Habitat) -> str:
        light = _lights(habitat, stage.time or "noon")
        return light.dull if self._is_dull(stage) else light.atmosphere

    def _allowed(self, sentence: str) -> str:
        """Takes out of a sentence what the story direction says is not there: "without snow"."""
        parts = [
            part
            for part in re.split(r",\s+", sentence)
            if not {hit.value for hit in lexicons.weathers().find(split_words(part))} & self._brief.denied
        ]
        return ", ".join(parts) or sentence


def _lights(habitat: Habitat, hour: Time) -> Light:
    times = conditions().times[hour]
    return times.water if habitat.light == "water" else times.air


def _sky(habitat: Habitat, weather: Weather) -> Air:
    sky = conditions().weathers[weather]
    return sky.water if habitat.light == "water" and sky.water else sky.air
