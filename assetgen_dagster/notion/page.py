"""Puts the review sheet onto a row's page and removes the earlier one; touches nothing else.

It is idempotent and may be killed between any two calls: the new sheet is added before the old one is deleted, and a
sheet that is already there is not added again.
"""

from collections.abc import Iterator
from typing import cast

from assetgen_dagster.notion.call_failures import FailureKind
from assetgen_dagster.notion.calls import Caller, Deadline, Json
from assetgen_dagster.notion.errors import BoardError
from assetgen_dagster.notion.sheet import ReviewSheet, is_made_by, mark_of, marks_on, sheet_block

#: Workspaces without a plan take files of at most 5 MiB.
LARGEST_FILE = 5 * 1024 * 1024

_FILE = ("contact_sheet.jpg", "image/jpeg")
_ACTION = "put the review sheet onto the row's page"


class Page:
    """The page of one row.

    Args:
        caller: Sends the requests.
        page_id: The row.
        deadline: When to give up.
    """

    def __init__(self, caller: Caller, page_id: str, deadline: Deadline) -> None:
        self._caller = caller
        self._page_id = page_id
        self._deadline = deadline

    def show(self, sheet: ReviewSheet, picture: bytes, *, hint: str) -> bool:
        """Makes this the only sheet on the page; returns whether it is new.

        Args:
            sheet: The sheet's contents.
            picture: The contact sheet as JPEG, at most ``LARGEST_FILE`` bytes.
            hint: How to have pictures drawn again; may be empty.

        Raises:
            BoardError: Notion refuses it, or is unavailable; see ``Caller.call``.
        """
        wanted = mark_of(self._page_id, sheet)
        found = marks_on(self._page_id, self._children(self._page_id))
        bot = self._bot() if found else ""
        sheets = [(block, mark) for block, mark in found if is_made_by(block, bot)]
        there = next((block for block, mark in sheets if mark == wanted), None)
        if there is None:
            block = sheet_block(self._page_id, sheet, upload_id=self._upload(picture), hint=hint)
            self._append(block, wanted)
        for block, _ in sheets:
            if block is not there and self._is_only_ours(block, bot):
                self._delete(block)
        return there is None

    def _is_only_ours(self, block: Json, bot: str) -> bool:
        """Returns whether the integration made a block and all in it; if not, deletes only the integration's parts."""
        children = list(self._children(block["id"])) if block.get("has_children") else []
        ours = [is_made_by(child, bot) and self._is_only_ours(child, bot) for child in children]
        if all(ours):
            return True
        if block.get("type") == "callout":  # a person's blocks stay, and the box around them
            for child, is_ours in zip(children, ours, strict=True):
                if is_ours:
                    self._delete(child)
        return False

    def _children(self, block_id: str) -> Iterator[Json]:
        query: Json = {"page_size": 100}
        while True:
            answer = self._caller.call(
                lambda client: client.blocks.children.list(block_id, **query),
                action="read what is on the row's page",
                expect="list",
                deadline=self._deadline,
            )
            yield from answer["results"]
            cursor = cast("str | None", answer.get("next_cursor"))
            if not answer.get("has_more") or not cursor:
                return
            query["start_cursor"] = cursor

    def _bot(self) -> str:
        user = self._caller.call(
            lambda client: client.users.me(),
            action="read the integration's user",
            expect="user",
            deadline=self._deadline,
        )
        return str(user["id"])

    def _upload(self, picture: bytes) -> str:
        """Returns the id of a file upload that can be attached within the hour."""
        name, kind = _FILE
        made = self._caller.call(
            lambda client: client.file_uploads.create(filename=name, content_type=kind),
            action=_ACTION,
            expect="file_upload",
            deadline=self._deadline,
        )
        upload_id = str(made["id"])

        def sent() -> Json | None:
            """Returns the upload if an attempt whose answer was lost has sent the file."""
            upload = self._caller.call(
                lambda client: client.file_uploads.retrieve(upload_id),
                action=_ACTION,
                expect="file_upload",
                deadline=self._deadline,
            )
            return upload if upload.get("status") == "uploaded" else None

        self._caller.call(
            lambda client: client.file_uploads.send(upload_id, file=(name, picture, kind)),
            action=_ACTION,
            expect="file_upload",
            deadline=self._deadline,
            already_done=sent,
        )
        return upload_id

    def _append(self, block: Json, mark: str) -> None:
        def appended() -> Json | None:
            """Returns a result if an attempt whose answer was lost has added the block."""
            there = [found for found in marks_on(self._page_id, self._children(self._page_id)) if found[1] == mark]
            return {"object": "list", "results": there} if there else None

        self._caller.call(
            lambda client: client.blocks.children.append(self._page_id, children=[block]),
            action=_ACTION,
            expect="list",
            deadline=self._deadline,
            already_done=appended,
        )

    def _delete(self, block: Json) -> None:
        try:
            self._caller.call(
                lambda client: client.blocks.delete(block["id"]),
                action="delete the earlier review sheet",
                expect="block",
                deadline=self._deadline,
            )
        except BoardError as error:
            # Deleted already: by a person, or by an attempt whose answer was lost.
            if error.kind not in (FailureKind.INVALID, FailureKind.MISSING):
                raise


def not_allowed(error: BoardError) -> BoardError:
    """Returns the error for an integration whose capabilities do not suffice for a sheet."""
    return BoardError(
        f"{error.message} A review sheet also needs Insert content; to do without, set NOTION_REVIEW_SHEET=false.",
        code=error.code,
        setting="NOTION_REVIEW_SHEET",
        failure=error.failure,
    )
