"""What the doctor says of a ``DAGSTER_HOME`` that is not this project's."""

from pathlib import Path

import pytest

from assetgen_dagster.cli.doctor.examine import examine
from assetgen_dagster.settings import PROJECT_ROOT
from assetgen_emulators.gemini import GeminiEmulator
from tests.integration.cli.doctor.told import problem

MONITORED = "run_monitoring:\n  enabled: true\n"
OURS = "run_coordinator:\n  module: assetgen_dagster.run_coordinator\n  class: ProjectRunCoordinator\n"


@pytest.mark.parametrize(
    ("yaml", "words"),
    [
        ("run_coordinator:\n  module: dagster\n  class: QueuedRunCoordinator\n", "coordinator"),
        (MONITORED, "(QueuedRunCoordinator)"),
        (f"run_coordinator:\n  module: dagster\n  class: QueuedRunCoordinator\n{MONITORED}", "(QueuedRunCoordinator)"),
        (f"run_coordinator:\n  module: not_there\n  class: Nobody\n{MONITORED}", "not_there"),
        ("run_coordinator: [\n", "dagster.yaml"),
        (f"{OURS}run_monitoring:\n  enabled: false\n", "monitoring"),
    ],
)
def test_a_dagster_home_that_disagrees_is_named_with_what_to_do(
    gemini: GeminiEmulator, tmp_path: Path, yaml: str, words: str
) -> None:
    home = tmp_path / "dagster_home"
    home.mkdir()
    (home / "dagster.yaml").write_text(yaml)
    line = problem()
    assert words in line
    assert "move it away" in line
    assert (home / "dagster.yaml").read_text() == yaml


def test_what_an_older_dagster_yaml_lacks_is_told_and_is_no_problem(gemini: GeminiEmulator, tmp_path: Path) -> None:
    home = tmp_path / "dagster_home"
    home.mkdir()
    (home / "dagster.yaml").write_text(f"{OURS}{MONITORED}concurrency:\n  runs:\n    max_concurrent_runs: 9\n")
    [found] = [finding for finding in examine() if finding.name == "Dagster"]
    assert found.ok
    assert f"{PROJECT_ROOT}/deploy/dagster.yaml: copy from there run_retries, sensors, retention" in found.remedy
    (home / "dagster.yaml").unlink()
    assert "is older than" not in "".join(map(str, examine()))


def test_a_dagster_home_that_cannot_be_written_is_named(gemini: GeminiEmulator, tmp_path: Path) -> None:
    (tmp_path / "dagster_home" / "setup.lock").mkdir(parents=True)  # whoever may write everywhere cannot write this
    assert "Set DAGSTER_HOME" in problem()


def test_a_damaged_database_is_not_blamed_on_dagsters_settings(gemini: GeminiEmulator, tmp_path: Path) -> None:
    damaged = tmp_path / "dagster_home" / "history" / "runs.db"
    damaged.parent.mkdir(parents=True)
    damaged.write_bytes(b"no database " * 500)
    said = problem()
    assert "file is not a database" in said
    assert "restore it from a backup" in said
    assert "dagster.yaml" not in said


def test_a_dagster_home_that_is_a_file_is_named(
    gemini: GeminiEmulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path / "file"))
    assert "Set DAGSTER_HOME" in problem()
