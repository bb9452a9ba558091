"""The requests a minute that the Gemini emulator allows one key: a sliding window over the calls it has accepted."""

import threading
import time
from collections import deque
from collections.abc import Callable

from assetgen_emulators.gemini.faults import ApiError


class RequestQuota:
    """Thread-safe.

    Args:
        requests: So many calls are accepted in any window.
        window_seconds: How long a window is.
        clock: Seconds since some moment.
    """

    def __init__(
        self, requests: int, window_seconds: float = 60.0, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._requests = requests
        self._window = window_seconds
        self._clock = clock
        self._accepted: deque[float] = deque(maxlen=requests)
        self._lock = threading.Lock()

    def take(self) -> ApiError | None:
        """Accepts a call that has just arrived, or returns how the API turns it down."""
        with self._lock:
            now = self._clock()
            if len(self._accepted) < self._requests or now - self._accepted[0] >= self._window:
                self._accepted.append(now)
                return None
            left = self._window - (now - self._accepted[0])
        return ApiError(
            429,
            message=f"You exceeded your current quota. Please retry in {left:.9f}s.",
            retry_delay_seconds=round(left, 3),
            quota_id="GenerateRequestsPerMinutePerProjectPerModel",
        )
