"""How the Notion emulator answers a request: refuses it, carries it out, or fails as planned."""

from typing import Any
from urllib.parse import urlsplit

from assetgen_emulators.core.journal import Ticket
from assetgen_emulators.core.server import Handler
from assetgen_emulators.notion import faults, protocol
from assetgen_emulators.notion.board import TOKEN, Board
from assetgen_emulators.notion.bodies import for_the_journal, read_body


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
