"""One call of the script, from the intent before it to the published picture after it.

The order of the writes guarantees that a picture is paid for once:

1. An intent, before the script starts.
2. The picture is verified in the staging folder: the intent marks it as received, and its cost is booked.
3. The picture is renamed to its final name.
4. The picture is recorded, and the intent removed.

A process may die between any two of these; ``finish`` continues from there.
"""

import secrets
import socket
import time
from dataclasses import dataclass, replace
from pathlib import Path

import structlog

from assetgen_dagster.drawing.picture import (
    BrokenPictureError,
    Picture,
    check_asset_exists,
    file_sha256,
    inspect_picture,
    make_png,
    publish,
)
from assetgen_dagster.drawing.room import Room, fetch_kept
from assetgen_dagster.drawing.thumbnails import Thumbnails
from assetgen_dagster.errors import Code
from assetgen_dagster.project.file_lock import FileLock, describe_process
from assetgen_dagster.project.records import CostSource, Inputs, Intent, PictureRecord, RecordStore, Spend, SpendKind
from assetgen_dagster.project.workspace import ProjectPaths
from assetgen_dagster.providers import failures
from assetgen_dagster.providers.cli_script import (
    CLIScriptError,
    ScriptRunawayError,
    ScriptTimeoutError,
    output_files,
    read_output,
    run_cli_script,
)
from assetgen_dagster.providers.failures import Failure
from assetgen_dagster.providers.registry import provider_of
from assetgen_dagster.providers.script_report import ScriptReport, read_report
from assetgen_dagster.settings import Settings
from assetgen_dagster.support.files import remove
from assetgen_dagster.support.redact import conceal

_log = structlog.get_logger()


@dataclass(frozen=True)
class Call:
    """One call of the script.

    Attributes:
        name: The picture.
        number: The picture's number.
        output: Path to publish it under.
        prompt: Atmosphere and prompt combined.
        inputs: What it is drawn from, for the records.
        round: The current round.
        attempts: Attempts at this picture in this run, this one included.
        references: Files of its reference pictures.
        by_name: Whether a person requested this picture alone.
    """

    name: str
    number: int
    output: Path
    prompt: str
    inputs: Inputs
    round: int
    attempts: int
    references: tuple[Path, ...] = ()
    by_name: bool = False

    def arguments(self, output: Path) -> list[str]:
        """Returns the script's arguments to draw into ``output``."""
        references = [f"--reference-image={path}" for path in self.references]
        return [f"--prompt={self.prompt}", f"--output={output}", *references]


@dataclass(frozen=True)
class End:
    """How a script ended, as far as we saw it.

    Attributes:
        error: Its exit code and output, if it failed.
        failure: Why there is no picture, if known without reading its output.
        succeeded: Whether it exited with 0.
        duration_seconds: From start to end.
        prompt: Its prompt, removed from any output that is shown.
    """

    error: CLIScriptError | None = None
    failure: Failure | None = None
    succeeded: bool = False
    duration_seconds: float | None = None
    prompt: str = ""


#: The end of a script whose run died before it.
UNSEEN = End()


@dataclass(frozen=True)
class Drawn:
    """A published picture, as recorded, and its thumbnails."""

    record: PictureRecord
    thumbnails: Thumbnails


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
        self._provider = provider_of(settings)

    async def draw(self, call: Call) -> Drawn | Failure:
        """Calls the script once; returns the published picture, or the failure.

        Raises:
            OSError: The records or the staging folder cannot be written.
        """
        intent = self._intent(call)
        with Room(self.paths.staging, intent.token) as room:
            return await self._draw(call, intent, room)

    async def _draw(self, call: Call, intent: Intent, room: Room) -> Drawn | Failure:
        with self.store.change() as records:
            records.intents[intent.token] = intent
        with FileLock(self._lock_path(intent)) as lock:
            lock.try_acquire()
            begun = time.monotonic()
            end = UNSEEN
            try:
                await run_cli_script(
                    self._provider.script,
                    call.arguments(self.paths.absolute(intent.staging)),
                    timeout=self.settings.image_timeout_seconds,
                    env=self._provider.environment(call.inputs.aspect_ratio),
                    log=self._log_path(intent),
                    inherit=[lock.fd],
                    started=lambda pid: describe_process(lock, pid),
                    watch=room.yield_if_scarce,
                )
                end = End(succeeded=True)
            except CLIScriptError as error:
                end = End(error=error)
            except ScriptTimeoutError:
                end = End(failure=failures.timed_out(self.settings.image_timeout_seconds))
            except ScriptRunawayError as error:
                end = End(failure=failures.lost(str(error), code=Code.SCRIPT_KILLED))
            except ValueError as unusable:
                end = End(failure=failures.unusable_argument(str(unusable)))
            finally:
                # Also when the run is cancelled: the script is dead, and its cost is booked.
                room.release()  # the records need some, too
                seen = replace(end, duration_seconds=time.monotonic() - begun, prompt=call.prompt)
                result = self.finish(intent, seen)
        return result

    def finish(self, intent: Intent, end: End = UNSEEN) -> Drawn | Failure:
        """Books the cost of a call, publishes its picture, and removes the intent.

        A whole picture counts however its script ended: it was received, so it was paid for.

        Args:
            intent: The call.
            end: How the script ended.

        Returns:
            The published picture, or the failure.

        Raises:
            OSError: The picture cannot be published, or the records cannot be written; the intent stays, and a later
                call can finish it.
            ProjectLostError: Another run holds the project now and will finish the intent.
        """
        self.store.guard()
        if intent.received is not None:
            return self._publish(intent, intent.received)
        stdout, stderr = (conceal(text, end.prompt) for text in read_output(self._log_path(intent)))
        report = read_report(stdout, stderr)
        broken: BrokenPictureError | None = None
        try:
            picture = self._find_picture(intent)
        except FileNotFoundError:
            pass
        except BrokenPictureError as error:
            broken = error
        else:
            return self._receive(intent, picture, report, end.duration_seconds)
        failure = end.failure or self._classify(intent, end, report, stdout, stderr, broken)
        # Half a picture on disk was sent by the provider, which bills it.
        sent = broken is not None or (report.error is not None and report.error.received)
        # A script that reports nothing may have asked before it found that it could not write.
        sent = sent or (report.error is None and failure.code == Code.CANNOT_WRITE)
        self._book_failure(intent, report, possibly_billed=failure.possibly_billed or sent)
        _log_failure(intent, failure, end, stderr)
        return failure

    def _find_picture(self, intent: Intent) -> Picture:
        """Returns the picture that a script left, as PNG under its staging path.

        A script may have written beside that path: some choose the ending by the picture's format, some add a number.

        Raises:
            FileNotFoundError: There is none.
            BrokenPictureError: See ``inspect_picture``.
            OSError: It cannot be read or written.
        """
        staging = self.paths.absolute(intent.staging)
        fetch_kept(staging)
        try:
            return make_png(staging)
        except (FileNotFoundError, BrokenPictureError):
            beside = next(filter(check_asset_exists, self._written_beside(intent)), None)
            if beside is None:
                raise
        _log.warning("asset_generation_picture_misplaced", asset_name=intent.name, path=str(beside))
        remove(staging)
        beside.replace(staging)
        return make_png(staging)

    def _written_beside(self, intent: Intent) -> list[Path]:
        """Returns the other staging files of a call that may be its picture, the largest first."""
        staging = self.paths.absolute(intent.staging)
        name = staging.name.removesuffix(f".{intent.token}{staging.suffix}")
        found = [
            path
            for path in staging.parent.iterdir()
            if (intent.token in path.name or path.stem == name) and path != staging and path.is_file()
        ]
        return sorted(found, key=lambda path: path.stat().st_size, reverse=True)

    def _receive(
        self, intent: Intent, picture: Picture, report: ScriptReport, duration: float | None
    ) -> Drawn | Failure:
        model = report.model or intent.inputs.model
        cost = self._provider.call_cost(report, model=intent.inputs.model, drawn=True)
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
            drawn_newest_run=self.store.newest_run(),
            run_id=intent.run_id,
            by_name=intent.by_name,
        )
        received = intent.model_copy(update={"received": record})
        with self.store.change() as records:
            records.intents[intent.token] = received
            records.spends.append(
                _spend(intent, SpendKind.CONFIRMED, record.file_cost_usd or 0.0, record.cost_source, model)
            )
        return self._publish(received, record, picture.thumbnails)

    def _publish(self, intent: Intent, record: PictureRecord, thumbnails: Thumbnails | None = None) -> Drawn | Failure:
        staging, output = self.paths.absolute(intent.staging), self.paths.absolute(intent.output)
        published = True
        if file_sha256(staging) == record.facts.sha256:
            self._back_up_foreign_file(intent.name, output)
            publish(staging, output)
        else:
            published = file_sha256(output) == record.facts.sha256
        with self.store.change() as records:
            del records.intents[intent.token]
            if published:
                records.enter(intent.name, record)
        self._clean_up(intent)
        if not published:
            return failures.lost(
                "the received picture was removed from the staging folder", code=Code.RECEIVED_FILE_GONE
            )
        return Drawn(record, thumbnails or inspect_picture(output).thumbnails)

    def _back_up_foreign_file(self, name: str, output: Path) -> None:
        """Keeps a copy of a file that we did not draw before replacing it: it cannot be drawn again."""
        known = self.store.records.pictures.get(name)
        if file_sha256(output) not in (None, known.facts.sha256 if known else None):
            self.paths.set_aside(output)

    def _classify(  # noqa: PLR0917 - every fact about one end
        self,
        intent: Intent,
        end: End,
        report: ScriptReport,
        stdout: str,
        stderr: str,
        broken: BrokenPictureError | None,
    ) -> Failure:
        model = intent.inputs.model
        if end.error is not None:
            error = end.error
            seen = CLIScriptError(error.script, error.exit_code, stderr or error.stderr, stdout, errno=error.errno)
            return self._provider.classify(seen, report, model=model)
        if end.succeeded:
            left = f"the script left a broken picture: {broken}" if broken else "the script left no picture"
            return failures.lost(f"{left}, but exited with 0", code=Code.SCRIPT_LEFT_NO_PICTURE)
        # We did not see its end. Its output may describe a retry inside the script; only our JSON line is conclusive.
        if report.error is not None:
            return self._provider.classify(CLIScriptError(str(self._provider.script), 1, stderr), report, model=model)
        if not any(path.exists() for path in output_files(self._log_path(intent))):
            return failures.never_started()
        return failures.lost("the script was ended before it had an answer", code=Code.SCRIPT_ENDED)

    def _book_failure(self, intent: Intent, report: ScriptReport, *, possibly_billed: bool) -> None:
        """Books what a failed call cost, or may have cost, and removes the intent."""
        model = report.model or intent.inputs.model
        cost = self._provider.call_cost(report, model=intent.inputs.model, drawn=None if possibly_billed else False)
        with self.store.change() as records:
            del records.intents[intent.token]
            if cost:
                records.spends.append(_spend(intent, SpendKind.CONFIRMED, cost, CostSource.USAGE, model))
            elif possibly_billed:
                spend = _spend(intent, SpendKind.POSSIBLY_BILLED, intent.listed_usd, CostSource.ESTIMATE, model)
                records.spends.append(spend)
        self._clean_up(intent)

    def _intent(self, call: Call) -> Intent:
        token = secrets.token_hex(6)
        listed = self._provider.list_price(call.prompt, references=len(call.references))
        return Intent(
            token=token,
            name=call.name,
            number=call.number,
            staging=self.paths.relative(self.paths.staging_path(call.name, token)),
            output=self.paths.relative(call.output),
            round=call.round,
            inputs=call.inputs,
            run_id=self.run_id,
            attempts=call.attempts,
            started_at=time.time(),
            host=socket.gethostname(),
            listed_usd=self.settings.cost_per_image_usd if listed is None else listed,
            by_name=call.by_name,
        )

    def _lock_path(self, intent: Intent) -> Path:
        return self.paths.staging / f"{intent.token}.lock"

    def _log_path(self, intent: Intent) -> Path:
        return self.paths.staging / intent.token

    def lock(self, intent: Intent) -> FileLock:
        """Returns the lock that the script of an intent holds while it runs."""
        return FileLock(self._lock_path(intent))

    def _clean_up(self, intent: Intent) -> None:
        for path in self.paths.staging.glob(f"*{intent.token}*"):
            remove(path)


def _spend(intent: Intent, kind: SpendKind, cost: float, source: CostSource, model: str) -> Spend:
    return Spend(
        token=intent.token,
        name=intent.name,
        number=intent.number,
        kind=kind,
        cost_usd=cost,
        cost_source=source,
        model=model,
        run_id=intent.run_id,
        at=time.time(),
    )


def _log_failure(intent: Intent, failure: Failure, end: End, stderr: str) -> None:
    about = {"asset_number": intent.number, "asset_name": intent.name, "attempt": intent.attempts}
    if failure.code == Code.SCRIPT_TIMEOUT:
        _log.error("asset_generation_timeout", cause=failure.cause, **about)
        return
    _log.error(
        "asset_generation_cli_error",
        **about,
        error_class=failure.error_class,
        code=failure.code,
        exit_code=end.error.exit_code if end.error else None,
        stderr=stderr.strip()[-500:],
    )
