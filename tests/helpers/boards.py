"""A board over the emulator, with a clock that does not make anybody wait."""

import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from pydantic import SecretStr

from assetgen_dagster.notion.board import TaskBoard
from assetgen_dagster.notion.calls import RequestLimit
from assetgen_dagster.notion.columns import COLUMNS
from assetgen_dagster.notion.settings import NotionSettings, settings_of_database
from assetgen_dagster.settings import Settings
from assetgen_emulators.notion import NotionEmulator


class FastClock:
    """Real time, and on top of it all the time that somebody would have slept."""

    def __init__(self, on_sleep: Callable[[], Any] = lambda: None) -> None:
        self.slept: list[float] = []
        self._on_sleep = on_sleep

    def monotonic(self) -> float:
        return time.monotonic() + sum(self.slept)

    def time(self) -> float:
        return time.time() + sum(self.slept)

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self._on_sleep()


def settings_for(notion: NotionEmulator, database_id: str = "", **changes: Any) -> NotionSettings:
    """Returns settings for a database of the emulator, the latest unless given.

    ``changes`` are fields of ``NotionSettings``, or names of properties by role (``cost="Price"``).
    """
    if not database_id:
        database_id = list(notion.world.databases)[-1]
    given: dict[str, Any] = {"token": SecretStr(notion.token), "database_id": database_id, "base_url": notion.base_url}
    return board_settings(**given | changes)


def board_settings(token: SecretStr, database_id: str, base_url: str | None = None, **changes: Any) -> NotionSettings:
    """Returns the settings of a board, made as the product makes them."""
    settings = settings_of_database(Settings(notion_token=token, notion_base_url=base_url), database_id)
    assert settings
    names = {column: changes.pop(column.role) for column in COLUMNS if column.role in changes}
    return replace(settings, properties={**settings.properties, **names}, **changes)


def board_for(
    notion: NotionEmulator,
    database_id: str = "",
    *,
    clock: FastClock | None = None,
    limit: RequestLimit | None = None,
    **changes: Any,
) -> TaskBoard:
    """Returns a board that has its pace to itself."""
    options = {name: changes.pop(name) for name in ("request_seconds", "deadline_seconds") if name in changes}
    return TaskBoard(
        settings_for(notion, database_id, **changes),
        clock=clock or FastClock(),
        limit=limit or RequestLimit(100_000),
        **options,
    )


def set_board_default(monkeypatch: pytest.MonkeyPatch, name: str, value: Any) -> None:
    """Sets the default of a parameter of the boards that the product makes itself."""
    defaults = TaskBoard.__init__.__kwdefaults__
    assert defaults is not None
    monkeypatch.setitem(defaults, name, value)


def endpoints(notion: NotionEmulator) -> list[str]:
    return [call.endpoint for call in notion.journal()]
