"""The review sheet on a row's page: its contents, and how it is recognized; pure functions.

It is one callout that holds the contact sheet and a table of the pictures, so one request adds or removes it. Its text
ends with a mark: a digest of page and contents. A callout with another mark, made by this integration, is an earlier
sheet; a copy on another page, or anything that a person wrote, is not.
"""

import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from assetgen_dagster.manifest.model import AssetManifest
from assetgen_dagster.notion import values
from assetgen_dagster.project.records import ProjectRecords

Json = dict[str, Any]

_MARK = re.compile(r"assetgen sheet ([0-9a-f]{8})-([0-9a-f]{12})\s*\Z")
_HEADER = ("Number", "Name", "Category", "Cost (USD)")


@dataclass(frozen=True)
class SheetPicture:
    """A row of the table.

    Attributes:
        number: The picture's number.
        name: The picture's name.
        category: Character, environment or prop.
        cost_usd: Cost of the file; None if unknown.
        sha256: Hash of the file.
    """

    number: int
    name: str
    category: str
    cost_usd: float | None
    sha256: str


@dataclass(frozen=True)
class ReviewSheet:
    """The contents of a review sheet.

    Attributes:
        round: The project's round.
        cost_usd: Cost of all runs of the project.
        pictures: Ordered by number.
    """

    round: int
    cost_usd: float
    pictures: tuple[SheetPicture, ...]


def sheet_of(manifest: AssetManifest, records: ProjectRecords) -> ReviewSheet:
    """Returns the sheet of a complete project."""
    pictures = [
        SheetPicture(
            records.numbers[asset.name],
            asset.name,
            str(asset.asset_type),
            records.pictures[asset.name].file_cost_usd,
            records.pictures[asset.name].facts.sha256,
        )
        for asset in manifest.assets
    ]
    last = records.round
    ordered = tuple(sorted(pictures, key=lambda picture: picture.number))
    return ReviewSheet(last.number if last else 0, round(records.total_usd(), 4), ordered)


def mark_of(page_id: str, sheet: ReviewSheet) -> str:
    """Returns the mark that identifies a sheet on a page; it changes only when the contents change."""
    content = hashlib.sha256(json.dumps(asdict(sheet)).encode()).hexdigest()
    return f"{_on(page_id)}-{content[:12]}"


def marks_on(page_id: str, children: Iterable[Json]) -> list[tuple[Json, str]]:
    """Returns the blocks that look like sheets of this page, each with its mark, whatever user made them."""
    found = []
    for block in children:
        text = "".join(item.get("plain_text", "") for item in block.get("callout", {}).get("rich_text", []))
        match = _MARK.search(text) if block.get("type") == "callout" else None
        if match and match[1] == _on(page_id):
            found.append((block, f"{match[1]}-{match[2]}"))
    return found


def sheet_block(page_id: str, sheet: ReviewSheet, *, upload_id: str, hint: str) -> Json:
    """Returns the sheet as ``blocks.children.append`` takes it.

    Args:
        page_id: The row's page.
        sheet: The sheet's contents.
        upload_id: The file upload of the contact sheet.
        hint: How to have pictures drawn again; may be empty.
    """
    count = len(sheet.pictures)
    summary = f"Review: {count} picture{'s' if count != 1 else ''}, ${sheet.cost_usd:.2f} so far."
    notes = "This box is replaced when pictures are drawn again: write notes outside of it."
    text = values.rich_text(f"{' '.join([summary, hint, notes] if hint else [summary, notes])}\n")
    mark = values.rich_text(f"assetgen sheet {mark_of(page_id, sheet)}")[0] | {"annotations": {"color": "gray"}}
    image = {"type": "image", "image": {"type": "file_upload", "file_upload": {"id": upload_id}}}
    # At most 100, Notion's limit for one request: there are at most 99 slots.
    rows = [_HEADER, *(_cells(picture) for picture in sheet.pictures)]
    table = {"table_width": len(_HEADER), "has_column_header": True, "has_row_header": False, "children": _rows(rows)}
    children = [image, {"type": "table", "table": table}]
    icon = {"type": "emoji", "emoji": "\N{ARTIST PALETTE}"}
    return {"type": "callout", "callout": {"rich_text": [*text, mark], "icon": icon, "children": children}}


def is_made_by(block: Mapping[str, Any], user_id: str) -> bool:
    """Returns whether a block was made by a user, such as the integration itself."""
    return bool((block.get("created_by") or {}).get("id") == user_id)


def _on(page_id: str) -> str:
    """Returns the digest of a page for its sheets' marks: a duplicated page holds a copy of the sheet."""
    return hashlib.sha256(page_id.replace("-", "").encode()).hexdigest()[:8]


def _cells(picture: SheetPicture) -> tuple[str, ...]:
    cost = "unknown" if picture.cost_usd is None else f"{picture.cost_usd:.4f}"
    return (f"{picture.number:02d}", picture.name, picture.category, cost)


def _rows(rows: Iterable[Iterable[str]]) -> list[Json]:
    return [{"type": "table_row", "table_row": {"cells": [values.rich_text(cell) for cell in row]}} for row in rows]
