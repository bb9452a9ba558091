"""How people name pictures, and that nothing is guessed: a wrong picture costs money."""

import pytest

from assetgen_dagster.manifest.model import AssetType
from assetgen_dagster.manifest.selection import SelectionError, select_pictures

PICTURES = {
    "bulbasaur": AssetType.CHARACTER,
    "ivysaur_core": AssetType.CHARACTER,
    "env_cave": AssetType.ENVIRONMENT,
    "meadow": AssetType.ENVIRONMENT,
    "forest-2": AssetType.ENVIRONMENT,
    "7": AssetType.PROP,
    "prop_berry": AssetType.PROP,
    "5-8": AssetType.PROP,
}
NUMBERS = {name: number for number, name in enumerate(PICTURES, 1)}


def numbers(text: str) -> list[int]:
    return [NUMBERS[name] for name in select_pictures(text, NUMBERS, PICTURES)]


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("5", [5]),
        ("5, 3, env_cave", [3, 5]),
        ("1;2\n4", [1, 2, 4]),
        (" ,5,; ", [5]),
        ("1,1,bulbasaur,#01", [1]),
        ("#05", [5]),
        ("image_02", [2]),
        ("image_02.png, IMAGE 3", [2, 3]),
        ("No. 3", [3]),
        ("3 5", [3, 5]),
        ("1 and 2 & 4", [1, 2, 4]),
        ("- 3\n- 4\n• 5", [3, 4, 5]),
        ("1-4", [1, 2, 3, 4]),
        ("1 \N{EN DASH} 3", [1, 2, 3]),
        ("2..3, 1 to 2", [1, 2, 3]),
        ("image_01-image_03", [1, 2, 3]),
        ("#3-#5", [3, 4, 5]),
        ("Env Cave.png", [3]),
        ("environments/env_cave.png", [3]),
        ("`ivysaur_core.png`, \N{LEFT DOUBLE QUOTATION MARK}meadow\N{RIGHT DOUBLE QUOTATION MARK}", [2, 4]),
        ("cave", [3]),
        ("env_meadow", [4]),
        ("environment_meadow", [4]),
        ("berry", [7]),
        ("forest-2", [5]),
        ("#01 bulbasaur", [1]),
        ("03 env_cave", [3]),
        ("#6, #7", [6, 7]),
        ("all", [1, 2, 3, 4, 5, 6, 7, 8]),
    ],
)
def test_pictures_are_named_by_number_range_or_file_name(text: str, meant: list[int]) -> None:
    assert numbers(text) == meant


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "no picture is named"),
        (" , ;\n", "no picture is named"),
        ("27", "there is no picture 27"),
        ("0", "there is no picture 0"),
        ("#99", "there is no picture 99 (in '#99')"),
        ("2-77", "there is no picture 77 (in '2-77')"),
        ("8-6", "'8-6' runs backwards: write 6-8"),
        ("env_cav", "there is no picture 'env_cav' (did you mean env_cave, #03?)"),
        ("the golden one", "there is no picture 'the golden one'"),
        ("prop_meadow", "there is no picture 'prop_meadow'"),
        ("7", "'7' is the name of one picture and the number of another: write #06 for the former, #07"),
        ("5-8", "'5-8' is a range and the name of a picture: write #08"),
        ("02 bulbasaur", "'02 bulbasaur' names two: bulbasaur is #01"),
        ("5, 27, meadw", "there is no picture 27; there is no picture 'meadw' (did you mean meadow, #04?)"),
    ],
)
def test_what_is_not_clear_is_said_with_the_nearest_and_with_what_there_is(text: str, says: str) -> None:
    with pytest.raises(SelectionError) as told:
        numbers(text)
    assert says in str(told.value)
    if "named:" not in says and text.strip(" ,;\n"):
        assert "There are: #01 bulbasaur, #02 ivysaur_core," in str(told.value)


def test_a_short_name_that_fits_two_pictures_is_none() -> None:
    kinds = {"env_cave": AssetType.ENVIRONMENT, "prop_cave": AssetType.PROP}
    with pytest.raises(SelectionError, match="no picture 'cave'"):
        select_pictures("cave", {"env_cave": 1, "prop_cave": 2}, kinds)


def test_all_is_a_picture_where_one_is_called_so() -> None:
    kinds = {"all": AssetType.PROP, "none": AssetType.PROP}
    assert select_pictures("all", {"all": 1, "none": 2}, kinds) == ("all",)
