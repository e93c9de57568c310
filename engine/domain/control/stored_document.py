"""A published document as it is stored: a list shows its text, and looks at nothing in it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import orjson


class StoredDocument(Mapping[str, object]):
    """A JSON object that is read once something in it is asked for.

    Args:
        text: the object.

    Attributes:
        text: as given.
    """

    __slots__ = ("_read", "text")

    def __init__(self, text: str) -> None:
        self.text = text
        self._read: Mapping[str, object] | None = None

    def __getitem__(self, name: str) -> object:
        """Return the value of a field."""
        return self._fields()[name]

    def __iter__(self) -> Iterator[str]:
        """Yield the names of its fields."""
        return iter(self._fields())

    def __len__(self) -> int:
        """Return the number of its fields."""
        return len(self._fields())

    def _fields(self) -> Mapping[str, object]:
        if self._read is None:
            self._read = orjson.loads(self.text)
        return self._read
