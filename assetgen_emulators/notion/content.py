"""The content of the Notion emulator's pages: blocks, and the files that they show."""

from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qsl

from assetgen_emulators.notion import protocol
from assetgen_emulators.notion.blocks import Block, Blocks
from assetgen_emulators.notion.uploads import Uploads

#: The user that writes by hand.
PERSON = "c0c0c0c0-0000-4000-8000-000000000001"

#: Needs the capability to insert content.
_INSERTING = ("file_uploads.create", "file_uploads.send", "blocks.children.append")


class Content:
    """Blocks and files of a workspace.

    Args:
        bot: The integration's user.
        base_url: Where the emulator answers.
        is_page: Tells whether an id is a page's.

    Attributes:
        can_insert: Whether the integration has the capability to insert content.
        can_update: Whether it has the one to update content.
        used_up: Whether the workspace takes no more blocks.
    """

    def __init__(self, bot: str, base_url: Callable[[], str], is_page: Callable[[str], bool]) -> None:
        self.uploads = Uploads(bot, base_url)
        self.blocks = Blocks(self.uploads, bot, is_page)
        self.can_insert = True
        self.can_update = True
        self.used_up = False

    def answer(self, request: protocol.Request, body: Any) -> dict[str, Any]:
        """Carries out a request."""
        allowed = self.can_insert if request.endpoint in _INSERTING else self.can_update
        if request.endpoint in (*_INSERTING, "blocks.delete") and not allowed:
            raise protocol.Refused(403, "restricted_resource", "Insufficient permissions for this endpoint.")
        if request.endpoint == "blocks.children.append" and self.used_up:
            raise protocol.used_up()
        match request.endpoint:
            case "file_uploads.create":
                return self.uploads.create(body)
            case "file_uploads.send":
                return self.uploads.send(request.object_id, body)
            case "file_uploads.retrieve":
                return self.uploads.answer(self.uploads.get(request.object_id))
            case "blocks.children.list":
                return self.blocks.children(request.object_id, dict(parse_qsl(request.query)))
            case "blocks.children.append":
                return self.blocks.append(request.object_id, body, by_position=request.is_newer)
            case _:
                return self.blocks.delete(request.object_id)

    def shown(self, parent: str) -> list[dict[str, Any]]:
        """Returns the content of a page or block, as people see it."""
        return [self._shown(block) for block in self.blocks.of(parent)]

    def _shown(self, block: Block) -> dict[str, Any]:
        by = "person" if block.author == PERSON else "integration"
        return {"id": block.id, "type": block.kind, "text": block.plain(), "by": by, "in it": self.shown(block.id)}
