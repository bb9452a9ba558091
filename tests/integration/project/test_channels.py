"""``channels.toml``: which channels there are, and that nothing is drawn for another or past a broken file."""

from pathlib import Path

import dagster as dg
import pytest

from assetgen_dagster.project import channels
from assetgen_dagster.project.channels import (
    Channel,
    ChannelsFileError,
    UnknownChannelError,
    load_channels,
    parse_channels,
)
from assetgen_dagster.settings import load_settings
from assetgen_emulators.gemini import Fault, GeminiEmulator
from assetgen_emulators.gemini.faults import NoImage
from tests.helpers.harness import ATMOSPHERE, Core, manifest_of
from tests.helpers.studio import STORY, Dagit, failure_of

POKE1 = '[channels.poke1]\naspect_ratio = "9:16"\nstyle = "35mm film grain"\n'


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "channels.toml"
    path.write_text(POKE1)
    monkeypatch.setenv("ASSETGEN_CHANNELS_FILE", str(path))
    return path


def test_what_a_channel_may_say() -> None:
    text = f"{POKE1}monthly_budget_usd = 50\n[channels.poke2]\n"
    assert parse_channels(text) == {
        "poke1": Channel(monthly_budget_usd=50, aspect_ratio="9:16", style="35mm film grain"),
        "poke2": Channel(),
    }


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[channels.poke1\n", ("line 1",)),
        ("", ("own section", "[channels.poke1]")),
        ("[channels]\n", ("own section", "[channels.poke1]")),
        ('channels = ["poke1"]\n', ("own section", "[channels.poke1]")),
        ("[channels]\npoke1 = 5\n", ("own section", "[channels.poke1]")),
        ("[poke1]\n[channels.poke1]\n", ("unknown 'poke1' at the top", "[channels.poke1]")),
        ('[channels."poke 1"]\n', ("channel 'poke 1'", "letters")),
        (
            '[channels.poke1]\naspect-ratio = "9:16"\n',
            ("[channels.poke1]", "'aspect-ratio'", "did you mean 'aspect_ratio'?", "style"),
        ),
        ('[channels.poke1]\naspect_ratio = "wide"\n', ("aspect_ratio in [channels.poke1]", '"9:16"')),
        ("[channels.poke1]\naspect_ratio = 1.5\n", ("aspect_ratio in [channels.poke1]", '"9:16"')),
        ('[channels.poke1]\nmonthly_budget_usd = "50"\n', ("monthly_budget_usd in [channels.poke1]", "such as 50")),
        ("[channels.poke1]\nmonthly_budget_usd = -1\n", ("monthly_budget_usd", "0 or more")),
        ("[channels.poke1]\nmonthly_budget_usd = inf\n", ("monthly_budget_usd", "a number")),
        ("[channels.poke1]\nmonthly_budget_usd = true\n", ("monthly_budget_usd", "a number")),
        ('[channels.poke1]\nstyle = " "\n', ("style in [channels.poke1]", "a text in quotes")),
    ],
)
def test_what_cannot_be_used_is_named_with_what_is_allowed(text: str, told: tuple[str, ...]) -> None:
    with pytest.raises(ChannelsFileError) as raised:
        parse_channels(text, name="mine.toml")
    for words in ("mine.toml", *told):
        assert words in str(raised.value)


def test_a_file_of_a_windows_editor_is_read(file: Path) -> None:
    file.write_bytes(b"\xef\xbb\xbf" + POKE1.replace("\n", "\r\n").encode())
    assert load_channels(load_settings()).get("poke1").aspect_ratio == "9:16"
    file.write_bytes(POKE1.encode("utf-16"))
    with pytest.raises(ChannelsFileError, match="not UTF-8"):
        load_channels(load_settings())


def test_without_a_file_every_name_is_a_channel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(channels, "DEFAULT_FILE", tmp_path / "channels.toml")
    monkeypatch.delenv("ASSETGEN_CHANNELS_FILE")
    assert load_channels(load_settings()).get("any") == Channel()
    (tmp_path / "channels.toml").write_text(POKE1)
    with pytest.raises(UnknownChannelError):
        load_channels(load_settings()).get("any")
    monkeypatch.setenv("ASSETGEN_CHANNELS_FILE", "none")
    assert load_channels(load_settings()).get("any") == Channel()


def test_a_file_that_is_named_has_to_be_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ASSETGEN_CHANNELS_FILE", "not/there.toml")
    with pytest.raises(ChannelsFileError, match=r"ASSETGEN_CHANNELS_FILE names .*/not/there.toml"):
        load_channels(load_settings())


def test_style_and_aspect_ratio_go_to_the_script_and_not_into_the_manifest(
    core: Core, gemini: GeminiEmulator, file: Path
) -> None:
    core.draw()
    assert {call.aspect_ratio for call in gemini.journal()} == {"9:16"}
    prompts = {f"{ATMOSPHERE}\n\n35mm film grain\n\nSubject {number:02d} alone" for number in (1, 2, 3)}
    assert {call.prompt for call in gemini.journal()} == prompts
    assert all(picture.facts.height > picture.facts.width for picture in core.records.pictures.values())


@pytest.mark.parametrize(
    ("before", "after", "reason"),
    [('"9:16"', '"1:1"', "aspect ratio changed"), ("35mm film grain", "oil on canvas", "prompt changed")],
)
def test_a_change_of_the_channel_draws_again_in_an_open_round(
    core: Core, gemini: GeminiEmulator, file: Path, before: str, after: str, reason: str
) -> None:
    gemini.plan([Fault(NoImage("IMAGE_SAFETY"), prompt="Subject 02")])
    core.draw()
    file.write_text(POKE1.replace(before, after))
    drawn = {done.task.asset.name: done.task.step.reason for done in core.draw().done()}
    assert drawn == {"picture_01": reason, "picture_02": "not there yet", "picture_03": reason}


@pytest.fixture
def dagit(gemini: GeminiEmulator, tmp_path: Path) -> Dagit:
    return Dagit(dg.DagsterInstance.ephemeral(), tmp_path / "workspace")


def test_the_check_of_the_aspect_ratio_goes_by_the_channel(dagit: Dagit, file: Path) -> None:
    dagit.write_manifest(manifest_of(1))
    result = dagit.materialize()
    assert result.success
    passed = {one.check_name: one.passed for one in result.get_asset_check_evaluations()}
    assert passed["pictures_aspect_ratio"]


@pytest.mark.parametrize(
    ("text", "partition", "told"),
    [
        (POKE1, "poke11:vid_123", "did you mean 'poke1'?"),
        ("[channels.poke1]\nratio = 1\n", "poke1:vid_123", "unknown key 'ratio'"),
    ],
)
def test_a_run_started_by_hand_is_refused_before_anything_is_made_or_paid(
    dagit: Dagit, gemini: GeminiEmulator, file: Path, text: str, partition: str, told: str
) -> None:
    file.write_text(text)
    result = dagit.materialize(partition, story=STORY)
    assert told in failure_of(result).description
    assert gemini.journal() == []
    assert not dagit.workspace.exists()
