"""The Notion emulator's properties: their types, how people and integrations write them, how they are answered.

A cell holds a text as a list of pieces, an option by its id, everything else plain.
"""

import itertools
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from assetgen_emulators.notion.protocol import (
    TEXT_ITEMS,
    TEXT_UNITS,
    check_styles,
    invalid,
    malformed,
    rich_text,
    too_long,
    units,
)

TEXTS = ("title", "rich_text")
CHOICES = ("select", "status")
PLAIN = ("number", "url", "email", "phone_number", "checkbox")
#: Types that only Notion itself fills.
COMPUTED = ("formula", "unique_id", "created_time", "last_edited_time")
TYPES = (*TEXTS, *CHOICES, "multi_select", *PLAIN, *COMPUTED)
_NAME_UNITS = 100

_ids = itertools.count(0x1A2B)


@dataclass(frozen=True)
class Piece:
    """One item of a rich text."""

    content: str
    link: str | None = None
    styles: Mapping[str, Any] = field(default_factory=dict)

    def answer(self) -> dict[str, Any]:
        """Returns it as the API answers it."""
        return rich_text(self.content, self.link, self.styles)


@dataclass
class Option:
    """A choice of a select, multi-select or status property."""

    name: str
    color: str = "default"
    description: str | None = None
    id: str = field(default_factory=lambda: str(uuid.uuid4()))


@dataclass
class Property:
    """A column.

    Attributes:
        name: As people see it.
        type: One of ``TYPES``.
        options: Choices, where the type has them.
        prefix: Of a unique id.
        format: Of a number.
        expression: Of a formula.
        description: As people wrote it.
        id: Stays when the name changes.
    """

    name: str
    type: str
    options: list[Option] = field(default_factory=list)
    prefix: str | None = None
    format: str = "number"
    expression: str = "…"
    description: str | None = None
    id: str = ""

    def __post_init__(self) -> None:
        # Notion's ids are short, and some need URL encoding; the title's is always the same.
        self.id = self.id or ("title" if self.type == "title" else f"%3A{next(_ids):04x}")

    def option(self, *, name: str | None = None, option_id: str | None = None) -> Option | None:
        """Returns the choice of that name or id; names are case-sensitive."""
        return next((option for option in self.options if option_id == option.id or name == option.name), None)

    def schema(self) -> dict[str, Any]:
        """Returns the property as ``data_sources.retrieve`` shows it."""
        options = [
            {"id": option.id, "name": option.name, "color": option.color, "description": option.description}
            for option in self.options
        ]
        details: dict[str, Any] = {}
        if self.type == "status":
            ids = [option.id for option in self.options]
            details = {"options": options, "groups": [_group("To-do", ids[:1]), _group("Complete", ids[1:])]}
        elif self.type in ("select", "multi_select"):
            details = {"options": options}
        elif self.type == "number":
            details = {"format": self.format}
        elif self.type == "unique_id":
            details = {"prefix": self.prefix}
        elif self.type == "formula":
            details = {"expression": self.expression}
        about = {"id": self.id, "name": self.name, "description": self.description}
        return about | {"type": self.type, self.type: details}


def empty(prop: Property) -> Any:
    """Returns the value of an empty cell."""
    if prop.type in (*TEXTS, "multi_select"):
        return []
    return False if prop.type == "checkbox" else None


def as_people_enter(prop: Property, value: Any) -> Any:
    """Returns a cell's value for what a person enters; a new choice is added, as in Notion's own window."""
    if value is None:
        return empty(prop)
    if prop.type in TEXTS:
        text = str(value)
        # Notion splits what people paste into pieces of any length: clients must join them.
        cut = len(text) // 2
        return [Piece(part) for part in (text[:cut], text[cut:]) if part]
    if prop.type in CHOICES:
        return _choose(prop, str(value))
    if prop.type == "multi_select":
        return [_choose(prop, str(name)) for name in ([value] if isinstance(value, str) else value)]
    return value


def as_people_see(prop: Property, value: Any) -> Any:
    """Returns a cell's value as a person sees it: text, number, or the name of the choice."""
    if prop.type in TEXTS:
        return "".join(piece.content for piece in value)
    if prop.type in CHOICES:
        option = prop.option(option_id=value) if value else None
        return option.name if option else None
    if prop.type == "multi_select":
        return [option.name for option in map(_by_id(prop), value) if option]
    if prop.type == "unique_id":
        return f"{prop.prefix}-{value}" if prop.prefix else str(value)
    return value


def as_answered(prop: Property, value: Any) -> dict[str, Any]:
    """Returns a cell's value as the API answers it."""
    content: Any = value
    if prop.type in TEXTS:
        content = [piece.answer() for piece in value]
    elif prop.type in CHOICES:
        content = _option_answer(prop.option(option_id=value) if value else None)
    elif prop.type == "multi_select":
        content = [_option_answer(option) for option in map(_by_id(prop), value) if option]
    elif prop.type == "unique_id":
        content = {"number": value, "prefix": prop.prefix}
    elif prop.type == "formula":
        kind = "string" if value is None or isinstance(value, str) else "number"
        kind = "boolean" if isinstance(value, bool) else kind
        content = {"type": kind, kind: value}
    return {"id": prop.id, "type": prop.type, prop.type: content}


def as_written(prop: Property, body: Any) -> Any:
    """Returns a cell's value for what a request writes; a select gets a choice that it does not have yet."""
    place = f"properties.{prop.name}"
    if not isinstance(body, dict):
        raise malformed(place, "an object", body)
    kinds = [key for key in body if key not in ("id", "type", "name")]
    if len(kinds) != 1 or kinds[0] not in TYPES:
        raise malformed(f"{place}.{prop.type}", "defined", None)
    if kinds[0] != prop.type:
        raise invalid(f"{prop.name} is expected to be {prop.type}.")
    if prop.type in COMPUTED:
        raise malformed(f"{place}.{prop.type}", "not present", body[prop.type])
    value = body[prop.type]
    if prop.type in TEXTS:
        return list(read_pieces(f"{place}.{prop.type}", value))
    if prop.type in CHOICES:
        return None if value is None else _written_choice(prop, value, place)
    if prop.type == "multi_select":
        if not isinstance(value, list) or len(value) > TEXT_ITEMS:
            raise malformed(f"{place}.multi_select", f"an array of at most {TEXT_ITEMS}", value)
        return [_written_choice(prop, item, place) for item in value]
    return _written_plain(prop, value, place)


def _written_plain(prop: Property, value: Any, place: str) -> Any:
    if prop.type == "number":
        fits = value is None or (isinstance(value, int | float) and not isinstance(value, bool))
    elif prop.type == "checkbox":
        fits = isinstance(value, bool)
    else:
        fits = value is None or (isinstance(value, str) and 0 < units(value) <= TEXT_UNITS)
    if not fits:
        raise malformed(f"{place}.{prop.type}", f"a valid {prop.type}", value)
    return value


def _written_choice(prop: Property, value: Any, place: str) -> str:
    if not isinstance(value, dict) or not ({"id", "name"} & value.keys()):
        raise malformed(f"{place}.{prop.type}.name", "defined", None)
    option = prop.option(name=value.get("name"), option_id=value.get("id"))
    if option:
        return option.id
    name = value.get("name")
    if prop.type == "status" or not isinstance(name, str):
        unknown = name or value.get("id")
        raise invalid(f'Invalid {prop.type} option. {prop.type.title()} option "{unknown}" does not exist.')
    if "," in name:
        raise invalid(f"Invalid select option, commas not allowed: {name}")
    if not 0 < units(name) <= _NAME_UNITS:
        raise too_long(f"{place}.{prop.type}.name.length", _NAME_UNITS, units(name))
    return _choose(prop, name)


def read_pieces(place: str, value: Any) -> Iterable[Piece]:
    """Yields the pieces of a text in a request."""
    if not isinstance(value, list):
        raise malformed(place, "an array", value)
    if len(value) > TEXT_ITEMS:
        raise too_long(f"{place}.length", TEXT_ITEMS, len(value))
    for number, item in enumerate(value):
        text = item.get("text") if isinstance(item, dict) else None
        if not isinstance(text, dict) or not isinstance(text.get("content"), str):
            raise malformed(f"{place}[{number}].text.content", "a string", text)
        if units(text["content"]) > TEXT_UNITS:
            raise too_long(f"{place}[{number}].text.content.length", TEXT_UNITS, units(text["content"]))
        styles = check_styles(f"{place}[{number}].annotations", item.get("annotations"))
        yield Piece(text["content"], _link(text.get("link"), f"{place}[{number}].text.link"), styles)


def _link(value: Any, place: str) -> str | None:
    if value is None:
        return None
    url = value.get("url") if isinstance(value, dict) else None
    if not isinstance(url, str):
        raise malformed(f"{place}.url", "a string", url)
    if units(url) > TEXT_UNITS:
        raise too_long(f"{place}.url.length", TEXT_UNITS, units(url))
    parts = urlsplit(url)
    if not (parts.scheme and parts.netloc) or any(character.isspace() for character in url):
        raise invalid("Content creation Failed. Fix the following: \nInvalid URL for link.")
    return url


def _choose(prop: Property, name: str) -> str:
    option = prop.option(name=name)
    if option is None:
        option = Option(name)
        prop.options.append(option)
    return option.id


def _by_id(prop: Property) -> Any:
    return lambda option_id: prop.option(option_id=option_id)


def _group(name: str, ids: list[str]) -> dict[str, Any]:
    return {"id": str(uuid.uuid4()), "name": name, "color": "default", "option_ids": ids}


def _option_answer(option: Option | None) -> dict[str, Any] | None:
    return {"id": option.id, "name": option.name, "color": option.color} if option else None
