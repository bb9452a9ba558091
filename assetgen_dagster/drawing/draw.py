"""Draws a project's pictures: many scripts at once, each picture reported the moment it is done.

A failure of one picture does not stop the others; a failure that all share does. Independent of Dagster: the caller
receives ``Event`` objects.
"""

import asyncio
import contextlib
import random
import threading
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import replace
from pathlib import Path

import structlog

from assetgen_dagster.budget.admission import Admission, AdmissionWaits
from assetgen_dagster.drawing.attempt import Attempts, Call, Drawn
from assetgen_dagster.drawing.events import (
    CallsAwaited,
    Event,
    PictureDone,
    PictureFailed,
    PictureNotStarted,
    PictureStarted,
    PictureWaits,
    PlanMade,
    Task,
    UnreportedSpend,
)
from assetgen_dagster.drawing.job import DrawingJob, advice_on_kept, lost_calls, plan_tasks, plan_warnings, served_names
from assetgen_dagster.drawing.outage import OutageSigns
from assetgen_dagster.drawing.outcome import Summary
from assetgen_dagster.drawing.picture import inspect_picture
from assetgen_dagster.drawing.plan import Action, assign_numbers
from assetgen_dagster.drawing.preflight import preflight
from assetgen_dagster.drawing.recovery import clean_staging, reconcile_files, recover_calls, restore_picture
from assetgen_dagster.drawing.redraw import accept_redraw
from assetgen_dagster.drawing.references import ReferenceScheduler
from assetgen_dagster.errors import Code, ErrorClass
from assetgen_dagster.project.postgres_lock import ProjectLostError
from assetgen_dagster.project.records import CostSource, PictureRecord, RecordStore, Spend
from assetgen_dagster.project.workspace import WorkspaceError, unwritable
from assetgen_dagster.providers import failures
from assetgen_dagster.providers.backoff import LONGEST_WAIT_SECONDS, Backoff, Clock, SystemClock, retry_wait
from assetgen_dagster.providers.failures import Failure
from assetgen_dagster.providers.registry import provider_of
from assetgen_dagster.support.redact import preview

#: Rejected prompts in a row before the cause must be something other than the prompts.
_REJECTED_IN_A_ROW = 3

#: Seconds between two calls of ``check_row``.
_CHECK_ROW_SECONDS = 5.0

_log = structlog.get_logger()


async def generate_assets(
    job: DrawingJob,
    store: RecordStore,
    emit: Callable[[Event], None],
    *,
    clock: Clock | None = None,
    rng: random.Random | None = None,
    admission: Admission | None = None,
    check_row: Callable[[], Failure | None] | None = None,
    stop: asyncio.Event | None = None,
) -> Summary:
    """Draws the pictures of a job and keeps what is done.

    Args:
        job: What to do.
        store: The project's records; the caller holds the project's lock.
        emit: Receives every event, in this thread.
        clock: Time for waits between attempts.
        rng: Randomness for jitter.
        admission: Admits each call to the provider; None admits all.
        check_row: Called every few seconds, in another thread; returns a failure to stop drawing.
        stop: Stops the drawing when it is set; calls in flight finish.

    Raises:
        ProjectLostError: Another run holds the project now; it will finish the calls in flight.
        WorkspaceError: The project's folder cannot be written, or its records name a file outside the workspace.
    """
    drawing = _Drawing(job, store, emit, Backoff(clock or SystemClock(), rng or random.Random()), admission)  # noqa: S311 - jitter
    try:
        return await drawing.run(check_row, stop or asyncio.Event())
    except OSError as error:
        raise unwritable(Path(error.filename or job.paths.project), error) from error


class _Drawing:
    def __init__(
        self,
        job: DrawingJob,
        store: RecordStore,
        emit: Callable[[Event], None],
        backoff: Backoff,
        admission: Admission | None,
    ) -> None:
        self.job = job
        self.store = store
        self.emit = emit
        self.backoff = backoff
        self.admission = admission
        self._say = lambda why: emit(AdmissionWaits(why))
        self.summary = Summary()
        self._attempts = Attempts(store=store, paths=job.paths, settings=job.settings, run_id=job.run_id)
        self._slots = asyncio.Semaphore(job.settings.image_concurrency)
        self._rejected = 0
        self._signs = OutageSigns()
        self._stopped = asyncio.Event()
        self._in_flight: set[str] = set()
        self._unexpected: Exception | None = None

    async def run(self, check_row: Callable[[], Failure | None] | None, stop: asyncio.Event) -> Summary:
        if not await self._recover(stop):
            return self.summary
        manifest, settings = self.job.manifest, self.job.settings
        numbers = assign_numbers(manifest, self.store.records.numbers, slots=settings.image_slots)
        for name in reconcile_files(manifest, numbers, store=self.store, paths=self.job.paths):
            _log.info("asset_generation_retired", asset_name=name)
        if self.job.request.redraw is not None:
            with self.store.change() as records:
                accept_redraw(records, self.job.request, served=served_names(self.job, records))
        with_references = any(manifest.references().values()) and await provider_of(settings).takes_references()
        tasks, new_round = plan_tasks(self.job, self.store.records, numbers, with_references=with_references)
        self._report_unreported_spends({task.asset.name for task in tasks})
        advice = advice_on_kept(self.job, tasks, self.store.records.round, numbers)
        warnings = plan_warnings(self.job, tasks, with_references=with_references)
        plan = PlanMade(tuple(tasks), (*warnings, *advice, *lost_calls(self.job, tasks, self.store.records)))
        _log.info(
            "asset_generation_start",
            asset_count=len(tasks),
            to_draw=len(plan.to_draw),
            why={reason: [str(task) for task in drawn] for reason, drawn in plan.why().items()},
            global_atmosphere=preview(manifest.global_atmosphere),
        )
        for warning in plan.warnings:
            _log.warning("asset_generation_warning", warning=warning)
        self.emit(plan)
        if tasks:
            self._enter_round(tasks, new_round=new_round)
        self._keep([task for task in tasks if task.step.action is not Action.DRAW])
        over = threading.Event()
        stopping = asyncio.create_task(self._stop_when_set(stop))
        if check_row is not None and plan.to_draw:
            # A daemon thread that is never joined: Notion may be slow to answer.
            watch = (check_row, over, asyncio.get_running_loop())
            threading.Thread(target=self._check_rows, args=watch, name="check-row", daemon=True).start()
        try:
            await self._draw_all(plan.to_draw)
        finally:
            over.set()
            stopping.cancel()
        clean_staging(self.job.paths, self.store)
        _log.info(
            "asset_generation_complete",
            generated=self.summary.generated,
            skipped=self.summary.skipped,
            failed=self.summary.failed,
            total_cost_usd=self.store.records.total_usd(paid_by=self.job.run_id),
        )
        if self._unexpected is not None:
            raise self._unexpected
        return self.summary

    async def _recover(self, stop: asyncio.Event) -> bool:
        """Finishes the calls of a dead run; returns False if it was stopped: the next run finishes them."""
        recovering, stopped = asyncio.ensure_future(recover_calls(self._attempts)), asyncio.ensure_future(stop.wait())
        try:
            await asyncio.wait({recovering, stopped}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            ended = recovering.done()
            recovering.cancel()
            stopped.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await recovering
        return ended and not stop.is_set()

    async def _stop_when_set(self, stop: asyncio.Event) -> None:
        await stop.wait()
        self._stop(failures.cancelled())
        if self._in_flight:
            self.emit(CallsAwaited(tuple(sorted(self._in_flight)), self.job.settings.image_timeout_seconds))

    def _check_rows(
        self, check_row: Callable[[], Failure | None], over: threading.Event, loop: asyncio.AbstractEventLoop
    ) -> None:
        """Stops the drawing once ``check_row`` returns a failure; calls in flight finish."""
        while not over.is_set():
            failure = check_row()
            if failure is not None:
                with contextlib.suppress(RuntimeError):  # the loop has ended meanwhile
                    loop.call_soon_threadsafe(self._stop, failure)
                return
            over.wait(_CHECK_ROW_SECONDS)

    def _report_unreported_spends(self, names: set[str]) -> None:
        elsewhere = [spend for spend in self.store.records.unreported() if spend.name not in names]
        for number in dict.fromkeys(spend.number for spend in elsewhere):
            self.emit(UnreportedSpend(number, tuple(spend for spend in elsewhere if spend.number == number)))

    def _enter_round(self, tasks: list[Task], *, new_round: bool) -> None:
        """Opens a round if one begins, and adds the pictures that are kept to the current round."""
        newest_run = self.store.newest_run() if new_round else None
        with self.store.change() as records:
            if new_round:
                records.open_round(self.job.request.id, newest_run)
            number = records.rounds[-1].number
        for task in tasks:
            if task.step.action is Action.RESTORE:
                output = self.job.paths.output_path(task.asset)
                restore_picture(task.asset.name, output, store=self.store, paths=self.job.paths, round_number=number)
                _log.info("asset_generation_restored", asset_number=task.number, asset_name=task.asset.name)
        with self.store.change() as records:
            for task in tasks:
                if task.step.action is Action.ADOPT:
                    records.pictures[task.asset.name] = self._found(task, number)
                elif task.step.action is Action.KEEP:
                    records.pictures[task.asset.name].round = number

    def _found(self, task: Task, round_number: int) -> PictureRecord:
        path = self.job.paths.output_path(task.asset)
        return PictureRecord(
            path=self.job.paths.relative(path),
            facts=inspect_picture(path).facts,
            round=round_number,
            cost_source=CostSource.UNKNOWN,
        )

    def _keep(self, tasks: list[Task]) -> None:
        for task in tasks:
            if task.step.retouched:
                _log.warning("asset_generation_retouched", asset_number=task.number, asset_name=task.asset.name)
            record = self.store.records.pictures[task.asset.name]
            picture = inspect_picture(self.job.paths.output_path(task.asset))
            shown = record.model_copy(update={"facts": picture.facts})
            self.summary.skipped += 1
            self.emit(PictureDone(task, shown, picture.thumbnails, self._unreported(task)))

    async def _draw_all(self, tasks: list[Task]) -> None:
        files = {asset.name: self.job.paths.output_path(asset) for asset in self.job.manifest.assets}
        scheduler = ReferenceScheduler(tasks, files)
        for task in tasks:
            if not task.prompt:
                self._fail(task, failures.blank_prompt(), attempts=0)
                scheduler.ended(task, drawn=False)
        tasks = [task for task in tasks if task.prompt]
        if tasks and (failure := preflight(self.job.settings, self.job.paths, pictures=len(tasks))):
            self._stop(failure)
        elif tasks and self.admission is not None:
            await self._unless_stopped(self._await_admission(self.admission.enter(len(tasks), self._say)))
        async with asyncio.TaskGroup() as group:
            for task in scheduler.first(tasks):
                group.create_task(self._draw(task, scheduler))
        if self.admission is not None:
            await self.admission.leave()

    async def _draw(self, task: Task, scheduler: ReferenceScheduler) -> None:
        """Draws a picture once its references are there; always releases the pictures that wait for it."""
        drawn = False
        try:
            failure = await scheduler.wait(task)
            if failure is None or self.summary.stopped_by is not None:
                drawn = await self._try(task, scheduler)
            else:
                self._fail(task, failure, attempts=0)
        finally:
            scheduler.ended(task, drawn=drawn)

    async def _try(self, task: Task, scheduler: ReferenceScheduler) -> bool:
        """Tries until the picture is done or given up; returns whether it is done."""
        attempts = answers_before = 0
        last: Failure | None = None
        while True:
            async with self._slots:
                await self._unless_stopped(self._ready())
                if self.summary.stopped_by is not None:
                    self._leave_out(task, last, attempts)
                    return False
                attempts += 1
                answers_before = self._signs.answers if attempts == 1 else answers_before
                self.emit(PictureStarted(task, attempts))
                self._in_flight.add(str(task))
                try:
                    result = await self._attempt(task, attempts, scheduler)
                finally:
                    self._in_flight.remove(str(task))
            if isinstance(result, Drawn):
                self._rejected = 0
                self._signs.note_answer()
                self._succeed(task, result)
                if self.admission is not None:
                    await self.admission.report_success()
                return True
            last = self._second_chance(result)
            wait = retry_wait(last, attempts - 1, self.backoff.rng.random())
            self._note(last, final=wait is None)
            if wait is None or last.error_class is not ErrorClass.FATAL:
                last = await self._share_failure(last)
            if wait is None or self.summary.stopped_by is not None:
                outage = self._signs.give_up(task.asset.name, last, answers_before=answers_before)
                if outage is not None and self.summary.stopped_by is None:
                    self._stop(await self._share_failure(outage))
                self._fail(task, last, attempts=attempts)
                return False
            if last.slows_project:
                self.backoff.slow_down(wait)
            self.emit(PictureWaits(task, wait, last))
            await self._unless_stopped(self.backoff.clock.sleep(wait))

    async def _ready(self) -> None:
        """Waits until a call is admitted, or the drawing is stopped."""
        await self.backoff.ready()
        if self.admission is not None:
            await self._await_admission(self.admission.admit(self._say))

    async def _await_admission(self, answer: Awaitable[Failure | None]) -> None:
        """Stops the drawing if admission is refused or cannot be decided."""
        try:
            failure = await answer
        except Exception as error:
            _log.exception("asset_generation_unexpected_error")
            self._unexpected = self._unexpected or error
            failure = failures.unexpected(error)
        if failure is not None:
            self._stop(failure)

    async def _share_failure(self, failure: Failure) -> Failure:
        """Shares a failure that concerns other runs, too; returns it with what admission knows about it."""
        if self.admission is None:
            return failure
        shared = await self.admission.report_failure(failure)
        if self.summary.stopped_by is failure:
            self.summary.stopped_by = shared
        return shared

    async def _attempt(self, task: Task, attempts: int, scheduler: ReferenceScheduler) -> Drawn | Failure:
        last = self.store.records.round
        try:
            found = scheduler.files_for(task)
            if isinstance(found, Failure):
                return found
            return await self._attempts.draw(
                Call(
                    name=task.asset.name,
                    number=task.number,
                    output=self.job.paths.output_path(task.asset),
                    prompt=task.prompt,
                    inputs=self.job.inputs_of(task.asset, task.prompt, found.recorded),
                    round=last.number if last else 1,
                    attempts=attempts,
                    references=found.files,
                    by_name=task.step.by_name,
                )
            )
        except ProjectLostError as error:
            return failures.lock_lost(error.message)
        except OSError as error:
            return failures.cannot_write(self._unwritable(error).message)
        except Exception as error:
            # A bug of ours: calls in flight are paid for and finish, then the run ends with the stack trace.
            _log.exception("asset_generation_unexpected_error", asset_number=task.number, asset_name=task.asset.name)
            self._unexpected = self._unexpected or error
            return failures.unexpected(error)

    def _second_chance(self, failure: Failure) -> Failure:
        """Returns a failure, to be tried once more if it denies what pictures of this project have shown."""
        if failure.code is not Code.MODEL_NOT_FOUND:
            return failure
        model = provider_of(self.job.settings).model
        drawn = any(record.inputs and record.inputs.model == model for record in self.store.records.pictures.values())
        return replace(failure, max_retries=1) if drawn else failure

    def _note(self, failure: Failure, *, final: bool) -> None:
        """Counts a failed attempt; after a last one, stops the drawing if every picture would fail in the same way."""
        if not failure.signals_outage and not failure.possibly_billed:
            self._signs.note_answer()
        if not final:
            return
        self._rejected = self._rejected + 1 if failure.code == Code.REJECTED else 0
        too_long = failure.slows_project and (failure.retry_after_seconds or 0) > LONGEST_WAIT_SECONDS
        if failure.error_class is ErrorClass.FATAL or too_long:
            self._stop(failure)
        elif self._rejected >= _REJECTED_IN_A_ROW:
            self._stop(failures.rejected_in_a_row(failure))

    def _stop(self, failure: Failure) -> None:
        self.summary.stopped_by = self.summary.stopped_by or failure
        self._stopped.set()

    async def _unless_stopped(self, wait: Coroutine[None, None, None]) -> None:
        """Awaits ``wait``, or returns early once the drawing is stopped."""
        waits = {asyncio.ensure_future(wait), asyncio.ensure_future(self._stopped.wait())}
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for left in waits:
                left.cancel()

    def _unwritable(self, error: OSError) -> WorkspaceError:
        return unwritable(Path(error.filename or self.job.paths.project), error)

    def _succeed(self, task: Task, drawn: Drawn) -> None:
        self.summary.generated += 1
        _log.info(
            "asset_generation_asset_success",
            asset_number=task.number,
            asset_name=task.asset.name,
            path=drawn.record.path,
            duration_seconds=drawn.record.duration_seconds,
            cost_usd=drawn.record.file_cost_usd,
        )
        self.emit(PictureDone(task, drawn.record, drawn.thumbnails, self._unreported(task)))

    def _fail(self, task: Task, failure: Failure, *, attempts: int) -> None:
        self.summary.failures.append((task, failure))
        _log.error(
            "asset_generation_asset_failed",
            asset_number=task.number,
            asset_name=task.asset.name,
            error_class=failure.error_class,
            code=failure.code,
            cause=failure.cause,
            attempts=attempts,
            prompt_preview=preview(task.asset.prompt),
        )
        self.emit(PictureFailed(task, failure, attempts, self._unreported(task)))

    def _leave_out(self, task: Task, last: Failure | None, attempts: int) -> None:
        if last is not None:
            self._fail(task, last, attempts=attempts)
            return
        self.summary.not_started.append(task)
        self.emit(PictureNotStarted(task, self._unreported(task)))

    def _unreported(self, task: Task) -> tuple[Spend, ...]:
        return tuple(self.store.records.unreported([task.asset.name]))
