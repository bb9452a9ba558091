"""Creates a database with the columns and statuses that the settings name."""

import re
from dataclasses import dataclass
from typing import Any

from notion_client import Client

from assetgen_dagster.errors import Code
from assetgen_dagster.notion.call_failures import FailureKind, classify
from assetgen_dagster.notion.calls import Caller, Clock, Deadline, Json, RequestLimit, checked_answer
from assetgen_dagster.notion.columns import COLUMNS, STATUS
from assetgen_dagster.notion.errors import BoardError
from assetgen_dagster.notion.settings import NotionSettings
from assetgen_dagster.notion.table import find_id

TITLE = "Videos"

#: The first status of a new row; it starts nothing.
_DRAFT = "Draft"

_ACTION = "create the database"


@dataclass(frozen=True)
class Created:
    """A new database.

    Attributes:
        database_id: For ``NOTION_DATABASE_ID``.
        title: As people see it.
        url: Its page.
    """

    database_id: str
    title: str
    url: str


def create_database(
    settings: NotionSettings,
    *,
    parent: str,
    title: str = TITLE,
    deadline_seconds: float = 30.0,
    clock: Clock | None = None,
    limit: RequestLimit | None = None,
) -> Created:
    """Makes a database and returns it.

    Args:
        settings: Token, endpoint, names; its database is ignored.
        parent: The page to create it in: an id, or a link.
        title: Its title.
        deadline_seconds: Time limit.
        clock: For waits and deadlines.
        limit: Rate limit; shared within the process by default.

    Raises:
        BoardError: It was not created, or Notion did not confirm it.
    """
    page_id = parse_page_id(parent)
    caller = Caller(settings, clock=clock, limit=limit)

    def send(client: Client) -> Any:
        try:
            answer = client.databases.create(
                parent={"type": "page_id", "page_id": page_id},
                title=[{"type": "text", "text": {"content": title}}],
                initial_data_source={"properties": properties(settings)},
            )
            return checked_answer(answer, "database")
        except Exception as error:
            failure = classify(error, now=caller.clock.time())
            # A second request could create a second database: retried only if the first cannot have been saved.
            if failure is not None and failure.maybe_saved:
                raise BoardError(
                    f"Notion did not confirm that it created the database ({failure.cause}). Look at the page: if it "
                    "is there, set NOTION_DATABASE_ID to the 32 characters in its link, before '?v='; if not, run this "
                    "again.",
                    code=Code.NOTION_UNSURE,
                    failure=failure,
                ) from None
            raise

    try:
        deadline = Deadline.within(deadline_seconds, caller.clock)
        made = caller.call(send, action=_ACTION, expect="database", deadline=deadline)
    except BoardError as error:
        raise _for_a_page(error, page_id) from None
    finally:
        caller.close()
    return Created(made["id"], title, made.get("url", ""))


def properties(settings: NotionSettings) -> Json:
    """Returns the columns as ``databases.create`` takes them, without disabled ones."""
    statuses = dict.fromkeys([_DRAFT, *settings.status_trigger[:1], *settings.statuses().values()])
    created = {column: column.created for column in COLUMNS} | {
        STATUS: {"select": {"options": [{"name": name} for name in statuses]}}
    }
    return {name: created[column] for column in COLUMNS if (name := settings.name_of(column))}


def parse_page_id(given: str) -> str:
    """Returns the id in a text that is an id or a link.

    Raises:
        BoardError: It holds none.
    """
    # The link of a page opened beside its table holds the page's id in the query string.
    peeked = re.search(r"[?&]p=([^&#]+)", given)
    found = find_id(peeked[1]) if peeked else find_id(given)
    if found is None:
        raise BoardError(
            "--parent holds no page id: give the page's link (Share, Copy link), or the 32 characters at its end.",
            code=Code.COMMAND_LINE,
        )
    return found


def _for_a_page(error: BoardError, page_id: str) -> BoardError:
    """Rewords an error about rows and databases for a page."""
    if error.failure is None:
        return error
    cause = error.failure.cause.rstrip(". ")
    match error.kind:
        case FailureKind.MISSING:
            text = (
                f"Notion shows the integration no page {page_id}. Open the page in Notion, click ••• at the top right, "
                "then Connections, and choose the integration; or give another page."
            )
        case FailureKind.FORBIDDEN:
            text = (
                f"Notion does not allow the integration to {_ACTION} ({cause}). At notion.so/profile/integrations, in "
                "the integration's Capabilities, tick Read, Update and Insert content."
            )
        case FailureKind.FULL:
            text = f"Notion could not {_ACTION}: the workspace has used its 1,000 free blocks ({cause}). Upgrade it."
        case _:
            return error
    return BoardError(text, code=error.code, failure=error.failure)
