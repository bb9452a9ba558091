"""Films of every kind, and stranger ones: no picture contradicts itself, its place or its atmosphere.

What goes together is judged by ``nature``, a table that knows nothing of the package.
"""

import os
import re
import subprocess
import sys
from difflib import SequenceMatcher
from itertools import combinations

import pytest

from assetgen_dagster.director.director import create_asset_manifest
from assetgen_dagster.manifest.model import AssetManifest, AssetType, count_warnings
from tests.unit.director.nature import ANIMALS, NEVER, clashes, found

#: Topic, story direction, the hero's name, the place (a key of ``NEVER``), words that must not be in any prompt.
FILMS = [
    ("Bulbasaur in an ancient forest", "Show evolution through seasons", "Bulbasaur", "forest", ""),
    (
        "Hedgehogs of the old woodland",
        "They gather leaves. They sleep through winter.",
        "Hedgehogs",
        "forest",
        "summer",
    ),
    ("The owl and the winter wood", "Hunting at night without moonlight", "owl", "forest", "moonlight moonlit moon"),
    ("Oak forest wolves", "A pack splits up, then finds itself again by howling", "wolves", "forest", ""),
    ("Pikachu", "A thunderstorm rolls in. It hides in a hollow tree. The sky clears.", "Pikachu", "forest", ""),
    ("Sloth", "Upside down, a whole day passes in heavy rain", "Sloth", "rainforest", "sunny"),
    ("Cloud forest quetzal", "Courtship in the mist", "quetzal", "rainforest", "noon"),
    ("Orang-utans of Borneo", "A mother teaches her young to build a nest", "Orang-utans", "rainforest", ""),
    ("bees", "", "bees", "meadow", "night"),
    ("Harvest mice", "Summer, autumn, winter, spring in the field", "Harvest mice", "meadow", ""),
    ("Zephyrling", "It learns to ride the wind", "Zephyrling", "meadow", ""),
    ("Salmon run", "They leap the falls. A bear waits. They spawn and die.", "Salmon", "river", ""),
    ("River otters", "Winter ice, then the spring flood", "otters", "river", "autumn"),
    ("Kingfisher", "One perfect dive in the golden light of evening", "Kingfisher", "river", "dawn"),
    ("Clownfish and anemone", "A day from dawn to dusk", "Clownfish", "reef", ""),
    ("Octopus camouflage", "A day hunting on the reef, changing colour and texture", "Octopus", "reef", ""),
    ("Parrotfish", "Snow falls on the reef while they sleep", "Parrotfish", "reef", "snow falls"),
    ("Corsola of the lagoon", "A storm breaks branches. New polyps grow. The sun returns.", "Corsola", "reef", ""),
    ("Kelp forest otters", "A mother wraps her pup in kelp", "otters", "ocean", ""),
    ("Blue whales", "A journey across the Pacific from summer to winter", "Blue whales", "ocean", ""),
    ("Bioluminescence in the abyss", "Lights in the dark", "Bioluminescence", "deep sea", ""),
    ("Whale fall", "A carcass sinks and feeds a world", "Whale fall", "deep sea", ""),
    ("Anglerfish in the deep sea", "At sunrise it waits under a rainbow for prey", "Anglerfish", "deep sea", "sunrise"),
    ("Termite mounds", "The colony builds, a storm destroys it, they rebuild", "Termite", "savanna", ""),
    ("Okavango flood", "Dry season, then the water comes", "flood", "savanna", ""),
    ("Honey badger vs. cobra", "A fight at noon", "Honey badger", "savanna", "moonlight dusk dawn"),
    ("Lions of the Serengeti", "Ambush at sunset. The cubs wait. By night they feed.", "Lions", "savanna", ""),
    ("Sahara after rain", "The desert blooms for a week", "", "desert", "falling rain"),
    ("Fennec fox at night", "It listens for beetles under the sand", "Fennec fox", "desert", "noon"),
    ("Sandshrew in the desert", "It curls up beneath an oak and dreams of snow", "Sandshrew", "desert", "oak snow"),
    ("Emperor penguins", "Fathers keep the eggs warm through the winter storm", "Emperor penguins", "polar", "tundra"),
    (
        "Polar bears",
        "Summer on the melting sea ice. Hunger. A seal at last.",
        "Polar bears",
        "polar",
        "antarctic winter",
    ),
    ("Reindeer", "no snow this year, without rain", "Reindeer", "polar", "snow snowy rain"),
    ("Arctic foxes", "They change their coat from autumn to winter", "Arctic foxes", "polar", "antarctic"),
    ("The last snow leopard", "A lonely winter hunt", "snow leopard", "mountain", "summer"),
    ("snow leopard 🐆", "It swims across a coral reef", "snow leopard", "mountain", "coral reef"),
    ("Alpine ibex", "Rut in early winter, horns clash on the cliff", "Alpine ibex", "mountain", "blossom"),
    ("Dragon", "It sleeps under the mountain. A shepherd boy wakes it.", "Dragon", "mountain", ""),
    ("CONDORS OF THE ANDES", "SOARING. THEY FIND A CARCASS.", "condors", "mountain", ""),
    ("Bats leaving a cave at dusk", "Millions stream out. By dawn they return.", "Bats", "cave", ""),
    ("Zubat underground", "Sunlight never comes. A spider waits on the wall.", "Zubat", "cave", "sunlight"),
    ("The olm", "A hundred years in a flooded cavern", "olm", "cave", ""),
    ("A day in a mangrove", "From dawn to dusk with the tide", "mangrove", "swamp", ""),
    ("Alligators in the Everglades", "Dry season. The last pool shrinks. Rain!", "Alligators", "swamp", ""),
    ("Quagsire", "Playful, foggy, slow", "Quagsire", "swamp", ""),
    ("Volcanic lizards of Galápagos", "Surviving on lava", "lizards", "volcanic", ""),
    ("Charmander on the volcano", "It guards its flame against the rain", "Charmander", "volcanic", ""),
    ("Urban foxes of London", "A rainy night among the bins, then home at dawn", "foxes", "city", "noon"),
    ("Rooftop peregrine", "She raises three chicks above the traffic", "peregrine", "city", ""),
    ("Haunter in an abandoned power station", "Rain, fog and fear", "Haunter", "city", ""),
    ("Puffins on the coast", "Raising chicks in summer while the gulls steal fish", "Puffins", "coast", "winter"),
    ("Clefairy under the night sky", "A dance around the moon stone at noon", "Clefairy", "beneath the stars", "noon"),
    ("Aurora over Lapland", "A clear winter night", "Aurora", "", "summer noon"),
    ("The Moon", "One night from moonrise to moonset", "Moon", "", "noon"),
    ("Fireflies", "A summer evening courtship", "Fireflies", "", "noon winter dawn"),
    ("Lichen", "A century on one stone", "Lichen", "", "eyes"),
    ("Mycelium", "The hidden network below the trees", "Mycelium", "", "eyes"),
    ("A drop of water", "From cloud to sea", "drop of water", "", "eyes"),
    ("Cicadas after 17 years", "They emerge, sing and die in one summer", "Cicadas", "", "winter"),
    ("Monarch migration", "From Canada to Mexico in autumn", "Monarch", "", "spring"),
    ("Tardigrades", "Life in a drop of moss water", "Tardigrades", "", ""),
    ("Der letzte Wolf", "Ein Winter im Wald", "Wolf", "", ""),
    ("猫の一日", "朝から夜まで", "猫の一日", "", ""),
    ("Snail", "slow. slow. slow. " * 100, "Snail", "", ""),
    ("Glowbugs", "Spring rain; summer heat; autumn storm; winter snow", "Glowbugs", "meadow", ""),
    ("Baobab", "Through a year: dry season, first storm, flowers open at night for bats", "Baobab", "savanna", ""),
    ("Wildebeest", "Rains call the herd north. Crocodiles wait in the river.", "Wildebeest", "savanna", ""),
    ("Sand cats of the Sahara", "Hunting by night, sleeping through the heat of day", "Sand cats", "desert", ""),
    ("Desert locust plague", "Rain, green shoots, hoppers gather, takeoff at dawn", "locust", "desert", "rain"),
    ("Sea turtle hatchlings", "From nest to ocean by moonlight. Crabs. The first wave.", "Sea turtle", "coast", "noon"),
    ("Leafcutter ants", "Harvest, fungus garden, war with army ants", "Leafcutter ants", "rainforest", ""),
    ("Machop", "It trains. " + "It lifts a boulder and puts it down again. " * 30, "Machop", "mountain", ""),
]
IDS = [film[0] for film in FILMS]
SLIPS = {
    "a doubled word": r"\b([a-z]+) \1\b",
    "an article before the wrong sound": r"\b(?:a [aeio]\w+|an [bcdfgjklmnpqrstvwxyz]\w+)\b",
    "space where there should be none": r"\s\s|\s[,.;:!?)]|\(\s|^\s|\s$",
    "doubled punctuation": r"[,.;:!?]{2}|[,:;]\.|,\s*,",
    "a placeholder": r"[{}\[\]<>|$`\\]|\bNone\b|\bnull\b",
    "no capital after a full stop": r"(?<!vs)\. [a-zà-ý]",
}


def hero_free(text: str, hero: str) -> str:
    return re.sub(re.escape(hero), "", text, flags=re.IGNORECASE) if hero else text


def own_words(topic: str) -> set[str]:
    return set(re.findall(r"[\w-]+", topic.lower()))


@pytest.fixture(scope="module")
def films() -> dict[str, AssetManifest]:
    return {topic: create_asset_manifest(topic, story) for topic, story, *_ in FILMS}


@pytest.mark.parametrize(("topic", "story", "hero", "place", "forbidden"), FILMS, ids=IDS)
def test_no_picture_contradicts_itself_its_place_or_the_atmosphere(
    films: dict[str, AssetManifest], topic: str, story: str, hero: str, place: str, forbidden: str
) -> None:
    manifest = films[topic]
    never = [word for word in NEVER.get(place, "").split() if word not in own_words(topic)]
    for asset in manifest.assets:
        text = hero_free(f"{manifest.global_atmosphere} {asset.prompt} {asset.name.replace('_', ' ')}", hero)
        wrong = found(text, never) + found(text, forbidden) + clashes(text)
        assert wrong == [], f"{asset.name}: {text}"
    if place:
        assert place in manifest.global_atmosphere.lower() or any(place in a.prompt.lower() for a in manifest.assets)


@pytest.mark.parametrize(("topic", "story", "hero", "place", "forbidden"), FILMS, ids=IDS)
def test_a_film_has_22_distinct_pictures_with_the_hero_in_the_characters_only(
    films: dict[str, AssetManifest], topic: str, story: str, hero: str, place: str, forbidden: str
) -> None:
    manifest = films[topic]
    assert len(manifest.assets) == 22
    assert count_warnings(manifest) == ()
    assert len({asset.name for asset in manifest.assets}) == 22
    for asset in manifest.assets:
        assert 80 < len(asset.prompt) < 900
        if asset.asset_type is AssetType.CHARACTER:
            assert (hero or "wild Pokémon").lower() in asset.prompt.lower()
            assert re.search(r"\d+mm", asset.prompt)
        elif asset.asset_type is AssetType.ENVIRONMENT:
            plate = re.sub(r"No animals and no people.*", "", asset.prompt)
            assert found(f"{plate} {manifest.global_atmosphere}", ANIMALS) == [], plate
            assert not hero or found(plate, [hero.lower()]) == [], plate
            assert "No animals and no people" in asset.prompt
        else:
            assert "macro" in asset.prompt.lower()
            assert found(asset.prompt, ANIMALS) == []


@pytest.mark.parametrize("topic", IDS)
def test_no_two_prompts_of_a_film_are_nearly_the_same(films: dict[str, AssetManifest], topic: str) -> None:
    words = [(asset.prompt, re.findall(r"\w+", asset.prompt)) for asset in films[topic].assets]
    for (one, first), (other, second) in combinations(words, 2):
        alike = SequenceMatcher(None, first, second, autojunk=False)
        assert alike.real_quick_ratio() <= 0.85 or alike.quick_ratio() <= 0.85 or alike.ratio() <= 0.85, (
            f"{one}\n{other}"
        )


@pytest.mark.parametrize("topic", IDS)
def test_prompts_are_free_of_slips(films: dict[str, AssetManifest], topic: str) -> None:
    manifest = films[topic]
    for text in (manifest.global_atmosphere, *(asset.prompt for asset in manifest.assets)):
        for slip, pattern in SLIPS.items():
            match = re.search(pattern, text)
            assert match is None, f"{slip}: {match} in {text}"
        assert text.count("(") == text.count(")")
        assert text.count('"') % 2 == 0
        assert text[0].isupper() and text.endswith(".")


@pytest.mark.parametrize("topic", IDS)
def test_a_file_name_says_what_is_in_the_picture(films: dict[str, AssetManifest], topic: str) -> None:
    for asset in films[topic].assets:
        assert re.fullmatch(r"[a-z][a-z0-9_-]*", asset.name)
        assert not re.fullmatch(r"(character|environment|prop)_?\d*", asset.name)
        if asset.asset_type is not AssetType.CHARACTER:
            stems = [word[:4] for word in re.findall("[a-z]{4,}", asset.name)]
            assert any(stem in asset.prompt.lower() for stem in stems), f"{asset.name}: {asset.prompt}"


def test_what_a_story_direction_says_reaches_the_pictures_in_its_order() -> None:
    manifest = create_asset_manifest("Salmon run", "They leap the falls. A bear waits. They spawn and die.")
    characters = [a.prompt for a in manifest.assets if a.asset_type is AssetType.CHARACTER]
    where = [
        [number for number, prompt in enumerate(characters) if beat in prompt]
        for beat in ("They leap the falls", "A bear waits", "They spawn and die")
    ]
    assert all(where)
    assert where == sorted(where)
    assert len({number for numbers in where for number in numbers}) == sum(map(len, where))


def test_another_process_writes_the_same_bytes() -> None:
    code = (
        "from assetgen_dagster.director.director import create_asset_manifest as c\n"
        f"print([c(t, s).model_dump_json() for t, s in {[film[:2] for film in FILMS]!r}])"
    )
    written = {
        subprocess.run(
            [sys.executable, "-c", code],
            env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONIOENCODING": "utf-8"},
            capture_output=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert len(written) == 1


PLACES = {
    "forest": "forest",
    "rainforest": "jungle",
    "meadow": "meadow",
    "river": "river",
    "reef": "coral reef",
    "ocean": "ocean",
    "deep sea": "deep sea",
    "savanna": "savanna",
    "desert": "desert",
    "polar": "polar ice",
    "mountain": "mountain",
    "cave": "cave",
    "swamp": "swamp",
    "volcanic": "volcano",
    "city": "city",
    "coast": "coast",
}
#: May be carried: rare enough, and a producer who writes it means it.
SPARED = {"seaweed", "plankton", "sand-dune"}


@pytest.mark.parametrize("place", PLACES)
def test_nothing_that_a_place_cannot_hold_gets_in_through_the_story_direction(place: str) -> None:
    never = [word for word in NEVER[place].split() if word not in SPARED]
    for start in range(0, len(never), 8):  # a sentence for each character picture
        some = never[start : start + 8]
        story = " ".join(f"It touches the {word} gently." for word in some)
        manifest = create_asset_manifest(f"Zorblax of the {PLACES[place]}", story)
        assert [a.prompt for a in manifest.assets if found(a.prompt, some)] == []


@pytest.mark.parametrize(
    ("topic", "story", "warning"),
    [
        ("Snow leopard", "It swims across a coral reef", "Snow leopard cannot be in coral reef: left out"),
        ("Snow leopard on a coral reef", "It swims", "Snow leopard cannot be in coral reef: drawn there all the same"),
        ("Clownfish", "It crosses the desert", "Clownfish cannot be in desert: left out"),
        ("Zubat in the cave", "Under the stars", "does not go with limestone cave in one atmosphere: left out"),
        ("Wolf", "Summer snow", "snow does not go with summer and is left out"),
    ],
)
def test_a_story_direction_that_contradicts_the_topic_is_settled_with_a_warning(
    topic: str, story: str, warning: str
) -> None:
    manifest = create_asset_manifest(topic, story)
    assert any(warning in said for said in manifest.warnings), manifest.warnings


@pytest.mark.parametrize(
    "story", ["No snow this year", "Winter without snow or storms", "It never snows, no more snow"]
)
def test_what_a_story_direction_denies_is_in_no_prompt(story: str) -> None:
    manifest = create_asset_manifest("Reindeer", story)
    for asset in manifest.assets:
        assert found(f"{manifest.global_atmosphere} {asset.prompt}", "snow snowy storm storms") == []
