"""What ``assetgen costs`` says: months by the operator's clock, sums from Dagster's records, the provider's bill."""

import csv
import io
import json
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import dagster as dg
import pytest

from assetgen_dagster.assets.keys import ASSET_MANIFEST, image_key
from assetgen_dagster.cli.cost_report import By, Cost, add_up, total
from assetgen_dagster.cli.costs import read_costs
from assetgen_dagster.cli.dagster_home import open_instance
from assetgen_dagster.errors import AssetgenError
from assetgen_dagster.settings import load_settings
from assetgen_dagster.support.months import month_bounds, month_of
from assetgen_emulators.gemini import Fault, GeminiEmulator
from assetgen_emulators.gemini.faults import NoImage
from tests.helpers import commands
from tests.helpers.harness import billed_usd, manifest_of
from tests.helpers.studio import Dagit
from tests.helpers.timeouts import never_answered

KIRITIMATI, BERLIN = ZoneInfo("Pacific/Kiritimati"), ZoneInfo("Europe/Berlin")
NEW_YEAR = 1767225600.0  # 2026-01-01T00:00:00Z


@pytest.mark.parametrize(
    ("moment", "zone", "month"),
    [
        (NEW_YEAR, ZoneInfo("UTC"), "2026-01"),
        (NEW_YEAR - 0.001, ZoneInfo("UTC"), "2025-12"),
        (NEW_YEAR - 3600, BERLIN, "2026-01"),
        (NEW_YEAR - 3601, BERLIN, "2025-12"),
        (NEW_YEAR - 14 * 3600, KIRITIMATI, "2026-01"),
    ],
)
def test_a_moment_belongs_to_the_month_it_has_where_the_operator_is(moment: float, zone: ZoneInfo, month: str) -> None:
    assert month_of(moment, zone) == month
    begin, end = month_bounds(month, zone)
    assert begin <= moment < end


@pytest.mark.parametrize("zone", [BERLIN, KIRITIMATI, None])
def test_months_leave_no_gap_over_summer_time_and_new_year(zone: ZoneInfo | None) -> None:
    months = [f"2026-{number:02d}" for number in range(1, 13)] + ["2027-01"]
    bounds = [month_bounds(month, zone) for month in months]
    assert [end for _, end in bounds[:-1]] == [begin for begin, _ in bounds[1:]]
    assert [month_of(begin, zone) for begin, _ in bounds] == months


@pytest.mark.parametrize("month", ["2026-13", "2026-1", "2026", "november", "0000-01", "9999-12", "2026-11-01"])
def test_what_is_no_month_is_refused_with_an_example(month: str) -> None:
    with pytest.raises(AssetgenError, match="such as 2026-11"):
        month_bounds(month, BERLIN)


def test_money_is_told_apart_by_what_is_asked_for_in_that_order() -> None:
    costs = [
        Cost(NEW_YEAR - 3600, "poke1", "vid_1", "old", 0.1),
        Cost(NEW_YEAR, "poke1", "vid_2", "new", 0.2, 0.05),
        Cost(NEW_YEAR - 3601, "sea", "vid_1", "", 0.0, 0.07),
    ]
    lines = add_up(costs, [By.MODEL, By.MONTH], BERLIN)
    assert [(line.of, line.cost_usd, line.possibly_billed_usd) for line in lines] == [
        (("new", "2026-01"), 0.2, 0.05),
        (("old", "2026-01"), 0.1, 0.0),
        (("unknown", "2025-12"), 0.0, 0.07),
    ]
    assert [line.of for line in add_up(costs, [By.PROJECT], BERLIN)] == [
        ("poke1:vid_1",),
        ("poke1:vid_2",),
        ("sea:vid_1",),
    ]
    assert (total(lines).cost_usd, total(lines).possibly_billed_usd) == (0.3, 0.12)


@pytest.fixture
def dagit(dagster_home: None, gemini: GeminiEmulator, tmp_path: Path) -> Iterator[Dagit]:
    with open_instance(load_settings()) as instance:
        yield Dagit(instance, tmp_path / "workspace")


def test_only_events_of_the_time_asked_for_are_read_pictures_and_manifests_alike(dagit: Dagit) -> None:
    instance, partition = dagit.instance, "poke1:vid_123"
    money: dict[str, Any] = {"cost_usd": 0.5, "model": "painter"}
    instance.report_runless_asset_event(dg.AssetMaterialization(image_key(1), partition=partition, metadata=money))
    instance.report_runless_asset_event(
        dg.AssetMaterialization(ASSET_MANIFEST, partition=partition, metadata={"cost_usd": 0.1, "story_model": "poet"})
    )
    found = list(read_costs(instance))
    assert sorted((cost.model, cost.cost_usd) for cost in found) == [("painter", 0.5), ("poet", 0.1)]
    first, last = sorted(cost.at for cost in found)
    assert [cost.at for cost in read_costs(instance, after=last)] == [last], "from then on, that moment included"
    assert sorted(cost.at for cost in read_costs(instance, after=first)) == [first, last]
    assert list(read_costs(instance, after=last + 60)) == []


def costs(*arguments: str) -> "subprocess.CompletedProcess[str]":
    return commands.run("costs", *arguments, COLUMNS="160")


def test_the_command_agrees_with_the_providers_bill_in_every_form(
    dagit: Dagit, gemini: GeminiEmulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ASSETGEN_TIMEZONE", "Europe/Berlin")
    for channel in ("poke1", "sea"):
        dagit.write_manifest(manifest_of(4), f"{channel}:vid_1")
    # One is paid for and refused, one never answers: neither has a materialization.
    with never_answered(gemini, "Subject 02", Fault(NoImage("IMAGE_SAFETY"), prompt="Subject 01")):
        dagit.materialize("poke1:vid_1")
    dagit.materialize("sea:vid_1")
    billed = billed_usd(gemini.journal())

    answer = json.loads(costs("--by", "channel", "--by", "model", "--format", "json").stdout)
    assert round(answer["cost_usd"] + answer["possibly_billed_usd"], 2) == round(billed, 2)
    assert answer["possibly_billed_usd"] > 0
    assert [(line["channel"], line["model"]) for line in answer["lines"]] == [
        ("poke1", "gemini-nano-banana-2.1"),
        ("sea", "gemini-nano-banana-2.1"),
    ]
    month = month_of(gemini.journal()[0].arrived_at, BERLIN)
    text = costs("--by", "project", "--month", month, "--channel", "sea", "--format", "csv").stdout
    [line] = csv.DictReader(io.StringIO(text))
    assert (line["project"], float(line["cost_usd"])) == ("sea:vid_1", answer["lines"][1]["cost_usd"])

    shown = costs()
    assert f"${answer['cost_usd']:.4f}" in shown.stdout
    assert month in shown.stdout
    assert json.loads(costs("--month", "2020-01", "--format", "json").stdout)["lines"] == []


def test_money_that_dagster_forgets_is_counted_from_the_records_and_said(dagit: Dagit) -> None:
    instance, by_project = dagit.instance, ("--by", "project", "--format", "json")
    for project in ("poke1:kept", "poke1:wiped", "sea:deleted"):
        dagit.write_manifest(manifest_of(2), project)
    dagit.materialize("poke1:kept")
    deleted = dagit.materialize("sea:deleted").run_id
    dagit.materialize("poke1:wiped")
    before = costs(*by_project)
    assert (len(json.loads(before.stdout)["lines"]), before.stderr) == (3, "")

    instance.delete_run(deleted)
    after = costs(*by_project)
    assert after.stdout == before.stdout
    assert "sea:deleted" in after.stderr
    assert "poke1" not in after.stderr
    assert costs(*by_project, "--channel", "poke1").stderr == "", "nothing of that channel is missing"

    instance.wipe_assets([image_key(1)])
    after = costs(*by_project)
    assert after.stdout == before.stdout
    assert {"poke1:kept", "poke1:wiped", "sea:deleted"} <= set(after.stderr.replace(",", " ").split())

    shutil.rmtree(dagit.project("poke1:wiped"))  # its records are gone, and with image_01 half of its events
    [line] = [line for line in json.loads(costs(*by_project).stdout)["lines"] if line["project"] == "poke1:wiped"]
    assert line["cost_usd"] == dagit.total(partition="poke1:wiped", slots=2) > 0


@pytest.mark.parametrize(
    ("setting", "arguments", "said", "code"),
    [("", ["--month", "2026-13"], "such as 2026-11", 2), ("Mars/Olympus", [], "ASSETGEN_TIMEZONE", 1)],
)
def test_a_month_or_a_time_zone_that_is_none_is_one_clear_sentence(
    setting: str, arguments: list[str], said: str, code: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ASSETGEN_TIMEZONE", setting)
    answer = costs(*arguments)
    assert answer.returncode == code
    assert said in answer.stderr
    assert "Traceback" not in answer.stderr
