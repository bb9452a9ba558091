"""Pause and daily quota, seen alike by everybody who shares them: in a file of the workspace, and in PostgreSQL."""

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import pytest

from assetgen_dagster.budget.messages import stopped_message
from assetgen_dagster.budget.stores import open_switches, stopped_now
from assetgen_dagster.budget.switches import SwitchesUnavailableError, note_used_up, pause, quota_key, resume, stopped
from assetgen_dagster.providers.gemini.quota import quota_renewed_at
from assetgen_dagster.providers.registry import provider_of
from assetgen_dagster.settings import Settings, load_settings

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC).timestamp()
MIDNIGHT = datetime(2026, 11, 23, 8, tzinfo=UTC).timestamp()  # in Los Angeles


@pytest.fixture(params=["file", "postgres"])
def settings(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.setenv("GEMINI_API_KEY", "AIzaOne")
    monkeypatch.setenv("ASSETGEN_TIMEZONE", "Europe/Berlin")
    if request.param == "postgres":
        monkeypatch.setenv("ASSETGEN_POSTGRES_URL", request.getfixturevalue("postgres_url"))
    return load_settings()


def key() -> str:
    """What the daily quota under the settings in force belongs to."""
    return quota_key(provider_of(load_settings()))


def test_nothing_holds_up_what_nobody_has_stopped(settings: Settings) -> None:
    assert stopped_message(stopped_now(settings), settings) is None


def test_a_pause_is_seen_by_all_says_who_since_when_and_why_and_ends_with_resume(settings: Settings) -> None:
    pause(open_switches(settings), reason="checking the bill", by="anna@studio")
    said = " ".join(stopped_message(stopped_now(load_settings()), settings) or ())
    assert said.startswith("Paying is paused by anna@studio since ")
    assert "(checking the bill)" in said
    assert "assetgen resume" in said
    assert resume(open_switches(settings))
    assert stopped_now(settings).pause is None
    assert not resume(open_switches(settings))


def test_who_paused_first_stays_and_a_new_reason_replaces_the_old(settings: Settings) -> None:
    switches = open_switches(settings)
    first = pause(switches, reason="one", by="anna@studio")
    assert pause(switches, by="ben@studio") == first
    again = pause(switches, reason="two", by="ben@studio")
    assert (again.by, again.at, again.reason) == ("anna@studio", first.at, "two")
    assert stopped_now(settings).pause == again


def test_a_used_up_quota_holds_one_key_and_model_up_until_midnight_in_los_angeles(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    switches = open_switches(settings)
    noted = note_used_up(switches, provider_of(load_settings()), now=NOON)
    assert noted.until == MIDNIGHT
    values = switches.read()
    assert stopped(values, key(), now=NOON).used_up == noted
    assert stopped(values, key(), now=MIDNIGHT + 1).used_up is None
    assert "AIzaOne" not in json.dumps(dict(values))
    for name, value in (("GEMINI_API_KEY", "AIzaTwo"), ("GEMINI_IMAGE_MODEL", "gemini-3-pro-image")):
        with monkeypatch.context() as patch:
            patch.setenv(name, value)
            assert stopped(values, key(), now=NOON).used_up is None
    assert stopped(values, None, now=NOON).used_up == noted  # who does not know the run's key goes by any


@pytest.mark.parametrize(
    ("asked_wait", "until"),
    [(2.0, MIDNIGHT), (21_599.0, NOON + 21_599), (7 * 86_400.0, NOON + 86_400)],
    ids=["between two calls", "hours", "days"],
)
def test_a_reset_that_the_api_names_counts_if_it_is_hours_away_and_for_a_day_at_most(
    asked_wait: float, until: float
) -> None:
    switches = open_switches(load_settings())
    assert note_used_up(switches, provider_of(load_settings()), asked_wait=asked_wait, now=NOON).until == until


def test_the_end_of_a_quota_is_told_by_the_clock_where_the_operator_is(settings: Settings) -> None:
    switches = open_switches(settings)
    note_used_up(switches, provider_of(load_settings()), now=NOON)
    said = " ".join(stopped_message(stopped(switches.read(), key(), now=NOON), settings) or ())
    assert "09:00 on 23 November 2026 (CET)" in said
    assert "assetgen resume" in said


def test_resume_forgets_a_quota_too(settings: Settings) -> None:
    switches = open_switches(settings)
    note_used_up(switches, provider_of(load_settings()))
    resume(switches)
    assert stopped_now(settings).used_up is None


def test_changes_at_once_lose_none(settings: Settings) -> None:
    switches = open_switches(settings)

    def change(number: int) -> None:
        switches.change(lambda values: values.update({f"switch {number}": {"on": True}}))

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(change, range(16)))
    assert len(switches.read()) == 16


@pytest.mark.parametrize(
    ("moment", "renewed"),
    [
        (datetime(2026, 11, 22, 12, tzinfo=UTC), datetime(2026, 11, 23, 8, tzinfo=UTC)),
        (datetime(2026, 7, 1, 12, tzinfo=UTC), datetime(2026, 7, 2, 7, tzinfo=UTC)),  # summer time
        (datetime(2026, 11, 1, 9, 30, tzinfo=UTC), datetime(2026, 11, 2, 8, tzinfo=UTC)),  # the day that has 25 hours
        (datetime(2026, 11, 22, 8, 5, tzinfo=UTC), datetime(2026, 11, 22, 8, 15, tzinfo=UTC)),  # still about yesterday
    ],
)
def test_a_quota_is_asked_again_after_midnight_in_los_angeles_or_soon_where_that_has_just_been(
    moment: datetime, renewed: datetime
) -> None:
    assert quota_renewed_at(moment.timestamp()) == renewed.timestamp()


def test_a_file_that_cannot_be_read_is_told_with_its_remedy() -> None:
    settings = load_settings()
    folder = settings.workspace / ".assetgen"
    folder.mkdir(parents=True)
    (folder / "switches.json").write_text("{")
    with pytest.raises(SwitchesUnavailableError, match=r"switches\.json cannot be read"):
        stopped_now(settings)


def test_a_pause_that_cannot_be_kept_is_told_with_its_remedy() -> None:
    settings = load_settings()
    settings.workspace.mkdir()
    (settings.workspace / ".assetgen").touch()
    with pytest.raises(SwitchesUnavailableError, match="A file stands where a folder should be"):
        pause(open_switches(settings))


def test_a_database_that_is_not_there_is_told_without_its_password(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ASSETGEN_POSTGRES_URL", "postgresql://me:geheim-123@127.0.0.1:1/none")
    with pytest.raises(SwitchesUnavailableError) as caught:
        stopped_now(load_settings())
    assert "127.0.0.1:1/none does not answer" in str(caught.value)
    assert "geheim" not in str(caught.value)


def test_a_switch_that_another_version_wrote_counts_as_set() -> None:
    settings = load_settings()
    folder = settings.workspace / ".assetgen"
    folder.mkdir(parents=True)
    (folder / "switches.json").write_text('{"pause": true}')
    found = stopped_now(settings).pause
    assert found is not None
    assert found.by == "somebody"
