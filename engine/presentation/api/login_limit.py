"""How often one address may try to log in."""

from __future__ import annotations

import time
from collections import OrderedDict, deque
from collections.abc import Callable
from threading import Lock

ATTEMPTS = 10
SECONDS = 60.0
MOST_ADDRESSES = 10_000


class LoginLimit:
    """Lets ten attempts a minute of each address pass; only this process counts them.

    Args:
        clock: seconds, from anywhere.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = Lock()
        self._attempts: OrderedDict[str, deque[float]] = OrderedDict()

    def wait(self, address: str) -> float:
        """Count an attempt; return how many seconds to wait instead, 0 if it may be made."""
        now = self._clock()
        with self._lock:
            made = self._attempts.setdefault(address, deque())
            self._attempts.move_to_end(address)
            while len(self._attempts) > MOST_ADDRESSES:
                self._attempts.popitem(last=False)
            while made and now - made[0] >= SECONDS:
                made.popleft()
            if len(made) >= ATTEMPTS:
                return SECONDS - (now - made[0])
            made.append(now)
            return 0.0
