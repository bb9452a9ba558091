"""A workspace and a ``.dagster_home`` of version 0.1 are opened, resumed and added up to the same cent."""

import hashlib
import json
import sqlite3
import tarfile
from pathlib import Path
from typing import Any

import pytest

from assetgen_dagster.project.records import ProjectRecords, SpendKind
from assetgen_emulators.gemini import Fault, GeminiEmulator
from assetgen_emulators.gemini.faults import OddPicture
from tests.helpers import commands
from tests.helpers.harness import billed_usd

BEFORE = Path(__file__).parent / "version_before"
EXPECTED: dict[str, Any] = json.loads((BEFORE / "expected.json").read_text())
PROJECTS: dict[str, Any] = EXPECTED["projects"]
DONE, HALF, RETIRED = "poke1:vid_done", "poke1:vid_half", "poke1:vid_retired"
#: As its ``assetgen costs``, with the call that no run had reported to Dagster, which that version left out.
COSTS = {
    "lines": [
        {"project": key, "cost_usd": project["confirmed_usd"], "possibly_billed_usd": project["possibly_billed_usd"]}
        for key, project in sorted(PROJECTS.items())
    ],
    "cost_usd": EXPECTED["costs"]["cost_usd"],
    "possibly_billed_usd": pytest.approx(EXPECTED["billed_usd"] - EXPECTED["costs"]["cost_usd"]),
}
FIRST_DOCUMENT = ("--document", str(BEFORE / "first_document.md"))


@pytest.fixture
def workspace(gemini: GeminiEmulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """What version 0.1 left behind, at another place, with an emulator that draws as small pictures as it had."""
    with tarfile.open(BEFORE / "fixture.tar.gz") as archive:
        archive.extractall(tmp_path)  # our own; early 3.11 knows no filters
    for script in tmp_path.glob("dagster_home/**/*.db.sql"):
        database = sqlite3.connect(script.with_suffix(""))
        database.execute("PRAGMA journal_mode=WAL")  # a property of the file, which a dump does not have
        database.executescript(script.read_text(encoding="utf-8"))
        database.close()
    for name, value in {"ASSETGEN_IMAGE_SLOTS": "5", "ASSETGEN_TIMEZONE": "UTC"}.items():
        monkeypatch.setenv(name, value)
    gemini.plan([Fault(OddPicture(64, 36), times=None)])
    return tmp_path / "workspace"


def assetgen(*arguments: str) -> str:
    done = commands.run(*arguments)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def named(key: str) -> tuple[str, ...]:
    channel, project = key.split(":")
    return "--channel", channel, "--project", project


def costs() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(assetgen("costs", "--by", "project", "--format", "json"))
    return found


def planned(key: str, *options: str) -> dict[str, str]:
    plan = json.loads(assetgen("plan", *named(key), *options, "--json"))
    return {picture["name"]: picture["action"] for picture in plan["pictures"]}


def drawn(key: str, *options: str) -> int:
    """Resumes a project and returns how many pictures that draws."""
    lines = assetgen("generate", *named(key), *options, "--mode", "resume", "--events").splitlines()
    [plan] = [event for event in map(json.loads, lines) if event["event"] == "plan"]
    return int(plan["draw"])


def pictures(folder: Path) -> dict[str, str]:
    return {
        file.relative_to(folder).as_posix(): hashlib.sha256(file.read_bytes()).hexdigest()
        for file in folder.glob("assets/*/*.png")
    }


def project_of(workspace: Path, key: str) -> Path:
    return workspace / "channels" / key.replace(":", "/projects/")


def records(workspace: Path, key: str) -> ProjectRecords:
    return ProjectRecords.model_validate_json((project_of(workspace, key) / ".assetgen/records.json").read_bytes())


def test_what_it_left_is_opened_with_the_same_books_pictures_and_plans(workspace: Path, gemini: GeminiEmulator) -> None:
    assert costs() == COSTS
    for key, project in PROJECTS.items():
        assert pictures(project_of(workspace, key)) == project["pictures"]
        assert planned(key) == project["plan"]["auto"]
        assert planned(key, "--mode", "resume") == project["plan"]["resume"]
    again = planned(RETIRED, *FIRST_DOCUMENT, "--mode", "resume")
    assert again == PROJECTS[RETIRED]["plan"]["resume_with_the_first_document"]
    assert gemini.journal() == []


def test_what_it_completed_is_resumed_without_a_cent_and_what_it_retired_returns(
    workspace: Path, gemini: GeminiEmulator
) -> None:
    assert [drawn(DONE), drawn(RETIRED)] == [0, 0]
    assert pictures(project_of(workspace, DONE)) == PROJECTS[DONE]["pictures"]
    assert drawn(RETIRED, *FIRST_DOCUMENT) == 0
    [retired] = [sha256 for path, sha256 in PROJECTS[RETIRED]["retired"].items() if path.endswith(".png")]
    assert pictures(project_of(workspace, RETIRED))["assets/environments/env_hollow.png"] == retired
    assert gemini.journal() == []
    assert costs() == COSTS


def test_what_it_broke_off_goes_on_and_the_books_are_those_before_and_the_bill(
    workspace: Path, gemini: GeminiEmulator
) -> None:
    before = PROJECTS[HALF]
    assert drawn(HALF) == 4
    paid = billed_usd(gemini.journal())
    found = pictures(project_of(workspace, HALF))
    assert len(found) == 5
    assert found.items() >= before["pictures"].items()
    left = records(workspace, HALF)
    assert left.total_usd() == pytest.approx(before["confirmed_usd"] + paid, abs=1e-6)
    assert left.total_usd(kind=SpendKind.POSSIBLY_BILLED) == pytest.approx(before["possibly_billed_usd"], abs=1e-6)
    assert left.unreported() == []
    [line] = [one for one in costs()["lines"] if one["project"] == HALF]
    assert line["cost_usd"] == pytest.approx(left.total_usd(), abs=1e-6)
    # The call that SIGINT ended stood in the records only: it is reported by the run that goes on, and counted once.
    assert line["possibly_billed_usd"] == pytest.approx(before["possibly_billed_usd"], abs=1e-6)
    everything = costs()
    assert everything["cost_usd"] + everything["possibly_billed_usd"] == pytest.approx(
        EXPECTED["billed_usd"] + paid, abs=1e-6
    )
    assert drawn(HALF) == 0
