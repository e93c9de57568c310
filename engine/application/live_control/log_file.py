"""The control log in a file of the state directory: the default, on one machine.

Lines of JSON that are only ever appended: the first identifies the log, each that
follows is a record. A line without an end was being written when the writer was killed; it does not
count, and the next writer removes it.
"""

from __future__ import annotations

import fcntl
import logging
import os
import secrets
from collections.abc import Callable
from pathlib import Path

import orjson

from engine.application.live_control.records import ControlRecord, read_record
from engine.application.state.trust import require_own_file
from engine.domain.errors import FatalError

NAME = "control.log"
"""Of the file in the state directory."""

logger = logging.getLogger("pynomaly.control")


class ControlLog:
    """The file, read as far as it has come.

    Args:
        directory: of the state.

    Attributes:
        path: of the file.
        where: the same, for people.
        id: of this log; "" while there is none.
        records: that were read.
        count: lines that were read, those that could not be understood too.
    """

    def __init__(self, directory: Path) -> None:
        self.path = directory / NAME
        self.where = f'"{self.path}"'
        self.id = ""
        self.records: list[ControlRecord] = []
        self.count = 0
        self._offset = 0

    def read(self) -> bool:
        """Read what has been appended since; return whether there was anything.

        Raises:
            OSError: the file cannot be read.
            FatalError: it is not a control log, or others may write to it.
        """
        try:
            size = self.path.stat().st_size
        except FileNotFoundError:
            return self._begin("") if self.id else False
        if size == self._offset:
            return False
        require_own_file(self.path)
        with self.path.open("rb") as file:
            first = file.readline()
            if not first.endswith(b"\n"):
                return False
            own = _log_id(self.path, first)
            if own != self.id or size < self._offset:
                self._begin(own)
                self._offset = len(first)
            file.seek(self._offset)
            new = file.read()
        lines = new[: new.rfind(b"\n") + 1].splitlines(keepends=True)
        for line in lines:
            self._read_line(line)
        return bool(lines)

    def close(self) -> None:
        """Nothing is kept open."""

    def append(self, make: Callable[[int], ControlRecord]) -> ControlRecord:
        """Append a record; on the disk on return.

        Args:
            make: the record, given its number.

        Raises:
            OSError: the file cannot be written.
            FatalError: it is not a control log, or others may write to it.
        """
        flags = os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC
        descriptor = os.open(self.path, flags, 0o600)
        with os.fdopen(descriptor, "r+b", buffering=0) as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            require_own_file(self.path)
            if not os.fstat(descriptor).st_size:
                self._found(descriptor)
            self.read()
            # What a writer who was killed left behind does not count.
            os.ftruncate(descriptor, self._offset)
            record = make(self.count + 1)
            os.write(descriptor, record.line())
            os.fsync(descriptor)
        self.read()
        return record

    def _found(self, descriptor: int) -> None:
        """Begin the file, for who owns the directory: root may write what a user's run reads."""
        owner = self.path.parent.stat()
        if owner.st_uid != os.geteuid():
            os.fchown(descriptor, owner.st_uid, owner.st_gid)
        head = {"pynomaly_control": 1, "log": secrets.token_hex(8)}
        os.write(descriptor, orjson.dumps(head) + b"\n")

    def _begin(self, own: str) -> bool:
        self.id, self.records, self.count, self._offset = own, [], 0, 0
        return True

    def _read_line(self, line: bytes) -> None:
        self.count += 1
        self._offset += len(line)
        try:
            record = read_record(line)
            if record.number != self.count:
                raise FatalError(f"no control record: it has number {record.number}")
        except FatalError as error:
            logger.error(
                "%s:%d: %s: the line is left out; write the log with `pynomaly control`",
                *(self.path, self.count + 1, error),
            )
            return
        self.records.append(record)


def _log_id(path: Path, line: bytes) -> str:
    try:
        head = orjson.loads(line)
        if head["pynomaly_control"] == 1:
            return str(head["log"])
    except (ValueError, TypeError, KeyError):
        pass
    raise FatalError(
        f'"{path}" is not a control log of this release: move it away, and write its records again '
        "with `pynomaly control`"
    )
