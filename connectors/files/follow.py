"""Follows files: lines appended to the last file, and files that appear after it."""

from __future__ import annotations

import logging
import math
import time
from datetime import UTC, datetime, timedelta

from bytewax.inputs import StatefulSourcePartition

from connectors.files.batches import BATCH_LINES, raw_batch
from connectors.files.file_order import FileOrder
from connectors.files.find import find_files
from connectors.files.followed import Lost, Tail, Whole, opened
from connectors.files.identity import HEAD_BYTES, find_again, place
from connectors.files.messages import Reading
from connectors.files.outage import Outage
from connectors.files.remote import UnreachableError, find_remote
from connectors.files.unreadable import Message
from engine.domain.batch import RawBatch
from pynomaly.plugins import RunContext

logger = logging.getLogger("pynomaly.files")

IDLE = timedelta(milliseconds=100)
SEARCH_SECONDS = 0.5
"""Seconds between two looks for new files."""
REMOTE_SEARCH_SECONDS = 10.0
"""As that, of a store that is paid by the request."""
FILE_STRIDE_LINES = 2**40
"""More than the lines of any file: a position is a file's number times this, and a line's."""


class FollowReader(StatefulSourcePartition[RawBatch, int]):
    """Reads all files of a pattern as one partition, one after the other, without an end."""

    def __init__(self, pattern: str, reading: Reading, context: RunContext, position: int) -> None:
        self._pattern = pattern
        self._reading = reading
        self._context = context
        self._number, self._line = divmod(position, FILE_STRIDE_LINES)
        self._order = FileOrder(context.state)
        self._file: Tail | Whole | Lost | None = None
        self._versions: dict[str, str] = {}
        self._searched = -math.inf
        self._every = REMOTE_SEARCH_SECONDS if "://" in pattern else SEARCH_SECONDS
        self._outage = Outage()
        self._is_waited_for = False
        self._idle = False

    def next_batch(self) -> list[RawBatch]:
        """Return at most one batch: what has come."""
        if self._context.draining.is_set():
            self.close()
            raise StopIteration
        try:
            self._find_new_files()
            found, hint = self._next_messages()
        except UnreachableError as error:
            if not self._order.names:
                # Nothing was ever found there: the address is wrong.
                raise
            self._outage.met(error)
            self.close()
            return []
        self._outage.over()
        self._idle = not found
        if not found:
            return []
        self._line = found[-1][0] + 1
        first = self._number * FILE_STRIDE_LINES
        placed = [(first + line, payload, finding) for line, payload, finding in found]
        batch = raw_batch(self._pattern, 0, placed, time.time_ns(), hint)
        if self._file is not None and self._file.damage:
            self._next_file()
        return [batch]

    def next_awake(self) -> datetime | None:
        """Ask again at once while there is something to read."""
        return self._outage.next_try() or (datetime.now(UTC) + IDLE if self._idle else None)

    def snapshot(self) -> int:
        """Return the file's number and the next line in it, as one number."""
        return self._number * FILE_STRIDE_LINES + self._line

    def close(self) -> None:
        """Close the file that is being read."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def _find_new_files(self) -> None:
        now = time.monotonic()
        if now - self._searched < self._every:
            return
        if "://" in self._pattern:
            versions = find_remote(self._pattern)
            self._order.add(list(versions))
            self._compare(versions)
        else:
            self._order.add(find_files(self._pattern))
        self._searched = now
        if not self._order.names and not self._is_waited_for:
            self._is_waited_for = True
            logger.warning('no file matches "%s" yet: waiting for one', self._pattern)

    def _compare(self, versions: dict[str, str]) -> None:
        """Read on in the last object if it has changed; warn of others."""
        changed = {name for name, one in versions.items() if self._versions.get(name, one) != one}
        self._versions = versions
        for number, name in enumerate(self._order.names[: self._number + 1] if changed else ()):
            if name in changed and number == self._number:
                self.close()
            elif name in changed:
                logger.warning(
                    "%s has changed after it was read: what is new in it is not read, as it is not "
                    "the last one; give new content a new name",
                    name,
                )

    def _next_messages(self) -> tuple[list[Message], str]:
        """Return the next messages, of the next file where this one has no more."""
        names = self._order.names
        while self._number < len(names):
            self._look()
            file = self._file = self._file or self._opened()
            if file is None:
                return [], ""
            is_last = self._number + 1 == len(names)
            more = is_last or (isinstance(file, Tail) and file.may_grow())
            found = file.next_messages(BATCH_LINES, more)
            hint = file.hint
            if file.is_changing:
                self.close()
                return found, hint
            if found and isinstance(file, Tail):
                self._note(file)
            if found or more:
                return found, hint
            if self._file is file:
                self._next_file()
        return [], ""

    def _opened(self) -> Tail | Whole | Lost | None:
        """Open the file that is next, wherever it is now."""
        name, line = self._order.names[self._number], self._line
        identity = self._order.identity(self._number)
        if identity is None:
            return opened(name, self._reading, line)
        is_there = place(name) == identity.place
        path = find_again(name, identity)
        if path is None and not line and (is_there or place(name) is None):
            self._note(None)
            return opened(name, self._reading, 0)
        if path != name and is_there:
            # It was cut, and begins again.
            self._order.add_again(self._number)
        if path is None:
            return Lost(name, line)
        if path != name:
            logger.warning("%s was rotated: the rest is read from %s", name, path)
            self._order.move(self._number, path)
        return opened(path, self._reading, line)

    def _note(self, file: Tail | None) -> None:
        """Note which file is read, as soon as what it begins with identifies it."""
        before = self._order.identity(self._number)
        if file is None:
            self._order.forget(self._number)
        elif before is None or before.length < HEAD_BYTES:
            self._order.keep(self._number, file.identity)

    def _look(self) -> None:
        """Look whether the file that is read was replaced or cut."""
        file, identity = self._file, self._order.identity(self._number)
        if not isinstance(file, Tail):
            return
        if identity is not None and file.place != identity.place:
            # Another one has the same content, and more.
            self.close()
        elif file.is_cut(identity):
            name = self._order.names[self._number]
            logger.warning("%s was cut: it is read from its beginning", name)
            self._order.add_again(self._number)
            is_same = identity is None or identity.begins(file.begin(HEAD_BYTES))
            file.has_ended = file.is_read or is_same
            if not file.has_ended:
                # A copy may hold what was not read.
                self.close()

    def _next_file(self) -> None:
        self.close()
        self._number, self._line = self._number + 1, 0
