"""The director: a manifest from two texts that a nature-film director would sign."""

import re

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from assetgen_dagster.director.director import create_asset_manifest
from assetgen_dagster.manifest.model import AssetManifest, AssetType, count_warnings
from tests.unit.director.nature import ANIMALS, clashes, found

#: What may not be in any prompt of a film about this, and what its atmosphere must speak of. By hand, from nothing in
#: the package: words are whole words.
FOREST = "coral cactus dune dunes iceberg lava reef skyscraper savanna"
WATER = "snow oak pine fern dust desert grass mushroom forest tree trees sky cloud walking sand"
DRY = "oak fern moss snow ocean coral mushroom reef ice jungle mist fog wet"
COLD = "palm cactus coral jungle fern mushroom lava acacia dune flower flowers"
NO_DAY = "sun sunlight sunlit noon midday sunrise sunset daylight morning afternoon"
TOPICS = [
    ("Bulbasaur forest documentary", "Show evolution through seasons", "Bulbasaur", "forest", FOREST),
    ("The secret life of sea otters", "A mother raises her pup", "sea otter", "ocean", WATER),
    ("Clownfish of the coral reef", "A day from dawn to dusk", "Clownfish", "reef", WATER),
    ("Anglerfish in the deep sea", "A hunt in the dark", "Anglerfish", "deep-sea", f"{WATER} {NO_DAY} moon"),
    ("Lions of the Serengeti", "Ambush at sunset", "Lions", "savanna", "snow ice coral pine fern moss iceberg reef"),
    ("Sandshrew in the desert", "Surviving the summer heat", "Sandshrew", "desert", DRY),
    ("How camels cross the Sahara", "A long journey by night", "camels", "desert", f"{DRY} {NO_DAY}"),
    ("Emperor penguins", "Surviving the Antarctic winter", "Emperor penguins", "polar", f"{COLD} summer"),
    ("Polar bears in summer", "Searching for food", "Polar bears", "polar", f"{COLD} snow winter"),
    ("Snow leopards of the Himalayas", "A hunt in late summer", "Snow leopards", "mountain", "snow palm coral winter"),
    ("Machop in the Alps", "A winter storm", "Machop", "mountain", "palm coral cactus summer sunny sunlit noon reef"),
    ("Bats of the limestone cave", "Family life", "Bats", "cave", f"{NO_DAY} sky moon moonlight tree snow rain"),
    ("Zubat underground", "Sunrise after rain", "Zubat", "cave", f"{NO_DAY} sky rain snow"),
    ("Alligators in the Everglades", "A misty dawn", "Alligators", "swamp", "snow ice cactus coral dune noon sunset"),
    ("Charizard above the volcano", "Battle for territory", "Charizard", "volcanic", "snow ice coral fern mushroom"),
    (
        "Pigeons of the city",
        "A rainy night",
        "Pigeons",
        "city",
        f"coral cactus iceberg dune lava sunny {NO_DAY} moonlight moonlit",
    ),
    ("Clefairy under the night sky", "Courtship dance", "Clefairy", "night sky", f"{NO_DAY} coral noon"),
    ("Salmon in the river", "Migration in autumn", "Salmon", "river", "coral cactus dune snow spring summer winter"),
    ("Squirtle at the lake", "Sunny spring morning", "Squirtle", "lake", "snow winter autumn rain night coral storm"),
    ("Jaguar of the jungle", "Hunting in heavy rain", "Jaguar", "rainforest", "snow ice oak cactus dune sunny"),
    ("Puffins on the coast", "Raising chicks in summer", "Puffins", "coast", "snow cactus winter jungle ice dune"),
    ("Zorblaxian glimmerbeast", "Discovers its world", "Zorblaxian glimmerbeast", "grass", "snow coral dune lava"),
    ("The last axolotl", "Peaceful afternoon", "axolotl", "river", "snow coral dune night lava"),
]


def has_word(text: str, words: str) -> list[str]:
    return [word for word in words.split() if re.search(rf"\b{re.escape(word)}\b", text, re.IGNORECASE)]


@pytest.mark.parametrize(("topic", "story", "hero", "place", "forbidden"), TOPICS, ids=[row[0] for row in TOPICS])
def test_a_topic_gives_22_distinct_pictures_of_its_hero_and_place_without_contradiction(
    topic: str, story: str, hero: str, place: str, forbidden: str
) -> None:
    manifest = create_asset_manifest(topic, story)
    assert len(manifest.assets) == 22
    assert count_warnings(manifest) == ()
    assert len({asset.name for asset in manifest.assets}) == 22
    assert len({asset.prompt for asset in manifest.assets}) == 22
    assert place in manifest.global_atmosphere.lower()
    for asset in manifest.assets:
        text = f"{manifest.global_atmosphere} {asset.prompt}".replace(hero, "")
        assert has_word(text, forbidden) == []
        assert 80 < len(asset.prompt) < 900
        assert not re.search(r"[{}\[\]]|\.\.|,,|\s\s|None", asset.prompt)
        if asset.asset_type is AssetType.CHARACTER:
            assert hero in asset.prompt
        else:
            assert hero.lower() not in asset.prompt.lower()
        if asset.asset_type is AssetType.ENVIRONMENT:
            assert "No animals and no people" in asset.prompt
            assert found(asset.prompt.replace("No animals", ""), ANIMALS) == []


def test_create_asset_manifest_from_topic_and_story_direction() -> None:
    manifest = create_asset_manifest("Bulbasaur forest documentary", "Show evolution through seasons")
    assert [len([a for a in manifest.assets if a.asset_type is kind]) for kind in AssetType] == [8, 9, 5]
    assert [asset.asset_type for asset in manifest.assets] == sorted(
        (asset.asset_type for asset in manifest.assets), key=list(AssetType).index
    )
    characters = [asset for asset in manifest.assets if asset.asset_type is AssetType.CHARACTER]
    # Evolution: from newborn to old; through seasons: two pictures each, in their order.
    assert "very young" in characters[0].prompt
    assert "old and weathered" in characters[-1].prompt
    assert [asset.name.rsplit("_", 1)[1] for asset in characters] == [
        season for season in ("spring", "summer", "autumn", "winter") for _ in range(2)
    ]
    assert all(asset.name.startswith("bulbasaur_") for asset in characters)
    assert {"forest_clearing_spring", "mushroom_cluster"} <= {asset.name for asset in manifest.assets}
    # The season goes round, so the atmosphere that all pictures share names none.
    assert has_word(manifest.global_atmosphere, "spring summer autumn winter") == []
    assert manifest.warnings == ()


@pytest.mark.parametrize(
    ("topic", "words"),
    [
        ("forest documentary", ["natural forest light", "misty", "golden"]),
        ("underwater exploration", ["underwater", "water", "reef"]),
        ("mountain trek", ["mountain", "rock", "altitude"]),
    ],
)
def test_global_atmosphere_extraction_from_topic(topic: str, words: list[str]) -> None:
    atmosphere = create_asset_manifest(topic, "Follow the hero").global_atmosphere.lower()
    assert [word for word in words if word not in atmosphere] == []
    assert "photorealistic" in atmosphere


def test_no_two_pictures_of_a_kind_are_framed_alike() -> None:
    manifest = create_asset_manifest("Bulbasaur forest documentary", "A quiet day")
    for kind in AssetType:
        framings = [asset.prompt.split(". ")[1] for asset in manifest.assets if asset.asset_type is kind]
        assert len(set(framings)) == len(framings)
        assert all(re.search(r"\d+mm", framing) for framing in framings)


def test_the_same_texts_give_the_same_manifest() -> None:
    first = create_asset_manifest("Bulbasaur forest documentary", "Show evolution through seasons")
    assert create_asset_manifest("Bulbasaur forest documentary", "Show evolution through seasons") == first
    assert create_asset_manifest(" Bulbasaur  forest\ndocumentary ", "Show evolution through seasons") == first


@pytest.mark.parametrize(
    ("topic", "story", "missing"),
    [
        ("", "Show the seasons", ["topic"]),
        ("Abra in the city", " \n", ["story direction"]),
        ("", "", ["topic", "story direction"]),
    ],
)
def test_an_empty_text_gives_a_generic_documentary_and_a_warning(topic: str, story: str, missing: list[str]) -> None:
    manifest = create_asset_manifest(topic, story)
    assert len(manifest.assets) == 22
    assert [warning.split(" is empty")[0] for warning in manifest.warnings] == missing
    if not topic:
        assert "wild Pokémon" in manifest.assets[0].prompt
        assert "forest" in manifest.global_atmosphere


@pytest.mark.parametrize(
    ("topic", "hero"),
    [
        ("Bulbasaur forest documentary", "Bulbasaur"),
        ("The secret life of sea otters", "sea otters"),
        ("Mr. Mime in the city", "Mr. Mime"),
        ("Farfetch'd by the river", "Farfetch'd"),
        ("Eevee's forest home", "Eevee"),
        ("Nidoran♀ in the meadow", "Nidoran♀"),
        ("King of the jungle: the jaguar", "jaguar"),
        ("A Day in the Life of Pidgey", "Pidgey"),
        ("Wolves and ravens of Yellowstone", "Wolves and ravens"),
        ("Pikachu & Charizard", "Pikachu and Charizard"),
        ("How emperor penguins survive", "emperor penguins"),
        ("Storm petrels", "Storm petrels"),
        ("Desert foxes", "Desert foxes"),
        ("Volcano Charizard", "Charizard"),
        ("Flabébé in spring", "Flabébé"),
        ("ピカチュウ", "ピカチュウ"),
        ("Real life Pokémon: Haunter", "Haunter"),
        ("Coral spawning", "Coral"),
        ("Coral reef clownfish", "Coral reef clownfish"),
        ("Aurora over Lapland", "Aurora"),
        ("Whale fall", "Whale fall"),
        ("A drop of water", "drop of water"),
        ("Honey badger vs. cobra", "Honey badger vs. cobra"),
        ("Kelp forest otters", "Kelp forest otters"),
        ("SNOW LEOPARDS", "snow leopards"),
        ("BULBASAUR", "BULBASAUR"),
        ("Der letzte Wolf", "Der letzte Wolf"),
        ("forest documentary", "wild Pokémon"),
    ],
)
def test_the_hero_is_what_the_topic_is_about_without_place_and_genre(topic: str, hero: str) -> None:
    manifest = create_asset_manifest(topic, "x")
    assert manifest.assets[0].prompt.startswith(f"Documentary still, {hero}: ")
    assert manifest.assets[0].title.startswith(f"{hero}, ")


@pytest.mark.parametrize(
    ("topic", "story", "wrong"),
    [
        ("Abra on rough terrain", "A train of thought, then braided mice", ["rain", "ice"]),
        ("Abra in the deserted forest", "Windows", ["sand", "wind"]),
        ("Snow leopards", "Without rain, no fog", ["falling snow", "rain", "misty"]),
        ("Abra by the hot spring", "Water falls over rocks", ["spring meadow", "autumn"]),
        ("Storm petrels", "They nest", ["storm weather"]),
    ],
)
def test_only_whole_words_count_and_not_in_another_sense(topic: str, story: str, wrong: list[str]) -> None:
    manifest = create_asset_manifest(topic, story)
    text = " ".join([manifest.global_atmosphere, *(asset.prompt for asset in manifest.assets)])
    assert [word for word in wrong if re.search(rf"\b{word}\b", text, re.IGNORECASE)] == []


def test_weather_that_cannot_be_is_left_out_and_said() -> None:
    manifest = create_asset_manifest("Clownfish on a coral reef", "Snow falls")
    assert "snow" not in manifest.global_atmosphere.lower()
    assert manifest.warnings[0] == "snow does not go with coral reef and is left out"
    assert manifest.warnings[1:] == (
        "not every sentence of the story direction fits into the pictures whole: Snow falls",
    )


def test_two_places_that_border_on_each_other_share_the_film() -> None:
    manifest = create_asset_manifest("Otters between forest and river", "A journey")
    plates = [asset.name for asset in manifest.assets if asset.asset_type is AssetType.ENVIRONMENT]
    assert any(name.startswith("forest_clearing") for name in plates)
    assert sum("river and lake country" in asset.prompt for asset in manifest.assets) >= 3
    assert "river" in manifest.global_atmosphere.lower()
    far = create_asset_manifest("From the desert to the coral reef", "A journey")
    assert any("does not go with desert in one atmosphere" in warning for warning in far.warnings)


def test_prompt_injection_prevention() -> None:
    topic = "; rm -rf / | $(reboot) `id` && Bulbasaur ../../etc/passwd \x00\x1b[31m --prompt=x"
    manifest = create_asset_manifest(topic, "\x00'; DROP TABLE --; $HOME")
    assert "Bulbasaur" in manifest.assets[0].prompt
    for asset in manifest.assets:
        assert re.fullmatch(r"[a-z0-9_-]{1,200}", asset.name)
        assert not re.search(r"[;|$`&\\<>]|\.\./", asset.prompt)
    check_text(manifest)


def check_text(manifest: AssetManifest) -> None:
    for text in (manifest.global_atmosphere, *(f"{asset.prompt}{asset.title}" for asset in manifest.assets)):
        assert text.isprintable() or all(character.isprintable() for character in text), text
        text.encode()


def check_whole(manifest: AssetManifest) -> None:
    assert len(manifest.assets) == 22
    assert count_warnings(manifest) == ()
    assert len({asset.name for asset in manifest.assets}) == 22
    assert len({asset.prompt for asset in manifest.assets}) == 22
    assert len(manifest.global_atmosphere) < 1_200
    check_text(manifest)
    for asset in manifest.assets:
        assert 80 < len(asset.prompt) < 900
        assert len(asset.name) <= 200
        assert not re.search(r"[{}<>|$`\\]|\s\s|\s[,.]|,,|\.\.", asset.prompt.replace("...", ""))
        if asset.asset_type is AssetType.ENVIRONMENT:
            assert found(asset.prompt.replace("No animals", ""), ANIMALS) == []


@settings(max_examples=100, deadline=None)
@given(st.text(max_size=120), st.text(max_size=400))
def test_any_two_texts_give_22_safe_pictures(topic: str, story: str) -> None:
    check_whole(create_asset_manifest(topic, story))


WORDS = st.lists(
    st.sampled_from(
        re.findall(
            r"[\w'.,]+",
            "Bulbasaur wolves reef forest desert cave city night dawn noon winter summer snow rain heat storm sea "
            "otters river hunt migration raise seasons volcano arctic swamp stars the and of in deep spring fall dusk "
            "Zephyrling finds a hidden key . , no without moonlight frost blossom sunlight oak penguin mist clear then "
            "its young under mountain sky waves fish",
        )
    ),
    max_size=14,
).map(" ".join)


@settings(max_examples=100, deadline=None)
@given(WORDS)
@example("arctic penguin")
def test_no_story_direction_makes_a_picture_contradict_itself(story: str) -> None:
    manifest = create_asset_manifest("Zorblax", story)
    check_whole(manifest)
    for asset in manifest.assets:
        assert clashes(f"{manifest.global_atmosphere} {asset.prompt}") == []


@settings(max_examples=60, deadline=None)
@given(WORDS, WORDS)
def test_any_mixture_of_known_words_gives_a_whole_manifest(topic: str, story: str) -> None:
    check_whole(create_asset_manifest(topic, story))


@pytest.mark.parametrize(
    "topic", ["x" * 10_000, "wolves " * 1500, "a " * 5000, "森" * 10_000, "\n" * 10_000, "'" * 10_000]
)
def test_a_very_long_topic_gives_prompts_of_ordinary_length(topic: str) -> None:
    manifest = create_asset_manifest(topic, topic)
    assert max(len(asset.prompt) for asset in manifest.assets) < 900
    assert max(len(asset.name) for asset in manifest.assets) <= 200
