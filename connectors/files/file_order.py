"""The files of a pattern in the order in which they came, kept in the state directory."""

from __future__ import annotations

import json
import logging
import os
from dataclasses import astuple, replace
from pathlib import Path

from connectors.files.identity import (
    HEAD_BYTES,
    Identity,
    head,
    is_quiet,
    oldest_first,
    place,
)
from connectors.files.streams import is_packed

logger = logging.getLogger("pynomaly.files")

ORDER = "followed_files.json"
MOST_IDENTITIES = 200
"""That are kept: files that are rotated are among the last ones."""
MOST_COPIES = 1000


class FileOrder:
    """The files in the order in which they came.

    A file that is renamed stays where it is. One that takes the name of another is a new file, and
    a copy of a known one is none.

    Attributes:
        names: of the files, as they are called now.
    """

    def __init__(self, state: Path | None) -> None:
        self._path = None if state is None else state / ORDER
        self.names: list[str] = []
        self._identities: dict[int, Identity] = {}
        self._copies: list[list[int]] = []
        if self._path is not None and self._path.exists():
            found = json.loads(self._path.read_text())
            # Earlier versions had names alone.
            found = {"names": found} if isinstance(found, list) else found
            self.names = found["names"]
            of = found.get("identities", [])
            self._identities = {number: Identity(*parts) for number, *parts in of}
            self._copies = found.get("copies", [])
        self._numbers = {name: number for number, name in enumerate(self.names)}

    def add(self, found: list[str]) -> None:
        """Put new files behind those that are known."""
        places = {identity.place: n for n, identity in self._identities.items()}
        changed = False
        for path in oldest_first(found):
            changed |= self._is_change(path, places)
        if changed:
            self._save()

    def identity(self, number: int) -> Identity | None:
        """Return which file it is; None if that is not known."""
        return self._identities.get(number)

    def keep(self, number: int, identity: Identity) -> None:
        """Note which file it is."""
        if self._identities.get(number) != identity:
            self._identities[number] = identity
            for old in sorted(self._identities)[:-MOST_IDENTITIES]:
                del self._identities[old]
            self._save()

    def move(self, number: int, path: str) -> None:
        """Note where the content of a file is now."""
        identity, here = self._identities[number], place(path)
        if here is not None:
            self.keep(number, replace(identity, device=here[0], number=here[1]))

    def forget(self, number: int) -> None:
        """Forget which file it is: it begins again before anything of it was read."""
        self._identities.pop(number, None)

    def add_again(self, number: int) -> None:
        """Put a file behind the others once more: it begins again."""
        name = self.names[number]
        if self._numbers[name] == number:
            self._append(name)
            self._save()

    def _is_change(self, path: str, places: dict[tuple[int, int], int]) -> bool:
        """Take up a file that was found; return whether that changes anything."""
        named = self._numbers.get(path)
        here = None if "://" in path else place(path)
        if here is None:
            return named is None and self._append(path)
        number = places.get(here)
        if number is not None and self.names[number] == path:
            return False
        if number is not None and self._is_renamed(number, path):
            logger.info("%s is now called %s", self.names[number], path)
            self._numbers = {n: at for n, at in self._numbers.items() if at != number}
            self.names[number] = path
            self._numbers[path] = number
            return True
        if named is not None:
            before = self._identities.get(named)
            if before is None or before.place == here:
                return False
            if before.begins(head(path)):
                # As rsync and editors write: the former content, and more.
                self._identities[named] = replace(before, device=here[0], number=here[1])
                return True
            logger.info("%s is another file now", path)
            return self._append(path)
        return self._is_new(path) and self._append(path)

    def _is_renamed(self, number: int, path: str) -> bool:
        """Return whether it is the same file, and not one that got its place on the disk."""
        identity = self._identities[number]
        return not identity.length or identity.begins(head(path))

    def _is_new(self, path: str) -> bool:
        """Return whether a file does not copy one that is known, such as app.log.2.gz."""
        others = [
            (self.names[number], identity)
            for number, identity in self._identities.items()
            if path.startswith(self.names[number]) or place(self.names[number]) != identity.place
        ]
        try:
            found = Path(path).stat()
        except OSError:
            return False
        version = [found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns]
        if version in self._copies:
            return False
        begin = head(path) if others else b""
        copied = next((name for name, identity in others if identity.begins(begin)), None)
        if copied is None:
            may_be = is_packed(path) or any(path.startswith(name) for name, _ in others)
            # A copy that is being written is looked at again.
            return not others or not may_be or len(begin) == HEAD_BYTES or is_quiet(path)
        logger.info("%s is a copy of what %s held: it is not read again", path, copied)
        self._copies = [*self._copies, version][-MOST_COPIES:]
        self._save()
        return False

    def _append(self, path: str) -> bool:
        number = len(self.names)
        self.names.append(path)
        self._numbers[path] = number
        if "://" not in path and place(path) is not None:
            self._identities[number] = Identity.of(path)
            for old in sorted(self._identities)[:-MOST_IDENTITIES]:
                del self._identities[old]
        return True

    def _save(self) -> None:
        if self._path is None:
            return
        self._path.parent.mkdir(parents=True, exist_ok=True)
        beside = self._path.with_suffix(".new")
        with beside.open("w") as file:
            identities = [[number, *astuple(own)] for number, own in self._identities.items()]
            json.dump({"names": self.names, "identities": identities, "copies": self._copies}, file)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(self._path)
