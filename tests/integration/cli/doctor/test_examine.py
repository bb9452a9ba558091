"""``assetgen doctor``: what is wrong is said in one line with what to do; nothing is drawn, written or paid."""

import json
import os
import socket
import time
from pathlib import Path

import pytest

from assetgen_dagster.cli.doctor import examine as examining
from assetgen_dagster.cli.doctor.examine import examine
from assetgen_dagster.settings import default_environment
from assetgen_emulators.gemini import GeminiEmulator
from assetgen_emulators.notion import Fault, NotionEmulator
from assetgen_emulators.notion.faults import ApiError, Hang
from tests.integration.cli.doctor.told import command, problem, problems

pytestmark = pytest.mark.usefixtures("dagster_home")


def test_a_set_up_in_order_has_no_problem_and_costs_nothing(gemini: GeminiEmulator, notion: NotionEmulator) -> None:
    page = notion.add_row(topic="Owls", status="Generating Assets")
    before = notion.row(page)
    assert problems() == []
    assert [(call.outcome, call.billed_usd) for call in gemini.journal()] == [("rejected", 0)]
    assert notion.row(page) == before
    assert {call.endpoint for call in notion.journal()} == {"databases.retrieve", "data_sources.retrieve"}


def test_without_notion_all_is_well_and_it_says_so(gemini: GeminiEmulator) -> None:
    assert problems() == []
    assert "Not set up, which is fine" in str(examine()[-1])


def test_the_command_exits_with_0_only_if_nothing_is_wrong(
    gemini: GeminiEmulator, notion: NotionEmulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    done = command("doctor", "--json")
    assert done.returncode == 0, done.stdout
    assert json.loads(done.stdout)["ok"] is True
    assert done.stderr == ""
    notion.plan([Fault(ApiError(503), endpoint="databases.retrieve")])
    done = command("doctor", "--json")  # what a retry logs must not stand in the JSON
    assert json.loads(done.stdout)["ok"] is True
    notion.unshare()
    monkeypatch.delenv("GEMINI_API_KEY")
    done = command("doctor", "--json")
    told = json.loads(done.stdout)
    assert (done.returncode, told["ok"]) == (1, False)
    assert {one["name"] for one in told["findings"] if not one["ok"]} == {"Gemini", "Notion"}
    plain = command("doctor")
    assert plain.returncode == 1
    assert [line[:7].strip() for line in plain.stdout.splitlines()].count("PROBLEM") == 2
    assert plain.stderr == ""


def test_a_setting_that_cannot_be_used_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ASSETGEN_IMAGE_CONCURRENCY", "many")
    assert "ASSETGEN_IMAGE_CONCURRENCY must be a whole number, not 'many'" in problem()


def test_a_line_of_the_file_of_settings_that_cannot_be_read_is_one_error_with_its_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "my.env"
    file.write_text('# mine\n\nGEMINI_API_KEY "abc"\n')
    monkeypatch.setenv("ASSETGEN_ENV_FILE", str(file))
    done = command("doctor")
    assert f"{file}, line 3 cannot be read: write NAME=value there. [env_file]" in done.stdout
    assert "abc" not in done.stdout
    assert done.stderr == ""


def test_a_variable_that_is_nearly_a_setting_is_named_with_the_setting(
    gemini: GeminiEmulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "my.env"
    file.write_text("GEMINI_IMAGE_MODLE=x\nNOTION_OF_ANOTHER_PROGRAM=x\n")
    monkeypatch.setenv("ASSETGEN_ENV_FILE", str(file))
    assert f"GEMINI_IMAGE_MODLE (in {file})" in problem()
    assert "Did you mean GEMINI_IMAGE_MODEL?" in problem()


def test_a_file_of_settings_that_is_not_there_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ASSETGEN_ENV_FILE", "not_there.env")
    assert "ASSETGEN_ENV_FILE names" in problem()


def test_a_server_that_says_nothing_ends_the_check_in_its_time(
    gemini: GeminiEmulator, notion: NotionEmulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(examining, "NETWORK_SECONDS", 1.0)
    notion.plan([Fault(Hang(), times=None)])
    with socket.create_server(("127.0.0.1", 0)) as server:
        monkeypatch.setenv("GOOGLE_GEMINI_BASE_URL", f"http://127.0.0.1:{server.getsockname()[1]}")
        begun = time.monotonic()
        assert [finding.name for finding in problems()] == ["Gemini", "Notion"]
        assert time.monotonic() - begun < 8


def test_a_database_made_by_init_notion_satisfies_the_doctor(
    gemini: GeminiEmulator, notion: NotionEmulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("NOTION_DATABASE_ID")
    notion.share_page("0123456789abcdef0123456789abcdef")
    done = command("init-notion", "--parent", "0123456789abcdef0123456789abcdef")
    assert done.returncode == 0, done.stderr
    name, _, database = done.stdout.splitlines()[-1].partition("=")
    assert name == "NOTION_DATABASE_ID"
    monkeypatch.setenv(name, database)
    assert problems() == []


def test_init_notion_without_a_token_says_what_to_set() -> None:
    done = command("init-notion", "--parent", "0123456789abcdef0123456789abcdef")
    assert (done.returncode, done.stdout) == (1, "")
    assert "Set NOTION_TOKEN" in done.stderr
    assert "Traceback" not in done.stderr


def test_the_settings_of_the_example_are_in_order(gemini: GeminiEmulator, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in default_environment().items():
        if name not in os.environ:
            monkeypatch.setenv(name, value)
    assert problems() == []
