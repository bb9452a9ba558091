"""The tables in ``world/`` keep the rules that make their rows combine without contradiction."""

import re

import pytest

from assetgen_dagster.director import lexicons
from assetgen_dagster.director.matching import split_words
from assetgen_dagster.director.tables import (
    SEASONS,
    Arc,
    Habitat,
    arcs,
    conditions,
    framings,
    habitats,
    subjects,
    traces,
)

HABITATS = sorted(habitats().items())
#: Season, hour and weather come from conditions.toml; in a row of a habitat they would contradict it one day.
PASSING = {
    *(
        "spring",
        "summer",
        "autumn",
        "winter",
        "morning",
        "noon",
        "midday",
        "evening",
        "dawn",
        "dusk",
        "sunrise",
        "sunset",
    ),
    *("sun", "sunlit", "sunlight", "moon", "moonlit", "moonlight", "rain", "rainy", "snow", "snowy", "mist", "misty"),
    *("fog", "foggy", "storm", "stormy", "cloudless", "windy", "frosty", "dew", "wildflowers", "blossom"),
}
ANIMALS = {
    *("bird", "birds", "fish", "insect", "insects", "deer", "fox", "bear", "bears", "crab", "bee", "bees", "butterfly"),
    *("frog", "beetle", "spider", "whale", "seal", "gull", "eagle", "animal", "animals", "creature", "creatures"),
}


def rows(habitat: Habitat) -> list[str]:
    return [*habitat.spots, *(view for _, view in habitat.plates.values()), *habitat.props.values(), habitat.atmosphere]


def words(text: str) -> set[str]:
    return set(re.findall(r"[a-z]+", text.lower()))


@pytest.mark.parametrize(("name", "habitat"), HABITATS, ids=[name for name, _ in HABITATS])
def test_a_habitat_is_whole_and_keeps_the_rules(name: str, habitat: Habitat) -> None:
    assert set(habitat.seasons) == set(SEASONS)
    assert set(habitat.neighbours) <= set(habitats()) - {name}
    assert all(habitats()[other].medium == habitat.medium for other in habitat.neighbours)
    assert not habitat.weather or habitat.weather in habitat.weathers
    assert {framing for framing, _ in habitat.plates.values()} == set(framings().plates)
    assert set(habitat.strangers) <= set(habitats()) - {name}
    assert (habitat.light == "own") == bool(habitat.own_light and habitat.own_plates and not habitat.time)
    for row in rows(habitat):
        assert words(row) & PASSING == set(), row
        assert words(row) & ANIMALS == set(), row
    assert len(set(rows(habitat))) == len(rows(habitat))
    if habitat.medium == "water":
        for weather in habitat.weathers:
            assert conditions().weathers[weather].water is not None


def test_no_two_habitats_share_a_word_or_a_file_name() -> None:
    for attribute in ("words", "plates", "props"):
        every = [row for _, habitat in HABITATS for row in getattr(habitat, attribute)]
        assert sorted({row for row in every if every.count(row) > 1}) == []


ARCS = [
    *((f"arcs.{name}", arc, framings().characters) for name, arc in arcs().arcs.items()),
    *((f"things.{name}", arc, framings().things) for name, arc in arcs().things.items()),
    ("told.characters", arcs().told["characters"], framings().characters),
    ("told.things", arcs().told["things"], framings().things),
]


@pytest.mark.parametrize(("name", "arc", "known"), ARCS, ids=[name for name, _, _ in ARCS])
def test_an_arc_has_eight_distinct_poses_in_distinct_framings(name: str, arc: Arc, known: dict[str, str]) -> None:
    assert len({part for part, _, _ in arc.poses}) == len({framing for _, _, framing in arc.poses}) == 8
    for _, pose, framing in arc.poses:
        assert framing in known
        assert "{spot}" in pose
        assert set(re.findall(r"\{(\w+)\}", pose)) <= {"spot", "moving"}
        # Every creature has a head, eyes and a body; not every one has these; and a thing has none of them.
        assert words(pose) & {"paw", "paws", "leg", "legs", "wing", "wings", "tail", "fur", "feathers", "ears"} == set()
        if "things" in name:
            assert words(f"{pose} {known[framing]}") & {"head", "eyes", "body", "mouth", "breathing"} == set()


def test_homes_are_habitats() -> None:
    table = subjects()
    assert set(table.homes) | set(table.pokemon) | set(table.things) <= set(habitats()) | {"anywhere"}


def test_traces_refer_to_habitats_and_animals() -> None:
    for trace in traces().values():
        assert set(trace.places) | set(trace.only) <= set(habitats())
        assert all(lexicons.kinds().find(split_words(hero)) for hero in trace.heroes)


@pytest.mark.parametrize(
    "table", [subjects().homes, subjects().pokemon, subjects().things], ids=["kinds", "pokemon", "things"]
)
def test_nothing_is_listed_at_two_homes(table: dict[str, tuple[str, ...]]) -> None:
    every = [word for names in table.values() for word in names]
    assert sorted({word for word in every if every.count(word) > 1}) == []
