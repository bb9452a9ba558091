"""The Notion emulator's answers have the types that Notion publishes with its own library for JavaScript.

Needs Node and ``make notion-types``; skipped without them.
"""

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from assetgen_emulators.notion import NotionEmulator
from assetgen_emulators.notion.properties import TYPES
from tests.integration.emulators.test_notion_content import image, paragraph, row, table, text, upload

FOLDER = Path(__file__).parent / "notion_types"
NODE = shutil.which("node")
COMPILER = FOLDER / "node_modules/typescript/bin/tsc"

pytestmark = pytest.mark.skipif(
    NODE is None or not COMPILER.exists(), reason="needs Node and Notion's published types: make notion-types"
)

#: The whole objects: the answers' own types also allow "partial" ones, which have an id and nothing else.
HEAD = """
import type {
  BlockObjectResponse, BotUserObjectResponse, DataSourceObjectResponse, DatabaseObjectResponse,
  FileUploadObjectResponse, ListBlockChildrenResponse, PageObjectResponse, QueryDataSourceResponse,
  UserObjectResponse,
} from "@notionhq/client"
type Rows = Omit<QueryDataSourceResponse, "results"> & { results: Array<PageObjectResponse> }
type Blocks = Omit<ListBlockChildrenResponse, "results"> & { results: Array<BlockObjectResponse> }
"""
OPTIONS = ["--noEmit", "--strict", "--skipLibCheck", "--module", "nodenext", "--target", "es2022", "--pretty", "false"]

STYLED = [{"type": "text", "text": {"content": "an owl"}, "annotations": {"bold": True, "color": "red"}}]
CALLOUT = {"type": "callout", "callout": {"rich_text": STYLED, "children": [paragraph()]}}
HEADING = {"type": "heading_2", "heading_2": {"rich_text": text("Owls"), "color": "blue_background"}}
DIVIDER: dict[str, Any] = {"type": "divider", "divider": {}}

#: A database with much that can be given, which must come back.
GIVEN: dict[str, Any] = {
    "Name": {"title": {}},
    "Cost": {"number": {"format": "dollar"}, "description": "in USD"},
    "Channel": {"select": {"options": [{"name": "sea", "color": "blue", "description": "Deep"}, {"name": "poke1"}]}},
    "Number": {"unique_id": {"prefix": "VID"}},
    "Twice": {"formula": {"expression": "2 * 2"}},
}


def answers(notion: NotionEmulator, client: Any) -> dict[str, list[Any]]:
    """Returns answers to requests of every kind, by their types."""
    types = dict(
        zip(("redraw", "redraw_remark", "regenerate", "run", "pictures", "error_log"), TYPES[6:], strict=False)
    )
    notion.create_database(types={**types, "channel": "multi_select", "project_id": "unique_id"})
    page = notion.add_row(topic="Owls", status="Draft", channel=["poke1"], cost=1.5)
    notion.add_row()
    properties = {"Story Direction": {"rich_text": STYLED}, "Status": {"status": {"name": "Drawing"}}}
    updated = client.pages.update(page, properties=properties)
    notion.write_note(page, "by hand")
    notion.share_page("0" * 32)
    made = client.databases.create(
        parent={"type": "page_id", "page_id": "0" * 32},
        title=STYLED,
        is_inline=True,
        icon={"type": "emoji", "emoji": "🦉"},
        initial_data_source={"properties": GIVEN},
    )
    database = client.databases.retrieve(next(iter(notion.world.databases)))
    uploads = [client.file_uploads.create(filename="sheet.jpg", content_type="image/jpeg")]
    uploads.append(client.file_uploads.retrieve(upload(client)))
    children = [paragraph(), HEADING, DIVIDER, CALLOUT, image(uploads[1]["id"]), table(2, row("a", "b"))]
    appended = client.blocks.children.append(page, children=children)
    listed = client.blocks.children.list(page)
    inside = [client.blocks.children.list(one["id"]) for one in listed["results"] if one["has_children"]]
    uploads.append(client.file_uploads.retrieve(uploads[1]["id"]))
    source = database["data_sources"][0]["id"]
    return {
        "UserObjectResponse & BotUserObjectResponse": [client.users.me()],
        "DatabaseObjectResponse": [made, database],
        "DataSourceObjectResponse": [
            client.data_sources.retrieve(one["data_sources"][0]["id"]) for one in (made, database)
        ],
        "Rows": [client.data_sources.query(source), client.data_sources.query(source, page_size=1)],
        "PageObjectResponse": [updated, client.pages.retrieve(page)],
        "Blocks": [appended, listed, *inside],
        "BlockObjectResponse": [client.blocks.delete(appended["results"][0]["id"])],
        "FileUploadObjectResponse": uploads,
    }


def complaints(found: dict[str, list[Any]], folder: Path) -> str:
    """Returns what TypeScript's compiler says of values, and of types that they have not."""
    lines = [HEAD]
    for kind, values in found.items():
        name = re.sub(r"[^A-Za-z]", "", kind)
        lines += [f"export const {name}{number}: {kind} = {json.dumps(one)}" for number, one in enumerate(values)]
        # So that a type that allows anything is noticed.
        broken = {key: value for key, value in values[0].items() if key != "object"}
        lines.append(f"// @ts-expect-error\nexport const {name}Broken: {kind} = {json.dumps(broken)}")
    source = folder / "answers.mts"
    source.write_text("\n".join(lines))
    (folder / "node_modules").symlink_to(FOLDER / "node_modules")
    done = subprocess.run([str(NODE), COMPILER, *OPTIONS, source], capture_output=True, text=True, check=False)
    return done.stdout + done.stderr


def test_every_answer_has_the_type_that_notion_publishes(notion: NotionEmulator, client: Any, tmp_path: Path) -> None:
    assert complaints(answers(notion, client), tmp_path) == ""
