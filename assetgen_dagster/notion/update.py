"""What is to be written to a row, and how the API wants it for the types of its columns: pure."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from assetgen_dagster.notion import values
from assetgen_dagster.notion.errors import BoardError
from assetgen_dagster.notion.schema import Column, Schema
from assetgen_dagster.notion.settings import NotionSettings

Json = dict[str, Any]


@dataclass(frozen=True)
class RunLink:
    """The last finished run.

    Attributes:
        run_id: Dagster's id.
        url: Its page in the UI, if there is one that a producer can open.
    """

    run_id: str
    url: str | None = None


@dataclass(frozen=True, kw_only=True)
class Update:
    """New values for a row; None leaves a cell as it is.

    Attributes:
        status: Name of an option.
        error_log: Of any length; empty clears it.
        cost_usd: In all.
        pictures: How many are there.
        run: The last finished run.
        clear_regenerate: Empties the order to regenerate.
        clear_redraw: Empties the order to redraw, its remark included.
    """

    status: str | None = None
    error_log: str | None = None
    cost_usd: float | None = None
    pictures: int | None = None
    run: RunLink | None = None
    clear_regenerate: bool = False
    clear_redraw: bool = False

    def needs(self, settings: NotionSettings) -> set[str]:
        """Returns what must be in order for it: roles of columns, and the setting that names the status."""
        roles = {
            "status": self.status is not None,
            "error_log": self.error_log is not None,
            "cost": self.cost_usd is not None,
            "pictures": self.pictures is not None,
            "run": self.run is not None,
            "regenerate": self.clear_regenerate,
            "redraw": self.clear_redraw,
            "redraw_remark": self.clear_redraw,
        }
        named = {setting for setting, name in settings.statuses().items() if name == self.status}
        return {role for role, written in roles.items() if written} | named

    def body(self, schema: Schema, *, links: bool = True) -> Json:
        """Returns the properties to send; columns that the database lacks are left out.

        Args:
            schema: The database's columns.
            links: Whether texts may carry links.

        Raises:
            BoardError: The status is none of the column's options.
        """
        wanted: dict[str, Callable[[Column], Json | None]] = {
            "status": self._status,
            "error_log": self._error_log,
            "cost": self._cost,
            "pictures": self._pictures,
            "run": self._run if links else self._run_without_link,
            "regenerate": _empty if self.clear_regenerate else _leave,
            "redraw": _empty if self.clear_redraw else _leave,
            "redraw_remark": _empty if self.clear_redraw else _leave,
        }
        found = {column.name: value(column) for role, value in wanted.items() if (column := schema.columns.get(role))}
        return {name: value for name, value in found.items() if value is not None}

    def _status(self, column: Column) -> Json | None:
        if self.status is None:
            return None
        if self.status not in column.options:
            raise BoardError(
                f"{self.status!r} is no option of {column.name!r}: {', '.join(column.options)}.", code="notion_option"
            )
        return values.choice(column.type, self.status)

    def _error_log(self, column: Column) -> Json | None:
        return None if self.error_log is None else {column.type: values.rich_text(self.error_log)}

    def _cost(self, column: Column) -> Json | None:
        if self.cost_usd is None or not math.isfinite(self.cost_usd):
            return None
        return {column.type: round(self.cost_usd, 6)}

    def _pictures(self, column: Column) -> Json | None:
        return None if self.pictures is None else {column.type: self.pictures}

    def _run(self, column: Column) -> Json | None:
        if self.run is None:
            return None
        if column.type == "url":
            return {"url": self.run.url or self.run.run_id}
        return {column.type: values.rich_text(self.run.run_id, link=self.run.url)}

    def _run_without_link(self, column: Column) -> Json | None:
        if self.run is None:
            return None
        return {"url": self.run.run_id} if column.type == "url" else {column.type: values.rich_text(self.run.run_id)}


def _empty(column: Column) -> Json | None:
    return values.cleared(column.type)


def _leave(_: Column) -> Json | None:
    return None
