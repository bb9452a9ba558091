"""A run's process dies at each named point of drawing a picture: the next run goes on, and nothing is paid twice.

Also where it is ended by Ctrl-C outside of that, see ``test_crash`` for Ctrl-C while pictures are drawn.

The run alone dies and its scripts live on, as they do when only a process is killed. Runs that are killed while their
scripts wait for an answer, and runs that die together with their scripts, are in ``test_crash``.
"""

import signal
from dataclasses import replace
from pathlib import Path

import dagster as dg
import pytest

from assetgen_dagster.cli.costs import materialized_costs
from assetgen_dagster.cli.dagster_home import open_instance
from assetgen_dagster.drawing.picture import check_asset_exists
from assetgen_dagster.project.records import ProjectRecords
from assetgen_dagster.settings import load_settings
from assetgen_emulators.gemini import GeminiEmulator
from tests.helpers import commands, dying
from tests.helpers.commands import Command
from tests.helpers.dying import Death, Materializes
from tests.helpers.harness import billed_usd, manifest_of, write_project

PICTURES = 2
DRAWING = "assetgen_dagster.drawing"
WRITE, TELL = "assetgen_dagster.project.records:write_atomically", "dagster:DagsterInstance.handle_new_event"

NOT_STORED, STORED = "told, Dagster does not have it yet", "told, Dagster has it, its money is not marked"
POINTS = {
    "before its intent": Death(f"{DRAWING}.attempt:Attempts.draw", "before"),
    "with its intent, before its script starts": Death(f"{DRAWING}.attempt:run_cli_script", "before"),
    "its script has just started": Death(f"{DRAWING}.attempt:describe_process", "after"),
    "its script has ended": Death(f"{DRAWING}.attempt:Attempts.finish", "before"),
    "its picture is seen to be whole": Death(f"{DRAWING}.attempt:make_png", "after"),
    "while its receipt is written": Death(WRITE, "torn", dying.receives),
    "received, not published": Death(f"{DRAWING}.attempt:publish", "before"),
    "published, not recorded": Death(f"{DRAWING}.attempt:publish", "after"),
    "while its record is written": Death(WRITE, "torn", dying.records_a_picture),
    "recorded, not told": Death(WRITE, "after", dying.records_a_picture),
    NOT_STORED: Death(TELL, "before", dying.tells_a_picture),
    STORED: Death(TELL, "after", dying.tells_a_picture),
    "while its money is marked as told": Death(WRITE, "torn", dying.marks_money),
    "the last picture's money is marked as told": Death(WRITE, "after", dying.marks_money, nth=PICTURES),
    "assets_ready is told, not noted": Death(TELL, "after", Materializes("assets_ready")),
    "contact_sheet is told, not noted": Death(TELL, "after", Materializes("contact_sheet")),
    "all is done but for the run's end": Death(TELL, "before", dying.ends_the_run),
}
#: Of the points, those that differ most: a call in flight, a picture without its record, half a record, a picture of
#: which Dagster does not know. ``make test-slow`` goes through all.
FIRST = (
    "its script has just started",
    "published, not recorded",
    "while its record is written",
    "recorded, not told",
)
#: What a storage has to do with, on the other one, too.
CASES = [
    *(pytest.param(point, "SQLite", marks=[] if point in FIRST else pytest.mark.slow) for point in POINTS),
    pytest.param(NOT_STORED, "PostgreSQL", marks=pytest.mark.slow),
    pytest.param(STORED, "PostgreSQL", marks=pytest.mark.slow),
]

#: Ctrl-C where nothing is drawn.
INTERRUPTIONS = {
    "the run has just begun": Death(TELL, "after", dying.Tells(dg.DagsterEventType.RUN_START), by=signal.SIGINT),
    "all pictures are there": Death(
        TELL, "after", dying.Tells(dg.DagsterEventType.STEP_START), nth=3, by=signal.SIGINT
    ),
    "all is done and noted, Notion is told": Death(
        "assetgen_dagster.assets.sheet:show_at_once", "before", by=signal.SIGINT
    ),
}

#: All that changes what is on disk; ``torn`` is a call that writes.
CALLS = {
    "records, before": Death(WRITE, "before"),
    "records, torn": Death(WRITE, "torn"),
    "records, after": Death(WRITE, "after"),
    "names, before": Death("assetgen_dagster.support.files:replace_durably", "before"),
    "names of pictures, before": Death(f"{DRAWING}.picture:replace_durably", "before"),
    "names of pictures, after": Death(f"{DRAWING}.picture:replace_durably", "after"),
    "events, before": Death(TELL, "before"),
    "events, after": Death(TELL, "after"),
}


def make_project(tmp_path: Path, name: str = "vid_123") -> Path:
    return write_project(tmp_path / "workspace", manifest_of(PICTURES), f"poke1:{name}")


@pytest.fixture(autouse=True)
def slots(dagster_home: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ASSETGEN_IMAGE_SLOTS", str(PICTURES))


def start(project: Path, death: Death | None = None, *options: str, command: str = "generate") -> Command:
    arguments = [command, "--channel", "poke1", "--project", project.name, *options]
    prepare = death.await_it if death is not None else None
    return commands.start(*arguments, output=project.parent / "output.txt", prepare=prepare)


def ended(command: Command) -> int:
    code = command.wait(120)
    print(command.said)
    return code


def check(project: Path, gemini: GeminiEmulator, *, lost_calls: bool = False) -> None:
    """Everything is there, told once, and paid once but for calls that died with their scripts."""
    journal = gemini.journal()
    confirmed = materialized_costs(load_settings())[f"poke1:{project.name}"]
    listed = materialized_costs(load_settings(), "possibly_billed_usd")[f"poke1:{project.name}"]
    records = ProjectRecords.model_validate_json((project / ".assetgen/records.json").read_text())
    assert confirmed == pytest.approx(sum(one.file_cost_usd or 0 for one in records.pictures.values()), abs=1e-6)
    if lost_calls:
        assert confirmed - 1e-6 <= billed_usd(journal) <= confirmed + listed + 1e-6
    else:
        assert [call.outcome for call in journal] == ["ok"] * PICTURES
        assert (confirmed, listed) == pytest.approx((billed_usd(journal), 0), abs=1e-6)
    assert records.intents == {}
    assert all(spend.reported_by for spend in records.spends)
    assert records.round is not None
    assert (records.round.number, records.round.closed_at is not None) == (1, True)
    pictures = list((project / "assets").glob("*/*"))
    assert [check_asset_exists(path) for path in pictures] == [True] * PICTURES
    assert (project / "contact_sheet.png").is_file()
    left = [path for folder in ("staging", "retired") for path in (project / ".assetgen" / folder).iterdir()]
    assert [*left, *(project / ".assetgen").glob(".*")] == []


def has_succeeded(project: Path) -> bool:
    with open_instance(load_settings()) as instance:
        succeeded = dg.RunsFilter(tags={"project": project.name}, statuses=[dg.DagsterRunStatus.SUCCESS])
        return bool(instance.get_runs(succeeded, limit=1))


@pytest.mark.parametrize(("point", "storage"), CASES, indirect=["storage"])
def test_a_run_that_dies_is_gone_on_with(point: str, storage: str, tmp_path: Path, gemini: GeminiEmulator) -> None:
    project = make_project(tmp_path)
    assert ended(start(project, POINTS[point])) == -signal.SIGKILL
    assert ended(start(project)) == 0
    check(project, gemini)


@pytest.mark.slow
def test_a_run_that_dies_while_it_goes_on_with_another_is_gone_on_with(tmp_path: Path, gemini: GeminiEmulator) -> None:
    project = make_project(tmp_path)
    for point in (
        "its script has just started",
        "received, not published",
        STORED,
        "all is done but for the run's end",
    ):
        assert ended(start(project, POINTS[point])) == -signal.SIGKILL
    assert ended(start(project)) == 0
    check(project, gemini)


@pytest.mark.parametrize(
    "point", [pytest.param(p, marks=[] if p == "the run has just begun" else pytest.mark.slow) for p in INTERRUPTIONS]
)
def test_a_command_that_is_interrupted_says_so_and_the_same_one_goes_on(
    point: str, tmp_path: Path, gemini: GeminiEmulator
) -> None:
    project = make_project(tmp_path)
    assert ended(start(project, INTERRUPTIONS[point])) == 130
    assert "Interrupted" in (project.parent / "output.txt").read_text()
    assert ended(start(project)) == 0
    check(project, gemini)


@pytest.mark.slow
@pytest.mark.parametrize(
    "words",
    [
        ("generate", "--mode", "regenerate"),
        ("redraw", "--pictures", "all"),
    ],
)
def test_a_command_that_draws_again_is_gone_on_with_by_the_same_one_and_begun_again_once_it_had_ended(
    words: tuple[str, ...], tmp_path: Path, gemini: GeminiEmulator
) -> None:
    project = make_project(tmp_path)
    command, *options = words
    assert ended(start(project)) == 0
    for interrupted in ("all pictures are there", "all is done and noted, Notion is told"):
        assert ended(start(project, INTERRUPTIONS[interrupted], *options, command=command)) == 130
    assert ended(start(project, None, *options, command=command)) == 0
    assert len(gemini.journal()) == 2 * PICTURES
    assert ended(start(project, None, *options, command=command)) == 0
    assert len(gemini.journal()) == 3 * PICTURES


@pytest.mark.slow
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("with_scripts", [False, True], ids=["alone", "with its scripts"])
@pytest.mark.parametrize("calls", CALLS)
def test_a_run_that_dies_at_whatever_call_is_gone_on_with(
    calls: str, with_scripts: bool, tmp_path: Path, gemini: GeminiEmulator
) -> None:
    gemini.set_latency(0.3)
    died = nth = 0
    while died == nth:
        nth += 1
        project = make_project(tmp_path, f"vid_{nth}")
        gemini.reset()
        code = ended(start(project, replace(CALLS[calls], nth=nth, with_scripts=with_scripts)))
        if code != 0:
            assert code == -signal.SIGKILL
            died += 1
            # Where Dagster had its success already, there is nothing to go on with, and a new command is a new round.
            assert has_succeeded(project) or ended(start(project)) == 0
        # Events are told beside the drawing: the run may die just when a script's files are made, and it never starts.
        check(project, gemini, lost_calls=with_scripts or calls.startswith("events"))
    assert died >= PICTURES
