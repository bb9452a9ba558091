"""Runs the Notion emulator as a process."""

import argparse
import json
import sys
from collections.abc import Iterator

from assetgen_emulators.notion.board import TOKEN
from assetgen_emulators.notion.server import NotionEmulator

#: A page that is shared with the integration.
_PAGE = "0123456789abcdef0123456789abcdef"


def main(argv: list[str] | None = None) -> int:
    """Runs the emulator as a process until SIGTERM or Ctrl-C."""
    parser = argparse.ArgumentParser(
        prog="python -m assetgen_emulators.notion",
        description="Emulates the Notion API on this machine. Prints its base URL when it is ready, and how to try it; "
        "ends on SIGTERM or Ctrl-C.",
    )
    parser.add_argument("--port", type=int, default=0, help="0, the default, takes a free one")
    parser.add_argument("--token", default=TOKEN, help="the integration's token that it accepts")
    arguments = parser.parse_args(argv)
    try:
        notion = NotionEmulator(arguments.port, arguments.token)
    except OSError as error:
        parser.error(f"--port {arguments.port}: {error.strerror}")
    notion.share_page(_PAGE)
    notion.serve_until_stopped(*_guide(notion))
    return 0


def _guide(notion: NotionEmulator) -> Iterator[str]:
    """Yields the settings that a user needs, and commands for what they would click in Notion."""
    draw, row = {"status": "Generating Assets"}, {"page_id": "ID_OF_THE_ROW"}
    story = {"topic": "Lapras in the arctic sea", "story_direction": "A calf learns to swim", "channel": "try"}
    orders = {"add_row": story | draw, "set_value": row | {"name": "Redraw", "value": "5"}, "set_status": row | draw}
    yield f"export NOTION_BASE_URL={notion.base_url} NOTION_TOKEN={notion.token}"
    yield f".venv/bin/assetgen init-notion --parent {_PAGE}"
    yield "# Add a row that will be drawn (the answer is its id); change a cell; change the status; show all rows:"
    for name, arguments in orders.items():
        yield f"curl -s {notion.base_url}/standin/do -d '{json.dumps({'do': name, 'with': arguments})}'"
    yield f"curl -s {notion.base_url}/standin/do -d '{json.dumps({'do': 'rows'})}' | python3 -m json.tool"


if __name__ == "__main__":
    sys.exit(main())
