"""The one place that calls Notion, with rate limit, retries and deadlines; notion-client's own retries are off.

``call_failures`` decides which failures are retried; ``board`` interprets the answers.
"""

import hashlib
import logging
import random
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import httpx
import structlog
from notion_client import Client
from pydantic import SecretStr

from assetgen_dagster.errors import Code
from assetgen_dagster.notion.call_failures import UnexpectedAnswerError, call_retry_wait, classify
from assetgen_dagster.notion.errors import BoardError, BoardUnavailableError
from assetgen_dagster.notion.messages import board_error
from assetgen_dagster.notion.settings import NotionSettings
from assetgen_dagster.support.http import NetworkSettingError, open_client
from assetgen_dagster.support.redact import hide, redact

Json = dict[str, Any]

#: This process's share of Notion's 180 requests a minute; runs and other programs need some too.
REQUESTS_PER_MINUTE = 150

#: The longest time for one request; Notion itself gives up after 60.
REQUEST_SECONDS = 10.0

#: The longest answer. A page of 100 rows with long texts has a few.
MOST_BYTES = 32 << 20

#: Newer than the default of notion-client.
_VERSION = "2026-03-11"

_log = structlog.get_logger(__name__)


class Clock(Protocol):
    """Time, replaceable in tests."""

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
    """The end of the time for one method of the board, with all its calls."""

    clock: Clock
    end: float

    @classmethod
    def within(cls, seconds: float, clock: Clock) -> "Deadline":
        """Returns the deadline that many seconds from now."""
        return cls(clock, clock.monotonic() + seconds)

    @property
    def left(self) -> float:
        """Seconds left; 0 once it has passed."""
        return max(0.0, self.end - self.clock.monotonic())


class RequestLimit:
    """Keeps all boards of this process under Notion's rate limit; a sliding window. Thread-safe.

    Args:
        requests: Requests allowed in a window.
        seconds: The window's length.
    """

    def __init__(self, requests: int = REQUESTS_PER_MINUTE, seconds: float = 60.0) -> None:
        self.requests = requests
        self.seconds = seconds
        self._lock = threading.Lock()
        self._taken: deque[float] = deque()
        self._not_before = 0.0

    def take(self, now: float) -> float:
        """Returns the seconds to wait before a request; 0 if it may be sent now, and is counted."""
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

    def block(self, until: float) -> None:
        """Allows no request before a moment: Notion limits the integration, not single calls."""
        with self._lock:
            self._not_before = max(self._not_before, until)


_limits: dict[str, RequestLimit] = {}
_limits_lock = threading.Lock()


def shared_limit(settings: NotionSettings) -> RequestLimit:
    """Returns the limit that this process's boards share for a token at an endpoint."""
    key = f"{settings.base_url} {settings.token.get_secret_value()}"
    with _limits_lock:
        return _limits.setdefault(hashlib.sha256(key.encode()).hexdigest(), RequestLimit())


class Caller:
    """Calls Notion through the client library, with retries.

    Args:
        settings: Token and endpoint.
        clock: For waits and deadlines.
        limit: Rate limit; shared within the process by default.
        request_seconds: The longest time for one request.

    Raises:
        BoardError: The token or the address is malformed, or a proxy of the environment cannot be used.
    """

    def __init__(
        self,
        settings: NotionSettings,
        *,
        clock: Clock | None = None,
        limit: RequestLimit | None = None,
        request_seconds: float = REQUEST_SECONDS,
    ) -> None:
        self.clock = clock or SystemClock()
        self._limit = limit or shared_limit(settings)
        self._request_seconds = request_seconds
        self._current = threading.local()
        token = _checked_token(settings.token)
        hide(token)
        url = _checked_url(settings.base_url)
        try:
            self._http = open_client(
                str(url), seconds=request_seconds, most_bytes=MOST_BYTES, until=lambda: self._current.until
            )
        except NetworkSettingError as error:
            text = f"Notion could not be called: {error.message}"
            raise BoardError(text, code=Code.NOTION_ADDRESS, setting=error.setting) from None
        self._http.event_hooks["request"].append(self._limit_request)
        # With its own logger the library adds no console handler; at this level it logs nothing. Failures are logged
        # here, without the parts of a request that Notion repeats.
        logger = logging.getLogger(f"{__name__}.library")
        self._client = Client(
            client=self._http,
            auth=token,
            base_url=str(url).rstrip("/"),
            notion_version=_VERSION,
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
        action: str,
        expect: str,
        deadline: Deadline,
        already_done: Callable[[], Json | None] | None = None,
    ) -> Json:
        """Sends a request until it succeeds, fails for good, or the time is up; returns the answer.

        Args:
            send: Sends it.
            action: What it does, for messages; follows "could not".
            expect: The answer's ``object``.
            deadline: When to give up.
            already_done: Called before each retry of a write; returns the result if an earlier attempt was saved.

        Raises:
            BoardError: Notion refuses it; ``failure`` says why.
            BoardUnavailableError: No attempt succeeded in time.
        """
        retries = 0
        while True:
            self._wait_for_turn(deadline, action)
            try:
                self._begin(deadline)
                return checked_answer(send(self._client), expect)
            except Exception as error:
                failure = classify(error, now=self.clock.time())
                if failure is None:
                    raise
                if failure.retry_after_seconds and failure.transient:
                    self._limit.block(self.clock.monotonic() + failure.retry_after_seconds)
                spread = random.random()  # noqa: S311 - spreads retries
                wait = call_retry_wait(failure, retries=retries, left_seconds=deadline.left, random=spread)
                if wait is None:
                    # Not "from error": the library's exception may hold the request, and with it the token.
                    raise board_error(failure, action=action) from None
            _log.warning("notion_call_retried", action=action, cause=failure.cause, wait_seconds=round(wait, 2))
            self.clock.sleep(wait)
            retries += 1
            if already_done and (answer := already_done()) is not None:
                return answer

    def _wait_for_turn(self, deadline: Deadline, action: str) -> None:
        if not deadline.left:
            raise BoardUnavailableError(f"Notion is too slow: there was no time left to {action}.")
        while (wait := self._limit.take(self.clock.monotonic())) > 0:
            if wait >= deadline.left:
                raise BoardUnavailableError(f"Notion's request limit is used up for {wait:.0f} s: could not {action}.")
            self.clock.sleep(wait)

    def _begin(self, deadline: Deadline) -> None:
        self._current.seconds = min(self._request_seconds, max(deadline.left, 0.05))
        self._current.until = time.monotonic() + self._current.seconds

    def _limit_request(self, request: httpx.Request) -> None:
        # The phases' limits add up, so each gets a share.
        seconds: float = self._current.seconds
        request.extensions["timeout"] = httpx.Timeout(seconds * 2 / 3, connect=seconds / 3).as_dict()


def _checked_url(given: str | None) -> httpx.URL:
    text = (given or "https://api.notion.com").strip().rstrip("/").removesuffix("/v1")
    try:
        url = httpx.URL(text)
    except httpx.InvalidURL:
        url = httpx.URL()
    if url.scheme not in ("http", "https") or not url.host:
        raise BoardError(
            f"NOTION_BASE_URL is not an address: {redact(text)!r}. Unset it to use Notion itself.",
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
            "NOTION_TOKEN holds characters that no token has. Copy it again.",
            code=Code.NOTION_TOKEN,
            setting="NOTION_TOKEN",
        )
    return token


def checked_answer(answer: Any, expect: str) -> Json:
    """Returns an answer if it is of the expected kind.

    Raises:
        UnexpectedAnswerError: It is not.
    """
    if not isinstance(answer, dict) or answer.get("object") != expect:
        raise UnexpectedAnswerError(f"its answer is no {expect}")
    if expect == "list" and not isinstance(answer.get("results"), list):
        raise UnexpectedAnswerError("its answer is a list without results")
    return answer
