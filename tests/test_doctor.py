"""``assetgen doctor``: what is wrong is said in one line with what to do; nothing is drawn, written or paid."""

import contextlib
import json
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from assetgen_dagster import doctor
from assetgen_dagster.doctor import Finding, examine
from assetgen_dagster.settings import default_environment
from assetgen_dagster.standins.gemini import GeminiStandIn
from assetgen_dagster.standins.notion import Fault, NotionStandIn
from assetgen_dagster.standins.notion_faults import ApiError, Hang
from tests.conftest import API_KEY


def problems() -> list[Finding]:
    found = [finding for finding in examine() if not finding.ok]
    for finding in found:
        assert finding.detail
        assert finding.remedy, finding
        assert "\n" not in str(finding)
        assert API_KEY not in str(finding)
    return found


def problem() -> str:
    [found] = problems()
    return str(found)


def command(*arguments: str) -> "subprocess.CompletedProcess[str]":
    line = [sys.executable, "-m", "assetgen_dagster", *arguments]
    return subprocess.run(line, capture_output=True, text=True, env=os.environ.copy(), check=False)


def test_a_set_up_in_order_has_no_problem_and_costs_nothing(gemini: GeminiStandIn, notion: NotionStandIn) -> None:
    page = notion.add_row(topic="Owls", status="Generating Assets")
    before = notion.row(page)
    assert problems() == []
    assert gemini.journal() == []
    assert notion.row(page) == before
    assert {call.endpoint for call in notion.journal()} == {"databases.retrieve", "data_sources.retrieve"}


def test_without_notion_all_is_well_and_it_says_so(gemini: GeminiStandIn) -> None:
    assert problems() == []
    assert "Not set up, which is fine" in str(examine()[-1])


def test_the_command_exits_with_0_only_if_nothing_is_wrong(
    gemini: GeminiStandIn, notion: NotionStandIn, monkeypatch: pytest.MonkeyPatch
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
    assert "ASSETGEN_IMAGE_CONCURRENCY" in problem()


def test_a_file_of_settings_that_is_not_there_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ASSETGEN_ENV_FILE", "not_there.env")
    assert "ASSETGEN_ENV_FILE names" in problem()


# --- this machine ----------------------------------------------------------------------------------------------------


def test_a_workspace_that_is_a_file_is_named(
    gemini: GeminiStandIn, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("ASSETGEN_WORKSPACE", str(tmp_path / "file"))
    assert "move it away" in problem()


def test_a_full_disk_is_named(gemini: GeminiStandIn, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "ROOM_PER_PICTURE", 1 << 50)
    assert "MiB are free" in problem()


@pytest.mark.parametrize("address", ["dagster.example.org", "ftp://host", "https://", "http://a b"])
def test_an_address_of_the_ui_that_is_none_is_named(monkeypatch: pytest.MonkeyPatch, address: str) -> None:
    monkeypatch.setenv("ASSETGEN_UI_URL", address)
    assert "ASSETGEN_UI_URL" in problem()


def test_it_says_where_rows_link_to(gemini: GeminiStandIn, monkeypatch: pytest.MonkeyPatch) -> None:
    assert any("without a link" in str(finding) for finding in examine())
    monkeypatch.setenv("ASSETGEN_UI_URL", "https://dagster.example.org/")
    assert any("at https://dagster.example.org." in str(finding) for finding in examine())


def test_an_aspect_ratio_that_the_model_does_not_draw_is_named_with_its_place(
    gemini: GeminiStandIn, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("GEMINI_ASPECT_RATIO", "7:5")
    assert "draws no 7:5, but 1:1, 2:3" in problem()
    assert problem().endswith("Set GEMINI_ASPECT_RATIO to another.")
    monkeypatch.setenv("GEMINI_ASPECT_RATIO", "32:18")
    file = tmp_path / "channels.toml"
    file.write_text('[channels.poke1]\naspect_ratio = "9:16"\n[channels.poke2]\naspect_ratio = "5:7"\n')
    monkeypatch.setenv("ASSETGEN_CHANNELS_FILE", str(file))
    assert "draws no 5:7" in problem()
    assert problem().endswith(f"(channel poke2). Change it in {file}.")


def test_it_says_what_of_the_monthly_budgets_is_spent(
    gemini: GeminiStandIn, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    assert any("No monthly budget is set." in str(finding) for finding in examine())
    monkeypatch.setenv("ASSETGEN_MONTHLY_BUDGET_USD", "50")
    file = tmp_path / "channels.toml"
    file.write_text("[channels.poke1]\nmonthly_budget_usd = 5\n")
    monkeypatch.setenv("ASSETGEN_CHANNELS_FILE", str(file))
    [said] = [str(finding) for finding in examine() if finding.name == "budget"]
    assert said.startswith("ok      budget: Spent in 20")
    assert said.endswith(": all channels together $0.00 of $50.00; poke1 $0.00 of $5.00.")


@pytest.mark.parametrize("text", ["[channels.poke1\n", None])
def test_a_channels_file_that_cannot_be_used_is_named(
    gemini: GeminiStandIn, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str | None
) -> None:
    file = tmp_path / "channels.toml"
    if text is not None:
        file.write_text(text)
    monkeypatch.setenv("ASSETGEN_CHANNELS_FILE", str(file))
    assert str(file) in problem()
    file.write_text("[channels.poke2]\n[channels.poke1]\n")
    assert problems() == []
    assert any("names poke1, poke2." in str(finding) for finding in examine())


def test_a_script_that_is_not_there_is_named(
    gemini: GeminiStandIn, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ASSETGEN_SCRIPT", str(tmp_path / "mine.py"))
    assert "mine.py" in problem()
    assert "ASSETGEN_SCRIPT" in problem()


def test_a_script_of_ones_own_needs_no_key_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    script = tmp_path / "mine.py"
    script.write_text("print('hello')")
    monkeypatch.setenv("ASSETGEN_SCRIPT", str(script))
    assert problems() == []


MONITORED = "run_monitoring:\n  enabled: true\n"
OURS = "run_coordinator:\n  module: assetgen_dagster.run_coordinator\n  class: ProjectRunCoordinator\n"


@pytest.mark.parametrize(
    ("yaml", "words"),
    [
        ("run_coordinator:\n  module: dagster\n  class: QueuedRunCoordinator\n", "coordinator"),
        (MONITORED, "another run coordinator than this project's (QueuedRunCoordinator)"),
        (f"run_coordinator:\n  module: dagster\n  class: QueuedRunCoordinator\n{MONITORED}", "(QueuedRunCoordinator)"),
        (f"run_coordinator:\n  module: not_there\n  class: Nobody\n{MONITORED}", "not_there"),
        ("run_coordinator: [\n", "dagster.yaml"),
        (f"{OURS}run_monitoring:\n  enabled: false\n", "does not watch for runs that died"),
    ],
)
def test_a_dagster_home_that_disagrees_is_named_with_what_to_do(
    gemini: GeminiStandIn, tmp_path: Path, yaml: str, words: str
) -> None:
    home = tmp_path / "dagster_home"
    home.mkdir()
    (home / "dagster.yaml").write_text(yaml)
    line = problem()
    assert words in line
    assert "move it away" in line
    assert (home / "dagster.yaml").read_text() == yaml


def test_a_dagster_home_that_is_a_file_is_named(
    gemini: GeminiStandIn, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path / "file"))
    assert "Set DAGSTER_HOME" in problem()


# --- Gemini ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("GEMINI_API_KEY", "AIzaSomeOtherKeyThatIsWrong0123456", "Set GEMINI_API_KEY to a valid key"),
        ("GEMINI_API_KEY", "two words", "Copy the key again"),
        ("GEMINI_API_KEY", "schlüssel", "Copy the key again"),
        ("GEMINI_IMAGE_MODEL", "gemini-of-yesterday", "Set GEMINI_IMAGE_MODEL"),
        ("GOOGLE_GEMINI_BASE_URL", "nowhere", "GOOGLE_GEMINI_BASE_URL is no web address"),
        ("GOOGLE_GEMINI_BASE_URL", "ftp://127.0.0.1", "GOOGLE_GEMINI_BASE_URL is no web address"),
        ("GOOGLE_GEMINI_BASE_URL", "http://127.0.0.1:1", "Check network, name server and proxy"),
        ("GOOGLE_GEMINI_BASE_URL", "http://127.0.0.1:99999", "GOOGLE_GEMINI_BASE_URL if it is set"),
    ],
)
def test_a_gemini_setting_that_does_not_work_is_named(
    gemini: GeminiStandIn, monkeypatch: pytest.MonkeyPatch, name: str, value: str, words: str
) -> None:
    monkeypatch.setenv(name, value)
    line = problem()
    assert words in line
    assert name != "GEMINI_API_KEY" or value not in line


@pytest.mark.parametrize(
    ("environment", "words"),
    [
        ({"ASSETGEN_STORY_MODEL": "gemini-9"}, "Set ASSETGEN_STORY_MODEL (now 'gemini-9')"),
        ({"ASSETGEN_STORY_MODEL": "gemini 3"}, "ASSETGEN_STORY_MODEL: String should match"),
        ({"ASSETGEN_STORY_MODEL": "gemini-3.8-flash", "GEMINI_API_KEY": "", "ASSETGEN_SCRIPT": "tests/dev.py"}, "KEY"),
    ],
)
def test_a_language_model_that_cannot_be_asked_is_named(
    gemini: GeminiStandIn, monkeypatch: pytest.MonkeyPatch, environment: dict[str, str], words: str
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert words in problem()
    assert gemini.journal() == []


def test_a_language_model_that_is_there_is_in_order(gemini: GeminiStandIn, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ASSETGEN_STORY_MODEL", "models/gemini-3.8-flash")
    assert problems() == []
    assert "there is a model gemini-3.8-flash" in "\n".join(map(str, examine()))


def test_a_missing_key_is_said_once(gemini: GeminiStandIn, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GEMINI_API_KEY")
    assert "Set GEMINI_API_KEY" in problem()


@pytest.mark.parametrize(
    ("head", "body", "words"),
    [
        ("403 Forbidden", '{"error": {"status": "PERMISSION_DENIED", "message": "No."}}', "Set GEMINI_API_KEY"),
        ("400 Bad Request", '{"error": {"message": "unexpected model name"}}', "Check GEMINI_IMAGE_MODEL"),
        ("503 Service Unavailable", '{"error": {"message": "Overloaded."}}', "again"),
        ("404 Not Found", "<html>nothing here</html>", "GOOGLE_GEMINI_BASE_URL leads to no Gemini API"),
        ("302 Found", "{}", "GOOGLE_GEMINI_BASE_URL leads to no Gemini API"),
        ("200 OK", '{"supportedGenerationMethods": ["embedContent"]}', "Set GEMINI_IMAGE_MODEL"),
    ],
)
def test_an_odd_answer_of_gemini_is_said_in_plain_words(
    gemini: GeminiStandIn, monkeypatch: pytest.MonkeyPatch, head: str, body: str, words: str
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:

        def answer() -> None:
            connection, _ = server.accept()
            connection.recv(4096)
            connection.sendall(f"HTTP/1.1 {head}\r\nContent-Length: {len(body)}\r\n\r\n{body}".encode())
            connection.close()

        threading.Thread(target=answer, daemon=True).start()
        monkeypatch.setenv("GOOGLE_GEMINI_BASE_URL", f"http://127.0.0.1:{server.getsockname()[1]}")
        assert words in problem()


def test_a_server_that_says_nothing_ends_the_check_in_its_time(
    gemini: GeminiStandIn, notion: NotionStandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(doctor, "NETWORK_SECONDS", 1.0)
    notion.plan([Fault(Hang(), times=None)])
    with socket.create_server(("127.0.0.1", 0)) as server:
        monkeypatch.setenv("GOOGLE_GEMINI_BASE_URL", f"http://127.0.0.1:{server.getsockname()[1]}")
        begun = time.monotonic()
        assert [finding.name for finding in problems()] == ["Gemini", "Notion"]
        assert time.monotonic() - begun < 8


def test_an_answer_that_drips_ends_the_check_in_its_time(
    gemini: GeminiStandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(doctor, "NETWORK_SECONDS", 1.0)
    with socket.create_server(("127.0.0.1", 0)) as server:

        def drip() -> None:
            connection, _ = server.accept()
            connection.recv(4096)
            with contextlib.suppress(OSError):
                for letter in b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n" + b" " * 100:
                    connection.sendall(bytes([letter]))
                    time.sleep(0.1)

        threading.Thread(target=drip, daemon=True).start()
        monkeypatch.setenv("GOOGLE_GEMINI_BASE_URL", f"http://127.0.0.1:{server.getsockname()[1]}")
        begun = time.monotonic()
        assert "No answer within 1 s" in problem()
        assert time.monotonic() - begun < 8


# --- Notion ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (NotionStandIn.revoke_token, "Set NOTION_TOKEN"),
        (NotionStandIn.unshare, "Connections, and choose the integration"),
        (NotionStandIn.trash_database, "in the trash"),
        (lambda notion: notion.rename_property("Topic", "Subject"), "set NOTION_PROPERTY_TOPIC to its new name"),
        (lambda notion: notion.change_type("Cost (USD)", "rich_text"), "'Cost (USD)' is of type rich_text"),
        (lambda notion: notion.remove_status_option("Assets Ready"), "set NOTION_STATUS_READY"),
        (lambda notion: notion.remove_status_option("Generating Assets"), "set NOTION_STATUS_TRIGGER"),
        (lambda notion: notion.plan([Fault(ApiError(403), times=None)]), "Capabilities"),
    ],
)
def test_what_is_wrong_with_the_board_is_one_line_with_what_to_do(
    gemini: GeminiStandIn, notion: NotionStandIn, spoil: Callable[[NotionStandIn], None], words: str
) -> None:
    spoil(notion)
    assert words in problem()
    assert notion.token not in problem()


def test_every_fault_of_the_board_has_its_line(gemini: GeminiStandIn, notion: NotionStandIn) -> None:
    notion.remove_property("Channel")
    notion.remove_property("Error Log")
    notion.remove_status_option("Asset Error")
    assert [finding.name.split()[-1] for finding in problems()] == [
        "NOTION_PROPERTY_CHANNEL",
        "NOTION_PROPERTY_ERROR_LOG",
        "NOTION_STATUS_ERROR",
    ]


def test_an_optional_column_that_is_not_there_is_offered(gemini: GeminiStandIn, notion: NotionStandIn) -> None:
    notion.remove_property("Run")
    [line] = [str(finding) for finding in examine() if "'Run'" in finding.name]
    assert line.startswith("ok")
    assert "add it, of type rich_text or url" in line


def test_an_optional_column_or_status_is_switched_off_by_none_and_one_that_is_needed_is_not(
    gemini: GeminiStandIn, notion: NotionStandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    notion.change_type("Cost (USD)", "rich_text")
    monkeypatch.setenv("NOTION_PROPERTY_COST", "none")
    monkeypatch.setenv("NOTION_STATUS_DRAWING", "none")
    assert problems() == []
    assert any(str(finding).endswith("NOTION_PROPERTY_COST: is switched off.") for finding in examine())
    monkeypatch.setenv("NOTION_PROPERTY_TOPIC", "none")
    assert "no property 'none'" in problem()


@pytest.mark.parametrize("missing", ["NOTION_TOKEN", "NOTION_DATABASE_ID"])
def test_a_notion_that_is_half_set_up_is_named(
    gemini: GeminiStandIn, notion: NotionStandIn, monkeypatch: pytest.MonkeyPatch, missing: str
) -> None:
    monkeypatch.delenv(missing)
    assert f"{missing} is not" in problem()


# --- the whole way ---------------------------------------------------------------------------------------------------


def test_a_database_made_by_init_notion_satisfies_the_doctor(
    gemini: GeminiStandIn, notion: NotionStandIn, monkeypatch: pytest.MonkeyPatch
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


def test_the_settings_of_the_example_are_in_order(gemini: GeminiStandIn, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in default_environment().items():
        if name not in os.environ:
            monkeypatch.setenv(name, value)
    assert problems() == []
