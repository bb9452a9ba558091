"""The codes: an interface of ours, since people search for them, and monitors and runs' tags hold them."""

import re

import pytest

from assetgen_dagster.errors import AssetgenError, Code
from assetgen_dagster.settings import PROJECT_ROOT

#: Those of released versions. One that goes, or is renamed, breaks what goes by it.
RELEASED = """
all_rejected answer_lost answers_lost api_error api_key billing blank_prompt broker_unreachable budget
budget_unknown cancelled cannot_write channels_file command_line configuration dagster_database dagster_home
dagster_yaml daily_quota demo dev_running dev_service document env_file identifier launcher location lock_lost
machine_exhausted manifest manifest_conflict model_not_found network never_started no_broker no_channel no_image
no_manifest no_project no_story notion_address notion_blocked notion_database notion_full notion_not_shared
notion_option notion_property notion_refused notion_rights notion_row_gone notion_token notion_unavailable
notion_unsure outage pictures_missing port postgres postgres_access postgres_connections postgres_database
postgres_login postgres_unreachable project_busy project_taken prompt_too_long rate_limited received_file_gone
records redraw reference_failed reference_missing reference_unusable refused regenerate rejected request_too_large
row_changed run_died script_arguments script_cannot_start script_ended script_help script_killed
script_left_no_picture script_packages script_timeout settings storage story_timeout switches_unavailable
too_many_pictures unexpected unknown_channel unrecognised unusable_prompt withdrawn worker_packages workspace
"""


def test_the_codes_are_those_of_released_versions() -> None:
    assert set(Code) == set(RELEASED.split())


@pytest.mark.parametrize("code", Code)
def test_every_code_has_a_cause_and_a_remedy_that_are_sentences(code: Code) -> None:
    assert code.cause.endswith((".", '"'))
    assert code.remedy.endswith(".")


@pytest.mark.parametrize("code", Code)
def test_what_a_message_advises_is_plain_text(code: Code) -> None:
    assert not re.search(r"`|\]\(|\.$", code.advice)


def test_a_link_is_advised_by_its_words() -> None:
    assert Code.RUN_DIED.remedy == "Run again; see [after a crash](#after-a-crash)."
    assert Code.RUN_DIED.advice == "Run again; see after a crash"


def test_every_code_is_given_somewhere() -> None:
    sources = (path.read_text(encoding="utf-8") for path in (PROJECT_ROOT / "assetgen_dagster").rglob("*.py"))
    given = set(re.findall(r"\bCode\.([A-Z_]+)", "".join(sources)))
    assert given == set(Code.__members__)


def test_a_code_stands_behind_the_message() -> None:
    assert str(AssetgenError("Fill in Channel.", code=Code.NO_CHANNEL)) == "Fill in Channel. [no_channel]"
