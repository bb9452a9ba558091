"""``assetgen archive``: the partition goes; pictures, records, runs and costs stay; who asks again pays as always."""

import json
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import dagster as dg
import pytest
from dagster._core.definitions.job_base import InMemoryJob
from dagster._core.execution.api import execute_run
from dagster._core.execution.backfill import BulkActionStatus, PartitionBackfill

from assetgen_dagster.assets.keys import JOB_NAME, image_key
from assetgen_dagster.cli.archive import Archived, Kept, Verdict, archive, finished_before
from assetgen_dagster.cli.costs import materialized_costs
from assetgen_dagster.cli.dagster_home import open_instance
from assetgen_dagster.cli.planning import make_plan
from assetgen_dagster.drawing.plan import Mode
from assetgen_dagster.drawing.status import finished_at
from assetgen_dagster.errors import AssetgenError
from assetgen_dagster.project.key import ProjectKey
from assetgen_dagster.project.records import ProjectRecords, RecordStore, Round
from assetgen_dagster.project.workspace import locate_project
from assetgen_dagster.settings import load_settings
from assetgen_dagster.support.months import day_begins
from assetgen_emulators.gemini import Fault, GeminiEmulator
from assetgen_emulators.gemini.faults import NoImage
from assetgen_emulators.notion import NotionEmulator
from tests.helpers.harness import billed, billed_usd, both_storages, manifest_of
from tests.helpers.pipeline import ROW, carry_out, look, report
from tests.helpers.studio import Dagit

KEY = ProjectKey("poke1", "vid_123")


@pytest.fixture
def dagit(
    dagster_home: None, gemini: GeminiEmulator, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Iterator[Dagit]:
    """An instance as every command sets it up, with a project of two pictures."""
    monkeypatch.setenv("ASSETGEN_IMAGE_SLOTS", "2")
    with open_instance(load_settings()) as instance:
        found = Dagit(instance, tmp_path / "workspace")
        found.write_manifest(manifest_of(2))
        yield found


def partitions(dagit: Dagit) -> list[str]:
    return list(dagit.instance.get_dynamic_partitions("projects"))


def files(dagit: Dagit) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in dagit.project().rglob("*") if path.is_file()}


def archived(*keys: ProjectKey, dry_run: bool = False) -> list[Verdict]:
    return list(archive(keys or (KEY,), load_settings(), dry_run=dry_run))


def records(key: ProjectKey = KEY) -> ProjectRecords:
    return RecordStore(locate_project(key, workspace=load_settings().workspace).records).records


Command = Callable[..., tuple[int, str, str]]


@pytest.fixture
def command(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Command:
    """The command in this process: returns its exit code and what it says on stdout and stderr."""
    from assetgen_dagster.cli.main import main

    def call(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["assetgen", "archive", *arguments])
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            main()
        said = capsys.readouterr()
        return int(ended.value.code or 0), said.out, " ".join(said.err.split())

    return call


def set_row(dagit: Dagit, notion: NotionEmulator, page: str) -> tuple[dg.ExecuteInProcessResult, list[str]]:
    """Sets a row to ask, carries out what follows, and returns the run and the partitions that were to be added."""
    notion.set_status(page, "Generating Assets")
    found = look(dagit)
    assert isinstance(found, dg.SensorResult)
    [request] = found.run_requests or []
    added = [key for one in found.dynamic_partitions_requests or [] for key in one.partition_keys]
    return carry_out(dagit, request), added


@both_storages
def test_all_but_the_partition_stays_and_a_row_that_is_set_again_brings_it_back(
    dagit: Dagit, notion: NotionEmulator, gemini: GeminiEmulator
) -> None:
    page = notion.add_row({**ROW, "Project ID": "vid_123", "Status": "Draft"})
    run, added = set_row(dagit, notion, page)
    assert run.success
    assert added == [str(KEY)]
    costs, before = materialized_costs(load_settings()), files(dagit)

    assert archived() == [Archived(KEY, finished=True)]
    assert partitions(dagit) == []
    expected = {str(KEY): pytest.approx(billed_usd(gemini.journal()), abs=1e-6)}
    assert materialized_costs(load_settings()) == costs == expected
    assert files(dagit) == before
    assert [one.run_id for one in dagit.instance.get_runs(dg.RunsFilter(tags={"project": "vid_123"}))] == [run.run_id]
    assert len(dagit.materializations(image_key(1))) == 1
    assert make_plan(KEY, load_settings(), mode=Mode.RESUME).pictures.to_draw == []

    again, added = set_row(dagit, notion, page)
    assert added == [str(KEY)]
    assert again.success
    assert len(billed(gemini.journal())) == 4, "after Assets Ready everything is drawn again, each picture once"
    assert dagit.total(slots=2) == pytest.approx(billed_usd(gemini.journal()), abs=1e-6)
    assert partitions(dagit) == [str(KEY)]
    assert notion.row(page)["Status"] == "Assets Ready"


def test_after_an_error_an_archived_project_is_drawn_to_its_end_and_pays_for_what_was_missing(
    dagit: Dagit, notion: NotionEmulator, gemini: GeminiEmulator
) -> None:
    page = notion.add_row({**ROW, "Project ID": "vid_123", "Status": "Draft"})
    gemini.plan([Fault(NoImage("IMAGE_SAFETY"), prompt="Subject 02")])
    assert not set_row(dagit, notion, page)[0].success
    paid = len(billed(gemini.journal()))
    report(dagit)
    assert archived() == [Archived(KEY, finished=False)]
    assert set_row(dagit, notion, page)[0].success
    assert len(billed(gemini.journal())) == paid + 1


def test_a_run_that_was_asked_for_before_its_project_was_archived_adds_the_partition_again(dagit: Dagit) -> None:
    job = dagit.definitions.resolve_job_def(JOB_NAME)
    run = dagit.instance.create_run_for_job(job, tags={"dagster/partition": str(KEY)})
    assert partitions(dagit) == []
    assert execute_run(InMemoryJob(job), run, dagit.instance).success
    assert partitions(dagit) == [str(KEY)]


@pytest.mark.parametrize(
    ("status", "said"),
    [(dg.DagsterRunStatus.STARTED, "is running"), (dg.DagsterRunStatus.NOT_STARTED, "is queued")],
)
@both_storages
def test_a_project_with_a_run_is_kept_with_a_sentence(dagit: Dagit, status: dg.DagsterRunStatus, said: str) -> None:
    dagit.instance.add_dynamic_partitions("projects", [str(KEY), "poke1:vid_2"])
    run = run_of(dagit, status)
    other = ProjectKey("poke1", "vid_2")
    found = archived(KEY, other)
    assert found == [Kept(KEY, f"run {run.run_id} {said}; wait until it ends, or cancel it."), Archived(other, False)]
    assert partitions(dagit) == [str(KEY)]


def run_of(dagit: Dagit, status: dg.DagsterRunStatus) -> dg.DagsterRun:
    job = dagit.definitions.resolve_job_def(JOB_NAME)
    return dagit.instance.create_run_for_job(job, status=status, tags={"dagster/partition": str(KEY)})


def test_a_run_that_is_asked_for_in_that_very_moment_keeps_its_partition(
    dagit: Dagit, monkeypatch: pytest.MonkeyPatch
) -> None:
    dagit.instance.add_dynamic_partitions("projects", [str(KEY)])
    delete = dg.DagsterInstance.delete_dynamic_partition

    def overtaken(instance: dg.DagsterInstance, name: str, key: str) -> None:
        run_of(dagit, dg.DagsterRunStatus.NOT_STARTED)
        delete(instance, name, key)

    monkeypatch.setattr(dg.DagsterInstance, "delete_dynamic_partition", overtaken)
    [found] = archived()
    assert isinstance(found, Kept)
    assert partitions(dagit) == [str(KEY)]


def test_while_a_backfill_is_at_work_nothing_is_archived(dagit: Dagit) -> None:
    dagit.instance.add_dynamic_partitions("projects", [str(KEY)])
    made = PartitionBackfill("ended", BulkActionStatus.COMPLETED_SUCCESS, False, {}, 1.0)
    dagit.instance.add_backfill(made)
    dagit.instance.add_backfill(made._replace(backfill_id="busy", status=BulkActionStatus.REQUESTED))
    [found] = archived()
    assert isinstance(found, Kept)
    assert "backfill busy" in found.reason
    dagit.instance.update_backfill(made._replace(backfill_id="busy", status=BulkActionStatus.CANCELED))
    assert archived() == [Archived(KEY, finished=False)]


# --- which are finished ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rounds", "since"),
    [
        ([], None),
        ([Round(number=1, request_id="a", opened_at=1.0, ready_at=2.0, sheet_at=3.0, closed_at=3.0)], 3.0),
        ([Round(number=1, request_id="a", opened_at=1.0, ready_at=9.0, sheet_at=8.0, closed_at=3.0)], 9.0),
        ([Round(number=1, request_id="a", opened_at=1.0, ready_at=2.0)], None),
    ],
)
def test_a_project_is_finished_when_its_last_round_is_closed_and_summed_up(
    rounds: list[Round], since: float | None
) -> None:
    assert finished_at(ProjectRecords(rounds=rounds)) == since


@both_storages
def test_the_command_archives_what_was_finished_before_a_day_where_the_operator_is(
    dagit: Dagit, gemini: GeminiEmulator, command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ASSETGEN_TIMEZONE", "UTC")
    for name in ("poke1:vid_2", "sea:vid_1"):
        dagit.write_manifest(manifest_of(2), name)
        assert dagit.materialize(name).success
    gemini.plan([Fault(NoImage("IMAGE_SAFETY"), prompt="Subject 02")])
    assert not dagit.materialize().success
    dagit.instance.add_dynamic_partitions("projects", ["no project"])
    everything = set(partitions(dagit))
    closed = datetime.fromtimestamp(finished_at(records(ProjectKey("sea", "vid_1"))) or 0.0, UTC)
    same, next_day = closed.date().isoformat(), (closed + timedelta(days=1)).date().isoformat()

    assert finished_before(day_begins(same, load_settings().zone) - 86400, load_settings()) == []
    told = json.loads(command("--finished-before", next_day, "--dry-run", "--json")[1])
    assert (told["dry_run"], told["kept"]) == (True, [])
    assert {one["project"] for one in told["archived"]} == {"poke1:vid_2", "sea:vid_1"}
    assert set(partitions(dagit)) == everything
    code, out, _ = command("--finished-before", next_day, "--channel", "sea")
    assert (code, out) == (0, "sea:vid_1: archived\n1 of 1 projects archived.\n")
    assert set(partitions(dagit)) == everything - {"sea:vid_1"}


def test_a_project_can_be_named_again_and_one_that_is_not_there_is_an_error(dagit: Dagit, command: Command) -> None:
    dagit.instance.add_dynamic_partitions("projects", [str(KEY)])
    run = run_of(dagit, dg.DagsterRunStatus.STARTED)
    named = ("--channel", "poke1", "--project", "vid_123")
    code, out, _ = command(*named)
    assert code == 1
    assert "poke1:vid_123: kept, because run" in out
    dagit.instance.report_run_failed(run)
    for said in ("archived, though it is not finished", "had been archived already, though it is not finished"):
        code, out, _ = command(*named)
        assert (code, out.splitlines()[0]) == (0, f"poke1:vid_123: {said}")
    code, _, error = command("--channel", "poke1", "--project", "vid_124")
    assert code == 1
    assert "There is no project poke1:vid_124" in error


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "Give either"),
        (["--project", "vid_1"], "Give either"),
        (["--channel", "a", "--project", "b", "--finished-before", "2026-11-01"], "Give either"),
        (["--finished-before", "november"], "such as 2026-11-01"),
        (["--finished-before", "2026-02-30"], "such as 2026-11-01"),
        (["--channel", "a/b", "--project", "c"], "cannot be used"),
    ],
)
def test_a_wrong_use_is_one_clear_sentence(arguments: list[str], said: str, command: Command) -> None:
    code, out, error = command(*arguments)
    assert (code, out) == (1 if said == "cannot be used" else 2, "")
    assert said in error


def test_a_project_whose_records_are_damaged_keeps_no_other_from_being_found(dagit: Dagit) -> None:
    assert dagit.materialize().success
    dagit.instance.add_dynamic_partitions("projects", ["poke1:vid_2"])
    damaged = dagit.project("poke1:vid_2") / ".assetgen" / "records.json"
    damaged.parent.mkdir(parents=True)
    damaged.write_text("{")
    assert finished_before(1e11, load_settings()) == [KEY]
    with pytest.raises(AssetgenError, match="cannot be read"):
        archived(ProjectKey("poke1", "vid_2"))
