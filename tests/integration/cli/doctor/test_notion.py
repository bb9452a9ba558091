"""What the doctor says of the board in Notion."""

from collections.abc import Callable

import pytest

from assetgen_dagster.cli.doctor.examine import examine
from assetgen_dagster.errors import Code
from assetgen_emulators.gemini import GeminiEmulator
from assetgen_emulators.notion import Fault, NotionEmulator
from assetgen_emulators.notion.faults import ApiError
from tests.integration.cli.doctor.told import problem, problems

pytestmark = pytest.mark.usefixtures("dagster_home")


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (NotionEmulator.revoke_token, "Set NOTION_TOKEN"),
        (NotionEmulator.unshare, "Connections, and choose the integration"),
        (NotionEmulator.trash_database, "in the trash"),
        (lambda notion: notion.rename_property("Topic", "Subject"), "set NOTION_PROPERTY_TOPIC to its new name"),
        (lambda notion: notion.change_type("Cost (USD)", "rich_text"), "'Cost (USD)' is of type rich_text"),
        (lambda notion: notion.remove_status_option("Assets Ready"), "set NOTION_STATUS_READY"),
        (lambda notion: notion.remove_status_option("Generating Assets"), "set NOTION_STATUS_TRIGGER"),
        (lambda notion: notion.plan([Fault(ApiError(403), times=None)]), "Capabilities"),
    ],
)
def test_what_is_wrong_with_the_board_is_one_line_with_what_to_do(
    gemini: GeminiEmulator, notion: NotionEmulator, spoil: Callable[[NotionEmulator], None], words: str
) -> None:
    spoil(notion)
    assert words in problem()
    assert notion.token not in problem()


def test_every_fault_of_the_board_has_its_line(gemini: GeminiEmulator, notion: NotionEmulator) -> None:
    notion.remove_property("Channel")
    notion.remove_property("Error Log")
    notion.remove_status_option("Asset Error")
    assert [finding.name.split()[-1] for finding in problems()] == [
        "NOTION_PROPERTY_CHANNEL",
        "NOTION_PROPERTY_ERROR_LOG",
        "NOTION_STATUS_ERROR",
    ]


def test_an_optional_column_that_is_not_there_is_offered(gemini: GeminiEmulator, notion: NotionEmulator) -> None:
    notion.remove_property("Run")
    [line] = [str(finding) for finding in examine() if "'Run'" in finding.name]
    assert line.startswith("ok")
    assert "add it, of type rich_text or url" in line


def test_an_optional_column_or_status_is_switched_off_by_none_and_one_that_is_needed_is_not(
    gemini: GeminiEmulator, notion: NotionEmulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    notion.change_type("Cost (USD)", "rich_text")
    monkeypatch.setenv("NOTION_PROPERTY_COST", "none")
    monkeypatch.setenv("NOTION_STATUS_DRAWING", "none")
    assert problems() == []
    assert any(finding.ok and finding.name == "Notion property NOTION_PROPERTY_COST" for finding in examine())
    monkeypatch.setenv("NOTION_PROPERTY_TOPIC", "none")
    assert "no property 'none'" in problem()


@pytest.mark.parametrize("missing", ["NOTION_TOKEN", "NOTION_DATABASE_ID"])
def test_a_notion_that_is_half_set_up_is_named(
    gemini: GeminiEmulator, notion: NotionEmulator, monkeypatch: pytest.MonkeyPatch, missing: str
) -> None:
    monkeypatch.delenv(missing)
    assert f"{missing} is not" in problem()


def test_a_proxy_that_cannot_be_used_is_named(
    gemini: GeminiEmulator, notion: NotionEmulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NOTION_BASE_URL", "http://notion.invalid")
    monkeypatch.setenv("all_proxy", "socks://127.0.0.1:9/")
    [found] = problems()
    assert "all_proxy" in str(found)
    assert found.code is Code.NOTION_ADDRESS


def test_the_board_is_read_through_the_proxy_of_the_environment(
    gemini: GeminiEmulator, notion: NotionEmulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NOTION_BASE_URL", "http://notion.invalid")
    monkeypatch.setenv("http_proxy", notion.base_url)
    monkeypatch.setenv("no_proxy", "localhost,fe80::/10")
    assert problems() == []
    assert notion.journal()
