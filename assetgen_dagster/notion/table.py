"""The database in Notion's own form: finds its data source, queries its pages, reads and writes one page.

``board`` interprets the pages, ``calls`` sends the requests.
"""

import re
import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from assetgen_dagster.errors import Code
from assetgen_dagster.notion import filters, messages
from assetgen_dagster.notion.call_failures import FailureKind
from assetgen_dagster.notion.calls import Caller, Deadline, Json
from assetgen_dagster.notion.errors import BoardError

#: Notion's maximum.
PAGE_SIZE = 100

_RESTARTS = 3
_ID = re.compile(r"[0-9a-fA-F]{32}|[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")


@dataclass
class Position:
    """Where a search of all rows, oldest first, has come to; a sensor's cursor can hold it.

    Attributes:
        since: The search has all rows made before that moment.
        start_cursor: Notion's cursor for the next page of rows made since then.
        cut: Whether Notion cut the results off.
        latest: When the newest row so far was made.
    """

    since: str | None = None
    start_cursor: str | None = None
    cut: bool = False
    latest: str | None = None


class Table:
    """One data source.

    Args:
        caller: Sends the requests.
        database_id: As the producer gave it: the id of the database or of the data source, or a link to it.

    Raises:
        BoardError: It holds no id.
    """

    def __init__(self, caller: Caller, database_id: str) -> None:
        self._caller = caller
        self._database_id = parse_database_id(database_id)

    def properties(self, deadline: Deadline) -> tuple[str, Json]:
        """Returns the data source's id and its properties.

        Raises:
            BoardError: The database is missing, not shared, in the trash, or has several data sources.
        """
        try:
            database = self._caller.call(
                lambda client: client.databases.retrieve(self._database_id),
                action="read the database",
                expect="database",
                deadline=deadline,
            )
        except BoardError as error:
            if error.kind is FailureKind.MISSING:
                return self._itself(deadline)
            if error.kind is FailureKind.INVALID:
                text = f"{error.message} Set NOTION_DATABASE_ID to the database's id."
                raise BoardError(text, code=error.code, setting="NOTION_DATABASE_ID") from None
            raise
        if database.get("in_trash"):
            raise _in_trash(self._database_id)
        sources = database.get("data_sources") or []
        if len(sources) != 1:
            raise _not_one_source(sources)
        return self._source(sources[0]["id"], deadline)

    def query(self, source_id: str, test: Json | None, deadline: Deadline, *, action: str) -> list[Json]:
        """Returns all pages that pass a filter, in any number."""
        for restarts in range(_RESTARTS + 1):
            try:
                batches = self.batches(source_id, test, deadline, action=action, at=Position())
                return list({page["id"]: page for batch in batches for page in batch}.values())
            except BoardError as error:
                # The first row of the next page is gone: start again rather than miss one.
                if not (error.failure and error.failure.bad_cursor) or restarts == _RESTARTS:
                    raise
        raise AssertionError("unreachable")

    def page(self, page_id: str, deadline: Deadline) -> Json | None:
        """Returns a page, in the trash or not; None if it does not exist or is not shared."""
        try:
            return self._caller.call(
                lambda client: client.pages.retrieve(page_id),
                action=f"read the row {page_id.replace('-', '')}",
                expect="page",
                deadline=deadline,
            )
        except BoardError as error:
            if error.kind is FailureKind.MISSING:
                return None
            raise

    def write(self, page_id: str, body: Json, deadline: Deadline, *, already_done: Callable[[], Json | None]) -> Json:
        """Writes properties in one update and returns the updated page."""
        return self._caller.call(
            lambda client: client.pages.update(page_id, properties=body),
            action=f"write to the row {page_id.replace('-', '')}",
            expect="page",
            deadline=deadline,
            already_done=already_done,
        )

    def _itself(self, deadline: Deadline) -> tuple[str, Json]:
        """Returns the data source that the setting names instead of a database."""
        try:
            return self._source(self._database_id, deadline)
        except BoardError as error:
            if error.kind is FailureKind.MISSING:
                raise messages.not_shared(self._database_id) from None
            raise

    def _source(self, source_id: str, deadline: Deadline) -> tuple[str, Json]:
        source = self._caller.call(
            lambda client: client.data_sources.retrieve(source_id),
            action="read the database's properties",
            expect="data_source",
            deadline=deadline,
        )
        if source.get("in_trash"):
            raise _in_trash(source_id)
        return source["id"], source["properties"]

    def first(self, source_id: str, deadline: Deadline, *, action: str) -> Json | None:
        """Returns any page; None if there is none."""
        return next(iter(_pages(self._query(source_id, {"page_size": 1}, deadline, action=action))), None)

    def batches(
        self, source_id: str, test: Json | None, deadline: Deadline, *, action: str, at: Position
    ) -> Iterator[list[Json]]:
        """Yields all pages that pass a filter, oldest first, as many at a time as Notion gives.

        Args:
            source_id: The data source.
            test: The filter; None for all pages.
            deadline: When to give up.
            action: For messages.
            at: Where to begin. It moves on when the next batch is asked for, so that a search that runs out of time can
                go on from it.
        """
        while True:
            # Not sorted by the last change: then rows would move while they are read.
            query: Json = {"sorts": [{"timestamp": "created_time", "direction": "ascending"}], "page_size": PAGE_SIZE}
            if window := filters.both([test, filters.since(at.since) if at.since else None]):
                query["filter"] = window
            if at.start_cursor:
                query["start_cursor"] = at.start_cursor
            answer = self._query(source_id, query, deadline, action=action)
            pages = _pages(answer)
            yield pages
            if not self._moves_on(at, answer, pages, action):
                return

    def _query(self, source_id: str, query: Json, deadline: Deadline, *, action: str) -> Json:
        return self._caller.call(
            lambda client: client.data_sources.query(source_id, **query),
            action=action,
            expect="list",
            deadline=deadline,
        )

    def _moves_on(self, at: Position, answer: Json, pages: list[Json], action: str) -> bool:
        """Moves a position behind an answer; returns whether more follows."""
        at.latest = max((page["created_time"] for page in pages), default=at.latest)
        at.cut = at.cut or (answer.get("request_status") or {}).get("type") == "incomplete"
        at.start_cursor = answer.get("next_cursor") if answer.get("has_more") else None
        if at.start_cursor or not at.cut:
            return bool(at.start_cursor)
        # A query returns at most 10,000 results; the next one starts where this one was cut off.
        if at.latest == at.since:
            raise BoardError(
                f"Notion could not {action}: more than 10,000 rows were made in the same minute.",
                code=Code.NOTION_REFUSED,
            )
        at.since, at.cut = at.latest, False
        return True


def _pages(answer: Json) -> list[Json]:
    return [page for page in answer["results"] if page.get("object") == "page"]


def parse_database_id(given: str) -> str:
    """Returns the id in a setting that holds an id or a link.

    Raises:
        BoardError: It holds none.
    """
    found = find_id(given)
    if found is None:
        raise BoardError(
            "NOTION_DATABASE_ID holds no id: set it to the 32 characters in the database's link, before '?v='.",
            code=Code.NOTION_DATABASE,
            setting="NOTION_DATABASE_ID",
        )
    return found


def find_id(given: str) -> str | None:
    """Returns the id in a text, which may be the id itself or a link; None if there is none."""
    # A link's query string names a view.
    found = _ID.findall(given.split("?", maxsplit=1)[0])
    return str(uuid.UUID(found[-1])) if found else None


def _in_trash(database_id: str) -> BoardError:
    return BoardError(
        f"The Notion database {database_id} is in the trash. Restore it, or set NOTION_DATABASE_ID to another.",
        code=Code.NOTION_DATABASE,
        setting="NOTION_DATABASE_ID",
    )


def _not_one_source(sources: list[Mapping[str, Any]]) -> BoardError:
    if not sources:
        text = "is a view of a database elsewhere: set NOTION_DATABASE_ID to the original database"
    else:
        named = ", ".join(f"{source['id']} ({source.get('name') or 'unnamed'})" for source in sources)
        text = f"holds several data sources: set NOTION_DATABASE_ID to the id of the one to use: {named}"
    return BoardError(f"The Notion database {text}.", code=Code.NOTION_DATABASE, setting="NOTION_DATABASE_ID")
