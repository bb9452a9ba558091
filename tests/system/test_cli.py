"""The ``assetgen`` command as a user runs it: a process, its output, its exit code."""

import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from assetgen_dagster.cli.generate import place_document
from assetgen_dagster.director.source import ManifestConflictError, resolve_in_folder
from assetgen_dagster.project.key import ProjectKey
from assetgen_dagster.project.workspace import WorkspaceError
from assetgen_dagster.settings import PROJECT_ROOT, load_settings
from assetgen_emulators.gemini import Fault, GeminiEmulator
from assetgen_emulators.gemini.faults import NoImage, OddPicture
from tests.helpers import commands
from tests.helpers.harness import billed, manifest_of, write_project

pytestmark = pytest.mark.usefixtures("dagster_home")

_CORPUS = PROJECT_ROOT / "tests" / "unit" / "documents" / "corpus"
_REAL = PROJECT_ROOT.parent / "shared" / "data"
#: In the two layouts that producers use, with the pictures of each; theirs are not part of the repository.
WHOLE_DOCUMENTS = [
    (_CORPUS / "long_headings_and_fences.md", 20),
    (_CORPUS / "long_species_and_flags.md", 20),
    (_REAL / "haunter_03_assets.md", 23),
    (_REAL / "bulbasaur_03_assets.md", 15),
]

DOCUMENT = """# A short film

## Part 3: The Global Atmosphere Block

Soft morning light in a beech forest.

## Part 4: Master Prompts

### CHARACTERS

#### 1. Fox (Walking) [CORE]

```
A red fox walks through ferns.
```
**Suggested filename:** fox_walking_core.png

### ENVIRONMENTS

#### 1. Clearing

```
An empty clearing.
```
**Suggested filename:** env_clearing.png
"""


def assetgen(*arguments: str) -> "subprocess.CompletedProcess[str]":
    return commands.run(*arguments, COLUMNS="160")


def generate(*options: str) -> "subprocess.CompletedProcess[str]":
    return assetgen("generate", "--channel", "poke1", "--project", "vid_123", *options)


@pytest.fixture
def document(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A document of two pictures, in a code location of three slots."""
    monkeypatch.setenv("ASSETGEN_IMAGE_SLOTS", "3")
    path = tmp_path / "my_assets.md"
    path.write_text(DOCUMENT)
    return path


def test_generate_ends_in_a_table_the_total_and_the_contact_sheet(gemini: GeminiEmulator) -> None:
    done = generate("--topic", "Bulbasaur forest documentary", "--story", "Show evolution through seasons")
    assert done.returncode == 0, done.stderr
    assert "(22/22)" in done.stdout
    assert "#22" in done.stdout
    assert "This run: $" in done.stdout
    assert "contact_sheet.png" in done.stdout
    assert len(billed(gemini.journal())) == 22


def test_a_document_is_copied_into_the_project_and_drawn(
    gemini: GeminiEmulator, document: Path, tmp_path: Path
) -> None:
    done = generate("--document", str(document))
    assert done.returncode == 0, done.stderr
    project = tmp_path / "workspace/channels/poke1/projects/vid_123"
    assert (project / "03_assets.md").read_text() == DOCUMENT
    assert (project / "assets/characters/fox_walking_core.png").is_file()
    assert (project / "assets/environments/env_clearing.png").is_file()
    assert gemini.journal()[0].prompt.startswith("Soft morning light in a beech forest.")


@pytest.mark.slow
def test_a_document_that_replaces_another_keeps_the_other_aside(
    gemini: GeminiEmulator, document: Path, tmp_path: Path
) -> None:
    generate("--document", str(document))
    document.write_text(DOCUMENT.replace("red fox", "grey fox"))
    assert generate("--document", str(document), "--mode", "resume").returncode == 0
    retired = tmp_path / "workspace/channels/poke1/projects/vid_123/.assetgen/retired"
    assert [path.read_text() for path in retired.glob("03_assets.*.md")] == [DOCUMENT]
    assert len(gemini.journal()) == 3


def test_a_document_that_cannot_be_put_into_the_project_is_an_error_that_says_what_to_do(
    document: Path, tmp_path: Path
) -> None:
    (tmp_path / "workspace/channels/poke1/projects/vid_123/03_assets.md").mkdir(parents=True)
    with pytest.raises(WorkspaceError, match="A folder stands where a file should be"):
        place_document(ProjectKey("poke1", "vid_123"), document, load_settings())


def test_a_document_that_meets_an_edited_manifest_replaces_nothing(document: Path, tmp_path: Path) -> None:
    key, folder = ProjectKey("poke1", "vid_123"), tmp_path / "workspace/channels/poke1/projects/vid_123"
    place_document(key, document, load_settings())
    resolve_in_folder(folder, None).store(folder)
    manifest = json.loads((folder / "asset_manifest.json").read_text())
    manifest["global_atmosphere"] = "Rain."
    (folder / "asset_manifest.json").write_text(json.dumps(manifest))
    document.write_text(DOCUMENT.replace("red fox", "grey fox"))
    with pytest.raises(ManifestConflictError, match="Nothing was drawn or replaced"):
        place_document(key, document, load_settings())
    assert (folder / "03_assets.md").read_text() == DOCUMENT


def test_a_channel_that_nobody_knows_is_refused_before_anything_is_made(
    document: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path / "another_home"))
    (tmp_path / "channels.toml").write_text("[channels.poke12]\n")
    monkeypatch.setenv("ASSETGEN_CHANNELS_FILE", str(tmp_path / "channels.toml"))
    done = generate("--document", str(document))
    assert done.returncode == 1
    assert "did you mean 'poke12'?" in done.stderr
    assert not (tmp_path / "workspace").exists()
    assert not (tmp_path / "another_home").exists()


def test_a_picture_that_fails_makes_exit_code_1_and_is_named_with_what_to_do(
    gemini: GeminiEmulator, document: Path
) -> None:
    gemini.plan([Fault(NoImage("IMAGE_SAFETY"), prompt="red fox", times=None)])
    done = generate("--document", str(document))
    assert done.returncode == 1
    assert "#01 fox_walking_core" in done.stderr
    assert "Edit this prompt in the project's asset_manifest.json" in done.stderr
    assert "Traceback" not in done.stderr + done.stdout


@pytest.mark.full_size
def test_a_picture_to_look_at_is_named_at_the_end_with_the_command_that_draws_it_again(
    gemini: GeminiEmulator, document: Path
) -> None:
    gemini.plan([Fault(OddPicture(flat=True), prompt="empty clearing")])
    done = generate("--document", str(document))
    assert done.returncode == 0, done.stderr
    assert "#02 env_clearing: a single colour" in done.stderr
    assert 'assetgen redraw --channel poke1 --project vid_123 --pictures "2"' in done.stderr
    assert "fox_walking" not in done.stderr


@pytest.mark.full_size
@pytest.mark.slow
def test_redraw_draws_only_the_pictures_it_names_and_says_what_it_does_not_know(
    gemini: GeminiEmulator, document: Path
) -> None:
    generate("--document", str(document))
    project = ("--channel", "poke1", "--project", "vid_123")
    unknown = assetgen("redraw", *project, "--pictures", "3, clearin")
    assert unknown.returncode == 1
    for told in ("no picture 3", "did you mean env_clearing, #02?", "There are: #01 fox_walking_core, #02"):
        assert told in unknown.stderr
    assert len(gemini.journal()) == 2
    done = assetgen("redraw", *project, "--pictures", "clearing", "--remark", "more fog", "--events")
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    events = [json.loads(line) for line in done.stdout.splitlines()]
    assert [(event["event"], event.get("draw")) for event in events[:2]] == [("manifest", None), ("plan", 1)]
    [again] = gemini.journal()[2:]
    assert again.prompt.endswith("An empty clearing.\n\nmore fog")


@pytest.mark.slow
def test_after_a_redraw_that_failed_the_same_command_draws_only_the_rest(
    gemini: GeminiEmulator, document: Path
) -> None:
    generate("--document", str(document))
    gemini.plan([Fault(NoImage("IMAGE_SAFETY"), prompt="red fox")])
    command = ("redraw", "--channel", "poke1", "--project", "vid_123", "--pictures", "all")
    failed = assetgen(*command)
    assert failed.returncode == 1
    assert "#01 fox_walking_core" in failed.stderr
    assert assetgen(*command).returncode == 0
    assert len(billed(gemini.journal())) == 4


def test_what_there_is_to_warn_of_and_what_a_finished_project_costs_again_stand_before_the_first_picture(
    gemini: GeminiEmulator, document: Path
) -> None:
    document.write_text(f"{DOCUMENT}\n#### 2. Dark hollow\n")
    planned = assetgen("plan", "--channel", "poke1", "--project", "vid_123", "--document", str(document))
    first = generate("--document", str(document)).stdout.splitlines()
    warning, remedy, *notes = first[:5]
    assert "has no prompt below it; nothing is drawn for it" in warning
    assert "write each picture" in remedy
    assert [line.split(":")[0] for line in notes] == ["  Note"] * 3
    assert [line.strip() for line in first[:5]] == planned.stdout.splitlines()[2:7]
    assert "is complete" not in "".join(first)
    second = generate("--document", str(document)).stdout.splitlines()
    told = "poke1:vid_123 is complete; this draws all 2 again (about $0.08). "
    assert second.index(f"{told}Only what is missing or changed: --mode resume") == 6
    assert len(gemini.journal()) == 4


def test_progress_for_a_program_is_one_json_object_a_line(gemini: GeminiEmulator, document: Path) -> None:
    done = generate("--document", str(document), "--events")
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    events = [line["event"] for line in lines]
    assert events[:2] == ["manifest", "plan"]
    assert events.count("done") == 2


@pytest.mark.parametrize(
    ("variable", "value", "says"),
    [
        ("ASSETGEN_IMAGE_SLOTS", "many", "ASSETGEN_IMAGE_SLOTS"),
        ("ASSETGEN_IMAGE_CONCURRENCY", "0", "ASSETGEN_IMAGE_CONCURRENCY"),
        ("GEMINI_ASPECT_RATIO", "wide", "GEMINI_ASPECT_RATIO"),
        ("ASSETGEN_SCRIPT", "/nowhere/draw.py", "ASSETGEN_SCRIPT"),
        ("GEMINI_API_KEY", "", "GEMINI_API_KEY"),
    ],
)
def test_a_setting_that_cannot_be_used_is_named_without_a_stack_trace(
    gemini: GeminiEmulator, document: Path, monkeypatch: pytest.MonkeyPatch, variable: str, value: str, says: str
) -> None:
    monkeypatch.setenv(variable, value)
    done = generate("--document", str(document))
    assert done.returncode == 1
    assert says in done.stderr
    assert "Traceback" not in done.stderr + done.stdout
    assert "not started" not in done.stdout, "a table of what did not happen says less than the sentence"
    assert gemini.journal() == []


def test_a_key_never_stands_in_output_records_or_logs(gemini: GeminiEmulator, document: Path, tmp_path: Path) -> None:
    key = os.environ["GEMINI_API_KEY"]
    document.write_text(DOCUMENT.replace("red fox", f"red fox {key}"))
    done = generate("--document", str(document))
    assert key not in done.stdout + done.stderr
    records = tmp_path / "workspace/channels/poke1/projects/vid_123/.assetgen/records.json"
    assert key not in records.read_text()
    home = [path.read_bytes() for path in (tmp_path / "dagster_home").rglob("*") if path.is_file()]
    assert not any(key.encode() in content for content in home)


def test_no_story_at_all_says_where_one_can_come_from(gemini: GeminiEmulator) -> None:
    done = generate()
    assert done.returncode == 1
    assert "03_assets.md" in done.stderr
    assert "--topic" in done.stderr


@pytest.mark.parametrize("command", [("generate", "--mode", "resume"), ("redraw", "--pictures", "1"), ("plan",)])
def test_a_typo_in_a_projects_name_names_the_nearest_and_leaves_nothing_behind(
    tmp_path: Path, command: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path / "another_home"))
    projects = write_project(tmp_path / "workspace", manifest_of(1), "poke1:heron").parent
    done = assetgen(*command, "--channel", "poke1", "--project", "herron")
    assert done.returncode == 1
    assert "no story for the project herron (did you mean heron?)" in done.stderr
    assert [path.name for path in projects.iterdir()] == ["heron"]
    assert not (tmp_path / "another_home").exists()


def test_a_port_that_is_taken_is_said_before_anything_of_dagster_starts() -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        done = assetgen("dev", "--port", str(port))
    assert done.returncode == 1
    ways = f"make dev PORT={port + 1} or assetgen dev --port {port + 1}"
    assert done.stderr == f"Error: Port {port} is taken by another program. Try {ways}. [port]\n"
    assert done.stdout == ""


def test_manifest_shows_a_document_without_cost(document: Path, gemini: GeminiEmulator) -> None:
    shown = json.loads(assetgen("manifest", str(document), "--json").stdout)
    assert [asset["name"] for asset in shown["assets"]] == ["fox_walking_core", "env_clearing"]
    assert shown["global_atmosphere"] == "Soft morning light in a beech forest."
    assert [asset["source_line"] for asset in shown["assets"]] == [11, 20]
    assert [asset["category_reason"] for asset in shown["assets"]] == ["section CHARACTERS", "file name env_"]
    table = assetgen("manifest", str(document)).stdout
    assert "fox_walking_core" in table
    assert gemini.journal() == []


@pytest.mark.slow
@pytest.mark.parametrize(
    ("document", "count"),
    [given for given in WHOLE_DOCUMENTS if given[0].exists()],
    ids=lambda given: getattr(given, "stem", None),
)
def test_documents_in_the_producers_own_layouts_run_through(
    gemini: GeminiEmulator, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, document: Path, count: int
) -> None:
    monkeypatch.setenv("ASSETGEN_IMAGE_SLOTS", str(count - 1))
    refused = generate("--document", str(document))
    assert refused.returncode == 1
    assert f"ASSETGEN_IMAGE_SLOTS={count}" in refused.stderr
    assert gemini.journal() == []
    monkeypatch.setenv("ASSETGEN_IMAGE_SLOTS", str(count))
    assert generate("--document", str(document)).returncode == 0
    assets = tmp_path / "workspace/channels/poke1/projects/vid_123/assets"
    assert len(list(assets.glob("*/*.png"))) == count == len(billed(gemini.journal()))


@pytest.mark.slow
def test_the_demo_draws_two_rows_and_leaves_nothing_running(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # A producer's own settings have no say in it.
    monkeypatch.setenv("ASSETGEN_SCRIPT", "/theirs/generate_asset.py")
    monkeypatch.setenv("ASSETGEN_IMAGE_SLOTS", "3")
    monkeypatch.setenv("NOTION_TOKEN", "theirs")
    monkeypatch.setenv("NOTION_STATUS_DRAWING", "Being drawn")
    monkeypatch.setenv("ASSETGEN_MONTHLY_BUDGET_USD", "0.01")
    done = assetgen("demo", "--latency", "0.2", "--folder", str(tmp_path / "demo"))
    assert done.returncode == 0, done.stdout + done.stderr
    for channel in ("poke1", "poke2"):
        assert f"{channel}:vid_123: Assets Ready, 22 pictures" in done.stdout
        assets = tmp_path / "demo/workspace/channels" / channel / "projects/vid_123/assets"
        assert len(list(assets.glob("*/*.png"))) == 22
    assert "billed 44 calls" in done.stdout
    assert _processes_of(tmp_path / "demo") == []


@pytest.mark.slow
def test_a_demo_that_is_ended_from_outside_leaves_nothing_running(tmp_path: Path) -> None:
    demo = [sys.executable, "-m", "assetgen_dagster", "demo", "--folder", str(tmp_path / "demo")]
    in_the_background = ["sh", "-c", 'trap "" INT; exec "$@"', "sh", *demo]  # what a shell does for a script's "&"
    with subprocess.Popen(in_the_background, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert any("were set to Generating Assets" in line for line in process.stdout)
        [dev] = [one for one in _processes_of(tmp_path / "demo") if "dev" in one.cmdline()]
        assert not _ignores(dev, signal.SIGINT), "it could not be ended but by force"
        process.terminate()
    assert process.returncode == 130
    assert _processes_of(tmp_path / "demo") == []


def _ignores(process: psutil.Process, number: signal.Signals) -> bool:
    status = Path(f"/proc/{process.pid}/status").read_text()
    [ignored] = [line.split()[1] for line in status.splitlines() if line.startswith("SigIgn:")]
    return bool(int(ignored, 16) >> (number - 1) & 1)


def _processes_of(folder: Path) -> list[psutil.Process]:
    return [
        process
        for process in psutil.process_iter(["environ"])
        if (process.info["environ"] or {}).get("DAGSTER_HOME", "").startswith(str(folder))
    ]


def test_the_demo_empties_no_folder_that_is_not_its_own(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("ten years of work")
    done = assetgen("demo", "--folder", str(tmp_path))
    assert done.returncode == 1
    assert "name another --folder" in done.stderr
    assert (tmp_path / "thesis.txt").exists()
