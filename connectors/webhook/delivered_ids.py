"""The ids of the last delivered records, so that a replay does not repeat them."""

from __future__ import annotations

from pathlib import Path
from zlib import crc32

from pynomaly.plugins import RunContext

GENERATION_IDS = 50_000
"""Ids in one of the two files; the older file goes when the newer is full."""


class DeliveredIds:
    """Ids on the disk, outside the checkpoints: it is after a crash that they are needed.

    Without a state directory they are kept in memory alone. What power loss takes from the file is
    sent again, with the same id.

    Args:
        context: of this process.
        role: of the sink.
        receiver: its address; another receiver has seen nothing.
        generation: ids in a file.
    """

    def __init__(
        self, context: RunContext, role: str, receiver: str, generation: int = GENERATION_IDS
    ) -> None:
        self._generation = generation
        self._path: Path | None = None
        self._old: set[str] = set()
        self._new: set[str] = set()
        if context.state is not None:
            name = f"sent-{role}-{crc32(receiver.encode()):08x}"
            self._path = context.state / f"{name}-{context.process}.ids"
            context.state.mkdir(parents=True, exist_ok=True)
            self._new = _ids(self._path)
            # What another number of processes sent may be replayed here.
            for path in context.state.glob(f"{name}-*"):
                self._old |= _ids(path)

    def __contains__(self, record_id: str) -> bool:
        return record_id in self._new or record_id in self._old

    def add(self, record_id: str) -> None:
        """Know an id, also after a crash of this process."""
        self._new.add(record_id)
        if self._path is not None:
            with self._path.open("a", encoding="ascii") as file:
                file.write(record_id + "\n")
        if len(self._new) >= self._generation:
            self._old, self._new = self._new, set()
            if self._path is not None:
                self._path.replace(self._before)

    @property
    def _before(self) -> Path:
        assert self._path is not None
        return self._path.with_suffix(".before")


def _ids(path: Path) -> set[str]:
    try:
        return set(path.read_text(encoding="ascii").split())
    except FileNotFoundError:
        return set()
