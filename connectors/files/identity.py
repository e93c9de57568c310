"""Which file it is, whatever its name: its number on the disk, and what it begins with."""

from __future__ import annotations

import re
import time
import zlib
from dataclasses import dataclass
from pathlib import Path

from connectors.files.kinds import ROTATED
from connectors.files.streams import is_packed, open_stream, unpacked_name

HEAD_BYTES = 4096
QUIET_SECONDS = 2.0
"""Seconds that a file must have lain unchanged to be whole, and its last line to be one."""
LEAST_DATE = 10**5
"""Larger numbers behind a name are dates: the oldest has the lowest."""


@dataclass(frozen=True)
class Identity:
    """A file of this machine.

    Attributes:
        device, number: it keeps them when it is renamed, and loses them when it is copied.
        length, checksum: of what it begins with, unpacked; it keeps them when it grows.
    """

    device: int
    number: int
    length: int
    checksum: int

    @classmethod
    def of(cls, path: str) -> Identity:
        """Return that of the file that has this name now.

        Raises:
            OSError: there is none.
        """
        found, begin = Path(path).stat(), head(path)
        return cls(found.st_dev, found.st_ino, len(begin), zlib.crc32(begin))

    @property
    def place(self) -> tuple[int, int]:
        """Device and number."""
        return self.device, self.number

    def begins(self, begin: bytes) -> bool:
        """Return whether a file that begins so is this one; an empty one is none."""
        is_long = 0 < self.length <= len(begin)
        return is_long and zlib.crc32(begin[: self.length]) == self.checksum


def head(path: str) -> bytes:
    """Return what a file begins with, unpacked; nothing if it cannot be read."""
    begin = b""
    try:
        with open_stream(path) as file:
            while len(begin) < HEAD_BYTES and (chunk := file.read(HEAD_BYTES - len(begin))):
                begin += chunk
    except Exception:  # noqa: BLE001 - each kind of compression has errors of its own
        # What was unpacked before the damage counts.
        return begin
    return begin


def place(path: str) -> tuple[int, int] | None:
    """Return device and number of the file that has this name; None if none has it."""
    try:
        found = Path(path).stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


def is_quiet(path: str) -> bool:
    """Return whether a file is not being written, or not there."""
    try:
        return time.time() - Path(path).stat().st_mtime >= QUIET_SECONDS
    except OSError:
        return True


def find_again(name: str, identity: Identity) -> str | None:
    """Return where a file is now that had a name; None if it is gone.

    It may have been renamed, copied or packed in its folder.
    """
    if place(name) == identity.place and (not identity.length or identity.begins(head(name))):
        return name
    stem = re.split(r"[.-]", Path(name).name)[0]
    try:
        others = [path for path in Path(name).parent.iterdir() if path.name.startswith(stem)]
    except OSError:
        return None
    places = {str(path): place(str(path)) for path in others}
    # The file itself comes before copies of it.
    likely = sorted(places, key=lambda path: places[path] != identity.place)
    return next((path for path in likely if identity.begins(head(path))), None)


def oldest_first(names: list[str]) -> list[str]:
    """Return files in the order of their names, but app.log.2, app.log.1 and then app.log."""

    def order(name: str) -> tuple[str, int, int, str]:
        plain = str(Path(name).parent / unpacked_name(name)) if is_packed(name) else name
        rotated = ROTATED.search(plain)
        if rotated is None or plain[: rotated.start()] not in known:
            return name, 1, 0, name
        number = int(rotated[0][1:])
        age = number if number >= LEAST_DATE else -number
        return plain[: rotated.start()], 0, age, name

    known = set(names)
    return sorted(names, key=order)
