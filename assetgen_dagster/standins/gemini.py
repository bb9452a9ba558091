"""The Gemini stand-in: an HTTP server on this machine that answers like the published API, faults included.

In a test::

    with GeminiStandIn() as gemini:
        gemini.plan([Fault(ApiError(503), nth=5)])
        ...  # run the code under test with GOOGLE_GEMINI_BASE_URL=gemini.base_url
        assert [call.outcome for call in gemini.journal()] == ["ok"] * 4 + ["api_error"]

As a process: ``python -m assetgen_dagster.standins.gemini --port 0 --latency 2 --faults plan.json`` prints its base URL
when it is ready and ends on SIGTERM; then there are GET ``/standin/journal``, POST ``/standin/faults`` and POST
``/standin/reset``, and ``read_journal``.

Here are the sockets. What the API accepts and answers is in ``gemini_protocol``, what can go wrong in
``gemini_faults``, whole answers in ``gemini_answers``, the memory in ``gemini_journal``, the pictures in ``painting``.
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
from collections.abc import Callable, Iterable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import parse_qs, unquote, urlsplit

from pydantic import ValidationError

from assetgen_dagster.standins import gemini_faults as faults
from assetgen_dagster.standins import gemini_protocol as protocol
from assetgen_dagster.standins.gemini_answers import answer_to, tokens_of
from assetgen_dagster.standins.gemini_faults import Fault, FaultPlan, faults_from_json
from assetgen_dagster.standins.gemini_journal import CALLS, Call, Journal, Ticket, read_journal

__all__ = ["Call", "Fault", "GeminiStandIn", "main", "read_journal"]

_PREFIX, _METHOD = "/v1beta/models/", ":generateContent"


class GeminiStandIn:
    """The server, running in threads of this process from ``with`` (or ``start``) on.

    Args:
        port: 0 takes a free one.
        latency_seconds: How long drawing takes.
        api_keys: The keys it accepts; None accepts any but an empty one.
    """

    def __init__(self, port: int = 0, latency_seconds: float = 0.0, api_keys: set[str] | None = None) -> None:
        self.latency_seconds = latency_seconds
        self.api_keys = frozenset(api_keys) if api_keys is not None else None
        self.calls = Journal()
        self.fault_plan = FaultPlan()
        self._server = _Server(port, self)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)

    @property
    def base_url(self) -> str:
        """What ``GOOGLE_GEMINI_BASE_URL`` is set to."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    @property
    def stopping(self) -> bool:
        """Whether calls in flight are to be given up."""
        return self._server.stopping

    def journal(self) -> list[Call]:
        """Returns all calls in order of arrival."""
        return self.calls.calls()

    def plan(self, plan: Iterable[Fault]) -> None:
        """Replaces the fault plan; calls already arrived still count for ``nth``."""
        self.fault_plan.replace(plan)

    def reset(self) -> None:
        """Empties journal and fault plan; the next call is number 1."""
        self.fault_plan.replace([])
        self.calls.clear()

    def set_latency(self, seconds: float) -> None:
        """Changes how long drawing takes, for calls that arrive from now on."""
        self.latency_seconds = seconds

    def wait_for(self, predicate: Callable[[list[Call]], object], timeout: float = 10.0) -> list[Call]:
        """Returns the journal as soon as it satisfies ``predicate``.

        Raises:
            TimeoutError: It did not in time.
        """
        return self.calls.wait_for(predicate, timeout)

    def start(self) -> Self:
        """Begins to serve."""
        self._thread.start()
        return self

    def stop(self) -> None:
        """Gives up calls in flight, closes every connection and frees the port."""
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

    def __init__(self, port: int, stand_in: GeminiStandIn) -> None:
        self.stand_in = stand_in
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
        """Ends every connection, which also wakes the calls that wait."""
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
        """Answers the journal, and what a model is."""
        stand_in = self.server.stand_in
        path = urlsplit(self.path).path
        if path == "/standin/journal":
            self._send(200, CALLS.dump_json(stand_in.journal()))
        elif path.startswith(_PREFIX):
            name = unquote(path.removeprefix(_PREFIX))
            try:
                protocol.check_key(self._key(), stand_in.api_keys)
                protocol.check_model(name)
            except protocol.Rejected as rejected:
                self._send(rejected.status, rejected.body)
            else:
                self._send(200, {"name": f"models/{name}", "supportedGenerationMethods": ["generateContent"]})
        else:
            self._send(404, protocol.error_body(404, "Requested entity was not found."))

    def do_POST(self) -> None:
        """Answers generateContent and the control endpoints."""
        raw = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        path = urlsplit(self.path).path
        if path == "/standin/reset":
            self.server.stand_in.reset()
            self._send(200, {})
        elif path == "/standin/faults":
            try:
                self.server.stand_in.plan(faults_from_json(raw))
                self._send(200, {})
            except ValidationError as error:
                self._send(400, protocol.error_body(400, str(error)))
        elif path.startswith(_PREFIX) and path.endswith(_METHOD):
            self._generate(unquote(path.removeprefix(_PREFIX).removesuffix(_METHOD)), raw)
        else:
            self._send(404, protocol.error_body(404, "Requested entity was not found."))

    def _key(self) -> str | None:
        return self.headers.get("x-goog-api-key") or parse_qs(urlsplit(self.path).query).get("key", [None])[0]

    def _generate(self, model_name: str, raw: bytes) -> None:
        stand_in = self.server.stand_in
        try:
            body = json.loads(raw)
        except ValueError:
            body = None
        question = protocol.read_question(body)
        ticket = stand_in.calls.arrive(model_name, question, self.path)
        try:
            protocol.check_key(self._key(), stand_in.api_keys)
            model = protocol.check_model(model_name)
            size = protocol.check_body(body, model)
        except protocol.Rejected as rejected:
            self._finish(ticket, "rejected", rejected.status, rejected.body)
            return
        action = stand_in.fault_plan.take(ticket.number, question.prompt)
        if isinstance(action, faults.ApiError | faults.HtmlError | faults.Reset):
            self._refuse(ticket, action, model_name)
            return
        began = time.monotonic()
        tokens = tokens_of(question.prompt, model, action)
        stand_in.calls.bill(ticket, tokens.billed_usd(model))  # the work is done whether or not the client waits
        wait = stand_in.latency_seconds + (action.seconds if isinstance(action, faults.Delay) else 0.0)
        if isinstance(action, faults.Hang):
            self._client_stays(None)
            stand_in.calls.finish(ticket, "stopped" if self.server.stopping else "hang", None)
            self.close_connection = True
            return
        answer = answer_to(question.prompt, size, action, tokens, model_name)
        if not self._client_stays(began + wait - time.monotonic()):
            stand_in.calls.finish(ticket, "stopped" if self.server.stopping else "client_gone", None)
            self.close_connection = True
            return
        keep = action.keep if isinstance(action, faults.TruncatedBody) else None
        self._finish(ticket, action.kind if action else "ok", 200, answer, keep=keep)

    def _refuse(
        self, ticket: Ticket, action: faults.ApiError | faults.HtmlError | faults.Reset, model_name: str
    ) -> None:
        """Carries out a fault that happens instead of drawing."""
        if isinstance(action, faults.Reset):
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.close_connection = True
            self.server.stand_in.calls.finish(ticket, action.kind, None)
            self.connection.close()
        elif isinstance(action, faults.HtmlError):
            page = f"<html><head><title>{action.title}</title></head><body><h1>{action.title}</h1></body></html>"
            self._finish(ticket, action.kind, action.status, page.encode(), headers={"Content-Type": "text/html"})
        else:
            details = protocol.error_details(
                reason=action.reason,
                retry_delay_seconds=action.retry_delay_seconds,
                quota_id=action.quota_id,
                model=model_name,
            )
            body = protocol.error_body(action.status, action.message, details, action.api_status)
            self._finish(ticket, action.kind, action.status, body, headers=action.headers)

    def _client_stays(self, seconds: float | None) -> bool:
        """Waits (for ever if None) and returns whether the client is still there."""
        end = None if seconds is None else time.monotonic() + seconds
        watch = select.poll()
        watch.register(self.connection, select.POLLIN | select.POLLHUP | select.POLLERR)
        while end is None or time.monotonic() < end:
            if watch.poll(None if end is None else max(0.0, end - time.monotonic()) * 1000):
                try:
                    if self.connection.recv(1, socket.MSG_PEEK) == b"":
                        return False
                except OSError:
                    return False
                watch.modify(self.connection, select.POLLHUP | select.POLLERR)  # it only sends its next request early
        return not self.server.stopping

    def _finish(
        self,
        ticket: Ticket,
        outcome: str,
        status: int,
        body: Any,
        *,
        headers: dict[str, str] | None = None,
        keep: float | None = None,
    ) -> None:
        """Enters an answer and sends it: the client must not have it before the journal knows."""
        journal = self.server.stand_in.calls
        journal.finish(ticket, outcome, status)
        try:
            self._send(status, body, headers, keep)
        except OSError:
            journal.finish(ticket, "client_gone", None)
            raise

    def _send(self, status: int, body: Any, headers: dict[str, str] | None = None, keep: float | None = None) -> None:
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.send_response(status)
        for name, value in {"Content-Type": "application/json; charset=UTF-8", **(headers or {})}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data if keep is None else data[: round(len(data) * keep)])
        self.wfile.flush()
        self.close_connection = self.close_connection or keep is not None


def main(argv: list[str] | None = None) -> int:
    """Runs the stand-in as a process until SIGTERM or Ctrl-C."""
    parser = argparse.ArgumentParser(description="Imitate the Gemini API on this machine.")
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one")
    parser.add_argument("--latency", type=float, default=0.0, help="seconds a picture takes")
    parser.add_argument("--faults", type=Path, help="a fault plan as JSON")
    arguments = parser.parse_args(argv)
    done = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: done.set())
    stand_in = GeminiStandIn(arguments.port, arguments.latency)
    if arguments.faults:
        stand_in.plan(faults_from_json(arguments.faults.read_bytes()))
    with stand_in:
        print(stand_in.base_url, flush=True)
        done.wait()
    return 0


if __name__ == "__main__":
    sys.exit(main())
