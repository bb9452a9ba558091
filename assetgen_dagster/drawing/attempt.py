"""One call of the script, from the intent before it to the published picture after it.

The order of writing is what "paid once" rests on. Before the script starts, an intent; when its picture is verified
in the staging folder, the intent says so, and the money is booked; then the picture is renamed to its final name; then
it is recorded and the intent is gone. A process may die between any two of these, and ``settle`` goes on from there.
"""

import secrets
import time
from dataclasses import dataclass
from pathlib import Path

import structlog

from assetgen_dagster.drawing import pricing, problems
from assetgen_dagster.drawing.lock import FileLock, describe_process
from assetgen_dagster.drawing.picture import (
    BrokenPictureError,
    Picture,
    file_sha256,
    inspect_picture,
    make_png,
    publish,
)
from assetgen_dagster.drawing.pricing import CostSource
from assetgen_dagster.drawing.problems import Problem
from assetgen_dagster.drawing.records import Inputs, Intent, PictureRecord, RecordStore, Spend, SpendKind
from assetgen_dagster.drawing.report import ScriptReport, read_report
from assetgen_dagster.drawing.script import (
    CLIScriptError,
    ScriptTimeoutError,
    output_files,
    read_output,
    run_cli_script,
)
from assetgen_dagster.drawing.workspace import ProjectPaths
from assetgen_dagster.settings import Settings

_log = structlog.get_logger()


@dataclass(frozen=True)
class Drawn:
    """A published picture, as recorded, and its thumbnail."""

    record: PictureRecord
    preview: str


class Attempts:
    """Calls the script for the pictures of one project.

    Attributes:
        store: The project's records.
        paths: The project's files.
        settings: The settings in force.
        run_id: The run that pays.
    """

    def __init__(self, *, store: RecordStore, paths: ProjectPaths, settings: Settings, run_id: str) -> None:
        self.store = store
        self.paths = paths
        self.settings = settings
        self.run_id = run_id
        self._environment = settings.script_environment()

    async def draw(
        self, *, name: str, output: Path, prompt: str, inputs: Inputs, round_number: int, attempts: int
    ) -> Drawn | Problem:
        """Calls the script once; returns the published picture, or why there is none.

        Raises:
            OSError: The records or the staging folder cannot be written.
        """
        intent = self._intent(
            name=name, output=output, prompt=prompt, inputs=inputs, round_number=round_number, attempts=attempts
        )
        with self.store.change() as records:
            records.intents[intent.token] = intent
        with FileLock(self._lock_path(intent)) as lock:
            lock.try_acquire()
            begun = time.monotonic()
            problem: Problem | None = None
            error: CLIScriptError | None = None
            exit_code: int | None = None
            try:
                await run_cli_script(
                    self.settings.script,
                    [f"--prompt={prompt}", f"--output={self.paths.absolute(intent.staging)}"],
                    timeout=self.settings.image_timeout_seconds,
                    env=self._environment,
                    log=self._log_path(intent),
                    inherit=[lock.fd],
                    started=lambda pid: describe_process(lock, pid),
                )
                exit_code = 0
            except CLIScriptError as script_error:
                error = script_error
            except ScriptTimeoutError:
                problem = problems.timed_out(self.settings.image_timeout_seconds)
            except ValueError as unusable:
                problem = problems.unusable_argument(str(unusable))
            finally:
                # A cancelled run comes through here, too: the script is dead, and what it left is booked.
                duration = time.monotonic() - begun
                result = self.settle(intent, exit_code=exit_code, error=error, problem=problem, duration=duration)
        return result

    def settle(
        self,
        intent: Intent,
        *,
        exit_code: int | None = None,
        error: CLIScriptError | None = None,
        problem: Problem | None = None,
        duration: float | None = None,
    ) -> Drawn | Problem:
        """Books and publishes what a script left, after it ended in whatever way; the intent is gone afterwards.

        A whole picture counts however its script ended: it was received, so it was paid for.

        Args:
            intent: The call.
            exit_code: 0 if the script said that it succeeded; None if it was ended, or its end was not seen.
            error: How the script ended, if it said that it failed.
            problem: Why there is no picture, if that is known without the script.
            duration: Seconds it took, if known.

        Returns:
            The published picture, or why there is none.

        Raises:
            OSError: The picture cannot be published, or the records cannot be written; the intent stays, and settling
                can be tried again.
        """
        if intent.received is not None:
            return self._publish(intent, intent.received)
        stdout, stderr = read_output(self._log_path(intent))
        report = read_report(stdout, stderr)
        staging = self.paths.absolute(intent.staging)
        try:
            picture = make_png(staging)
        except FileNotFoundError:
            missing = "the script left no picture"
        except BrokenPictureError as broken:
            missing = f"the script left a broken picture: {broken}"
        else:
            return self._receive(intent, picture, report, duration)
        if problem is None:
            problem = self._problem(
                intent, exit_code=exit_code, error=error, report=report, stderr=stderr, missing=missing
            )
        self._book_failure(intent, problem, report)
        _log_failure(intent, problem, error, stderr)
        return problem

    def _receive(
        self, intent: Intent, picture: Picture, report: ScriptReport, duration: float | None
    ) -> Drawn | Problem:
        model = report.model or intent.inputs.model
        cost = pricing.usage_cost(report.usage, model) if report.usage else None
        record = PictureRecord(
            path=intent.output,
            facts=picture.facts,
            round=intent.round,
            inputs=intent.inputs,
            file_cost_usd=self.settings.cost_per_image_usd if cost is None else cost,
            cost_source=CostSource.ESTIMATE if cost is None else CostSource.USAGE,
            model=model,
            duration_seconds=None if duration is None else round(duration, 3),
            attempts=intent.attempts,
            drawn_at=time.time(),
            run_id=intent.run_id,
        )
        received = intent.model_copy(update={"received": record})
        with self.store.change() as records:
            records.intents[intent.token] = received
            records.spends.append(
                _spend(intent, SpendKind.CONFIRMED, record.file_cost_usd or 0.0, record.cost_source, model)
            )
        return self._publish(received, record, picture.preview)

    def _publish(self, intent: Intent, record: PictureRecord, preview: str | None = None) -> Drawn | Problem:
        staging, output = self.paths.absolute(intent.staging), self.paths.absolute(intent.output)
        published = True
        if file_sha256(staging) == record.facts.sha256:
            publish(staging, output)
        else:
            published = file_sha256(output) == record.facts.sha256
        with self.store.change() as records:
            del records.intents[intent.token]
            if published:
                records.pictures[intent.name] = record
        self._clean_up(intent)
        if not published:
            return problems.lost("the received picture was removed from the staging folder", code="received_file_gone")
        return Drawn(record, inspect_picture(output).preview if preview is None else preview)

    def _problem(
        self,
        intent: Intent,
        *,
        exit_code: int | None,
        error: CLIScriptError | None,
        report: ScriptReport,
        stderr: str,
        missing: str,
    ) -> Problem:
        if error is not None:
            return problems.classify(error, report, model=intent.inputs.model)
        if exit_code == 0:
            return problems.lost(f"{missing}, but said that it succeeded", code="script_left_no_picture")
        # Its end was not seen. Only what it said for certain tells that nothing was billed.
        ended = CLIScriptError(str(self.settings.script), 1, stderr)
        problem = problems.classify(ended, report, model=intent.inputs.model)
        if problem.code == "unrecognised":
            return problems.lost("the script was ended before its answer came", code="script_ended")
        return problem

    def _book_failure(self, intent: Intent, problem: Problem, report: ScriptReport) -> None:
        """Books what a failed call cost, or may have cost, and forgets the intent."""
        model = report.model or intent.inputs.model
        cost = pricing.usage_cost(report.usage, model) if report.usage else None
        with self.store.change() as records:
            del records.intents[intent.token]
            if cost:
                records.spends.append(_spend(intent, SpendKind.CONFIRMED, cost, CostSource.USAGE, model))
            elif problem.possibly_billed:
                spend = _spend(intent, SpendKind.POSSIBLY_BILLED, intent.listed_usd, CostSource.ESTIMATE, model)
                records.spends.append(spend)
        self._clean_up(intent)

    def _intent(
        self, *, name: str, output: Path, prompt: str, inputs: Inputs, round_number: int, attempts: int
    ) -> Intent:
        token = secrets.token_hex(6)
        listed = pricing.list_price(inputs.model, prompt) if self.settings.own_script else None
        return Intent(
            token=token,
            name=name,
            staging=self.paths.relative(self.paths.staging_path(name, token)),
            output=self.paths.relative(output),
            round=round_number,
            inputs=inputs,
            run_id=self.run_id,
            attempts=attempts,
            started_at=time.time(),
            listed_usd=self.settings.cost_per_image_usd if listed is None else listed,
        )

    def _lock_path(self, intent: Intent) -> Path:
        return self.paths.staging / f"{intent.token}.lock"

    def _log_path(self, intent: Intent) -> Path:
        return self.paths.staging / intent.token

    def lock(self, intent: Intent) -> FileLock:
        """Returns the lock that the script of an intent holds as long as it is at work."""
        return FileLock(self._lock_path(intent))

    def _clean_up(self, intent: Intent) -> None:
        for path in (
            *output_files(self._log_path(intent)),
            self._lock_path(intent),
            *self.paths.staging.glob(f"*{intent.token}*"),
        ):
            path.unlink(missing_ok=True)


def _spend(intent: Intent, kind: SpendKind, cost: float, source: CostSource, model: str) -> Spend:
    return Spend(
        token=intent.token,
        name=intent.name,
        kind=kind,
        cost_usd=cost,
        cost_source=source,
        model=model,
        run_id=intent.run_id,
        at=time.time(),
    )


def _log_failure(intent: Intent, problem: Problem, error: CLIScriptError | None, stderr: str) -> None:
    if problem.code == "script_timeout":
        _log.error("asset_generation_timeout", asset_name=intent.name, cause=problem.cause, attempt=intent.attempts)
        return
    _log.error(
        "asset_generation_cli_error",
        asset_name=intent.name,
        attempt=intent.attempts,
        error_class=problem.error_class,
        code=problem.code,
        exit_code=error.exit_code if error else None,
        stderr=stderr.strip()[-500:],
    )
