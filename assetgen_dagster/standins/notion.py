"""The Notion stand-in: an HTTP server on this machine that answers like the published API, faults included.

In a test::

    with NotionStandIn() as notion:
        database_id = notion.create_database()
        page_id = notion.add_row(topic="Owls", channel="poke1", status="Generating Assets")
        notion.plan([Fault(ApiError(503, saved=True), endpoint="pages.update")])
        ...  # run the code under test with NOTION_BASE_URL=notion.base_url and NOTION_TOKEN=notion.token
        assert notion.row(page_id)["Status"] == "Assets Ready"

As a process: ``python -m assetgen_dagster.standins.notion --port 0`` prints its base URL when it is ready and ends on
SIGTERM; then there are GET ``/standin/journal``, POST ``/standin/faults`` and POST ``/standin/do``, and for them
``read_journal`` and ``notion_board.control``.

Here are the sockets. What people can do to the board is in ``notion_board``, the workspace in ``notion_world``, its
columns in ``notion_properties``, queries in ``notion_query``, refusals in ``notion_protocol``, what can go wrong in
``notion_faults``, the memory in ``notion_journal``.
"""

import argparse
import contextlib
import json
import select
import signal
import socket
import struct
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

from pydantic import ValidationError

from assetgen_dagster.standins import notion_faults as faults
from assetgen_dagster.standins import notion_protocol as protocol
from assetgen_dagster.standins.notion_board import TOKEN, Board
from assetgen_dagster.standins.notion_faults import Fault, faults_from_json
from assetgen_dagster.standins.notion_journal import CALLS, Call, read_journal

__all__ = ["TOKEN", "Call", "Fault", "NotionStandIn", "main", "read_journal"]


class NotionStandIn(Board):
    """The server, running in threads of this process from ``with`` (or ``start``) on.

    Args:
        port: 0 takes a free one.
        token: The integration's token that it accepts.
    """

    def __init__(self, port: int = 0, token: str = TOKEN) -> None:
        super().__init__(token)
        self._server = _Server(port, self)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)

    @property
    def base_url(self) -> str:
        """What ``NOTION_BASE_URL`` is set to."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def start(self) -> Self:
        """Begins to serve."""
        self._thread.start()
        return self

    def stop(self) -> None:
        """Gives up requests in flight, closes every connection and frees the port."""
        self._server.hang_up()
        if self._thread.is_alive():
            self._server.shutdown()
            self._thread.join()
        self._server.server_close()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, port: int, board: Board) -> None:
        self.board = board
        self.stopping = False
        self._connections: set[socket.socket] = set()
        super().__init__(("127.0.0.1", port), _Handler)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """Serves a connection and keeps it in reach of ``hang_up``."""
        self._connections.add(request)
        if self.stopping:
            self.hang_up()
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._connections.discard(request)

    def hang_up(self) -> None:
        """Ends every connection, which also wakes the requests that wait."""
        self.stopping = True
        for connection in list(self._connections):
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Says nothing of clients that went away; everything else is a defect of the stand-in."""
        if not isinstance(sys.exception(), OSError):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1  # one packet for head and body

    def log_message(self, *_: Any) -> None:
        """Keeps quiet: the journal knows more."""

    def do_GET(self) -> None:
        """Answers reads and the journal."""
        if urlsplit(self.path).path == "/standin/journal":
            self._send(200, CALLS.dump_json(self.server.board.journal()))
        else:
            self._api()

    def do_POST(self) -> None:
        """Answers queries and the control endpoints."""
        path = urlsplit(self.path).path
        if path.startswith("/standin/"):
            self._control(path)
        else:
            self._api()

    def do_PATCH(self) -> None:
        """Answers writes."""
        self._api()

    def _read(self) -> bytes:
        return self.rfile.read(int(self.headers.get("Content-Length") or 0))

    def _control(self, path: str) -> None:
        raw = self._read()
        try:
            if path == "/standin/faults":
                self.server.board.plan(faults_from_json(raw))
                self._send(200, None)
            else:
                order = json.loads(raw)
                self._send(200, self.server.board.do(order["do"], order.get("with", {})))
        except (ValidationError, LookupError, TypeError, ValueError) as error:
            self._send(400, {"message": f"{type(error).__name__}: {error}"})

    def _api(self) -> None:
        board = self.server.board
        raw = self._read()
        path = urlsplit(self.path).path
        place = board.calls.arrive(self.command, self.path)
        try:
            protocol.check_token(self.headers.get("Authorization"), board.world.tokens)
            protocol.check_version(self.headers.get("Notion-Version"))
            request = protocol.find_request(self.command, path)
            body = _parse(raw, self.path)
        except protocol.Refused as refused:
            self._finish(place, "refused", refused.status, refused.body)
            return
        board.calls.note(place, endpoint=request.endpoint, object_id=request.object_id, body=body)
        if (wait := board.limit.take()) is not None:
            reason = {"rate_limit_reason": "public_api_request_rate_limit"}
            answer = protocol.error_body(429, "rate_limited", "You have been rate limited.", reason)
            self._finish(place, "rate_limited", 429, answer, {"Retry-After": str(wait)})
            return
        action = board.faults.take(request.endpoint)
        status, answer = 0, {}
        if action is None or action.saved:
            status, answer = self._carry_out(place, request, body)
        if action is None:
            self._finish(place, "ok" if status == 200 else "refused", status, answer)
        else:
            self._fail(place, action, status, answer)

    def _carry_out(self, place: tuple[int, int], request: protocol.Request, body: Any) -> tuple[int, dict[str, Any]]:
        board = self.server.board
        try:
            answer, written = board.world.answer(request, body)
        except protocol.Refused as refused:
            return refused.status, refused.body
        if request.endpoint == "pages.update":
            board.calls.note(place, written=written, saved=True)
        return 200, answer

    def _fail(self, place: tuple[int, int], action: faults.AnyAction, status: int, answer: dict[str, Any]) -> None:
        kind = action.kind
        if isinstance(action, faults.ApiError):
            headers = {"Retry-After": action.retry_after} if action.retry_after is not None else {}
            body = protocol.error_body(action.status, action.usual_code, action.message, action.additional_data)
            self._finish(place, kind, action.status, body, headers)
        elif isinstance(action, faults.HtmlPage):
            page = f"<!DOCTYPE html><html><head><title>{action.title}</title></head><body>{action.title}</body></html>"
            self._finish(place, kind, action.status, page.encode(), {"Content-Type": "text/html"})
        elif isinstance(action, faults.EmptyBody):
            self._finish(place, kind, action.status, b"")
        elif isinstance(action, faults.OddJson):
            self._finish(place, kind, 200, action.body)
        elif isinstance(action, faults.TornBody):
            self._finish(place, kind, status, answer, keep=action.keep)
        elif isinstance(action, faults.Drip):
            self._finish(place, kind, status, answer, drip=action.seconds)
        elif isinstance(action, faults.Reset):
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.close_connection = True
            self.server.board.calls.note(place, outcome=kind, finished_at=time.time())
            self.connection.close()
        elif self._client_stays(action.seconds if isinstance(action, faults.Delay) else None):
            self._finish(place, kind, status, answer)
        else:
            self.close_connection = True
            gone = kind if isinstance(action, faults.Hang) else "client_gone"
            self.server.board.calls.note(place, outcome=gone, finished_at=time.time())

    def _client_stays(self, seconds: float | None) -> bool:
        """Waits (for ever if None) and returns whether the client is still there."""
        end = None if seconds is None else time.monotonic() + seconds
        watch = select.poll()
        watch.register(self.connection, select.POLLIN | select.POLLHUP | select.POLLERR)
        while end is None or time.monotonic() < end:
            if watch.poll(None if end is None else max(0.0, end - time.monotonic()) * 1000):
                return False  # the library sends nothing before it has its answer, so this is its end
        return not self.server.stopping

    def _finish(
        self,
        place: tuple[int, int],
        outcome: str,
        status: int,
        body: Any,
        headers: dict[str, str] | None = None,
        *,
        keep: float | None = None,
        drip: float | None = None,
    ) -> None:
        """Enters an answer and sends it: the client must not have it before the journal knows."""
        journal = self.server.board.calls
        journal.note(place, outcome=outcome, status=status, finished_at=time.time())
        try:
            self._send(status, body, headers, keep, drip)
        except OSError:
            journal.note(place, outcome="client_gone", status=None)
            raise

    def _send(
        self,
        status: int,
        body: Any,
        headers: dict[str, str] | None = None,
        keep: float | None = None,
        drip: float | None = None,
    ) -> None:
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.send_response(status)
        for name, value in {"Content-Type": "application/json; charset=utf-8", **(headers or {})}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        if drip is None:
            self.wfile.write(data if keep is None else data[: round(len(data) * keep)])
        for start in range(0, 0 if drip is None else len(data), 8):
            self.wfile.write(data[start : start + 8])
            self.wfile.flush()
            time.sleep(drip or 0)
        self.wfile.flush()
        self.close_connection = self.close_connection or keep is not None


def _parse(raw: bytes, target: str) -> Any:
    if urlsplit(target).query:
        raise protocol.invalid(f"The stand-in knows no query string: {urlsplit(target).query[:80]}")
    if len(raw) > protocol.BODY_BYTES:
        raise protocol.Refused(413, "validation_error", "The request is larger than 500 KB.")
    if not raw:
        return None
    try:
        return json.loads(raw)
    except ValueError:
        raise protocol.Refused(400, "invalid_json", "Error parsing JSON body.") from None


def main(argv: list[str] | None = None) -> int:
    """Runs the stand-in as a process until SIGTERM or Ctrl-C."""
    parser = argparse.ArgumentParser(description="Imitate the Notion API on this machine.")
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one")
    parser.add_argument("--token", default=TOKEN, help="the integration's token that is valid")
    arguments = parser.parse_args(argv)
    done = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: done.set())
    with NotionStandIn(arguments.port, arguments.token) as stand_in:
        print(stand_in.base_url, flush=True)
        done.wait()
    return 0


if __name__ == "__main__":
    sys.exit(main())
