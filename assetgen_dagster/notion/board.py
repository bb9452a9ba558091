"""The task board: reads and writes the rows of the database; each method has its own deadline.

A failed read raises; it never returns an empty list. A write is one page update with absolute values, so it can be sent
twice. ``table`` handles pages in Notion's own form, ``calls`` sends and retries.
"""

import re
import threading
import uuid
from collections.abc import Callable, Iterator
from typing import Self

from assetgen_dagster.notion import filters
from assetgen_dagster.notion.call_failures import FailureKind
from assetgen_dagster.notion.calls import REQUEST_SECONDS, Caller, Clock, Deadline, Json, RequestLimit
from assetgen_dagster.notion.columns import PROJECT_ID, REDRAW, RUN, STATUS, RowUpdate
from assetgen_dagster.notion.errors import BoardError, BoardUnavailableError, RowGoneError
from assetgen_dagster.notion.page import Page, not_allowed
from assetgen_dagster.notion.row import Row, read_row
from assetgen_dagster.notion.schema import DRAWING, TO_READ, TRIGGER, Schema, read_schema
from assetgen_dagster.notion.settings import NotionSettings
from assetgen_dagster.notion.sheet import ReviewSheet
from assetgen_dagster.notion.table import Position, Table
from assetgen_dagster.notion.update import settings_behind, to_properties, without_link
from assetgen_dagster.notion.values import same

#: A select creates any option that is written to it; so the schema must be at most this old before such a write.
SELECT_SCHEMA_SECONDS = 5.0


class TaskBoard:
    """The rows of one Notion database. Thread-safe.

    Args:
        settings: Token, database, names.
        deadline_seconds: Default time limit of one method.
        total_seconds: Time limit of all methods together, from now; none by default.
        clock: For waits, deadlines and ages.
        limit: Rate limit; shared within the process by default.
        request_seconds: Time limit of one request.
        schema: The schema that an earlier board read, which saves reading it; changes since are noticed.

    Raises:
        BoardError: The token or the database's id is malformed.
    """

    def __init__(
        self,
        settings: NotionSettings,
        *,
        deadline_seconds: float = 30.0,
        total_seconds: float = float("inf"),
        clock: Clock | None = None,
        limit: RequestLimit | None = None,
        request_seconds: float = REQUEST_SECONDS,
        schema: Schema | None = None,
    ) -> None:
        self.settings = settings
        self._deadline_seconds = deadline_seconds
        self._caller = Caller(settings, clock=clock, limit=limit, request_seconds=request_seconds)
        self._end = Deadline.within(total_seconds, self._caller.clock)
        self._table = Table(self._caller, settings.database_id)
        self._lock = threading.Lock()
        self._known = (float("-inf"), schema) if schema else None  # when it was read

    def close(self) -> None:
        """Closes the connections."""
        self._caller.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def left_seconds(self) -> float:
        """Seconds left for all further methods together."""
        return self._end.left

    @property
    def known_schema(self) -> Schema | None:
        """The schema, for the next board; None if it was not read, or has faults."""
        with self._lock:
            return self._known[1] if self._known else None

    def schema(self, *, deadline_seconds: float | None = None) -> Schema:
        """Reads the database's schema anew; what does not fit the settings is in ``faults``.

        Raises:
            BoardError: It cannot be read.
            BoardUnavailableError: Notion did not answer in time.
        """
        return self._fresh_schema(self._deadline(deadline_seconds))

    def triggered_rows(self, *, drawing: bool = False, deadline_seconds: float | None = None) -> list[Row]:
        """Returns all rows in a trigger status, the oldest request first.

        Args:
            drawing: Whether to include rows in the status for "is being drawn".
            deadline_seconds: Time limit.

        Raises:
            BoardError: A person must fix something first, even if only reports would fail.
            BoardUnavailableError: Notion did not answer in time.
        """
        deadline = self._deadline(deadline_seconds)
        action = "read the rows to draw"
        wanted = self.settings.status_asking if drawing else frozenset(self.settings.status_trigger)

        def read(schema: Schema) -> list[Row]:
            schema.require()
            pages = self._table.query(schema.source_id, filters.with_status(schema, wanted), deadline, action=action)
            return self._rows(pages, schema)

        rows = self._with_schema(read, deadline)
        return sorted((row for row in rows if row.status in wanted), key=lambda row: row.age)

    def find_row(
        self, channel: str, project: str, *, at: Position | None = None, deadline_seconds: float | None = None
    ) -> Row | None:
        """Returns the row of a project, or None; the oldest if there are copies.

        Args:
            channel: The project's channel.
            project: Its name.
            at: Where an earlier search has come to; it moves on, also if the time is up.
            deadline_seconds: Time limit.

        Raises:
            BoardError: A person must fix something first.
            BoardUnavailableError: Notion did not answer in time.
        """
        deadline, at = self._deadline(deadline_seconds), at or Position()

        def matching(pages: list[Json], schema: Schema) -> list[Row]:
            rows = [row for row in self._rows(pages, schema) if (row.channel, row.project_id) == (channel, project)]
            return sorted(rows, key=lambda row: (row.created, row.page_id))

        def read(schema: Schema) -> list[Row]:
            schema.require(TO_READ)
            # A row without a project id has its page's id as its project.
            if re.fullmatch(r"[0-9a-f]{32}", project):
                page = self._page(str(uuid.UUID(project)), schema, deadline)
                if page and (found := matching([page], schema)):
                    return found
            if PROJECT_ID not in schema.properties:
                return []
            batches = self._query_project(schema, channel, project, deadline, at)
            return next((found for pages in batches if (found := matching(pages, schema))), [])

        return next(iter(self._with_schema(read, deadline)), None)

    def read_row(self, page_id: str, *, deadline_seconds: float | None = None) -> Row | None:
        """Returns a row, or None if it is in the trash, deleted or in another database.

        Raises:
            BoardError: A person must fix something first; a database that is no longer shared is not a missing row.
            BoardUnavailableError: Notion did not answer in time.
        """
        return self._row(page_id, self._deadline(deadline_seconds))

    def triggers(self, *, deadline_seconds: float | None = None) -> tuple[str, ...]:
        """Returns the trigger statuses that the database has as options; all of the settings' if it has none.

        Raises:
            BoardError: The database cannot be read.
        """
        return self._schema(self._deadline(deadline_seconds)).triggers or self.settings.status_trigger

    def status_can_ask(self, *, deadline_seconds: float | None = None) -> bool:
        """Returns whether the database has the options for asking.

        When an option is removed, Notion clears it in all rows; a row without a status was then not withdrawn.

        Raises:
            BoardError: The database cannot be read.
        """
        return not self.schema(deadline_seconds=deadline_seconds).faults.keys() & {STATUS.setting, TRIGGER, DRAWING}

    def update_row(
        self,
        page_id: str,
        update: RowUpdate,
        *,
        only_if: Callable[[Row], bool] | None = None,
        deadline_seconds: float | None = None,
    ) -> Row | None:
        """Writes to a row in one page update, and returns the row as it is afterwards.

        Args:
            page_id: The row.
            update: New values; columns that the database lacks are left out.
            only_if: Called with the row before each attempt; nothing is written if it returns False.
            deadline_seconds: Time limit.

        Returns:
            None if ``only_if`` returned False.

        Raises:
            RowGoneError: The row is in the trash or deleted.
            BoardError: A person must fix something first.
            BoardUnavailableError: Notion did not answer in time; the write may have been saved. Repeat it.
        """
        deadline = self._deadline(deadline_seconds)
        while True:
            schema = self._schema_to_write(update, deadline)
            body = to_properties(update, schema)
            try:
                return self._write(page_id, body, only_if, schema, deadline)
            except _Declined:
                return None
            except BoardError as error:
                if error.kind not in (FailureKind.INVALID, FailureKind.MISSING):
                    raise
                # A row in the trash, a renamed column, a removed option? Each has its own message.
                if self._row(page_id, deadline) is None:
                    raise _gone(page_id) from None
                if self._fresh_schema(deadline) == schema:
                    # Notion may refuse a link to a UI that only this machine can reach: retry without it.
                    update = without_link(update)
                    if to_properties(update, schema) == body:
                        raise

    def show_sheet(
        self, page_id: str, sheet: ReviewSheet, picture: bytes, *, deadline_seconds: float | None = None
    ) -> bool:
        """Puts the review sheet onto a row's page, replacing an earlier one; returns whether it is new.

        Args:
            page_id: The row.
            sheet: The sheet's contents.
            picture: The contact sheet, see ``Page.show``.
            deadline_seconds: Time limit.

        Raises:
            BoardError: A person must fix something first.
            BoardUnavailableError: Notion did not answer in time. Repeat it.
        """
        deadline, hint = self._deadline(deadline_seconds), ""
        schema = self._schema(deadline)
        if REDRAW in schema.properties:
            trigger, redraw = (schema.triggers or self.settings.status_trigger)[0], schema.properties[REDRAW].name
            hint = f"To have some drawn again, write their numbers into {redraw} and set the status to {trigger}."
        try:
            return Page(self._caller, page_id, deadline).show(sheet, picture, hint=hint)
        except BoardError as error:
            raise (not_allowed(error) if error.kind is FailureKind.FORBIDDEN else error) from None

    def _write(
        self,
        page_id: str,
        body: Json,
        only_if: Callable[[Row], bool] | None,
        schema: Schema,
        deadline: Deadline,
    ) -> Row | None:
        def checked() -> Row:
            row = self._row(page_id, deadline)
            if row is None:
                raise _gone(page_id)
            if only_if and not only_if(row):
                raise _Declined
            return row

        before = checked() if only_if or not body else None

        def already_done() -> Json | None:
            """Returns the page if an attempt whose answer was lost was saved."""
            page = self._page(page_id, schema, deadline)
            if page and _holds(page, body, schema, before):
                return page
            checked()
            return None

        if not body:
            return before
        return read_row(self._table.write(page_id, body, deadline, already_done=already_done), schema)

    def _deadline(self, seconds: float | None) -> Deadline:
        wanted = Deadline.within(self._deadline_seconds if seconds is None else seconds, self._caller.clock)
        return min(wanted, self._end, key=lambda deadline: deadline.end)

    def _fresh_schema(self, deadline: Deadline) -> Schema:
        with self._lock:
            self._known = None
        source_id, properties = self._table.properties(deadline)
        schema = read_schema(source_id, properties, self.settings)
        # A schema with faults is read again each time: they may have been fixed.
        if not schema.faults:
            with self._lock:
                self._known = (self._caller.clock.monotonic(), schema)
        return schema

    def _schema(self, deadline: Deadline, *, max_age: float = float("inf")) -> Schema:
        with self._lock:
            known = self._known
        if known and self._caller.clock.monotonic() - known[0] <= max_age:
            return known[1]
        return self._fresh_schema(deadline)

    def _schema_to_write(self, update: RowUpdate, deadline: Deadline) -> Schema:
        schema = self._schema(deadline)
        status = schema.properties.get(STATUS)
        if update.get(STATUS) is not None and status and status.type == "select":
            schema = self._schema(deadline, max_age=SELECT_SCHEMA_SECONDS)
        schema.require(settings_behind(update, self.settings))
        return schema

    def _with_schema(self, read: Callable[[Schema], list[Row]], deadline: Deadline) -> list[Row]:
        """Reads rows; retries with a new schema if the known one is out of date."""
        schema = self._schema(deadline)
        try:
            return read(schema)
        except _OutdatedError:
            now = self._fresh_schema(deadline)
        except BoardError as error:
            if error.kind not in (FailureKind.INVALID, FailureKind.MISSING):
                raise
            now = self._fresh_schema(deadline)
            # If the schema changed, the second attempt says which column or option is missing.
            if now == schema:
                raise
        try:
            return read(now)
        except _OutdatedError:
            raise BoardUnavailableError("The schema of the Notion database keeps changing.") from None

    def _rows(self, pages: list[Json], schema: Schema) -> list[Row]:
        # A cell must not read as empty because its column was renamed.
        if not all(schema.fits(page, self.settings) for page in pages):
            raise _OutdatedError
        return [read_row(page, schema) for page in pages]

    def _row(self, page_id: str, deadline: Deadline) -> Row | None:
        def read(schema: Schema) -> list[Row]:
            schema.require(TO_READ)
            page = self._page(page_id, schema, deadline)
            return self._rows([page], schema) if page else []

        return next(iter(self._with_schema(read, deadline)), None)

    def _page(self, page_id: str, schema: Schema, deadline: Deadline) -> Json | None:
        page = self._table.page(page_id, deadline)
        if page is None:
            # Is only the row gone, or the whole database? The latter raises here.
            self._fresh_schema(deadline)
            # Again: the database may have been shared between the two calls.
            page = self._table.page(page_id, deadline)
        if page is None:
            return None
        parent = page.get("parent")
        elsewhere = parent is not None and parent.get("data_source_id") != schema.source_id
        return None if elsewhere or page.get("in_trash") else page

    def _query_project(
        self, schema: Schema, channel: str, project: str, deadline: Deadline, at: Position
    ) -> Iterator[list[Json]]:
        action, source_id = f"look for the row of {channel}:{project}", schema.source_id
        sample = self._table.first(source_id, deadline, action=action) if filters.needs_sample(schema) else None
        try:
            test = filters.for_project(schema, channel=channel, project=project, sample=sample)
        except filters.CannotMatchError:
            return
        try:
            yield from self._table.batches(source_id, test, deadline, action=action, at=at)
        except BoardError as error:
            if not (error.failure and error.failure.bad_cursor):
                raise
            at.start_cursor = None  # the first row of the next page is gone
            yield from self._table.batches(source_id, test, deadline, action=action, at=at)


class _Declined(Exception):  # noqa: N818 - no error
    """``only_if`` returned False."""


class _OutdatedError(Exception):
    """A page's columns differ from the schema."""


def _holds(page: Json, body: Json, schema: Schema, before: Row | None) -> bool:
    """Returns whether an update was saved to a page, even if the page was changed since."""
    written = {name for name, value in body.items() if same(value, page["properties"].get(name, {}))}
    if written == body.keys():
        return True
    # An update is saved as a whole: if the run is there, the rest was saved and the producer has changed it since.
    run = schema.properties.get(RUN)
    return bool(before and run and run.name in written and read_row(page, schema).run != before.run)


def _gone(page_id: str) -> RowGoneError:
    return RowGoneError(f"The row {page_id.replace('-', '')} is in Notion's trash, deleted, or in another database.")
