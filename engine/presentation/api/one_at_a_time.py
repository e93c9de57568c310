"""Changes that take a while outside of any transaction: one of each name at a time."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock

from engine.domain.control.errors import ConflictError


class OneAtATime:
    """The names of changes that this server makes now."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._names: set[str] = set()

    @contextmanager
    def of(self, name: str) -> Iterator[None]:
        """Hold a name during a change.

        Raises:
            ConflictError: another request makes this change now.
        """
        with self._lock:
            if name in self._names:
                raise ConflictError(f'another request restarts "{name}": send it again later')
            self._names.add(name)
        try:
            yield
        finally:
            with self._lock:
                self._names.remove(name)
