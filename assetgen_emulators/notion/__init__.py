"""Notion on this machine: an HTTP server that answers like the published API, faults included.

In a test::

    with NotionEmulator() as notion:
        database_id = notion.create_database()
        page_id = notion.add_row(topic="Owls", channel="poke1", status="Generating Assets")
        notion.plan([Fault(ApiError(503, saved=True), endpoint="pages.update")])
        ...  # run the code under test with NOTION_BASE_URL=notion.base_url and NOTION_TOKEN=notion.token
        assert notion.row(page_id)["Status"] == "Assets Ready"

As a process: ``python -m assetgen_emulators.notion --port 0`` prints its base URL when it is ready, and how to try it;
it ends on SIGTERM. It is controlled by GET ``/standin/journal`` (``read_journal``), POST ``/standin/faults`` and POST
``/standin/do`` (``control``), which calls a method of ``board.Board`` by name.
"""

from assetgen_emulators.notion.board import TOKEN, control
from assetgen_emulators.notion.faults import Fault
from assetgen_emulators.notion.journal import Call, read_journal
from assetgen_emulators.notion.server import NotionEmulator

__all__ = ["TOKEN", "Call", "Fault", "NotionEmulator", "control", "read_journal"]
