"""The tables in ``world/`` keep the rules that make their rows combine without contradiction."""

import re

import pytest

from assetgen_dagster.story.tables import SEASONS, Habitat, arcs, conditions, habitats, subjects

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
    return [*habitat.spots, *habitat.plates.values(), *habitat.props.values(), habitat.atmosphere]


def words(text: str) -> set[str]:
    return set(re.findall(r"[a-z]+", text.lower()))


@pytest.mark.parametrize(("name", "habitat"), HABITATS, ids=[name for name, _ in HABITATS])
def test_a_habitat_is_whole_and_keeps_the_rules(name: str, habitat: Habitat) -> None:
    assert set(habitat.seasons) == set(SEASONS)
    assert set(habitat.neighbours) <= set(habitats()) - {name}
    assert all(habitats()[other].medium == habitat.medium for other in habitat.neighbours)
    assert not habitat.weather or habitat.weather in habitat.weathers
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


@pytest.mark.parametrize("name", sorted(arcs().arcs))
def test_an_arc_has_eight_distinct_poses_in_distinct_framings(name: str) -> None:
    poses = arcs().arcs[name].poses
    assert len({part for part, _, _ in poses}) == len({framing for _, _, framing in poses}) == 8
    for _, pose, framing in poses:
        assert framing in arcs().framings
        assert "{spot}" in pose
        assert set(re.findall(r"\{(\w+)\}", pose)) <= {"spot", "moving"}
        # Every creature has a head, eyes and a body; not every one has these.
        assert words(pose) & {"paw", "paws", "leg", "legs", "wing", "wings", "tail", "fur", "feathers", "ears"} == set()


def test_homes_are_habitats() -> None:
    assert set(subjects().homes) | set(subjects().pokemon) <= set(habitats()) | {"anywhere"}
