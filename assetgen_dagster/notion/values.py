"""Property values in the API's form: reads every type a producer may have chosen, writes within the API's limits."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from assetgen_dagster.support.text import is_web_address

Json = dict[str, Any]

#: Notion's limits for one item of a rich text (counted in UTF-16 units, so an emoji is two) and for their number.
UNITS_PER_ITEM = 2000
ITEMS_PER_TEXT = 100

#: A request may have 500 KB; the share of a text, as UTF-8.
_BYTES_PER_TEXT = 400_000
_CUT = "\n… (the rest is in the run's log)"

#: Types that can be read as text; rollups, relations and people are no names that anybody types in.
READABLE = frozenset(
    {
        "title",
        "rich_text",
        "select",
        "status",
        "multi_select",
        "number",
        "unique_id",
        "formula",
        "url",
        "email",
        "phone_number",
        "checkbox",
    }
)

# Notion refuses or mangles these in a text; line feed and tab stay.
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")


def plain_text(value: Mapping[str, Any]) -> str:
    """Returns a cell's text as Notion shows it; empty if nothing was entered.

    Args:
        value: A property value as a page holds it.
    """
    kind = str(value.get("type", ""))
    content = value.get(kind)
    match kind:
        case "title" | "rich_text":
            return _joined(content)
        case "select" | "status":
            return _name(content)
        case "multi_select":
            return ", ".join(_name(option) for option in content or ())
        case "unique_id":
            number, prefix = (content or {}).get("number"), (content or {}).get("prefix")
            return "" if number is None else f"{prefix}-{number}" if prefix else str(number)
        case "formula":
            inner = content or {}
            return _scalar(inner.get(str(inner.get("type", ""))))
    return _scalar(content) if kind in READABLE else ""


def rich_text(text: str, *, link: str | None = None) -> list[Json]:
    """Returns a text as Notion takes it, cut into items within its limits.

    Args:
        text: A text that exceeds the limits is cut, with a note at its end.
        link: Its link; ignored if Notion would not accept it.
    """
    target = {"link": {"url": link}} if link and is_web_address(link) and _units(link) <= UNITS_PER_ITEM else {}
    return [{"type": "text", "text": {"content": piece} | target} for piece in chunks(text)]


def chunks(text: str) -> list[str]:
    """Cuts a text into pieces of Notion's maximum length, without splitting a character."""
    # A lone surrogate cannot be sent at all.
    text = _CONTROL.sub("", text.replace("\r\n", "\n")).encode("utf-8", "replace").decode()
    if _units(text) > UNITS_PER_ITEM * ITEMS_PER_TEXT or len(text.encode()) > _BYTES_PER_TEXT:
        kept = text.encode()[: _BYTES_PER_TEXT - len(_CUT.encode())].decode("utf-8", "ignore")
        room = UNITS_PER_ITEM * (ITEMS_PER_TEXT - 1) - _units(_CUT)
        text = next(_pieces(kept, room), "") + _CUT
    return list(_pieces(text, UNITS_PER_ITEM))


def choice(kind: str, name: str) -> Json:
    """Returns the value that chooses an option."""
    return {kind: {"name": name}}


def cleared(kind: str) -> Json:
    """Returns the value that empties a cell."""
    return {kind: [] if kind in ("title", "rich_text", "multi_select") else False if kind == "checkbox" else None}


def same(written: Mapping[str, Any], answered: Mapping[str, Any]) -> bool:
    """Returns whether a page's value is what was written to it."""
    ((kind, content),) = written.items()
    there = answered.get(kind)
    if kind in ("title", "rich_text"):
        return _joined(content) == _joined(there)
    if kind in ("select", "status"):
        return _name(content) == _name(there)
    if kind == "multi_select":
        return [_name(option) for option in content] == [_name(option) for option in there or ()]
    return bool(content == there)


def _pieces(text: str, limit: int) -> Iterator[str]:
    start, used = 0, 0
    for place, character in enumerate(text):
        width = 2 if ord(character) > 0xFFFF else 1
        if used + width > limit:
            yield text[start:place]
            start, used = place, 0
        used += width
    if start < len(text):
        yield text[start:]


def _units(text: str) -> int:
    return len(text) + sum(character > "\uffff" for character in text)


def _joined(items: Any) -> str:
    return "".join(item.get("plain_text") or (item.get("text") or {}).get("content") or "" for item in items or ())


def _name(option: Any) -> str:
    return str(option["name"]) if isinstance(option, Mapping) and option.get("name") else ""


def _scalar(content: Any) -> str:
    if content is None:
        return ""
    if isinstance(content, bool):
        return "Yes" if content else ""
    if isinstance(content, float) and content.is_integer():
        return str(int(content))
    return str(content) if isinstance(content, str | int | float) else ""
