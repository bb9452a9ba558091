"""How the Notion emulator answers a request: refuses it, carries it out, or fails as planned."""

import math
import traceback
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
            version = protocol.check_version(self.headers.get("Notion-Version"))
            request = protocol.find_request(self.command, path, urlsplit(self.path).query, version)
            body = read_body(request, raw, self.headers.get("Content-Type", ""))
        except protocol.Refused as refused:
            self.respond(ticket, None, refused.status, refused.body)
            return
        board.calls.note(ticket, endpoint=request.endpoint, object_id=request.object_id, body=for_the_journal(body))
        if (wait := board.limit.take()) is not None:
            seconds = str(math.ceil(wait))
            about = {"retry_after": seconds, "rate_limit_reason": "public_api_request_rate_limit"}
            limited = protocol.error_body(429, "rate_limited", "You have been rate limited.", about)
            self.respond(ticket, None, 429, limited, {"Retry-After": seconds}, outcome="rate_limited")
            return
        action = board.fault_plan.take(lambda rule: rule.endpoint in (None, request.endpoint))
        status, answer = self._carry_out(ticket, request, body) if action is None or action.saved else (200, {})
        headers = {}
        match action:
            case faults.ApiError(status=status, message=message, additional_data=about):
                answer = protocol.error_body(status, action.usual_code, message, about)
                headers = {"Retry-After": action.retry_after} if action.retry_after is not None else {}
            case faults.EmptyBody(status=status):
                answer = b""
            case faults.OddJson(body=answer):
                status = 200
        self.respond(ticket, action, status, answer, headers)

    def _carry_out(self, ticket: Ticket, request: protocol.Request, body: Any) -> tuple[int, Any]:
        board = self.emulator
        try:
            answer, written = board.world.answer(request, body)
        except protocol.Refused as refused:
            return refused.status, refused.body
        except Exception as error:  # a defect of the emulator, which must not look like a broken connection
            traceback.print_exc()
            return 500, protocol.error_body(500, "internal_server_error", f"Defect of the emulator: {error!r}")
        if request.endpoint == "pages.update":
            board.calls.note(ticket, written=written, saved=True)
        return 200, answer


class NotionEmulator(Board):
    """The server; it serves while in ``with``, or from ``start`` to ``stop``.

    Args:
        port: 0 takes a free one.
        token: The integration's token, which it accepts.
    """

    handler = _Handler

    def __init__(self, port: int = 0, token: str = TOKEN) -> None:
        super().__init__(port, token)
