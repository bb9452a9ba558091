"""The task board: rows read from the database and written to it, each method within a time of its own.

A failed read raises; it is never an empty list. A write is one page update with absolute values, so that it can be
sent twice. Pages in Notion's own form are the subject of ``table``, sending and sending again that of ``calls``.
"""

import re
import threading
import uuid
from collections.abc import Callable
from typing import Self

from assetgen_dagster.notion import filters
from assetgen_dagster.notion.calls import REQUEST_SECONDS, Caller, Clock, Deadline, Json, Pace
from assetgen_dagster.notion.columns import PROJECT_ID, REDRAW, RUN, STATUS, RowUpdate
from assetgen_dagster.notion.errors import BoardError, BoardUnavailableError, RowGoneError
from assetgen_dagster.notion.page import Page, not_allowed
from assetgen_dagster.notion.row import Row, read_row
from assetgen_dagster.notion.schema import DRAWING, TO_READ, TRIGGER, Schema, read_schema
from assetgen_dagster.notion.settings import NotionSettings
from assetgen_dagster.notion.sheet import ReviewSheet
from assetgen_dagster.notion.table import Table
from assetgen_dagster.notion.trouble import Kind
from assetgen_dagster.notion.update import settings_behind, to_properties, without_link
from assetgen_dagster.notion.values import same

#: A select takes any name and makes an option of it, so before writing to one the schema must be as young as this.
SELECT_SCHEMA_SECONDS = 5.0


class TaskBoard:
    """The rows of one Notion database. Thread-safe.

    Args:
        settings: Token, database, names.
        deadline_seconds: How long a method may take in all, where it is not told otherwise.
        total_seconds: How long all methods together may take, from now; as long as they need unless given.
        clock: For waits, deadlines and ages.
        pace: How fast requests may follow each other; shared within the process unless given.
        request_seconds: The longest time for one request.
        schema: The columns as an earlier board knew them, which saves reading them; what has changed is noticed.

    Raises:
        BoardError: The token or the database's id cannot be one.
    """

    def __init__(
        self,
        settings: NotionSettings,
        *,
        deadline_seconds: float = 30.0,
        total_seconds: float = float("inf"),
        clock: Clock | None = None,
        pace: Pace | None = None,
        request_seconds: float = REQUEST_SECONDS,
        schema: Schema | None = None,
    ) -> None:
        self.settings = settings
        self._deadline_seconds = deadline_seconds
        self._caller = Caller(settings, clock=clock, pace=pace, request_seconds=request_seconds)
        self._end = Deadline.within(total_seconds, self._caller.clock)
        self._table = Table(self._caller, settings.database_id)
        self._lock = threading.Lock()
        self._known = (float("-inf"), schema) if schema else None  # since when it is known

    def close(self) -> None:
        """Closes the connections."""
        self._caller.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def left_seconds(self) -> float:
        """How long all further methods together may take."""
        return self._end.left

    @property
    def known_schema(self) -> Schema | None:
        """The columns as they are known, for the next board; None where they have not been read, or have faults."""
        with self._lock:
            return self._known[1] if self._known else None

    def schema(self, *, deadline_seconds: float | None = None) -> Schema:
        """Returns the database's columns, read anew; what does not fit the settings is in ``faults``.

        Raises:
            BoardError: There is no reading it.
            BoardUnavailableError: Notion did not answer in time.
        """
        return self._fresh_schema(self._deadline(deadline_seconds))

    def triggered_rows(self, *, drawing: bool = False, deadline_seconds: float | None = None) -> list[Row]:
        """Returns all rows that ask for pictures, the oldest request first.

        Args:
            drawing: Also those whose status says that they are being drawn.
            deadline_seconds: How long it may take in all.

        Raises:
            BoardError: Something has to be mended first, be it only that a report could not be written.
            BoardUnavailableError: Notion did not answer in time.
        """
        deadline = self._deadline(deadline_seconds)
        doing = "read the rows to draw"
        wanted = self.settings.status_asking if drawing else frozenset(self.settings.status_trigger)

        def read(schema: Schema) -> list[Row]:
            schema.require()
            pages = self._table.query(schema.source_id, filters.with_status(schema, wanted), deadline, doing=doing)
            return self._rows(pages, schema)

        rows = self._with_schema(read, deadline)
        return sorted((row for row in rows if row.status in wanted), key=lambda row: row.age)

    def find_row(self, channel: str, project: str, *, deadline_seconds: float | None = None) -> Row | None:
        """Returns the row of a project, or None; of several (copies) the one that was made first.

        Raises:
            BoardError: Something has to be mended first.
            BoardUnavailableError: Notion did not answer in time.
        """
        deadline = self._deadline(deadline_seconds)

        def read(schema: Schema) -> list[Row]:
            schema.require(TO_READ)
            pages: list[Json] = []
            # The project of a row without a project id is called after its page.
            if re.fullmatch(r"[0-9a-f]{32}", project):
                page = self._page(str(uuid.UUID(project)), schema, deadline)
                pages = [page] if page else []
            if PROJECT_ID in schema.properties:
                pages += self._query_project(schema, channel, project, deadline)
            return self._rows(pages, schema)

        rows = self._with_schema(read, deadline)
        found = [row for row in rows if (row.channel, row.project_id) == (channel, project)]
        return min(found, key=lambda row: (row.created, row.page_id), default=None)

    def read_row(self, page_id: str, *, deadline_seconds: float | None = None) -> Row | None:
        """Returns a row, or None if it is in the trash, deleted or in another database.

        Raises:
            BoardError: Something has to be mended first; a database that is not shared any more is no missing row.
            BoardUnavailableError: Notion did not answer in time.
        """
        return self._row(page_id, self._deadline(deadline_seconds))

    def triggers(self, *, deadline_seconds: float | None = None) -> tuple[str, ...]:
        """Returns the statuses of the settings that ask for pictures and are options of the database.

        Those of the settings where the database has none at the moment.

        Raises:
            BoardError: The database cannot be read.
        """
        return self._schema(self._deadline(deadline_seconds)).triggers or self.settings.status_trigger

    def status_can_ask(self, *, deadline_seconds: float | None = None) -> bool:
        """Returns whether the options that ask for pictures are there.

        Where one was removed, Notion has taken it from its rows, and a row without it was not withdrawn by anybody.

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
        """Writes to a row, all in one page update, and returns the row as it is then.

        Args:
            page_id: The row.
            update: New values; columns that the database lacks are left out.
            only_if: Looks at the row before each attempt; where it says no, nothing is written (any more).
            deadline_seconds: How long it may take in all.

        Returns:
            None if ``only_if`` said no.

        Raises:
            RowGoneError: The row is in the trash or deleted.
            BoardError: Something has to be mended first.
            BoardUnavailableError: Notion did not answer in time; the write may have been saved, write it again.
        """
        deadline = self._deadline(deadline_seconds)
        while True:
            schema = self._schema_to_write(update, deadline)
            body = to_properties(update, schema)
            try:
                return self._write(page_id, body, only_if, schema, deadline)
            except _LeftAlone:
                return None
            except BoardError as error:
                if error.kind not in (Kind.INVALID, Kind.MISSING):
                    raise
                # A row in the trash, a renamed column, a removed option? Each is said in its own words.
                if self._row(page_id, deadline) is None:
                    raise _gone(page_id) from None
                if self._fresh_schema(deadline) == schema:
                    # Notion may not like a link into a UI that only this machine can reach: once more, without.
                    update = without_link(update)
                    if to_properties(update, schema) == body:
                        raise

    def show_sheet(
        self, page_id: str, sheet: ReviewSheet, picture: bytes, *, deadline_seconds: float | None = None
    ) -> bool:
        """Puts the review sheet onto a row's page, in place of the one before; returns whether it is a new one.

        Args:
            page_id: The row.
            sheet: What is to be seen.
            picture: The contact sheet, see ``Page.show``.
            deadline_seconds: How long it may take in all.

        Raises:
            BoardError: Something has to be mended first.
            BoardUnavailableError: Notion did not answer in time; do it again.
        """
        deadline, hint = self._deadline(deadline_seconds), ""
        schema = self._schema(deadline)
        if REDRAW in schema.properties:
            trigger, redraw = (schema.triggers or self.settings.status_trigger)[0], schema.properties[REDRAW].name
            hint = f"To have some drawn again, write their numbers into {redraw} and set the status to {trigger}."
        try:
            return Page(self._caller, page_id, deadline).show(sheet, picture, hint=hint)
        except BoardError as error:
            raise (not_allowed(error) if error.kind is Kind.FORBIDDEN else error) from None

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
                raise _LeftAlone
            return row

        before = checked() if only_if or not body else None

        def settled() -> Json | None:
            """Returns the page if an attempt whose answer went astray was saved after all."""
            page = self._page(page_id, schema, deadline)
            if page and _holds(page, body, schema, before):
                return page
            checked()
            return None

        if not body:
            return before
        return read_row(self._table.write(page_id, body, deadline, settled=settled), schema)

    def _deadline(self, seconds: float | None) -> Deadline:
        wanted = Deadline.within(self._deadline_seconds if seconds is None else seconds, self._caller.clock)
        return min(wanted, self._end, key=lambda deadline: deadline.end)

    def _fresh_schema(self, deadline: Deadline) -> Schema:
        with self._lock:
            self._known = None
        source_id, properties = self._table.properties(deadline)
        schema = read_schema(source_id, properties, self.settings)
        # One with faults is read again each time: they may have been mended.
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
        """Reads rows; once more with a new schema where the known one turns out to be out of date."""
        schema = self._schema(deadline)
        try:
            return read(schema)
        except _OutdatedError:
            now = self._fresh_schema(deadline)
        except BoardError as error:
            if error.kind not in (Kind.INVALID, Kind.MISSING):
                raise
            now = self._fresh_schema(deadline)
            # A column or an option that is gone is said in its own words, by whoever needs it.
            if now == schema:
                raise
        try:
            return read(now)
        except _OutdatedError:
            raise BoardUnavailableError(
                "The Notion database is being changed just now. It is read again later."
            ) from None

    def _rows(self, pages: list[Json], schema: Schema) -> list[Row]:
        # An empty cell must be one, not a column that has another name by now.
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
            # Is it the row that is gone, or the whole database? That is an error then.
            self._fresh_schema(deadline)
            # And once more: the database may have been shared again between the two.
            page = self._table.page(page_id, deadline)
        if page is None:
            return None
        parent = page.get("parent")
        elsewhere = parent is not None and parent.get("data_source_id") != schema.source_id
        return None if elsewhere or page.get("in_trash") or page.get("archived") else page

    def _query_project(self, schema: Schema, channel: str, project: str, deadline: Deadline) -> list[Json]:
        try:
            test = filters.for_project(schema, channel=channel, project=project)
        except filters.CannotMatchError:
            return []
        return self._table.query(schema.source_id, test, deadline, doing=f"look for the row of {channel}:{project}")


class _LeftAlone(Exception):  # noqa: N818 - no error
    """The row is not to be written any more."""


class _OutdatedError(Exception):
    """A page has other columns than the schema says."""


def _holds(page: Json, body: Json, schema: Schema, before: Row | None) -> bool:
    """Returns whether a page has, or has had, what was to be written to it."""
    written = {name for name, value in body.items() if same(value, page["properties"].get(name, {}))}
    if written == body.keys():
        return True
    # All of an update is saved, or nothing: if the run is there, the rest was, and the producer has changed it since.
    run = schema.properties.get(RUN)
    return bool(before and run and run.name in written and read_row(page, schema).run != before.run)


def _gone(page_id: str) -> RowGoneError:
    return RowGoneError(f"The row {page_id.replace('-', '')} is in Notion's trash, deleted, or in another database.")
