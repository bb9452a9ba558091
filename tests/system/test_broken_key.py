"""Commands at the circuit breaker: one is killed while it probes, one is refused and resumed."""

import asyncio
import signal
from pathlib import Path

import pytest

from assetgen_dagster.drawing.outcome import Summary
from assetgen_dagster.settings import load_settings
from assetgen_emulators.gemini import GeminiEmulator
from tests.helpers import commands
from tests.helpers.breakers import edit_breaker, make_half_open, turn_billing_off
from tests.helpers.drawings import start, until
from tests.helpers.harness import Core, billed, manifest_of, write_project


def test_a_probing_run_that_is_killed_holds_the_others_up_for_the_time_of_its_call_at_most(
    core: Core, gemini: GeminiEmulator, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    turn_billing_off(core, gemini, monkeypatch)
    make_half_open()
    gemini.set_latency(60.0)
    write_project(load_settings().workspace, manifest_of(4), "poke1:killed")
    arguments = ("generate", "--channel", "poke1", "--project", "killed")
    command = commands.start(*arguments, output=tmp_path / "output.txt")
    try:
        gemini.wait_for(lambda calls: len(calls) == 2, timeout=60)
    finally:
        command.kill()
    assert command.wait(10) == -signal.SIGKILL
    gemini.set_latency(0.0)

    async def body() -> Summary:
        waiting = start(core)
        await until(waiting.told)
        assert len(gemini.journal()) == 2

        edit_breaker(lambda value: value["probe"].update(at=value["probe"]["at"] - value["probe"]["seconds"]))
        return await asyncio.wait_for(waiting.task, 30)

    assert asyncio.run(body()).generated == 3


def test_a_command_is_refused_with_the_code_and_goes_on_after_resume(
    core: Core, gemini: GeminiEmulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    turn_billing_off(core, gemini, monkeypatch)
    write_project(load_settings().workspace, manifest_of(2), "poke1:vid_9")
    arguments = ("generate", "--channel", "poke1", "--project", "vid_9")
    refused = commands.run(*arguments)
    assert refused.returncode == 1
    said = " ".join((refused.stdout + refused.stderr).split())
    assert "[billing]" in said
    assert "assetgen resume" in said
    assert len(gemini.journal()) == 1
    assert "billing" in commands.run("resume").stdout
    assert commands.run(*arguments).returncode == 0
    assert len(billed(gemini.journal())) == 2
