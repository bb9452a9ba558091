"""Notion's API, version 2025-09-03: which requests there are, how it refuses them, what all answers have.

No state, no sockets. Every function of this package that reads a request raises ``Refused`` for one that Notion would
not accept.
"""

import json
import re
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Protocol, TypeVar

#: The only version of the API that the emulator speaks; notion-client 3.1.0 sends it.
VERSION = "2025-09-03"

#: Notion's limits.
TEXT_UNITS = 2000
TEXT_ITEMS = 100
PAGE_SIZE = 100
BODY_BYTES = 500_000

_NOT_SHARED = "Make sure the relevant pages and databases are shared with your integration."

_ENDPOINTS = tuple(
    (method, re.compile(rf"/v1/{path}\Z"), name)
    for method, path, name in (
        ("GET", "users/me", "users.me"),
        ("POST", "databases", "databases.create"),
        ("GET", "databases/(?P<id>[^/]+)", "databases.retrieve"),
        ("GET", "data_sources/(?P<id>[^/]+)", "data_sources.retrieve"),
        ("POST", "data_sources/(?P<id>[^/]+)/query", "data_sources.query"),
        ("GET", "pages/(?P<id>[^/]+)", "pages.retrieve"),
        ("PATCH", "pages/(?P<id>[^/]+)", "pages.update"),
        ("GET", "blocks/(?P<id>[^/]+)/children", "blocks.children.list"),
        ("PATCH", "blocks/(?P<id>[^/]+)/children", "blocks.children.append"),
        ("DELETE", "blocks/(?P<id>[^/]+)", "blocks.delete"),
        ("POST", "file_uploads", "file_uploads.create"),
        ("GET", "file_uploads/(?P<id>[^/]+)", "file_uploads.retrieve"),
        ("POST", "file_uploads/(?P<id>[^/]+)/send", "file_uploads.send"),
    )
)


class Refused(Exception):  # noqa: N818 - an answer, not a fault
    """Raised for a request that is answered with an error.

    Args:
        status: HTTP status.
        code: Notion's own name for the error.
        message: Its text.
        additional_data: As it stands in the body.
    """

    def __init__(self, status: int, code: str, message: str, additional_data: dict[str, Any] | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.body = error_body(status, code, message, additional_data)


class _Item(Protocol):
    id: str


I = TypeVar("I", bound=_Item)  # noqa: E741


@dataclass(frozen=True)
class Request:
    """A request by its name.

    Attributes:
        endpoint: As the client library calls it, ``pages.update``.
        object_id: The id in its path, as a UUID with dashes; empty where there is none.
        query: The query string.
    """

    endpoint: str
    object_id: str = ""
    query: str = ""


def error_body(status: int, code: str, message: str, additional_data: dict[str, Any] | None = None) -> dict[str, Any]:
    """Returns Notion's JSON for an error."""
    body = {"object": "error", "status": status, "code": code, "message": message, "request_id": str(uuid.uuid4())}
    return body | ({"additional_data": additional_data} if additional_data else {})


def invalid(message: str) -> Refused:
    """Returns the refusal of a request that does not fit the schema."""
    return Refused(400, "validation_error", message)


def malformed(place: str, expected: str, value: Any) -> Refused:
    """Returns the refusal of one field, worded as Notion words all of these."""
    shown = "undefined" if value is None else json.dumps(value, ensure_ascii=False)[:80]
    return invalid(f"body failed validation: body.{place} should be {expected}, instead was `{shown}`.")


def archived() -> Refused:
    """Returns the refusal to change what is in the trash."""
    return invalid("Can't edit block that is archived. You must unarchive the block before editing.")


def too_long(place: str, limit: int, length: int) -> Refused:
    """Returns the refusal of a text or list that is too long."""
    return invalid(f"body failed validation: body.{place} should be ≤ `{limit}`, instead was `{length}`.")


def used_up() -> Refused:
    """Returns the refusal of a Free workspace of several members that has used its 1,000 blocks."""
    message = "This workspace has used all of its free blocks. Upgrade its plan in Notion to create more content."
    return Refused(403, "restricted_resource", message, {"block_limit": "block_creation"})


def not_found(kind: str, object_id: str) -> Refused:
    """Returns the refusal for an object that does not exist or that the integration may not see."""
    return Refused(404, "object_not_found", f"Could not find {kind} with ID: {object_id}. {_NOT_SHARED}")


def find_request(method: str, path: str, query: str = "") -> Request:
    """Returns which of the known requests this is."""
    for known, pattern, name in _ENDPOINTS:
        match = pattern.match(path)
        if known == method and match:
            given = match.groupdict().get("id")
            return Request(name, parse_id(given) if given else "", query)
    raise Refused(400, "invalid_request_url", "Invalid request URL.")


def parse_id(text: str) -> str:
    """Returns an id with dashes, however it was written."""
    if re.fullmatch(r"[0-9a-fA-F]{32}|[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}", text):
        return str(uuid.UUID(text))
    raise invalid(f'path failed validation: path.id should be a valid uuid, instead was `"{text[:80]}"`.')


def check_version(version: str | None) -> None:
    """Refuses a request that names no version, or another than the emulator speaks."""
    if version is None:
        raise Refused(
            400, "missing_version", "Notion-Version header failed validation: it should be defined, was undefined."
        )
    if version != VERSION:
        raise invalid(f"Notion-Version header failed validation: the emulator speaks {VERSION}, not {version}.")


def check_token(authorization: str | None, tokens: frozenset[str]) -> None:
    """Refuses a request without a valid token."""
    kind, _, token = (authorization or "").partition(" ")
    if kind != "Bearer" or token not in tokens:
        raise Refused(401, "unauthorized", "API token is invalid.")


def check_fields(body: Any, allowed: set[str]) -> dict[str, Any]:
    """Returns the body of a request, refusing one that is no object or holds unknown fields."""
    if not isinstance(body, dict):
        raise invalid("body failed validation: body should be an object.")
    for name in body:
        if name not in allowed:
            raise malformed(name, "not present", body[name])
    return body


def read_page(items: Sequence[I], start: Any, size: int) -> tuple[Sequence[I], str | None]:
    """Returns the page of a list that begins at a cursor (an item's id), and the next page's cursor."""
    ids = [item.id for item in items]
    if start is not None and start not in ids:
        raise invalid(f"The start_cursor provided is invalid: {start}")
    end = (ids.index(start) if start is not None else 0) + size
    return items[end - size : end], ids[end] if len(ids) > end else None


def list_answer(results: list[dict[str, Any]], kind: str, cursor: str | None = None) -> dict[str, Any]:
    """Returns a page of a list as the API answers it."""
    more = {"next_cursor": cursor, "has_more": cursor is not None}
    return {"object": "list", "results": results, **more, "type": kind, kind: {}}


def timestamp(moment: datetime) -> str:
    """Returns a time as the API answers it: to the minute only, whatever it sorts by."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:00.000Z")


def rich_text(content: str, link: str | None = None) -> dict[str, Any]:
    """Returns one piece of a text as the API answers it."""
    styles = dict.fromkeys(("bold", "italic", "strikethrough", "underline", "code"), False)
    return {
        "type": "text",
        "text": {"content": content, "link": {"url": link} if link else None},
        "annotations": styles | {"color": "default"},
        "plain_text": content,
        "href": link,
    }


def units(text: str) -> int:
    """Returns a text's length as Notion counts it: in UTF-16 units, so an emoji is two."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2
