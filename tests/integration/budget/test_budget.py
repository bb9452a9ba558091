"""The monthly budget: what counts, what is reserved, who is refused, and when a row that waits is requeued."""

import json
import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from pydantic import SecretStr

from assetgen_dagster.budget.limits import Claim, Limits, Refusal, refusal, refusal_message, remedy
from assetgen_dagster.budget.reservations import ReservationStore, Waiting
from assetgen_dagster.budget.stores import open_reservations
from assetgen_dagster.budget.switches import SwitchesUnavailableError
from assetgen_dagster.notion.decide import decide_requeue
from assetgen_dagster.notion.row import Row
from assetgen_dagster.project import postgres_lock
from assetgen_dagster.project.key import ProjectKey
from assetgen_dagster.project.project_lock import hold_project
from assetgen_dagster.project.records import (
    CostSource,
    Inputs,
    Intent,
    PictureFacts,
    PictureRecord,
    RecordStore,
    Spend,
    SpendKind,
)
from assetgen_dagster.project.workspace import open_project
from assetgen_dagster.settings import load_settings
from tests.helpers.boards import board_settings
from tests.helpers.postgres import PostgresServer
from tests.integration.project.test_postgres_lock import cut

BERLIN = ZoneInfo("Europe/Berlin")
NOVEMBER = datetime(2026, 11, 20, 12, tzinfo=BERLIN).timestamp()
DECEMBER = datetime(2026, 12, 1, tzinfo=BERLIN).timestamp()
FOX, OWL = ProjectKey("poke1", "fox"), ProjectKey("sea", "owl")


@pytest.mark.parametrize(
    ("limits", "asked", "refused_by"),
    [
        (Limits(), 1e9, None),
        (Limits(10.0), 4.0, None),
        (Limits(10.0), 4.01, ""),
        (Limits(None, {"poke1": 5.0}), 2.0, None),
        (Limits(None, {"poke1": 5.0}), 2.01, "poke1"),
        (Limits(None, {"sea": 0.0}), 100.0, None),
        (Limits(10.0, {"poke1": 5.0}), 100.0, "poke1"),
        (Limits(9.9, {"poke1": 5.0}), 2.0, None),
        (Limits(7.9, {"poke1": 5.0}), 2.0, ""),
        (Limits(None, {"poke1": 3.5}), 0.5, None),
    ],
)
def test_a_run_may_use_a_limit_up_and_not_go_over_its_channels_nor_that_of_all(
    limits: Limits, asked: float, refused_by: str | None
) -> None:
    claims = [Claim("poke1", 1.0, 2.0), Claim("sea", 2.0, 1.0)]
    found = refusal(claims, limits, "poke1", asked)
    assert (found.channel if found else None) == refused_by


def test_a_refusal_says_asked_spent_reserved_limit_and_when_the_month_ends_there(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("ASSETGEN_TIMEZONE", "Europe/Berlin")
    refused = Refusal("poke1", 5.0, 2.25, 1.496, 1.5)
    said = refusal_message(refused, load_settings(), now=NOVEMBER)
    for figure in ("$1.50", "$5.00", "$2.25", "$1.50 reserved", "2026-11", "00:00 on 1 December 2026 (CET)"):
        assert figure in said
    assert "monthly_budget_usd of poke1" in remedy(refused)


class Calendar:
    def __init__(self, now: float) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def calendar() -> Calendar:
    return Calendar(NOVEMBER)


@pytest.fixture(params=["file", "postgres"])
def store(calendar: Calendar, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> ReservationStore:
    """Of a workspace in Berlin that may spend ten dollars a month; a picture is a dollar."""
    if request.param == "postgres":
        monkeypatch.setenv("ASSETGEN_POSTGRES_URL", request.getfixturevalue("postgres_url"))
    monkeypatch.setenv("ASSETGEN_TIMEZONE", "Europe/Berlin")
    monkeypatch.setenv("ASSETGEN_MONTHLY_BUDGET_USD", "10")
    monkeypatch.setenv("ASSETGEN_COST_PER_IMAGE_USD", "1")
    return open_reservations(load_settings(), now=calendar)


@contextmanager
def at_work(*keys: ProjectKey) -> Iterator[None]:
    """Holds projects as their runs do."""
    settings = load_settings()
    with ExitStack() as stack:
        for key in keys:
            lock = hold_project(key, open_project(key, workspace=settings.workspace), settings, run_id=key.project)
            stack.callback(lock.release)
        yield


def store_of(key: ProjectKey) -> RecordStore:
    return RecordStore(open_project(key, workspace=load_settings().workspace).records)


def spend(key: ProjectKey, usd: float, at: float, kind: SpendKind = SpendKind.CONFIRMED) -> None:
    with store_of(key).change() as records:
        records.spends.append(
            Spend(
                token=f"call{len(records.spends)}",
                name="a",
                number=1,
                kind=kind,
                cost_usd=usd,
                cost_source=CostSource.USAGE,
                model="m",
                run_id="r",
                at=at,
            )
        )
    os.utime(store_of(key).path, (at, at))  # the calendar is not this machine's


def test_what_runs_at_work_have_reserved_is_not_free_until_they_end_or_die(store: ReservationStore) -> None:
    with at_work(OWL):
        with at_work(FOX):
            assert store.reserve(FOX, run_id="fox", pictures=6) is None
            refused = store.reserve(OWL, run_id="owl", pictures=5)
            assert refused == Refusal("", 10.0, 0.0, 6.0, 5.0)
            assert store.reserve(OWL, run_id="owl", pictures=4) is None
            store.release(FOX, run_id="fox")
            assert store.reserve(OWL, run_id="owl", pictures=10) is None, "its own reservation is replaced"
            store.release(OWL, run_id="owl")
            assert store.reserve(FOX, run_id="fox", pictures=6) is None
        # It died: its lock is free, and nobody released anything.
        assert store.reserve(OWL, run_id="owl", pictures=10) is None


def test_on_several_machines_a_run_that_is_without_its_lock_for_a_moment_keeps_its_reservation(
    postgres: PostgresServer, postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgres_lock, "HEARTBEAT_SECONDS", 3600.0)  # it notices when it is asked
    monkeypatch.setenv("ASSETGEN_POSTGRES_URL", postgres_url)
    monkeypatch.setenv("ASSETGEN_MACHINES", "several")
    monkeypatch.setenv("ASSETGEN_MONTHLY_BUDGET_USD", "10")
    monkeypatch.setenv("ASSETGEN_COST_PER_IMAGE_USD", "1")
    settings = load_settings()
    store = open_reservations(settings)
    lock = hold_project(FOX, open_project(FOX, workspace=settings.workspace), settings, run_id="fox")
    with at_work(OWL):
        assert store.reserve(FOX, run_id="fox", pictures=6) is None
        cut(postgres, "fox")  # as a restart of the server does
        with pytest.raises(SwitchesUnavailableError, match="nobody holds poke1:fox"):
            store.reserve(OWL, run_id="owl", pictures=5)
        assert store.reserve(OWL, run_id="owl", pictures=4) is None, "for so many there is room in any case"
        lock.ensure()
        assert store.reserve(OWL, run_id="owl", pictures=5) == Refusal("", 10.0, 0.0, 6.0, 5.0)
        lock.release()
        with pytest.raises(SwitchesUnavailableError):
            store.reserve(OWL, run_id="owl", pictures=5)
        monkeypatch.setattr("assetgen_dagster.project.liveness.DEAD_SECONDS", 0.0)
        assert store.reserve(OWL, run_id="owl", pictures=5) is None, "it is dead"


def test_what_was_possibly_billed_or_is_still_under_way_of_a_dead_run_counts_as_spent(store: ReservationStore) -> None:
    spend(FOX, 3.0, NOVEMBER)
    spend(OWL, 2.0, NOVEMBER, SpendKind.POSSIBLY_BILLED)
    with store_of(FOX).change() as records:
        inputs = Inputs(prompt_sha256="", model="m", aspect_ratio="1:1")
        records.intents["t"] = Intent(
            token="t", name="a", number=1, staging="s", output="o", round=1, inputs=inputs, run_id="dead", attempts=1,
            started_at=NOVEMBER, listed_usd=1.0,
        )  # fmt: skip
    with at_work(OWL):
        assert store.reserve(OWL, run_id="owl", pictures=5) == Refusal("", 10.0, 5.0, 1.0, 5.0)
        assert store.reserve(OWL, run_id="owl", pictures=4) is None


def test_a_reservation_shrinks_with_every_picture_that_is_recorded(store: ReservationStore, calendar: Calendar) -> None:
    with at_work(FOX, OWL):
        assert store.reserve(FOX, run_id="fox", pictures=10) is None
        assert store.reserve(OWL, run_id="owl", pictures=4) == Refusal("", 10.0, 0.0, 10.0, 4.0)
        facts = PictureFacts(sha256="", width=1, height=1, size_bytes=1, flat=False)
        with store_of(FOX).change() as records:
            for number in range(5):
                record = PictureRecord(path="p", facts=facts, round=1, run_id="fox", drawn_at=calendar.now + 1)
                records.pictures[f"p{number}"] = record
        for _ in range(5):
            spend(FOX, 0.1, calendar.now + 1)
        assert store.reserve(OWL, run_id="owl", pictures=4) is None


def test_a_month_turns_at_midnight_where_the_operator_is(store: ReservationStore, calendar: Calendar) -> None:
    spend(FOX, 9.0, DECEMBER - 1)
    spend(FOX, 0.5, DECEMBER)
    with at_work(OWL):
        calendar.now = DECEMBER - 1
        assert store.reserve(OWL, run_id="owl", pictures=9, page_id="page") is not None
        calendar.now = DECEMBER
        assert store.reserve(OWL, run_id="owl", pictures=10, page_id="page") == Refusal("", 10.0, 0.5, 0.0, 10.0)
        assert store.reserve(OWL, run_id="owl", pictures=9) is None
    assert store.waiting() == [], "who has money does not wait"


def test_without_a_limit_nothing_is_kept(
    store: ReservationStore, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("ASSETGEN_MONTHLY_BUDGET_USD")
    assert open_reservations(load_settings()).reserve(FOX, run_id="fox", pictures=1000) is None
    assert not (tmp_path / "workspace/.assetgen/budget.json").exists()


def test_a_dear_model_reserves_its_price(store: ReservationStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ASSETGEN_COST_PER_IMAGE_USD", "0.068")
    monkeypatch.setenv("GEMINI_IMAGE_MODEL", "gemini-3-pro-image")
    refused = open_reservations(load_settings()).reserve(FOX, run_id="fox", pictures=100)
    assert refused is not None
    assert refused.asked_usd == pytest.approx(13.44)


def test_the_limit_of_a_channel_comes_from_its_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "channels.toml").write_text("[channels.poke1]\nmonthly_budget_usd = 0.1\n[channels.sea]\n")
    monkeypatch.setenv("ASSETGEN_CHANNELS_FILE", str(tmp_path / "channels.toml"))
    store = open_reservations(load_settings())
    with at_work(FOX, OWL):
        refused = store.reserve(FOX, run_id="fox", pictures=2, page_id="page")
        assert refused == Refusal("poke1", 0.1, 0.0, 0.0, 0.136)
        assert store.reserve(OWL, run_id="owl", pictures=200) is None
    [waiting] = store.waiting()
    assert (waiting.key, waiting.page_id, waiting.run_id, waiting.asked_usd) == (FOX, "page", "fox", 0.136)
    store.mark_requeued(waiting)
    assert [one.requeued for one in store.waiting()] == [True]
    store.forget(waiting)
    assert store.waiting() == []


NOTION = board_settings(SecretStr("t"), "d")


def row(page: str, status: str) -> Row:
    moment = datetime(2026, 11, 20, tzinfo=BERLIN)
    names = ("channel", "project_id", "topic", "story_direction", "run", "regenerate", "redraw")
    texts = dict.fromkeys(names, "")
    return Row(page_id=page, status=status, created=moment, last_edited=moment, **texts)


def waits(number: int, asked: float = 1.0, *, requeued: bool = False) -> Waiting:
    return Waiting(ProjectKey("poke1", f"vid_{number}"), str(number), f"run{number}", float(number), asked, requeued)


@pytest.mark.parametrize(
    ("statuses", "waiting", "wakes", "forgets"),
    [
        pytest.param({"1": "Asset Error", "2": "Asset Error"}, [waits(1), waits(2)], "12", "", id="room for both"),
        pytest.param({"1": "Asset Error", "2": "Asset Error"}, [waits(1, 2), waits(2)], "1", "", id="the oldest first"),
        pytest.param({"2": "Asset Error"}, [waits(1, 3), waits(2)], "2", "", id="what fits is not kept waiting"),
        pytest.param({"1": "Draft", "2": "Asset Error"}, [waits(1, 2), waits(2, 2)], "2", "1", id="a producer wins"),
        pytest.param({}, [waits(1)], "", "1", id="a row is gone"),
        pytest.param(
            {"1": "Generating Assets", "2": "Asset Error"}, [waits(2), waits(1, 2, requeued=True)], "", "",
            id="a requeued row keeps its part",
        ),
        pytest.param(
            {"1": "Generating Assets", "2": "Asset Error"}, [waits(1, 2), waits(2)], "", "", id="or asks by himself"
        ),
        pytest.param({"1": "Asset Error"}, [waits(1, requeued=True)], "", "1", id="failed otherwise: no second time"),
    ],
)  # fmt: skip
def test_rows_are_requeued_when_there_is_room_for_them(
    statuses: dict[str, str], waiting: list[Waiting], wakes: str, forgets: str
) -> None:
    rows = {page: row(page, status) for page, status in statuses.items()}
    found = decide_requeue(waiting, [Claim("poke1", 8.0)], Limits(10.0), rows.get, NOTION)
    assert "".join(one.page_id for one in found.ready) == wakes
    assert "".join(one.page_id for one in found.withdrawn) == forgets


@pytest.mark.parametrize(
    ("at_once", "waiting", "ready"),
    [
        (2, [waits(1), waits(2), waits(3)], "12"),
        (1, [waits(1), waits(2)], "1"),
        (0, [waits(1)], ""),
        # A row that was requeued is not read beyond the limit, and still keeps its part.
        (1, [waits(1), waits(4, 3, requeued=True), waits(5, 3, requeued=True)], ""),
    ],
)
def test_a_tick_reads_a_few_rows_only(at_once: int, waiting: list[Waiting], ready: str) -> None:
    read: list[str] = []

    def read_row(page: str) -> Row:
        read.append(page)
        return row(page, "Generating Assets" if int(page) > 3 else "Asset Error")

    found = decide_requeue(waiting, [Claim("poke1", 3.0)], Limits(10.0), read_row, NOTION, at_once=at_once)
    assert "".join(one.page_id for one in found.ready) == ready
    assert len(read) <= at_once


def test_a_row_waits_for_its_own_channels_limit_and_takes_room_from_its_own_channel() -> None:
    sea = Waiting(ProjectKey("sea", "vid_9"), "9", "run9", 0.0, 2.0)
    rows = {page: row(page, "Asset Error") for page in "129"}
    limits = Limits(None, {"poke1": 10.0, "sea": 2.0})
    found = decide_requeue([sea, waits(1, 6), waits(2, 6)], [Claim("poke1", 4.0)], limits, rows.get, NOTION)
    assert [one.page_id for one in found.ready] == ["9", "1"]


def test_without_room_no_row_is_even_looked_at() -> None:
    def look(page: str) -> Row:
        raise AssertionError(page)

    assert decide_requeue([waits(1)], [Claim("poke1", 9.5)], Limits(10.0), look, NOTION).ready == ()


def test_a_file_that_cannot_be_read_lets_nobody_pay(
    calendar: Calendar, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("ASSETGEN_MONTHLY_BUDGET_USD", "10")
    folder = tmp_path / "workspace" / ".assetgen"
    folder.mkdir(parents=True)
    (folder / "budget.json").write_text(json.dumps({})[:1])
    with pytest.raises(Exception, match=r"budget\.json cannot be read"):
        open_reservations(load_settings(), now=calendar).reserve(FOX, run_id="fox", pictures=1)
