"""The one place that calls Notion: when, how often, how long; notion-client's own retries are off.

Which failures are tried again is decided in ``trouble``; what a call means, in ``board``.
"""

import functools
import hashlib
import logging
import random
import ssl
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Protocol

import httpx
import structlog
from notion_client import Client
from pydantic import SecretStr

from assetgen_dagster.errors import Code
from assetgen_dagster.notion.errors import BoardError, BoardUnavailableError
from assetgen_dagster.notion.settings import NotionSettings
from assetgen_dagster.notion.trouble import OddAnswerError, classify, retry_wait
from assetgen_dagster.notion.words import explain
from assetgen_dagster.support.redact import hide, redact

Json = dict[str, Any]

#: Our share of Notion's 180 requests a minute: a run's own process, and other programs, need some as well.
REQUESTS_PER_MINUTE = 150

#: The longest time for one request; Notion itself gives up after 60.
REQUEST_SECONDS = 10.0

_LOOPBACK = ("127.0.0.1", "localhost", "::1")

_log = structlog.get_logger(__name__)


class Clock(Protocol):
    """Time, so that tests need not wait for it."""

    def monotonic(self) -> float:
        """Returns seconds since some moment."""

    def time(self) -> float:
        """Returns Unix time."""

    def sleep(self, seconds: float) -> None:
        """Waits."""


class SystemClock:
    """The machine's clock."""

    def monotonic(self) -> float:
        """Returns seconds since some moment."""
        return time.monotonic()

    def time(self) -> float:
        """Returns Unix time."""
        return time.time()

    def sleep(self, seconds: float) -> None:
        """Waits."""
        time.sleep(seconds)


@dataclass(frozen=True)
class Deadline:
    """The moment until which everything that belongs to one method of the board has to be done."""

    clock: Clock
    end: float

    @classmethod
    def within(cls, seconds: float, clock: Clock) -> "Deadline":
        """Returns the deadline that far from now."""
        return cls(clock, clock.monotonic() + seconds)

    @property
    def left(self) -> float:
        """Seconds until then; none once it is over."""
        return max(0.0, self.end - self.clock.monotonic())


class Pace:
    """Keeps all boards of this process under Notion's limit, and lets them wait when Notion says so. Thread-safe.

    Args:
        requests: At most so many in any window.
        seconds: The window's length.
    """

    def __init__(self, requests: int = REQUESTS_PER_MINUTE, seconds: float = 60.0) -> None:
        self.requests = requests
        self.seconds = seconds
        self._lock = threading.Lock()
        self._taken: deque[float] = deque()
        self._not_before = 0.0

    def take(self, now: float) -> float:
        """Returns how long to wait before a request; 0 means that this one is counted and may go."""
        with self._lock:
            while self._taken and self._taken[0] <= now - self.seconds:
                self._taken.popleft()
            wait = self._not_before - now
            if len(self._taken) >= self.requests:
                wait = max(wait, self._taken[0] + self.seconds - now)
            if wait > 0:
                return wait
            self._taken.append(now)
            return 0.0

    def hold(self, until: float) -> None:
        """Lets nothing pass before that moment: the limit is the integration's, not one call's."""
        with self._lock:
            self._not_before = max(self._not_before, until)


_paces: dict[str, Pace] = {}
_paces_lock = threading.Lock()


def shared_pace(settings: NotionSettings) -> Pace:
    """Returns the pace of all this process's boards with the same token at the same endpoint."""
    key = f"{settings.base_url} {settings.token.get_secret_value()}"
    with _paces_lock:
        return _paces.setdefault(hashlib.sha256(key.encode()).hexdigest(), Pace())


class Caller:
    """Calls Notion through the client library, again where that helps.

    Args:
        settings: Token and endpoint.
        clock: For waits and deadlines.
        pace: Shared with the other boards of this process unless given.
        jitter: Random numbers between 0 and 1.
        request_seconds: The longest time for one request.

    Raises:
        BoardError: The token or the address cannot be one.
    """

    def __init__(
        self,
        settings: NotionSettings,
        *,
        clock: Clock | None = None,
        pace: Pace | None = None,
        jitter: Callable[[], float] = random.random,
        request_seconds: float = REQUEST_SECONDS,
    ) -> None:
        self.clock = clock or SystemClock()
        self._pace = pace or shared_pace(settings)
        self._jitter = jitter
        self._request_seconds = request_seconds
        self._current = threading.local()
        token = _checked_token(settings.token)
        hide(token)
        url = _checked_url(settings.base_url)
        self._http = httpx.Client(
            event_hooks={"request": [self._limit_request], "response": [self._limit_answer]},
            verify=_certificates() if url.scheme == "https" else ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT),
            # A proxy from the environment cannot reach an emulator on this machine.
            trust_env=url.host not in _LOOPBACK,
        )
        # With a logger of its own the library adds no handler to the console, at this level it says nothing: failures
        # are logged here, without what Notion repeats of a request.
        logger = logging.getLogger(f"{__name__}.library")
        self._client = Client(
            client=self._http,
            auth=token,
            base_url=str(url).rstrip("/"),
            retry=False,
            logger=logger,
            log_level=logging.CRITICAL,
        )

    def close(self) -> None:
        """Closes the connections."""
        self._http.close()

    def call(
        self,
        send: Callable[[Client], Any],
        *,
        doing: str,
        expect: str,
        deadline: Deadline,
        settled: Callable[[], Json | None] | None = None,
    ) -> Json:
        """Returns the answer to a request, which is sent until it succeeds, cannot, or the time is up.

        Args:
            send: Sends it.
            doing: What it does, for messages; follows "could not".
            expect: The answer's ``object``.
            deadline: When to give up.
            settled: Asked before each further attempt at a write; returns what makes that attempt unnecessary.

        Raises:
            BoardError: It is refused; ``trouble`` says why.
            BoardUnavailableError: There was no success in time.
        """
        retries = 0
        while True:
            self._wait_for_turn(deadline, doing)
            try:
                self._begin(deadline)
                return checked_answer(send(self._client), expect)
            except Exception as error:
                trouble = classify(error, now=self.clock.time())
                if trouble is None:
                    raise
                if trouble.retry_after_seconds and trouble.passing:
                    self._pace.hold(self.clock.monotonic() + trouble.retry_after_seconds)
                wait = retry_wait(trouble, retries=retries, left_seconds=deadline.left, jitter=self._jitter())
                if wait is None:
                    # Not "from error": what the library raised may hold the request, and with it the token.
                    raise explain(trouble, doing=doing) from None
            _log.warning("notion_call_retried", doing=doing, cause=trouble.cause, wait_seconds=round(wait, 2))
            self.clock.sleep(wait)
            retries += 1
            if settled and (answer := settled()) is not None:
                return answer

    def _wait_for_turn(self, deadline: Deadline, doing: str) -> None:
        if not deadline.left:
            raise BoardUnavailableError(f"Notion is too slow: there was no time left to {doing}. It is tried again.")
        while (wait := self._pace.take(self.clock.monotonic())) > 0:
            if wait >= deadline.left:
                raise BoardUnavailableError(
                    f"Notion's request limit is used up for {wait:.0f} s: could not {doing}. It is tried again later."
                )
            self.clock.sleep(wait)

    def _begin(self, deadline: Deadline) -> None:
        self._current.seconds = min(self._request_seconds, max(deadline.left, 0.05))
        self._current.until = time.monotonic() + self._current.seconds

    def _limit_request(self, request: httpx.Request) -> None:
        # The phases' limits add up, so each gets a share.
        seconds: float = self._current.seconds
        request.extensions["timeout"] = httpx.Timeout(seconds * 2 / 3, connect=seconds / 3).as_dict()

    def _limit_answer(self, response: httpx.Response) -> None:
        if isinstance(response.stream, httpx.SyncByteStream):
            response.stream = _Limited(response.stream, self._current.until, response.request)


class _Limited(httpx.SyncByteStream):
    """An answer's body that must be there by a certain moment; httpx limits only the pauses in it."""

    def __init__(self, stream: httpx.SyncByteStream, until: float, request: httpx.Request) -> None:
        self._stream = stream
        self._until = until
        self._request = request

    def __iter__(self) -> Iterator[bytes]:
        for chunk in self._stream:
            if time.monotonic() > self._until:
                raise httpx.ReadTimeout("The answer takes too long.", request=self._request)
            yield chunk

    def close(self) -> None:
        self._stream.close()


@functools.cache
def _certificates() -> ssl.SSLContext:
    """Returns the certificates to trust; loading them takes longer than a request, so it is done once."""
    return httpx.create_ssl_context()


def _checked_url(given: str | None) -> httpx.URL:
    text = (given or "https://api.notion.com").strip().rstrip("/").removesuffix("/v1")
    try:
        url = httpx.URL(text)
    except httpx.InvalidURL:
        url = httpx.URL()
    if url.scheme not in ("http", "https") or not url.host:
        raise BoardError(
            f"NOTION_BASE_URL is no address: {redact(text)!r}. Unset it to use Notion itself.",
            code=Code.NOTION_ADDRESS,
            setting="NOTION_BASE_URL",
        )
    return url


def _checked_token(given: SecretStr) -> str:
    token = given.get_secret_value().strip()
    if not token:
        raise BoardError(
            "NOTION_TOKEN is not set: it is the integration's secret.", code=Code.NOTION_TOKEN, setting="NOTION_TOKEN"
        )
    # In a header anything else raises an error that shows it.
    if not token.isascii() or not token.isprintable() or " " in token:
        raise BoardError(
            "NOTION_TOKEN holds characters that no token has: copy it again.",
            code=Code.NOTION_TOKEN,
            setting="NOTION_TOKEN",
        )
    return token


def checked_answer(answer: Any, expect: str) -> Json:
    """Returns an answer that is what was asked for.

    Raises:
        OddAnswerError: It is something else.
    """
    if not isinstance(answer, dict) or answer.get("object") != expect:
        raise OddAnswerError(f"its answer is no {expect}")
    if expect == "list" and not isinstance(answer.get("results"), list):
        raise OddAnswerError("its answer is a list without results")
    return answer
