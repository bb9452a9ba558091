"""What people do in Notion: create a database, fill in rows, rename a column, revoke the token.

In an emulator that runs as a process, ``control`` calls the same methods over HTTP, by name.
"""

import json
import uuid
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any
from urllib.request import Request, urlopen

from assetgen_emulators.core.server import Service
from assetgen_emulators.notion.content import PERSON
from assetgen_emulators.notion.faults import Fault, faults_from_json
from assetgen_emulators.notion.journal import Call
from assetgen_emulators.notion.properties import Option, Property, empty
from assetgen_emulators.notion.world import World

#: The integration's token; it looks like one, so that masking can be tested.
TOKEN = "ntn_standin0123456789abcdefghijklmnopqrstuv"  # noqa: S105 - of the emulator only

STATUSES = ("Draft", "Generating Assets", "Drawing", "Assets Ready", "Asset Error")
CHANNELS = ("poke1", "poke2")

#: Short names of the contract's columns, for keyword arguments.
NAMES = {
    "channel": "Channel",
    "topic": "Topic",
    "story_direction": "Story Direction",
    "status": "Status",
    "error_log": "Error Log",
    "project_id": "Project ID",
    "cost": "Cost (USD)",
    "pictures": "Pictures",
    "run": "Run",
    "regenerate": "Regenerate",
    "redraw": "Redraw",
    "redraw_remark": "Redraw Remark",
}
_USUAL = {
    "topic": "title",
    "channel": "select",
    "story_direction": "rich_text",
    "status": "status",
    "error_log": "rich_text",
    "project_id": "rich_text",
    "cost": "number",
    "pictures": "number",
    "run": "rich_text",
    "regenerate": "select",
    "redraw": "rich_text",
    "redraw_remark": "rich_text",
}


class Board(Service[Call, Fault]):
    """A workspace, and everything that can be done in it by hand.

    Args:
        port: 0 takes a free one.
        token: The integration's token.
    """

    def __init__(self, port: int, token: str) -> None:
        super().__init__(port, Call, faults_from_json)
        self.token = token
        self.world = World({token}, base_url=lambda: self.base_url)

    @property
    def _latest(self) -> str:
        return next(reversed(self.world.databases), "")

    # --- reading -------------------------------------------------------------------------------------------------

    def row(self, page_id: str) -> dict[str, Any]:
        """Returns a row in plain values, by the names of its properties; ``in_trash`` beside them."""
        return self.world.row(page_id)

    def rows(self) -> dict[str, dict[str, Any]]:
        """Returns all rows in plain values, by page id."""
        with self.world.lock:
            return {page_id: self.world.row(page_id) for page_id in self.world.rows}

    def options(self, name: str, database_id: str = "") -> list[str]:
        """Returns the choices of a property."""
        return [option.name for option in self._column(name, database_id).options]

    def data_sources(self, database_id: str = "") -> list[str]:
        """Returns the ids of a database's data sources."""
        return [source.id for source in self.world.databases[database_id or self._latest].sources]

    # --- interfering ----------------------------------------------------------------------------------------------

    def limit_requests(self, requests: int | None = 180, window_seconds: float = 60.0) -> None:
        """Answers 429 to requests beyond that many in any window; None lifts the limit."""
        super().limit_requests(requests, window_seconds)

    def set_result_limit(self, results: int) -> None:
        """Sets the most results of one query; Notion's is 10,000."""
        self.world.result_limit = results

    def revoke_token(self) -> None:
        """Makes the integration's token invalid."""
        self.world.tokens = frozenset()

    def accept_token(self, token: str = "") -> None:
        """Makes a token valid: the first one again, or another."""
        self.token = token or self.token
        self.world.tokens = frozenset({self.token})

    def unshare(self, database_id: str = "") -> None:
        """Takes a database away from the integration."""
        self.world.databases[database_id or self._latest].shared = False

    def share(self, database_id: str = "") -> None:
        """Shares a database with the integration."""
        self.world.databases[database_id or self._latest].shared = True

    def share_page(self, page_id: str) -> None:
        """Creates a page outside of databases, shared with the integration, unless it exists."""
        self.world.pages.add(str(uuid.UUID(page_id)))

    def unshare_page(self, page_id: str) -> None:
        """Takes such a page away from the integration."""
        self.world.pages.discard(str(uuid.UUID(page_id)))

    def trash_database(self, database_id: str = "") -> None:
        """Puts a database into the trash."""
        self.world.databases[database_id or self._latest].trashed = True

    # --- tables --------------------------------------------------------------------------------------------------

    def create_database(
        self,
        *,
        types: Mapping[str, str | None] | None = None,
        statuses: Sequence[str] = STATUSES,
        channels: Sequence[str] = CHANNELS,
        prefix: str | None = "VID",
        data_sources: int = 1,
    ) -> str:
        """Creates a database with the contract's columns, and returns its id.

        Args:
            types: Types by short name, where they differ from the usual ones (``{"status": "select", "run": None}``);
                None leaves the column out. Without a title among them, a column "Name" is added.
            statuses: Choices of the status column.
            channels: Choices of the channel column, if it has choices.
            prefix: Of a unique id.
            data_sources: How many tables it holds.
        """
        chosen = {key: kind for key, kind in (_USUAL | dict(types or {})).items() if kind}
        if list(chosen.values()).count("title") > 1:
            chosen["topic"] = "rich_text"
        choices = {"status": statuses, "channel": channels, "regenerate": ("All", "Missing or changed")}

        def columns() -> list[Property]:
            made = [
                Property(NAMES[key], kind, [Option(name) for name in choices.get(key, ())], prefix)
                for key, kind in chosen.items()
            ]
            return made if "title" in chosen.values() else [Property("Name", "title"), *made]

        names = ["Videos", *(f"Videos {number}" for number in range(2, data_sources + 1))]
        return self.world.new_database("Videos", {name: columns() for name in names}).id

    def rename_property(self, old: str, new: str, database_id: str = "") -> None:
        """Gives a column another name."""
        self._column(old, database_id).name = new
        self.calls.wake()

    def remove_property(self, name: str, database_id: str = "") -> None:
        """Deletes a column."""
        self.world.drop_column(database_id or self._latest, name)

    def add_property(self, name: str, type: str, database_id: str = "", options: Sequence[str] = ()) -> None:  # noqa: A002
        """Adds a column."""
        self.world.add_column(database_id or self._latest, Property(name, type, [Option(option) for option in options]))

    def change_type(self, name: str, type: str, database_id: str = "") -> None:  # noqa: A002
        """Gives a column another type and empties its cells."""
        options = self._column(name, database_id).options
        self.remove_property(name, database_id)
        self.add_property(name, type, database_id, [option.name for option in options])

    def remove_status_option(self, option: str, name: str = "Status", database_id: str = "") -> None:
        """Deletes a choice; cells that had it are empty."""
        with self.world.lock:
            column = self._column(name, database_id)
            gone = next(choice for choice in column.options if choice.name == option)
            column.options.remove(gone)
            for row in self.world.rows.values():
                if row.values.get(column.id) == gone.id:
                    row.values[column.id] = empty(column)

    def add_status_option(self, option: str, name: str = "Status", database_id: str = "") -> None:
        """Adds a choice."""
        self._column(name, database_id).options.append(Option(option))

    # --- rows ----------------------------------------------------------------------------------------------------

    def add_row(
        self,
        values: Mapping[str, Any] | None = None,
        *,
        database_id: str = "",
        created: str | datetime | None = None,
        **cells: Any,
    ) -> str:
        """Adds a row and returns its page id.

        Args:
            values: Plain values by the names of properties.
            database_id: By default, the latest database.
            created: When it was created, in ISO format; by default, now.
            cells: Plain values by short name, ``story_direction=...``.
        """
        named = {NAMES[key]: value for key, value in cells.items()} | dict(values or {})
        moment = datetime.fromisoformat(created) if isinstance(created, str) else created
        page_id = self.world.new_row(database_id or self._latest, named, moment)
        self.calls.wake()
        return page_id

    def set_status(self, page_id: str, status: str | None, edited: datetime | None = None) -> None:
        """Chooses a status."""
        self.set_value(page_id, "Status", status, edited)

    def set_value(self, page_id: str, name: str, value: Any, edited: datetime | None = None) -> None:
        """Changes one cell."""
        self.world.enter(page_id, name, value, edited=edited or datetime.now(UTC))
        self.calls.wake()

    def duplicate(self, page_id: str) -> str:
        """Copies a row, its project id included, and returns the copy's page id."""
        return self.world.duplicate(page_id)

    def archive(self, page_id: str) -> None:
        """Puts a row into the trash."""
        self.world.set_trashed(page_id, True)

    def restore(self, page_id: str) -> None:
        """Takes a row out of the trash."""
        self.world.set_trashed(page_id, False)

    def delete(self, page_id: str) -> None:
        """Deletes a row for good."""
        self.world.remove_row(page_id)

    # --- the content of a page ------------------------------------------------------------------------------------

    def blocks(self, page_id: str) -> list[dict[str, Any]]:
        """Returns the blocks on a page: ``id``, ``type``, ``text``, ``by`` (the author), and those ``in it``."""
        with self.world.lock:
            return self.world.content.shown(page_id)

    def write_note(self, parent: str, text: str, after: str | None = None) -> str:
        """Writes a paragraph onto a page or into a block by hand, and returns its id."""
        with self.world.lock:
            return self.world.content.blocks.write(parent, text, PERSON, after)

    def remove_block(self, block_id: str) -> None:
        """Deletes a block by hand."""
        with self.world.lock:
            self.world.content.blocks.remove(block_id)

    def allow(self, *, insert: bool = True, update: bool = True) -> None:
        """Ticks or unticks the integration's capabilities to insert and to update content."""
        self.world.content.can_insert, self.world.content.can_update = insert, update

    def use_up_blocks(self) -> None:
        """Refuses more blocks, as a workspace without a plan and with several members does after its 1,000."""
        self.world.content.used_up = True

    def limit_files(self, largest: int) -> None:
        """Sets the most bytes that an uploaded file may have, as a workspace's plan does."""
        self.world.content.uploads.largest = largest

    def control(self, name: str, raw: bytes) -> Any:
        """Carries out a request to ``/standin/<name>``."""
        if name != "do":
            return super().control(name, raw)
        order = json.loads(raw)
        return self.do(order["do"], order.get("with", {}))

    def do(self, name: str, arguments: dict[str, Any]) -> Any:
        """Calls one of the methods above by its name.

        Raises:
            KeyError: The name is unknown.
        """
        if name not in _BY_NAME:
            raise KeyError(name)
        return getattr(self, name)(**arguments)

    def _column(self, name: str, database_id: str) -> Property:
        return self.world.column(self.world.source(database_id or self._latest), name)


_BY_NAME = frozenset(name for name in vars(Board) if not name.startswith("_") and name not in ("do", "control"))


def control(base_url: str, name: str, **arguments: Any) -> Any:
    """Calls a method of an emulator that runs as another process: ``control(url, "set_status", page_id=..., ...)``."""
    order = json.dumps({"do": name, "with": arguments}).encode()
    request = Request(f"{base_url}/standin/do", order, {"Content-Type": "application/json"})  # noqa: S310 - this machine
    with urlopen(request, timeout=10) as answer:  # noqa: S310
        return json.loads(answer.read())
