"""The corners where a cent could be lost or paid twice, each once found by somebody who looked for it."""

import asyncio
import os
import signal
import subprocess
import time
from pathlib import Path

import psutil
import pytest
from PIL import Image

from assetgen_dagster.drawing.attempt import Attempts, Call
from assetgen_dagster.drawing.events import UnreportedSpend
from assetgen_dagster.drawing.plan import Mode
from assetgen_dagster.drawing.recovery import recover_calls
from assetgen_dagster.manifest.model import AssetManifest
from assetgen_dagster.project.file_lock import describe_process
from assetgen_dagster.project.records import Inputs, SpendKind
from assetgen_dagster.providers.backoff import SystemClock
from assetgen_dagster.providers.cli_script import output_files, run_cli_script
from assetgen_dagster.providers.failures import Failure
from assetgen_dagster.settings import OWN_SCRIPT
from assetgen_emulators.gemini import Fault, GeminiEmulator
from assetgen_emulators.gemini.faults import ApiError, NoUsage
from tests.helpers.harness import ATMOSPHERE, Core, FakeClock, manifest_of

ARGUMENTS = "import sys; output = sys.argv[2].removeprefix('--output=')\n"
INPUTS = Inputs(prompt_sha256="p", model="gemini-nano-banana-2.1", aspect_ratio="16:9")


def script(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, body: str) -> None:
    path = tmp_path / "their_script.py"
    path.write_text(ARGUMENTS + body)
    monkeypatch.setenv("ASSETGEN_SCRIPT", str(path))


def call(core: Core, prompt: str = "Subject") -> Call:
    output = core.paths.characters / "picture_01.png"
    return Call(name="picture_01", number=1, output=output, prompt=prompt, inputs=INPUTS, round=1, attempts=1)


def attempts(core: Core) -> Attempts:
    return Attempts(store=core.store, paths=core.paths, settings=core.settings, run_id="run0")


def test_money_of_a_picture_that_left_the_manifest_is_told_on_the_number_it_had(core: Core) -> None:
    asyncio.run(attempts(core).draw(call(core)))  # a run that dies before it can tell anybody
    rest = core.manifest.assets[1:]
    core.manifest = AssetManifest(global_atmosphere=ATMOSPHERE, assets=rest)
    told = [event for event in core.draw().events if isinstance(event, UnreportedSpend)]
    assert [(event.number, len(event.spends)) for event in told] == [(1, 1)]


def test_half_a_picture_from_a_script_that_then_failed_may_have_been_billed(
    core: Core, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    script(tmp_path, monkeypatch, "open(output, 'wb').write(b'half'); sys.exit('[Errno 28] No space left on device')")
    found = asyncio.run(attempts(core).draw(call(core)))
    assert isinstance(found, Failure)
    assert found.code == "cannot_write"
    assert core.possibly_billed_usd() == pytest.approx(0.068)


def test_our_own_script_says_that_a_picture_it_could_not_store_had_been_sent(
    core: Core, gemini: GeminiEmulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A limit on the size of files stands in for a full disk; without usage only "received" tells that it is billed.
    wrapper = tmp_path / "wrapper.py"
    wrapper.write_text(
        "import resource, runpy, signal, sys\nsignal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (3000, 3000))\n"
        f"runpy.run_path({str(OWN_SCRIPT)!r}, run_name='__main__')\n"
    )
    monkeypatch.setenv("ASSETGEN_SCRIPT", str(wrapper))
    gemini.plan([Fault(NoUsage(), times=None)])
    found = asyncio.run(attempts(core).draw(call(core)))
    assert isinstance(found, Failure)
    assert found.code == "cannot_write"
    assert core.possibly_billed_usd() > 0


def test_what_a_killed_script_said_of_an_earlier_call_is_not_its_verdict(
    core: Core, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    script(
        tmp_path, monkeypatch, "import time; print('HTTP 503, retrying', file=sys.stderr, flush=True); time.sleep(60)"
    )

    async def cancelled() -> None:
        started = asyncio.create_task(attempts(core).draw(call(core)))
        while not [path for path in core.paths.staging.glob("*.stderr") if path.read_text()]:
            await asyncio.sleep(0.02)
        started.cancel()
        await asyncio.gather(started, return_exceptions=True)

    asyncio.run(cancelled())
    [spend] = core.records.spends
    assert spend.kind is SpendKind.POSSIBLY_BILLED


def test_a_run_that_died_before_its_script_started_owes_nothing(core: Core) -> None:
    waiting = attempts(core)
    intent = waiting._intent(call(core))
    with waiting.store.change() as records:
        records.intents[intent.token] = intent
    core.draw()
    assert core.possibly_billed_usd() == 0


def test_what_tells_after_a_power_loss_that_a_script_had_begun_is_on_disk_before_it_can_call(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, seen = tmp_path / "short.py", list[str]()
    path.write_text("")
    log = tmp_path / "log"
    flush = os.fsync

    def fsync(descriptor: int) -> None:
        assert all(output.exists() for output in output_files(log))
        seen.append(str(Path(f"/proc/self/fd/{descriptor}").readlink()))
        flush(descriptor)

    monkeypatch.setattr(os, "fsync", fsync)
    asyncio.run(run_cli_script(path, [], log=log, started=lambda _pid: seen.append("started")))
    assert seen == [str(tmp_path), "started"]


def test_a_cancellation_that_meets_the_scripts_end_is_not_lost(tmp_path: Path) -> None:
    path = tmp_path / "short.py"
    path.write_text("")

    async def main() -> bool:
        started = asyncio.Event()

        async def run() -> None:
            await run_cli_script(path, [], started=lambda _pid: started.set())
            await asyncio.sleep(60)

        task = asyncio.create_task(run())
        await started.wait()
        for _ in range(2000):
            await asyncio.sleep(0.001)
            if any(other.done() for other in asyncio.all_tasks() if other is not task):
                break
        task.cancel()
        done, _ = await asyncio.wait({task}, timeout=5)
        return bool(done) and task.cancelled()

    assert asyncio.run(main())


def test_a_script_that_hangs_after_its_run_died_is_ended_in_its_time_though_the_clock_was_set_back(
    core: Core, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ASSETGEN_IMAGE_TIMEOUT_SECONDS", "1")
    monkeypatch.setattr("assetgen_dagster.drawing.recovery._GRACE_SECONDS", 1.0)
    dead = attempts(core)
    intent = dead._intent(call(core)).model_copy(update={"started_at": time.time() + 3600})
    with dead.store.change() as records:
        records.intents[intent.token] = intent
    with dead.lock(intent) as lock:
        assert lock.try_acquire()
        script = subprocess.Popen(["sleep", "60"], pass_fds=[lock.fd], start_new_session=True)
        describe_process(lock, script.pid)
    booted = psutil.boot_time()
    monkeypatch.setattr("psutil._pslinux.boot_time", lambda: booted - 3600)  # a machine tells it by its clock
    try:
        asyncio.run(asyncio.wait_for(recover_calls(attempts(core)), 10))
        assert script.wait(10) == -signal.SIGKILL
    finally:
        script.kill()
    assert core.records.intents == {}


def test_a_retouched_file_that_is_named_is_put_aside_before_it_is_replaced(core: Core) -> None:
    core.draw()
    Image.new("RGB", (1344, 768), "red").save(core.file("picture_02"))
    theirs = core.files()["picture_02"]
    core.draw({2})
    assert core.files()["picture_02"] != theirs
    assert [path.read_bytes() for path in core.paths.retired.iterdir()] == [theirs]


def test_a_file_that_was_there_before_is_put_aside_when_everything_is_regenerated(core: Core) -> None:
    Image.new("RGB", (1344, 768), "green").save(core.file("picture_01"))
    theirs = core.files()["picture_01"]
    core.draw(mode=Mode.REGENERATE)
    assert [path.read_bytes() for path in core.paths.retired.iterdir()] == [theirs]


def test_our_own_previous_picture_is_simply_replaced(core: Core) -> None:
    core.draw()
    core.draw()
    assert list(core.paths.retired.iterdir()) == []


def test_a_received_picture_outlives_the_loss_of_the_records(core: Core) -> None:
    drawn = core.paths.staging / "picture_01.0123456789ab.png"
    Image.new("RGB", (1344, 768), "green").save(drawn)
    content = drawn.read_bytes()
    core.draw()
    assert [path.read_bytes() for path in core.paths.retired.iterdir()] == [content]


def test_when_the_drawing_stops_nobody_sits_out_a_long_wait(core: Core, gemini: GeminiEmulator) -> None:
    core.manifest = manifest_of(2)
    gemini.set_latency(0.5)
    gemini.plan(
        [
            Fault(ApiError(503, headers={"Retry-After": "100"}), prompt="Subject 01"),
            Fault(ApiError(403), prompt="Subject 02"),
        ]
    )
    drawing = core.draw(clock=SystemClock())  # the test's own time limit is the witness
    assert drawing.summary.failed == 2


def test_a_rate_limit_of_minutes_stops_the_project_instead_of_every_picture_asking(
    core: Core, gemini: GeminiEmulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ASSETGEN_IMAGE_CONCURRENCY", "1")
    gemini.plan([Fault(ApiError(429, retry_delay_seconds=600), times=None)])
    drawing = core.draw(clock=FakeClock())
    assert len(gemini.journal()) == 1
    assert len(drawing.summary.not_started) == 2


def test_three_prompts_that_are_too_long_do_not_stop_the_others(core: Core, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ASSETGEN_IMAGE_CONCURRENCY", "1")
    long = {f"picture_{number:02d}": "word " * 40_000 for number in (1, 2, 3)}
    core.manifest = manifest_of(4, **long)
    drawing = core.draw()
    assert {failed.failure.code for failed in drawing.failed()} == {"prompt_too_long"}
    assert drawing.summary.generated == 1


def test_an_echoed_prompt_is_cut_short_wherever_it_is_shown(
    core: Core, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    script(tmp_path, monkeypatch, "sys.exit('cannot draw: ' + sys.argv[1])")
    found = asyncio.run(attempts(core).draw(call(core, "A fox in the snow, " * 20)))
    assert isinstance(found, Failure)
    assert found.cause.count("A fox in the snow") < 5
