"""File names of pictures, by the story's rules."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assetgen_dagster.manifest.model import AssetPrompt, AssetType
from assetgen_dagster.manifest.names import asset_name, is_cut, unique_names


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("Bulbasaur (shiny)", "bulbasaur_shiny"),
        ("Bulbasaur Resting.PNG", "bulbasaur_resting"),
        ("Flabébé – close–up", "flabebe_-_close-up"),
        ("  two   spaces\tand tab ", "two_spaces_and_tab"),
        ("a; rm -rf / $(x) `y` | z", "a_rm_-rf_x_y_z"),
        ("../../etc/passwd", "etcpasswd"),
        ("nul\x00byte\nline", "nulbyte_line"),
        ("Мир", ""),
        ("", ""),
    ],
)
def test_a_text_becomes_a_safe_name(text: str, name: str) -> None:
    assert asset_name(text) == name


def test_a_name_longer_than_a_file_system_allows_is_cut_with_a_hash() -> None:
    first, second = asset_name("a" * 300), asset_name("a" * 301)
    assert len(first) == len(second) == 200
    assert first != second
    assert is_cut("a" * 300)
    assert not is_cut("a" * 200)


def test_a_name_that_is_taken_gets_a_number() -> None:
    texts = [("Bulbasaur", "character"), ("bulbasaur!", "character"), ("", "prop"), ("№", "prop"), ("***", "prop")]
    assert unique_names(texts) == ["bulbasaur", "bulbasaur_2", "prop_01", "no", "prop_02"]


@pytest.mark.parametrize("long", ["b" * 400, f"{'b' * 191}_{'b' * 8}"])
def test_long_names_that_collide_stay_names_within_the_limit(long: str) -> None:
    names = unique_names([(long, "prop")] * 1200)
    assert len(set(names)) == 1200
    assert max(map(len, names)) <= 200
    assert names == [asset_name(name) for name in names]


@given(st.lists(st.tuples(st.text(max_size=300), st.sampled_from(["character", "prop"])), max_size=8))
def test_any_texts_give_distinct_names_that_a_manifest_accepts(texts: list[tuple[str, str]]) -> None:
    names = unique_names(texts)
    assert len({*names}) == len(texts)
    for name in names:
        assert re.fullmatch(r"[a-z0-9_-]{1,200}", name)
        assert AssetPrompt(asset_type=AssetType.PROP, name=name, prompt="").name == name
