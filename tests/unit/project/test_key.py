import pytest

from assetgen_dagster.project.key import InvalidIdentifierError, ProjectKey, validate_identifier

BAD = [
    "", "..", "../../../etc", "a/b", "a\\b", "a b", "a:b", "a\n", "vid_123\n", "a\0b", "a.b", "é", "ｖｉｄ", "а", "*",
    "a" * 101,
]  # fmt: skip


@pytest.mark.parametrize("value", BAD)
def test_an_identifier_that_could_leave_its_folder_is_refused(value: str) -> None:
    with pytest.raises(InvalidIdentifierError, match="channel"):
        validate_identifier(value, "channel")
    with pytest.raises(ValueError, match="cannot be used"):
        ProjectKey("poke1", value)


@pytest.mark.parametrize("value", ["a", "poke1", "vid_123", "A-b_C-9", "a" * 100])
def test_letters_digits_dash_and_underscore_are_an_identifier(value: str) -> None:
    assert validate_identifier(value, "project") == value


def test_a_partition_key_is_channel_and_project() -> None:
    key = ProjectKey.from_partition_key("poke1:vid_123")
    assert (key.channel, key.project, str(key)) == ("poke1", "vid_123", "poke1:vid_123")


@pytest.mark.parametrize("key", ["", "poke1", "poke1:", ":vid", "poke1:vid:3", "poke1:../x", "poke1|vid"])
def test_whatever_else_the_dialog_lets_in_is_refused(key: str) -> None:
    with pytest.raises(InvalidIdentifierError):
        ProjectKey.from_partition_key(key)


def test_a_long_identifier_is_shortened_in_the_message() -> None:
    with pytest.raises(InvalidIdentifierError) as refused:
        validate_identifier("x" * 5000, "project")
    assert len(str(refused.value)) < 250
