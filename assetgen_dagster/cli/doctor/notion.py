"""Checks the board in Notion: token, database, and each column and status in use."""

import queue
import threading
from collections.abc import Iterable

from assetgen_dagster.cli.doctor.finding import Finding, broken
from assetgen_dagster.errors import AssetgenError
from assetgen_dagster.notion.board import TaskBoard
from assetgen_dagster.notion.columns import COLUMNS, STATUS
from assetgen_dagster.notion.errors import BoardUnavailableError
from assetgen_dagster.notion.schema import Schema
from assetgen_dagster.notion.settings import NotionSettings, notion_settings
from assetgen_dagster.settings import Settings

_NAME = "Notion"


def examine_notion(settings: Settings, *, seconds: float) -> list[Finding]:
    """Checks the board within its time limit, even if a name server or a slow answer hangs.

    Args:
        settings: The settings in force.
        seconds: Time limit.
    """
    notion = notion_settings(settings)
    if notion is None:
        return [_half_set_up(settings)]
    found: queue.SimpleQueue[list[Finding]] = queue.SimpleQueue()
    threading.Thread(target=lambda: found.put(_board(notion, seconds=seconds * 0.9)), daemon=True).start()
    try:
        return found.get(timeout=seconds)
    except queue.Empty:
        cause = f"No answer within {seconds:g} s."
        return [Finding(_NAME, False, cause, "Check network, name server and proxy, then run this again.")]


def _board(notion: NotionSettings, *, seconds: float) -> list[Finding]:
    try:
        with TaskBoard(notion, deadline_seconds=seconds) as board:
            schema = board.schema()
    except BoardUnavailableError as error:
        remedy = "Check network and proxy (NOTION_BASE_URL), then run this again."
        return [Finding(_NAME, False, error.what, remedy, error.code)]
    except AssetgenError as error:
        return [broken(_NAME, error)]
    shared = Finding(_NAME, True, "The token is valid, and the database is shared with the integration.")
    return [shared, *_columns(schema, notion), *_statuses(schema, notion)]


def _half_set_up(settings: Settings) -> Finding:
    if settings.notion_token is not None:
        return Finding(
            _NAME,
            False,
            "NOTION_TOKEN is set, NOTION_DATABASE_ID is not.",
            "Set it to the 32 characters in the database's link, before '?v='; or create a database: assetgen "
            "init-notion --parent PAGE.",
        )
    if settings.notion_database_id is not None:
        return Finding(
            _NAME,
            False,
            "NOTION_DATABASE_ID is set, NOTION_TOKEN is not.",
            "Set it to the integration's secret (notion.so/profile/integrations, choose the integration, Internal "
            "Integration Secret).",
        )
    return Finding(_NAME, True, "Not set up, which is fine: NOTION_TOKEN and NOTION_DATABASE_ID are not set.")


def _columns(schema: Schema, notion: NotionSettings) -> Iterable[Finding]:
    for column in COLUMNS:
        if not notion.name_of(column):
            yield Finding(f"Notion property {column.setting}", True, "is disabled.")
            continue
        name = f"Notion property {notion.name_of(column)!r}"
        found = schema.properties.get(column)
        if fault := schema.faults.get(column.setting):
            yield broken(f"Notion property {column.setting}", fault)
        elif found is not None:
            yield Finding(name, True, f"exists, of type {found.type}.")
        else:
            kinds = " or ".join(sorted(column.types)) if len(column.types) < 5 else "text"
            yield Finding(name, True, f"does not exist; it is optional. To use it, add it, of type {kinds}.")


def _statuses(schema: Schema, notion: NotionSettings) -> Iterable[Finding]:
    if not schema.properties.get(STATUS):
        return
    for setting, name in {"NOTION_STATUS_TRIGGER": " or ".join(schema.triggers), **notion.statuses()}.items():
        if fault := schema.faults.get(setting):
            yield broken(f"Notion status {setting}", fault)
        else:
            yield Finding(f"Notion status {setting}", True, f"{name} exists.")
