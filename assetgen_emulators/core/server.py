"""What both emulators share: an HTTP server in threads of this process, with a journal, a fault plan and a rate limit.

Here are the sockets: serving, sending answers whole or torn, hanging up. Each emulator decides what it answers.
"""

import contextlib
import gzip
import json
import select
import signal
import socket
import struct
import sys
import threading
import time
import zlib
from collections.abc import Callable, Iterable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, ClassVar, Generic, Self, TypeVar, cast
from urllib.parse import urlsplit

from pydantic import ValidationError
from pydantic_core import to_json

from assetgen_emulators.core.faults import Delay, Drip, Endless, F, FaultPlan, Gzip, Hang, HtmlPage, Reset, TornBody
from assetgen_emulators.core.journal import C, Journal, Ticket
from assetgen_emulators.core.rate_limit import RateLimit

_CONTROL = "/standin/"


class Service(Generic[C, F]):
    """An emulator; it serves while in ``with``, or from ``start`` to ``stop``.

    Args:
        port: 0 takes a free one.
        kind: The class of its journal's entries.
        read_plan: Reads a plan of faults from JSON.
    """

    handler: ClassVar[type["Handler[Any]"]]

    def __init__(self, port: int, kind: type[C], read_plan: Callable[[bytes], list[F]]) -> None:
        self.calls = Journal(kind)
        self.limit = RateLimit()
        self.fault_plan: FaultPlan[F] = FaultPlan()
        self._read_plan = read_plan
        self._server = _Server(port, self)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)

    @property
    def base_url(self) -> str:
        """Where it answers, without a slash at the end."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    @property
    def stopping(self) -> bool:
        """Whether calls in flight should be given up."""
        return self._server.stopping

    def journal(self) -> list[C]:
        """Returns all calls in order of arrival."""
        return self.calls.calls()

    def wait_for(self, predicate: Callable[[list[C]], object], timeout: float = 10.0) -> list[C]:
        """Returns the journal as soon as it satisfies ``predicate``.

        Raises:
            TimeoutError: It did not in time.
        """
        return self.calls.wait_for(predicate, timeout)

    def plan(self, plan: Iterable[F]) -> None:
        """Replaces the fault plan."""
        self.fault_plan.replace(plan)

    def limit_requests(self, requests: int | None, window_seconds: float = 60.0) -> None:
        """Answers 429 to requests beyond that many in any window from now on; None lifts the limit."""
        self.limit.set(requests, window_seconds)

    def control(self, name: str, raw: bytes) -> Any:
        """Carries out a request to ``/standin/<name>`` and returns the answer: JSON, or bytes of it.

        Raises:
            LookupError: The name is unknown.
            ValueError: The body does not fit.
        """
        if name == "journal":
            return to_json(self.journal())
        if name == "faults":
            rules = self._read_plan(raw)
            self.plan(rules)
            return f"plan taken, {len(rules)} faults"
        raise LookupError(name)

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

    def serve_until_stopped(self, *more: str) -> None:
        """Serves, prints the base URL and ``more`` lines when it is ready, and returns after SIGTERM or Ctrl-C."""
        done = threading.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: done.set())
        with self:
            print(self.base_url, *more, sep="\n", flush=True)
            done.wait()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, port: int, service: Service[Any, Any]) -> None:
        self.service = service
        self.stopping = False
        self._connections: set[socket.socket] = set()
        super().__init__(("127.0.0.1", port), service.handler)

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
        """Ignores clients that went away; anything else is a defect of the emulator."""
        if not isinstance(sys.exception(), OSError):
            super().handle_error(request, client_address)


S = TypeVar("S", bound=Service[Any, Any])


class Handler(BaseHTTPRequestHandler, Generic[S]):
    """Answers the requests of one connection, and those to the control endpoints itself."""

    server: _Server
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1  # one packet for head and body

    @property
    def emulator(self) -> S:
        """The emulator that is asked."""
        return cast(S, self.server.service)

    def log_message(self, *_: Any) -> None:
        """Logs nothing: the journal knows more."""

    def do_GET(self) -> None:
        """Answers a request of any method."""
        raw = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        path = urlsplit(self.path).path
        if not path.startswith(_CONTROL):
            self.answer(path, raw)
            return
        try:
            self.send(200, self.emulator.control(path.removeprefix(_CONTROL), raw))
        except (ValidationError, LookupError, TypeError, ValueError) as error:
            self.send(400, {"message": f"{type(error).__name__}: {error}"})

    do_POST = do_PATCH = do_DELETE = do_GET  # noqa: N815 - http.server's names

    def answer(self, path: str, raw: bytes) -> None:
        """Answers a request to the emulated API.

        Args:
            path: Without a query.
            raw: The body.
        """
        raise NotImplementedError

    def respond(
        self,
        ticket: Ticket,
        action: Any,
        status: int,
        body: Any,
        headers: dict[str, str] | None = None,
        *,
        outcome: str = "",
        latency: float = 0.0,
    ) -> None:
        """Sends an answer after a while, or does what a planned action puts in its place; enters what happened.

        Args:
            ticket: The call.
            action: A fault's action, or None. One that ``core.faults`` does not have has changed the answer already.
            status: HTTP status of the answer.
            body: JSON, or bytes.
            headers: Beside content type and length.
            outcome: For the journal; by default the action's kind, ``ok`` or ``refused``.
            latency: Seconds that the answer takes.
        """
        calls = self.emulator.calls
        outcome = outcome or (action.kind if action else "ok" if status == 200 else "refused")
        if isinstance(action, Reset):
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self._say_nothing(ticket, outcome)
            self.connection.close()
            return
        if isinstance(action, HtmlPage):
            page = "<!DOCTYPE html><html><head><title>{0}</title></head><body><h1>{0}</h1></body></html>"
            status, body, headers = action.status, page.format(action.title).encode(), {"Content-Type": "text/html"}
        status = action.status if isinstance(action, Endless) else status
        seconds = latency + (action.seconds if isinstance(action, Delay) else 0.0)
        if not self._client_stays(None if isinstance(action, Hang) else seconds):
            gone = outcome if isinstance(action, Hang) else "client_gone"
            self._say_nothing(ticket, "stopped" if self.emulator.stopping else gone)
            return
        calls.finish(ticket, outcome, status)  # before the client has the answer
        try:
            self.send(status, body, headers, action)
        except OSError:
            calls.finish(ticket, "client_gone", None)
            raise

    def _say_nothing(self, ticket: Ticket, outcome: str) -> None:
        """Enters a call that gets no answer, and ends its connection."""
        self.close_connection = True
        self.emulator.calls.finish(ticket, outcome, None)

    def send(self, status: int, body: Any, headers: dict[str, str] | None = None, action: Any = None) -> None:
        """Sends an answer: JSON or bytes, torn, packed, in drops or endless if the action or a header wants it."""
        if isinstance(action, Endless):
            self._send_endless(status, action)
            return
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        sent = {"Content-Type": "application/json; charset=UTF-8", **(headers or {})}
        if isinstance(action, Gzip) and action.said:
            sent["Content-Encoding"] = "gzip"
        if isinstance(action, Gzip) or "Content-Encoding" in sent:
            data = gzip.compress(data, compresslevel=1)
        self.send_response(status)
        for name, value in sent.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        if isinstance(action, TornBody):
            self.close_connection = True
            data = data[: round(len(data) * action.keep)]
        step = 8 if isinstance(action, Drip) else len(data) or 1
        for start in range(0, len(data), step):
            self.wfile.write(data[start : start + step])
            self.wfile.flush()
            if isinstance(action, Drip):
                time.sleep(action.seconds)
        self.wfile.flush()

    def _send_endless(self, status: int, action: Endless) -> None:
        self.close_connection = True
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        if action.packed:
            self.send_header("Content-Encoding", "gzip")
        self.end_headers()
        packer = zlib.compressobj(level=1, wbits=31)
        for _ in range(256):
            mebibyte = b" " * (1 << 20)  # what JSON may begin with
            self.wfile.write(packer.compress(mebibyte) if action.packed else mebibyte)
            self.wfile.flush()

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
        return not self.emulator.stopping
