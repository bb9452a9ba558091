"""The Notion emulator's blocks: what is on a page, as people and integrations put it there; not thread-safe.

Only the kinds that a review sheet or a producer's note needs.
"""

import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from assetgen_emulators.notion import protocol
from assetgen_emulators.notion.properties import read_pieces
from assetgen_emulators.notion.uploads import Uploads

#: The most children that one request may append to one block, and how deep they may be nested.
CHILDREN = 100
_NESTING = 2

#: The fields of each kind beside ``rich_text``; those that have a text are all but table, table_row, image, divider.
_FIELDS: Mapping[str, frozenset[str]] = {
    "paragraph": frozenset({"rich_text", "color", "children"}),
    "heading_2": frozenset({"rich_text", "color", "is_toggleable", "children"}),
    "callout": frozenset({"rich_text", "icon", "color", "children"}),
    "image": frozenset({"type", "file_upload", "external", "caption"}),
    "table": frozenset({"table_width", "has_column_header", "has_row_header", "children"}),
    "table_row": frozenset({"cells"}),
    "divider": frozenset(),
}
#: What answers have where a request gave nothing.
_UNSET: Mapping[str, dict[str, Any]] = {
    "paragraph": {"color": "default", "icon": None},
    "heading_2": {"color": "default", "is_toggleable": False},
    "callout": {"color": "default", "icon": None},
    "table": {"has_column_header": False, "has_row_header": False},
}
_PARENTS = frozenset({"paragraph", "callout", "table", "heading_2"})


@dataclass
class Block:
    """One block.

    Attributes:
        kind: Its type.
        content: What an answer has under its type.
        parent: The page or block that it is in.
        author: Id of the user who made it.
        made: When.
        children: Those in it, in order.
        trashed: Whether it was deleted, and its children with it.
        id: Its id.
    """

    kind: str
    content: dict[str, Any]
    parent: str
    author: str
    made: datetime = field(default_factory=lambda: datetime.now(UTC))
    children: list[str] = field(default_factory=list)
    trashed: bool = False
    id: str = field(default_factory=lambda: str(uuid.uuid4()))

    def plain(self) -> str:
        """Returns its text, or its cells."""
        if self.kind == "table_row":
            return " | ".join("".join(item["plain_text"] for item in cell) for cell in self.content["cells"])
        return "".join(item["plain_text"] for item in self.content.get("rich_text", []))


class Blocks:
    """All blocks of the workspace.

    Args:
        uploads: The files that images may show.
        bot: The integration's user.
        is_page: Tells whether an id is a page's.
    """

    def __init__(self, uploads: Uploads, bot: str, is_page: Callable[[str], bool]) -> None:
        self._uploads = uploads
        self._bot = bot
        self._is_page = is_page
        self._blocks: dict[str, Block] = {}
        self._on_pages: dict[str, list[str]] = {}

    # --- what people do ------------------------------------------------------------------------------------------

    def write(self, parent: str, text: str, author: str, after: str | None = None) -> str:
        """Adds a paragraph by hand, at the end or after another block, and returns its id."""
        content = _UNSET["paragraph"] | {"rich_text": [protocol.rich_text(text)]}
        block = Block("paragraph", content, parent, author)
        self._put([block], parent, after)
        return block.id

    def copy(self, source: str, target: str, author: str) -> None:
        """Copies the content of a page or block into another, as duplicating a page does."""
        for block in self.of(source):
            copied = Block(block.kind, dict(block.content), target, author)
            self._put([copied], target, None)
            self.copy(block.id, copied.id, author)

    def of(self, parent: str) -> list[Block]:
        """Returns the content of a page or block, without what is in the trash."""
        ids = self._blocks[parent].children if parent in self._blocks else self._on_pages.get(parent, [])
        return [self._blocks[one] for one in ids if not self._blocks[one].trashed]

    def remove(self, block_id: str) -> None:
        """Deletes a block by hand."""
        self._blocks[block_id].trashed = True

    # --- what integrations do ------------------------------------------------------------------------------------

    def children(self, parent: str, query: Mapping[str, str]) -> dict[str, Any]:
        """Answers ``blocks.children.list``."""
        if not self._is_page(parent):
            self._get(parent)
        size = query.get("page_size", "100")
        if not size.isdecimal() or not 0 < int(size) <= protocol.PAGE_SIZE:
            raise protocol.invalid(f"query failed validation: query.page_size should be ≤ `100`, instead was `{size}`.")
        page, cursor = protocol.read_page(self.of(parent), query.get("start_cursor"), int(size))
        return protocol.list_answer([self.answer(block) for block in page], "block", cursor)

    def append(self, parent: str, body: Any, *, by_position: bool) -> dict[str, Any]:
        """Answers ``blocks.children.append``; nothing is added unless all is right.

        Args:
            parent: A page or block.
            body: The request.
            by_position: Whether the place is given by ``position``, as in version 2026-03-11; else by ``after``.
        """
        body = protocol.check_fields(body, {"children", "position" if by_position else "after"})
        if not self._is_page(parent) and self._get(parent).kind not in _PARENTS:
            raise protocol.invalid(f"Block {parent} does not support children.")
        start, after = _read_position(body["position"]) if "position" in body else (False, body.get("after"))
        if after is not None and after not in {block.id for block in self.of(parent)}:
            raise protocol.not_found("block", str(after))
        made = self._make(body.get("children"), parent, "children", depth=0)
        self._put(made, parent, after, at_start=start)
        return protocol.list_answer([self.answer(block) for block in made], "block")

    def delete(self, block_id: str) -> dict[str, Any]:
        """Answers ``blocks.delete``."""
        block = self._get(block_id)
        block.trashed = True
        return self.answer(block)

    def answer(self, block: Block) -> dict[str, Any]:
        """Returns a block as the API answers it."""
        user = {"object": "user", "id": block.author}
        kind = "page_id" if self._is_page(block.parent) else "block_id"
        moment = protocol.timestamp(block.made)
        return {
            "object": "block",
            "id": block.id,
            "parent": {"type": kind, kind: block.parent},
            "created_time": moment,
            "last_edited_time": moment,
            "created_by": user,
            "last_edited_by": user,
            "has_children": bool(self.of(block.id)),
            "archived": block.trashed,
            "in_trash": block.trashed,
            "type": block.kind,
            block.kind: self._shown(block),
        }

    def _shown(self, block: Block) -> dict[str, Any]:
        if block.kind != "image":
            return block.content
        file = block.content["file"] | {"expiry_time": self._uploads.link_expiry()}
        return block.content | {"file": file}

    def _get(self, block_id: str) -> Block:
        block = self._blocks.get(block_id)
        if block is None:
            raise protocol.not_found("block", block_id)
        up: Block | None = block
        while up is not None:
            if up.trashed:
                raise protocol.archived()
            up = self._blocks.get(up.parent)
        return block

    def _put(self, blocks: list[Block], parent: str, after: str | None, *, at_start: bool = False) -> None:
        ids = self._blocks[parent].children if parent in self._blocks else self._on_pages.setdefault(parent, [])
        place = ids.index(after) + 1 if after else 0 if at_start else len(ids)
        ids[place:place] = [block.id for block in blocks]
        self._blocks.update((block.id, block) for block in blocks)

    def _make(self, children: Any, parent: str, place: str, *, depth: int) -> list[Block]:
        """Returns the blocks that a request describes, not yet in the workspace; their children are."""
        if not isinstance(children, list):
            raise protocol.malformed(place, "an array", children)
        if not 0 < len(children) <= CHILDREN:
            if children:
                raise protocol.too_long(f"{place}.length", CHILDREN, len(children))
            raise protocol.invalid(f"body failed validation: body.{place}.length should be ≥ `1`, instead was `0`.")
        if depth > _NESTING:
            raise protocol.malformed(f"{place}", "not present", children)
        return [self._one(child, parent, f"{place}[{number}]", depth) for number, child in enumerate(children)]

    def _one(self, child: Any, parent: str, place: str, depth: int) -> Block:
        kinds = [key for key in child if key not in ("object", "type")] if isinstance(child, dict) else []
        if len(kinds) != 1 or kinds[0] not in _FIELDS or not isinstance(child[kinds[0]], dict):
            raise protocol.malformed(place, "a block of a kind that the emulator knows", child)
        [kind] = kinds
        given = dict(child[kind])
        for name in given.keys() - _FIELDS[kind]:
            raise protocol.malformed(f"{place}.{kind}.{name}", "not present", given[name])
        below = given.pop("children", None)
        block = Block(kind, self._content(kind, given, f"{place}.{kind}"), parent, self._bot)
        if kind == "table":
            self._check_rows(given["table_width"], below, f"{place}.table")
        if below is not None:
            made = self._make(below, block.id, f"{place}.{kind}.children", depth=depth + 1)
            self._blocks[block.id] = block
            self._put(made, block.id, None)
        return block

    def _content(self, kind: str, given: dict[str, Any], place: str) -> dict[str, Any]:
        if kind == "image":
            return self._image(given, place)
        if kind == "table_row":
            if not isinstance(given.get("cells"), list) or not given["cells"]:
                raise protocol.malformed(f"{place}.cells", "an array", given.get("cells"))
            cells = [_texts(cell, f"{place}.cells[{number}]") for number, cell in enumerate(given["cells"])]
            return {"cells": cells}
        if "rich_text" in _FIELDS[kind]:
            protocol.check_color(f"{place}.color", given.get("color", "default"))
            texts = {"rich_text": _texts(given.get("rich_text"), f"{place}.rich_text")}
            return _UNSET[kind] | given | texts
        if kind == "table" and (not isinstance(given.get("table_width"), int) or given["table_width"] < 1):
            raise protocol.malformed(f"{place}.table_width", "≥ `1`", given.get("table_width"))
        return _UNSET.get(kind, {}) | given

    def _image(self, given: dict[str, Any], place: str) -> dict[str, Any]:
        shown = given.get("file_upload")
        if given.get("type", "file_upload") != "file_upload" or not isinstance(shown, dict) or "id" not in shown:
            raise protocol.malformed(f"{place}.file_upload.id", "defined", shown)
        upload = self._uploads.attach(shown["id"], place)
        if not (upload.content_type or "").startswith("image/"):
            raise protocol.invalid(f"{place}: {upload.content_type} is no image.")
        file = {"url": f"https://prod-files-secure.example/{upload.id}/{upload.filename}"}
        return {"caption": _texts(given.get("caption", []), f"{place}.caption"), "type": "file", "file": file}

    @staticmethod
    def _check_rows(width: int, rows: Any, place: str) -> None:
        if not isinstance(rows, list) or not rows:
            raise protocol.malformed(f"{place}.children", "an array of table rows", rows)
        for number, row in enumerate(rows):
            cells = (row.get("table_row") or {}).get("cells") if isinstance(row, dict) else None
            if not isinstance(cells, list):
                raise protocol.malformed(f"{place}.children[{number}].table_row", "defined", row)
            if len(cells) != width:
                raise protocol.invalid("Number of cells in table row must match the table width of the parent table")


def _read_position(given: Any) -> tuple[bool, str | None]:
    """Returns whether new blocks go to the start, and the block that they go after, if any."""
    kind = given.get("type") if isinstance(given, dict) else None
    if kind not in ("start", "end", "after_block"):
        raise protocol.malformed("position.type", '`"after_block"`, `"start"` or `"end"`', kind)
    block = given.get("after_block") if kind == "after_block" else {"id": None}
    if not isinstance(block, dict) or "id" not in block:
        raise protocol.malformed("position.after_block.id", "defined", block)
    return kind == "start", protocol.parse_id(str(block["id"])) if kind == "after_block" else None


def _texts(given: Any, place: str) -> list[dict[str, Any]]:
    return [piece.answer() for piece in read_pieces(place, given)]
