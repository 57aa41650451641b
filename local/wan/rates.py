"""Rate limits of the account."""

import threading
from collections import deque


class RateLimit:
    """Lets a limited number of requests pass in any span of one second."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._passes: deque[float] = deque()

    def allows(self, now: float, per_second: int) -> bool:
        """Count a pass and return True, or return False if this second is full."""
        with self._lock:
            while self._passes and self._passes[0] <= now - 1:
                self._passes.popleft()
            if len(self._passes) >= per_second:
                return False
            self._passes.append(now)
            return True

    def reset(self) -> None:
        """Forget all passes."""
        with self._lock:
            self._passes.clear()
