"""The Notion emulator: an HTTP server on this machine that answers like the published API, faults included.

In a test::

    with NotionEmulator() as notion:
        database_id = notion.create_database()
        page_id = notion.add_row(topic="Owls", channel="poke1", status="Generating Assets")
        notion.plan([Fault(ApiError(503, saved=True), endpoint="pages.update")])
        ...  # run the code under test with NOTION_BASE_URL=notion.base_url and NOTION_TOKEN=notion.token
        assert notion.row(page_id)["Status"] == "Assets Ready"

As a process: ``python -m assetgen_emulators.notion --port 0`` prints its base URL when it is ready, and how to
try it; it ends on SIGTERM. Then there are GET ``/standin/journal``, POST ``/standin/faults`` and POST ``/standin/do``,
and for them ``read_journal`` and ``notion_board.control``.

Here is how a request is answered. The server is in ``service``, what people can do to the board in ``notion_board``,
the workspace in ``notion_world``, its columns in ``notion_properties``, queries in ``notion_query``, refusals in
``notion_protocol``, bodies of requests in ``notion_bodies``, what is on pages in ``notion_content``, ``notion_blocks``
and ``notion_uploads``, what can go wrong in ``notion_faults``, the memory in ``notion_journal``.
"""

import argparse
import json
import sys
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

from assetgen_emulators import notion_faults as faults
from assetgen_emulators import notion_protocol as protocol
from assetgen_emulators.journal import Ticket
from assetgen_emulators.notion_board import TOKEN, Board
from assetgen_emulators.notion_bodies import for_the_journal, read_body
from assetgen_emulators.notion_faults import Fault
from assetgen_emulators.notion_journal import Call, read_journal
from assetgen_emulators.service import Handler

#: The page that is shared with the integration, in an emulator that runs as a process.
_PAGE = "0123456789abcdef0123456789abcdef"

__all__ = ["TOKEN", "Call", "Fault", "NotionEmulator", "main", "read_journal"]


class _Handler(Handler[Board]):
    def answer(self, path: str, raw: bytes) -> None:
        """Answers a request to the API, or fails as planned."""
        board = self.emulator
        ticket = board.calls.enter(method=self.command, path=self.path)
        try:
            protocol.check_token(self.headers.get("Authorization"), board.world.tokens)
            protocol.check_version(self.headers.get("Notion-Version"))
            request = protocol.find_request(self.command, path, urlsplit(self.path).query)
            body = read_body(request, raw, self.headers.get("Content-Type", ""))
        except protocol.Refused as refused:
            self.reply(ticket, "refused", refused.status, refused.body)
            return
        board.calls.note(ticket, endpoint=request.endpoint, object_id=request.object_id, body=for_the_journal(body))
        if (wait := board.limit.take()) is not None:
            about = {"retry_after": str(wait), "rate_limit_reason": "public_api_request_rate_limit"}
            answer = protocol.error_body(429, "rate_limited", "You have been rate limited.", about)
            self.reply(ticket, "rate_limited", 429, answer, {"Retry-After": str(wait)})
            return
        action = board.fault_plan.take(lambda rule: rule.endpoint in (None, request.endpoint))
        status, answer = 0, {}
        if action is None or action.saved:
            status, answer = self._carry_out(ticket, request, body)
        if action is None:
            self.reply(ticket, "ok" if status == 200 else "refused", status, answer)
        else:
            self._fail(ticket, action, status, answer)

    def _carry_out(self, ticket: Ticket, request: protocol.Request, body: Any) -> tuple[int, dict[str, Any]]:
        board = self.emulator
        try:
            answer, written = board.world.answer(request, body)
        except protocol.Refused as refused:
            return refused.status, refused.body
        if request.endpoint == "pages.update":
            board.calls.note(ticket, written=written, saved=True)
        return 200, answer

    def _fail(self, ticket: Ticket, action: faults.AnyAction, status: int, answer: dict[str, Any]) -> None:
        kind = action.kind
        if isinstance(action, faults.ApiError):
            headers = {"Retry-After": action.retry_after} if action.retry_after is not None else {}
            body = protocol.error_body(action.status, action.usual_code, action.message, action.additional_data)
            self.reply(ticket, kind, action.status, body, headers)
        elif isinstance(action, faults.HtmlPage):
            self.reply_with_page(ticket, kind, action.status, action.title)
        elif isinstance(action, faults.EmptyBody):
            self.reply(ticket, kind, action.status, b"")
        elif isinstance(action, faults.OddJson):
            self.reply(ticket, kind, 200, action.body)
        elif isinstance(action, faults.TornBody):
            self.reply(ticket, kind, status, answer, keep=action.keep)
        elif isinstance(action, faults.Drip):
            self.reply(ticket, kind, status, answer, drip=action.seconds)
        elif isinstance(action, faults.Reset):
            self.reset(ticket, kind)
        elif self.client_stays(action.seconds if isinstance(action, faults.Delay) else None):
            self.reply(ticket, kind, status, answer)
        else:
            self.say_nothing(ticket, kind if isinstance(action, faults.Hang) else "client_gone")


class NotionEmulator(Board):
    """The server, running in threads of this process from ``with`` (or ``start``) on.

    Args:
        port: 0 takes a free one.
        token: The integration's token that it accepts.
    """

    handler = _Handler

    def __init__(self, port: int = 0, token: str = TOKEN) -> None:
        super().__init__(port, token)


def main(argv: list[str] | None = None) -> int:
    """Runs the emulator as a process until SIGTERM or Ctrl-C."""
    parser = argparse.ArgumentParser(description="Imitate the Notion API on this machine.")
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one")
    parser.add_argument("--token", default=TOKEN, help="the integration's token that is valid")
    arguments = parser.parse_args(argv)
    try:
        notion = NotionEmulator(arguments.port, arguments.token)
    except OSError as error:
        parser.error(f"--port {arguments.port}: {error.strerror}")
    notion.share_page(_PAGE)
    notion.serve_until_stopped(*_guide(notion))
    return 0


def _guide(notion: NotionEmulator) -> Iterator[str]:
    """Says how a person tries it: what Notion's settings are, and how what he would click is done."""
    draw, row = {"status": "Generating Assets"}, {"page_id": "ID_OF_THE_ROW"}
    story = {"topic": "Lapras in the arctic sea", "story_direction": "A calf learns to swim", "channel": "try"}
    orders = {"add_row": story | draw, "set_value": row | {"name": "Redraw", "value": "5"}, "set_status": row | draw}
    yield f"export NOTION_BASE_URL={notion.base_url} NOTION_TOKEN={notion.token}"
    yield f".venv/bin/assetgen init-notion --parent {_PAGE}"
    yield "# A row that is to be drawn (the answer is its id); a cell; the status; all rows:"
    for name, arguments in orders.items():
        yield f"curl -s {notion.base_url}/standin/do -d '{json.dumps({'do': name, 'with': arguments})}'"
    yield f"curl -s {notion.base_url}/standin/do -d '{json.dumps({'do': 'rows'})}' | python3 -m json.tool"


if __name__ == "__main__":
    sys.exit(main())
