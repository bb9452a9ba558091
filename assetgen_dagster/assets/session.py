"""The resource behind all assets: settings, the project's lock and records, and the drawing thread.

It lives as long as a run. However the run ends, its teardown stops the drawing and releases the lock.
"""

import asyncio
import contextlib
import functools
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

import dagster as dg
import structlog
from pydantic import PrivateAttr

from assetgen_dagster.assets.failure_codes import codes_metadata
from assetgen_dagster.assets.partitions import ensure_partition
from assetgen_dagster.assets.patience import be_patient
from assetgen_dagster.assets.request import newest_run, row_link, started_in_dagster
from assetgen_dagster.assets.resources import SettingsResource, TaskBoardResource
from assetgen_dagster.assets.row_watch import RowWatch
from assetgen_dagster.assets.runs import is_given_up, selected_numbers
from assetgen_dagster.assets.tags import PAGE_TAG, ROW_TAG, STOPPED_BY_TAG
from assetgen_dagster.budget.admission import open_admission
from assetgen_dagster.budget.budget_reservation import BudgetReservation
from assetgen_dagster.director.manifest_rules import PICTURES
from assetgen_dagster.director.model.events import StoryEvent
from assetgen_dagster.director.model.write import Writer
from assetgen_dagster.drawing.draw import generate_assets
from assetgen_dagster.drawing.events import Event
from assetgen_dagster.drawing.job import DrawingJob
from assetgen_dagster.drawing.outcome import Summary
from assetgen_dagster.drawing.plan import Request, assign_numbers
from assetgen_dagster.drawing.recovery import reconcile_files
from assetgen_dagster.drawing.redraw import with_names, write_remark
from assetgen_dagster.drawing.render_options import RenderOptions, render_options_of
from assetgen_dagster.drawing.worker import Worker
from assetgen_dagster.errors import AssetgenError, Code
from assetgen_dagster.manifest.file import MANIFEST_FILE, check_slots, load_manifest
from assetgen_dagster.manifest.model import AssetManifest
from assetgen_dagster.notion.settings import notion_settings
from assetgen_dagster.project.channels import load_channels
from assetgen_dagster.project.key import ProjectKey
from assetgen_dagster.project.project_lock import ProjectLock, hold_project
from assetgen_dagster.project.records import RecordStore
from assetgen_dagster.project.workspace import ProjectPaths, open_project, unwritable
from assetgen_dagster.providers.failures import Failure
from assetgen_dagster.providers.registry import provider_of
from assetgen_dagster.settings import Settings
from assetgen_dagster.support.database import name_sessions
from assetgen_dagster.support.log import configure_logging
from assetgen_dagster.support.redact import hide

#: Added to a call's time limit when a run is stopped, to publish and record its picture.
_FINISH_SECONDS = 10.0

_log = structlog.get_logger()

Listener = Callable[[ProjectKey, Event | StoryEvent], None]


@dataclass(frozen=True)
class Project:
    """A project that this run has locked.

    Attributes:
        key: Channel and project.
        paths: Its files.
        store: Its records.
        settings: The settings in force.
        options: Options for all its pictures.
        run_id: This run.
    """

    key: ProjectKey
    paths: ProjectPaths
    store: RecordStore
    settings: Settings
    options: RenderOptions
    run_id: str

    def manifest(self) -> AssetManifest:
        """Returns the project's manifest.

        Raises:
            AssetgenError: The manifest is missing, cannot be read, or has more pictures than there are slots.
        """
        path = self.paths.project / MANIFEST_FILE
        found = load_manifest(path)
        if found is None:
            raise AssetgenError(f"Materialize asset_manifest first: {path} does not exist.", code=Code.NO_MANIFEST)
        check_slots(found.manifest, self.settings.image_slots)
        return found.manifest

    def named_request(self, request: Request) -> Request:
        """Returns a request whose redraw order is resolved to names of pictures.

        Raises:
            AssetgenError: See ``manifest``; or the request names unknown or ambiguous pictures.
        """
        return with_names(request, self.manifest(), self.store.records, slots=self.settings.image_slots)

    def manifest_with_remark(self, request: Request) -> AssetManifest:
        """Returns the manifest with the remark of a request, and writes the remark to its file.

        Raises:
            AssetgenError: See ``manifest``; or the request names unknown pictures.
            OSError: The file cannot be written.
        """
        path = self.paths.project / MANIFEST_FILE
        return write_remark(self.manifest(), path, self.store.records, request)

    def reconciled_manifest(self) -> AssetManifest:
        """Makes records and folders agree with the manifest, at no cost, and returns it.

        Raises:
            AssetgenError: See ``manifest``.
            OSError: A file cannot be moved.
        """
        manifest = self.manifest()
        numbers = assign_numbers(manifest, self.store.records.numbers, slots=self.settings.image_slots)
        reconcile_files(manifest, numbers, store=self.store, paths=self.paths)
        return manifest


class RunSession(dg.ConfigurableResource["RunSession"]):
    """Opens the run's project and draws; one for each run.

    Attributes:
        settings: Loads the settings.
        board: Opens the task board.
        listener: Receives the events of a drawing, for a progress display.
        log_stream: Receives the run's log; None for stderr, which Dagster keeps with the run.
    """

    settings: dg.ResourceDependency[SettingsResource]
    board: dg.ResourceDependency[TaskBoardResource]
    listener: dg.ResourceDependency[Listener | None]
    log_stream: dg.ResourceDependency[TextIO | None]

    _project: Project | None = PrivateAttr(None)
    _lock: ProjectLock | None = PrivateAttr(None)
    _worker: Worker[Event, Summary] | None = PrivateAttr(None)
    _row_watch: RowWatch | None = PrivateAttr(None)
    _page_id: str | None = PrivateAttr(None)
    _request_id: str | None = PrivateAttr(None)

    @contextlib.contextmanager
    def yield_for_execution(self, context: dg.InitResourceContext) -> Iterator["RunSession"]:
        """Yields the session of a run, and closes it when the run ends."""
        configure_logging(self.log_stream)
        if context.instance is not None:
            be_patient(context.instance)
        try:
            yield self
        finally:
            self.close()

    def open(self, context: dg.AssetExecutionContext) -> Project:
        """Returns the project of the run's partition, locked until the run ends.

        Raises:
            AssetgenError: The partition's key, its channel, a setting, a proxy or a folder cannot be used, or another
                run holds the project.
        """
        if self._project is None:
            key = ProjectKey.from_partition_key(context.partition_key)
            settings = self.settings.load()
            hide(*settings.secrets())
            name_sessions(f"assetgen run {context.run.run_id}")
            options = render_options_of(settings, load_channels(settings).get(key.channel))
            notion = notion_settings(settings)
            self.board.check(notion)  # before anything is paid
            paths = open_project(key, workspace=settings.workspace)
            self._lock = hold_project(key, paths, settings, run_id=context.run.run_id)
            ensure_partition(context.instance, key)
            newest = functools.partial(newest_run, context.instance, context.partition_key)
            store = RecordStore(paths.records, self._lock.ensure, newest)
            self._project = Project(key, paths, store, settings, options, context.run.run_id)
            self._page_id = context.run.tags.get(PAGE_TAG)
            page_id = self._page_id
            if page_id is not None and notion is not None:
                self._row_watch = RowWatch(
                    self.board,
                    notion,
                    page_id,
                    digest=context.run.tags.get(ROW_TAG),
                    again=started_in_dagster(context.run),
                )
            _bind_log(key, task_id=page_id or context.run.run_id, run_id=context.run.run_id)
            _log.info("task_claimed")
        return self._project

    def check_request(self, context: dg.AssetExecutionContext, project: Project, request_id: str) -> None:
        """Does nothing if the run's row still asks for what the run was requested for, or the drawing has begun.

        Raises:
            AssetgenError: The row was withdrawn or changed before its request drew anything.
        """
        if self._row_watch is None or project.store.records.has_begun(request_id):
            return
        if failure := self._row_watch.check_request():
            note_stop(context, project, failure)
            raise AssetgenError(f"{failure.remedy}: {failure.cause}.", code=failure.code)

    def draw(self, context: dg.AssetExecutionContext, job: DrawingJob, project: Project) -> Worker[Event, Summary]:
        """Returns the worker that will draw ``job``; it starts when its events are iterated."""
        self._request_id = job.request.id
        bound = structlog.contextvars.get_contextvars()
        check_row = self._row_watch.check_row if self._row_watch else None

        async def start(emit: Callable[[Event], None], stop: asyncio.Event) -> Summary:
            structlog.contextvars.bind_contextvars(**bound)  # context variables are per thread
            with open_admission(
                project.settings,
                provider_of(project.settings),
                run_id=project.run_id,
                reservation=self._budget_reservation(project),
            ) as admission:
                return await generate_assets(
                    job, project.store, emit, admission=admission, check_row=check_row, stop=stop
                )

        patience = project.settings.image_timeout_seconds + _FINISH_SECONDS
        given_up = functools.partial(is_given_up, context.instance, project.run_id)
        self._worker = Worker(start, patience=patience, given_up=given_up)
        return self._worker

    def writer(self, context: dg.AssetExecutionContext, project: Project) -> Writer:
        """Returns the writer of the project's manifest from a topic; its events are emitted and logged."""

        def report(event: StoryEvent) -> None:
            context.log.info(str(event))
            self.emit(event)

        numbers = selected_numbers(context.run)
        pictures = PICTURES if numbers is None else max(1, len(numbers))
        return Writer(
            project.settings,
            project.store,
            project.run_id,
            report,
            reservation=self._budget_reservation(project),
            pictures=pictures,
        )

    def _budget_reservation(self, project: Project) -> BudgetReservation:
        return BudgetReservation(project.settings, project.key, run_id=project.run_id, page_id=self._page_id)

    def emit(self, event: Event | StoryEvent) -> None:
        """Passes an event to the listener, if there is one."""
        if self.listener is not None and self._project is not None:
            self.listener(self._project.key, event)

    def close(self) -> None:
        """Stops the drawing, which receives its calls in flight, then releases the project's lock."""
        if self._worker is not None:
            self._worker.close()
        self._revert_round()
        if self._lock is not None:
            self._lock.release()
        structlog.contextvars.clear_contextvars()

    def _revert_round(self) -> None:
        """Keeps a finished project finished if a new round drew no picture.

        Not for a row's run: the row shows an error until its round is complete.
        """
        if self._project is None or self._request_id is None or self._page_id is not None:
            return
        last = self._project.store.records.round
        if last is None or last.closed_at is not None:
            return
        with contextlib.suppress(AssetgenError, OSError), self._project.store.change() as records:
            records.revert_round(self._request_id)


def note_stop(context: dg.AssetExecutionContext, project: Project, failure: Failure) -> None:
    """Tags the run with the code that stopped it: the sensors choose the report to its row by it."""
    context.instance.add_run_tags(project.run_id, {STOPPED_BY_TAG: failure.code.value})
    if failure.code in (Code.WITHDRAWN, Code.ROW_CHANGED):
        # Withdrawn, not failed: Dagster ends a CANCELING run with a failed step as canceled.
        context.instance.report_run_canceling(context.run, failure.cause)


@contextlib.contextmanager
def user_failures(context: dg.AssetExecutionContext) -> Iterator[None]:
    """Turns errors that a person can fix into a Dagster failure with their message; bugs keep their stack trace."""
    try:
        yield
    except AssetgenError as error:
        raise _failure(context, error) from None
    except OSError as error:
        raise _failure(context, unwritable(Path(error.filename or "the workspace"), error)) from error


def _failure(context: dg.AssetExecutionContext, error: AssetgenError) -> dg.Failure:
    metadata = codes_metadata([error.code]) | row_link(context.run)
    return dg.Failure(str(error), metadata=metadata, allow_retries=False)


def _bind_log(key: ProjectKey, *, task_id: str, run_id: str) -> None:
    structlog.contextvars.bind_contextvars(task_id=task_id, channel=key.channel, project=key.project, run_id=run_id)
