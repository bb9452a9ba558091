"""The requests that an emulator accepts in a sliding window."""

import threading
import time
from collections import deque
from collections.abc import Callable


class RateLimit:
    """Off until it is set. Thread-safe.

    Args:
        clock: Seconds since some moment.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self.set(None)

    def set(self, requests: int | None, window_seconds: float = 60.0) -> None:
        """Accepts this many requests in any window from now on; None lifts the limit."""
        with self._lock:
            self._requests, self._window = requests, window_seconds
            self._accepted: deque[float] = deque(maxlen=requests or 0)

    def take(self) -> float | None:
        """Accepts a request and returns None, or returns the seconds until one will be accepted."""
        with self._lock:
            now = self._clock()
            if self._requests is None:
                return None
            if len(self._accepted) < self._requests or now - self._accepted[0] >= self._window:
                self._accepted.append(now)
                return None
            return self._window - (now - self._accepted[0])
