"""Notion's API, versions 2025-09-03 and 2026-03-11: which requests there are, refusals, what all answers have.

No state, no sockets. Every function of this package that reads a request raises ``Refused`` for one that Notion would
not accept.
"""

import json
import re
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Protocol, TypeVar

#: The versions of the API that the emulator speaks, the older first.
VERSIONS = ("2025-09-03", "2026-03-11")

#: Notion's limits.
TEXT_UNITS = 2000
TEXT_ITEMS = 100
PAGE_SIZE = 100
BODY_BYTES = 500_000

#: What may be set in the styles of a text, and the colours of texts and blocks.
_STYLES = ("bold", "italic", "strikethrough", "underline", "code")
_HUES = ("gray", "brown", "orange", "yellow", "green", "blue", "purple", "pink", "red")
OPTION_COLORS = frozenset({"default", *_HUES})
COLORS = OPTION_COLORS | {f"{hue}_background" for hue in ("default", *_HUES)}

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
        version: The version of the API that it asks for.
    """

    endpoint: str
    object_id: str = ""
    query: str = ""
    version: str = VERSIONS[0]

    @property
    def is_newer(self) -> bool:
        """Whether it asks for version 2026-03-11: no ``archived``, and ``position`` in place of ``after``."""
        return self.version == VERSIONS[1]


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


def find_request(method: str, path: str, query: str = "", version: str = VERSIONS[0]) -> Request:
    """Returns which of the known requests this is."""
    for known, pattern, name in _ENDPOINTS:
        match = pattern.match(path)
        if known == method and match:
            given = match.groupdict().get("id")
            return Request(name, parse_id(given) if given else "", query, version)
    raise Refused(400, "invalid_request_url", "Invalid request URL.")


def parse_id(text: str) -> str:
    """Returns an id with dashes, however it was written."""
    if re.fullmatch(r"[0-9a-fA-F]{32}|[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}", text):
        return str(uuid.UUID(text))
    raise invalid(f'path failed validation: path.id should be a valid uuid, instead was `"{text[:80]}"`.')


def check_version(version: str | None) -> str:
    """Returns the version that a request names; refuses none, or another than the emulator speaks."""
    if version is None:
        raise Refused(
            400, "missing_version", "Notion-Version header failed validation: it should be defined, was undefined."
        )
    if version not in VERSIONS:
        spoken = " and ".join(VERSIONS)
        raise invalid(f"Notion-Version header failed validation: the emulator speaks {spoken}, not {version}.")
    return version


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


def in_version(answer: dict[str, Any], request: Request) -> dict[str, Any]:
    """Returns an answer in the version that was asked for; the newer one has no ``archived``."""
    if not request.is_newer:
        return answer
    kept = {name: value for name, value in answer.items() if name != "archived"}
    if kept.get("object") == "list":
        kept["results"] = [in_version(one, request) for one in kept["results"]]
    return kept


def check_color(place: str, color: Any, known: frozenset[str] = COLORS) -> str:
    """Returns a colour, refusing an unknown one."""
    if not isinstance(color, str) or color not in known:
        raise malformed(place, "a known color", color)
    return color


def check_styles(place: str, given: Any) -> dict[str, Any]:
    """Returns the styles of a text in a request."""
    if given is None:
        return {}
    if not isinstance(given, dict):
        raise malformed(place, "an object", given)
    for name, value in given.items():
        if name == "color":
            check_color(f"{place}.color", value)
        elif name not in _STYLES or not isinstance(value, bool):
            raise malformed(f"{place}.{name}", "a boolean" if name in _STYLES else "not present", value)
    return given


def rich_text(content: str, link: str | None = None, styles: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Returns one piece of a text as the API answers it."""
    return {
        "type": "text",
        "text": {"content": content, "link": {"url": link} if link else None},
        "annotations": dict.fromkeys(_STYLES, False) | {"color": "default"} | dict(styles or {}),
        "plain_text": content,
        "href": link,
    }


def units(text: str) -> int:
    """Returns a text's length as Notion counts it: in UTF-16 units, so an emoji is two."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2
