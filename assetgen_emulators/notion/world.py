"""The Notion emulator's workspace: databases, their rows, and what people and integrations do to them. Thread-safe."""

import copy
import threading
import uuid
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from assetgen_emulators.notion import properties, protocol
from assetgen_emulators.notion.content import PERSON, Content
from assetgen_emulators.notion.properties import Option, Piece, Property, read_pieces
from assetgen_emulators.notion.query import find_property, select_rows

_BOT = "b0b0b0b0-0000-4000-8000-000000000001"
_CREATABLE = {*properties.TYPES} - {"status"}
#: What a database has that was made without it.
_UNSET: dict[str, Any] = {
    "parent": {"type": "workspace", "workspace": True},
    "description": [],
    "is_inline": False,
    "icon": None,
    "cover": None,
}


@dataclass
class Row:
    """A page of a database."""

    source: "Source"
    values: dict[str, Any]
    created: datetime
    edited: datetime
    editor: str = PERSON
    id: str = field(default_factory=lambda: str(uuid.uuid4()))
    trashed: bool = False


@dataclass
class Source:
    """A data source: the table itself."""

    database: "Database"
    name: str
    columns: list[Property]
    id: str = field(default_factory=lambda: str(uuid.uuid4()))
    next_number: int = 1


@dataclass
class Database:
    """A container of data sources, shared with integrations.

    Attributes:
        title: Its name.
        author: Id of the user who made it.
        about: What else was given when it was made, as answers have it: ``parent``, ``description``, ``icon``, ...
    """

    title: list[Piece]
    author: str = PERSON
    about: dict[str, Any] = field(default_factory=dict)
    sources: list[Source] = field(default_factory=list)
    shared: bool = True
    trashed: bool = False
    created: datetime = field(default_factory=lambda: datetime.now(UTC))
    id: str = field(default_factory=lambda: str(uuid.uuid4()))


class World:
    """All databases and rows, and the tokens that are valid.

    Args:
        tokens: The valid ones.
        result_limit: The most results of one query.
        base_url: Where the emulator answers.
    """

    def __init__(
        self, tokens: Iterable[str], result_limit: int = 10_000, base_url: Callable[[], str] = lambda: ""
    ) -> None:
        self.lock = threading.RLock()
        self.tokens = frozenset(tokens)
        self.databases: dict[str, Database] = {}
        self.rows: dict[str, Row] = {}
        #: Pages outside of databases that are shared with the integration.
        self.pages: set[str] = set()
        self.result_limit = result_limit
        self.content = Content(_BOT, base_url, lambda page_id: page_id in self.rows)

    # --- what people do ------------------------------------------------------------------------------------------

    def new_database(self, title: str, tables: Mapping[str, list[Property]]) -> Database:
        """Adds a database; one table is the rule, several are possible."""
        with self.lock:
            database = Database([Piece(title)])
            database.sources = [Source(database, name, columns) for name, columns in tables.items()]
            self.databases[database.id] = database
            return database

    def new_row(self, database_id: str, values: Mapping[str, Any], created: datetime | None = None) -> str:
        """Adds a row with plain values and returns its page id."""
        with self.lock:
            source = self.databases[database_id].sources[0]
            cells = {column.id: properties.empty(column) for column in source.columns}
            for name, value in values.items():
                column = self.column(source, name)
                cells[column.id] = properties.as_people_enter(column, value)
            return self._add(source, cells, created)

    def duplicate(self, page_id: str) -> str:
        """Copies a row with its content, as Notion's menu does; only a unique id is new."""
        with self.lock:
            original = self.rows[page_id]
            row_id = self._add(original.source, copy.deepcopy(original.values))
            self.content.blocks.copy(page_id, row_id, PERSON)
            return row_id

    def enter(self, page_id: str, name: str, value: Any, *, edited: datetime | None = None) -> None:
        """Changes one cell."""
        with self.lock:
            row = self.rows[page_id]
            column = self.column(row.source, name)
            row.values[column.id] = properties.as_people_enter(column, value)
            row.edited, row.editor = edited or datetime.now(UTC), PERSON

    def row(self, page_id: str) -> dict[str, Any]:
        """Returns a row as people see it, by names of properties; ``in_trash`` beside them."""
        with self.lock:
            row = self.rows[page_id]
            cells = {
                column.name: properties.as_people_see(column, row.values[column.id]) for column in row.source.columns
            }
            return cells | {"in_trash": row.trashed}

    def set_trashed(self, page_id: str, trashed: bool) -> None:
        """Puts a row into the trash, or takes it out."""
        with self.lock:
            self.rows[page_id].trashed = trashed

    def remove_row(self, page_id: str) -> None:
        """Deletes a row for good."""
        with self.lock:
            del self.rows[page_id]

    def column(self, source: Source, name: str) -> Property:
        """Returns a property by name.

        Raises:
            KeyError: There is none.
        """
        for column in source.columns:
            if column.name == name:
                return column
        raise KeyError(name)

    def source(self, database_id: str) -> Source:
        """Returns a database's first data source."""
        return self.databases[database_id].sources[0]

    def add_column(self, database_id: str, column: Property) -> None:
        """Adds a property; its cells are empty."""
        with self.lock:
            source = self.source(database_id)
            source.columns.append(column)
            for row in self.rows.values():
                if row.source is source:
                    row.values[column.id] = properties.empty(column)

    def drop_column(self, database_id: str, name: str) -> None:
        """Removes a property and its cells."""
        with self.lock:
            source = self.source(database_id)
            source.columns.remove(self.column(source, name))

    # --- what integrations do ------------------------------------------------------------------------------------

    def answer(self, request: protocol.Request, body: Any) -> tuple[dict[str, Any], dict[str, Any]]:
        """Carries out a request; returns the answer, and what it wrote in plain values."""
        answer, written = self._answer(request, body)
        return protocol.in_version(answer, request), written

    def _answer(self, request: protocol.Request, body: Any) -> tuple[dict[str, Any], dict[str, Any]]:
        if request.is_newer and isinstance(body, dict) and "archived" in body:
            raise protocol.malformed("archived", "not present", body["archived"])
        with self.lock:
            match request.endpoint:
                case "users.me":
                    return _user(_BOT) | {"type": "bot", "name": "assetgen", "avatar_url": None, "bot": {}}, {}
                case "databases.retrieve":
                    return self._database_answer(self._database(request.object_id)), {}
                case "databases.create":
                    return self._database_answer(self._create(body)), {}
                case "data_sources.retrieve":
                    return self._source_answer(self._source(request.object_id)), {}
                case "data_sources.query":
                    return self._query(self._source(request.object_id), body), {}
                case "pages.retrieve":
                    return self._page_answer(self._page(request.object_id)), {}
                case "pages.update":
                    return self._update(self._page(request.object_id), body)
                case _:
                    self._check_page(request)
                    return self.content.answer(request, body), {}

    def _check_page(self, request: protocol.Request) -> None:
        """Refuses a page that is not shared, and a change of one in the trash."""
        if request.object_id in self.rows:
            page = self._page(request.object_id)
            if page.trashed and request.endpoint != "blocks.children.list":
                raise protocol.archived()

    def _database(self, object_id: str) -> Database:
        if object_id in self.rows:
            raise protocol.invalid(f"Provided ID {object_id} is a page, not a database. Use the pages API instead.")
        database = self.databases.get(object_id)
        if database is None or not database.shared:
            raise protocol.not_found("database", object_id)
        return database

    def _source(self, object_id: str) -> Source:
        for database in self.databases.values():
            for source in database.sources:
                if source.id == object_id and database.shared:
                    return source
        raise protocol.not_found("data_source", object_id)

    def _page(self, object_id: str) -> Row:
        row = self.rows.get(object_id)
        if row is None or not row.source.database.shared:
            raise protocol.not_found("page", object_id)
        return row

    def _create(self, body: Any) -> Database:
        allowed = {"parent", "title", "description", "is_inline", "initial_data_source", "icon", "cover"}
        body = protocol.check_fields(body, allowed)
        parent = body.get("parent")
        if not isinstance(parent, dict) or "page_id" not in parent:
            raise protocol.malformed("parent.page_id", "defined", parent)
        page_id = protocol.parse_id(str(parent["page_id"]))
        if page_id not in self.pages:
            self._page(page_id)
        first = body.get("initial_data_source")
        schema = first.get("properties") if isinstance(first, dict) else None
        if not isinstance(schema, dict):
            raise protocol.malformed("initial_data_source.properties", "an object", schema)
        if self.content.used_up:
            raise protocol.used_up()
        columns = [_new_column(name, config) for name, config in schema.items()]
        if [column.type for column in columns].count("title") != 1:
            raise protocol.invalid("Title is not provided: exactly one property must be a title.")
        title = list(read_pieces("title", body.get("title", [])))
        description = [piece.answer() for piece in read_pieces("description", body.get("description", []))]
        given = {name: body[name] for name in ("is_inline", "icon", "cover") if body.get(name) is not None}
        parent = {"type": "page_id", "page_id": page_id}
        database = Database(title, _BOT, {"parent": parent, "description": description, **given})
        database.sources = [Source(database, "".join(piece.content for piece in title), columns)]
        self.databases[database.id] = database
        return database

    def _query(self, source: Source, body: Any) -> dict[str, Any]:
        rows = [row for row in self.rows.values() if row.source is source]
        found, cursor, cut = select_rows(body, source.columns, rows, limit=self.result_limit)
        answer = protocol.list_answer([self._page_answer(row) for row in found], "page_or_data_source", cursor)
        incomplete = {"type": "incomplete", "incomplete_reason": "query_result_limit_reached"}
        return answer | ({"request_status": incomplete} if cut else {})

    def _update(self, row: Row, body: Any) -> tuple[dict[str, Any], dict[str, Any]]:
        body = protocol.check_fields(body, {"properties", "icon", "cover", "is_locked", "archived", "in_trash"})
        wanted = body.get("in_trash", body.get("archived", row.trashed))
        if row.trashed and wanted:
            raise protocol.archived()
        written = body.get("properties", {})
        if not isinstance(written, dict):
            raise protocol.malformed("properties", "an object", written)
        values, seen = {}, {}
        for name, value in written.items():
            column = find_property(row.source.columns, name)
            if column is None:
                raise protocol.invalid(f"{name} is not a property that exists.")
            values[column.id] = properties.as_written(column, value)
            seen[column.name] = properties.as_people_see(column, values[column.id])
        row.values.update(values)
        row.trashed = wanted
        row.edited, row.editor = datetime.now(UTC), _BOT
        return self._page_answer(row), seen

    def _add(self, source: Source, cells: dict[str, Any], created: datetime | None = None) -> str:
        for column in source.columns:
            if column.type == "unique_id":
                cells[column.id] = source.next_number
                source.next_number += 1
        now = created or datetime.now(UTC)
        row = Row(source, cells, now, now)
        self.rows[row.id] = row
        return row.id

    def _database_answer(self, database: Database) -> dict[str, Any]:
        return {
            "object": "database",
            "id": database.id,
            "title": [piece.answer() for piece in database.title],
            "in_trash": database.trashed,
            "archived": database.trashed,
            "is_locked": False,
            "created_time": protocol.timestamp(database.created),
            "last_edited_time": protocol.timestamp(database.created),
            "data_sources": [{"id": source.id, "name": source.name} for source in database.sources],
            "url": f"https://www.notion.so/{uuid.UUID(database.id).hex}",
            "public_url": None,
            **_UNSET,
            **database.about,
        }

    def _source_answer(self, source: Source) -> dict[str, Any]:
        database = source.database
        about = _UNSET | database.about
        return {
            "object": "data_source",
            "id": source.id,
            "title": [protocol.rich_text(source.name)],
            "description": [],
            "parent": {"type": "database_id", "database_id": database.id},
            "database_parent": about["parent"],
            "is_inline": about["is_inline"],
            "archived": database.trashed,
            "in_trash": database.trashed,
            "created_time": protocol.timestamp(database.created),
            "last_edited_time": protocol.timestamp(database.created),
            "created_by": _user(database.author),
            "last_edited_by": _user(database.author),
            "properties": {column.name: column.schema() for column in source.columns},
            "icon": None,
            "cover": None,
            "url": f"https://www.notion.so/{uuid.UUID(database.id).hex}",
            "public_url": None,
        }

    def _page_answer(self, row: Row) -> dict[str, Any]:
        source = row.source
        return {
            "object": "page",
            "id": row.id,
            "created_time": protocol.timestamp(row.created),
            "last_edited_time": protocol.timestamp(row.edited),
            "created_by": _user(PERSON),
            "last_edited_by": _user(row.editor),
            "cover": None,
            "icon": None,
            "parent": {"type": "data_source_id", "data_source_id": source.id, "database_id": source.database.id},
            "archived": row.trashed,
            "in_trash": row.trashed,
            "is_archived": False,
            "is_locked": False,
            "properties": {
                column.name: properties.as_answered(column, self._cell(row, column)) for column in source.columns
            },
            "url": f"https://www.notion.so/{uuid.UUID(row.id).hex}",
            "public_url": None,
        }

    def _cell(self, row: Row, column: Property) -> Any:
        times = {"created_time": row.created, "last_edited_time": row.edited}
        return protocol.timestamp(times[column.type]) if column.type in times else row.values[column.id]


def _user(user_id: str) -> dict[str, Any]:
    return {"object": "user", "id": user_id}


def _new_column(name: str, config: Any) -> Property:
    kinds = [key for key in config if key not in ("type", "name", "description")] if isinstance(config, dict) else []
    # What the reference said when 2025-09-03 came out; newer versions of the API can create a status property.
    if len(kinds) != 1 or kinds[0] not in _CREATABLE:
        raise protocol.malformed(f"initial_data_source.properties.{name}", "a property that can be created", config)
    kind, details, place = kinds[0], config[kinds[0]], f"initial_data_source.properties.{name}"
    if not isinstance(details, dict):
        raise protocol.malformed(f"{place}.{kind}", "an object", details)
    given = details.get("options", [])
    if not isinstance(given, list):
        raise protocol.malformed(f"{place}.{kind}.options", "an array", given)
    options = [_new_option(option, f"{place}.{kind}.options[{number}]") for number, option in enumerate(given)]
    known = {key: details[key] for key in ("prefix", "format", "expression") if details.get(key) is not None}
    return Property(name, kind, options, description=config.get("description"), **known)


def _new_option(given: Any, place: str) -> Option:
    if not isinstance(given, dict) or not isinstance(given.get("name"), str):
        raise protocol.malformed(f"{place}.name", "a string", given)
    color = protocol.check_color(f"{place}.color", given.get("color", "default"), protocol.OPTION_COLORS)
    return Option(given["name"], color, given.get("description"))
