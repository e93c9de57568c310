"""Messages between decoding and events."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import compress
from typing import Any

from engine.domain.batch import Bools, Int32s, Int64s
from operators.decode.columns import Table


@dataclass(frozen=True, slots=True)
class Decoded:
    """Messages, or elements of them, on their way to becoming events.

    Attributes:
        messages: what the columns are read from.
        rows: int64 [n], the payload that each of them is of.
        indices: int32 [n], the place of each in its message; None if they are whole messages.
    """

    messages: list[Any] | Table
    rows: Int64s
    indices: Int32s | None = None

    def only(self, kept: Bools) -> Decoded:
        """Return some of them."""
        indices = None if self.indices is None else self.indices[kept]
        if isinstance(self.messages, Table):
            return Decoded(self.messages.only(kept), self.rows[kept], indices)
        return Decoded(list(compress(self.messages, kept)), self.rows[kept], indices)
