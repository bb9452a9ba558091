"""Runs that are killed while pictures are in flight: every picture paid for is there, every cent accounted for."""

import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from assetgen_dagster.cli.costs import materialized_costs
from assetgen_dagster.project.records import ProjectRecords
from assetgen_dagster.settings import load_settings
from assetgen_emulators.gemini import Call, Fault, GeminiEmulator
from assetgen_emulators.gemini.faults import Hang
from tests.helpers import commands
from tests.helpers.commands import Command
from tests.helpers.dev import eventually
from tests.helpers.harness import billed_usd, both_storages, manifest_of, write_project

PICTURES = 4

Start = Callable[..., Command]


@pytest.fixture
def project(tmp_path: Path) -> Path:
    return write_project(tmp_path / "workspace", manifest_of(PICTURES))


@pytest.fixture
def generate(
    dagster_home: None, project: Path, gemini: GeminiEmulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Start]:
    """Starts ``assetgen generate``; whatever is left of it is ended afterwards."""
    monkeypatch.setenv("ASSETGEN_IMAGE_SLOTS", str(PICTURES))
    started: list[Command] = []

    def start(*options: str) -> Command:
        channel = [] if "--channel" in options else ["--channel", "poke1"]
        output = tmp_path / f"output_{len(started)}.txt"
        started.append(commands.start("generate", *channel, "--project", "vid_123", *options, output=output))
        return started[-1]

    yield start
    for command in started:
        command.kill()


def in_flight(count: int) -> Callable[[list[Call]], bool]:
    return lambda journal: sum(call.in_flight for call in journal) == count


def finish(command: Command) -> None:
    assert command.wait(60) == 0, command.said


def kill(command: Command) -> None:
    command.kill()
    assert command.wait(10) == -signal.SIGKILL


def pictures(project: Path) -> int:
    return len(list((project / "assets").glob("*/*.png")))


def confirmed() -> float:
    return round(sum(materialized_costs(load_settings()).values()), 6)


def possibly_billed() -> float:
    return round(sum(materialized_costs(load_settings(), "possibly_billed_usd").values()), 6)


@both_storages
def test_scripts_that_outlive_a_killed_run_finish_and_their_pictures_are_adopted(
    generate: Start, project: Path, gemini: GeminiEmulator
) -> None:
    gemini.set_latency(3)
    first = generate()
    gemini.wait_for(in_flight(4), timeout=30)
    kill(first)
    gemini.set_latency(0)
    finish(generate())
    journal = gemini.journal()
    assert [call.outcome for call in journal] == ["ok"] * 4
    assert pictures(project) == 4
    assert possibly_billed() == 0
    assert confirmed() == pytest.approx(billed_usd(journal), abs=1e-5)
    assert list((project / ".assetgen/staging").iterdir()) == []


@pytest.mark.slow
def test_a_script_that_hangs_after_its_run_was_killed_is_ended_in_its_time(
    generate: Start, project: Path, gemini: GeminiEmulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ASSETGEN_IMAGE_TIMEOUT_SECONDS", "5")
    gemini.plan([Fault(Hang(), prompt="Subject 02")])
    first = generate()
    gemini.wait_for(lambda calls: len(calls) == 4, timeout=30)
    kill(first)
    finish(generate())
    assert pictures(project) == 4
    assert possibly_billed() > 0
    assert confirmed() + possibly_billed() == pytest.approx(billed_usd(gemini.journal()), abs=1e-5)


@both_storages
def test_after_a_run_is_killed_with_its_scripts_lost_calls_are_listed_and_drawn_once_more(
    generate: Start, project: Path, gemini: GeminiEmulator
) -> None:
    gemini.set_latency(60)
    first = generate()
    gemini.wait_for(in_flight(4), timeout=30)
    family = [psutil.Process(first.pid), *psutil.Process(first.pid).children(recursive=True)]
    for process in family:
        process.kill()
    assert first.wait(10) == -signal.SIGKILL
    gemini.set_latency(0)
    finish(generate())
    journal = gemini.journal()
    assert len(journal) == 8
    assert pictures(project) == 4
    assert possibly_billed() > 0
    assert confirmed() + possibly_billed() == pytest.approx(billed_usd(journal), abs=1e-5)


@pytest.mark.parametrize("by", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_run_receives_its_calls_in_flight(
    generate: Start, project: Path, gemini: GeminiEmulator, by: signal.Signals
) -> None:
    gemini.set_latency(4)
    first = generate()
    gemini.wait_for(in_flight(4), timeout=30)
    first.send_signal(by)
    assert first.wait(60) == 130
    assert "Interrupted" in first.said
    assert [call.outcome for call in gemini.journal()] == ["ok"] * 4
    assert pictures(project) == 4
    assert (confirmed(), possibly_billed()) == pytest.approx((billed_usd(gemini.journal()), 0), abs=1e-5)
    finish(generate())
    assert len(gemini.journal()) == 4
    assert confirmed() == pytest.approx(billed_usd(gemini.journal()), abs=1e-5)


def test_a_second_interrupt_ends_the_scripts_and_what_may_have_been_billed_is_said_then_and_by_the_next_run(
    generate: Start, project: Path, gemini: GeminiEmulator
) -> None:
    gemini.set_latency(60)
    first = generate()
    gemini.wait_for(in_flight(4), timeout=30)
    scripts = psutil.Process(first.pid).children(recursive=True)
    first.send_signal(signal.SIGINT)
    eventually(lambda: "in flight" in first.said, 30)
    assert psutil.wait_procs(scripts, timeout=0.5)[0] == []
    first.send_signal(signal.SIGINT)
    assert first.wait(30) == 130
    assert "Interrupted" in first.said
    lost = possibly_billed()
    assert f"${lost:.4f} more" in first.said
    assert "Traceback" not in first.said
    assert psutil.wait_procs(scripts, timeout=5)[1] == []
    records = ProjectRecords.model_validate_json((project / ".assetgen/records.json").read_text())
    assert records.intents == {}
    gemini.set_latency(0)
    second = generate()
    finish(second)
    assert f"${lost:.3f}" in second.said
    assert pictures(project) == 4
    assert confirmed() + possibly_billed() == pytest.approx(billed_usd(gemini.journal()), abs=1e-5)


@pytest.mark.slow
def test_a_second_command_on_a_project_in_work_stops_unpaid(
    generate: Start, project: Path, gemini: GeminiEmulator
) -> None:
    gemini.set_latency(120)  # as long as the second one may take to start
    first = generate()
    gemini.wait_for(in_flight(4), timeout=60)
    second = generate()
    assert second.wait(60) == 1
    assert "[project_busy]" in second.said
    first.kill()
    assert len(gemini.journal()) == 4


@pytest.mark.slow
def test_a_regenerate_that_died_is_continued_not_begun_again(
    generate: Start, project: Path, gemini: GeminiEmulator
) -> None:
    finish(generate())
    gemini.set_latency(3)
    dying = generate("--mode", "regenerate")
    gemini.wait_for(in_flight(4), timeout=30)
    kill(dying)
    gemini.set_latency(0)
    finish(generate())
    assert len(gemini.journal()) == 8
    assert confirmed() == pytest.approx(billed_usd(gemini.journal()), abs=1e-5)


@pytest.mark.slow
def test_two_channels_with_the_same_project_id_are_drawn_at_once(
    generate: Start, project: Path, gemini: GeminiEmulator, tmp_path: Path
) -> None:
    other = write_project(tmp_path / "workspace", manifest_of(4), "poke2:vid_123")
    gemini.set_latency(5)
    both = [generate("--channel", channel) for channel in ("poke1", "poke2")]
    gemini.wait_for(in_flight(8), timeout=60)
    for process in both:
        finish(process)
    assert pictures(project) == pictures(other) == 4
