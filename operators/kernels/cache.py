"""The machine code of kernels on disk, for processes that start at the same moment.

Numba keeps an index of numbered files, and writes the index before the file: of two processes that
store at once one finds the other's code, or that of an older source, under its own number, and
runs it (numba issues 4807 and 10128). Here a file is named by all that its code depends on, and
says so itself: there is no index to be wrong.

In machine code the functions that a kernel calls bear the types of their arguments in their names;
but of a record only its number in the process that compiled it. Kernels of two processes can so
bring functions of one name, for records of other fields, and the linker takes the first for both.
Here a record's name contains its fields.
"""

from __future__ import annotations

import logging
import os
import pickle
from contextlib import suppress
from functools import cache
from hashlib import blake2b
from pathlib import Path
from typing import Any

import numba
from numba.core.caching import FunctionCache
from numba.core.serialize import dumps
from numba.core.types import Record

from operators.kernels.compile_turn import CompileTurn

logger = logging.getLogger("pynomaly.kernels")

MANGLING_VERSION = 2
"""What functions are called in machine code, and the form of files; others are compiled again."""
DIGEST_BYTES = 16


def _named_by_fields(record: Any) -> tuple[str, tuple[str]]:
    return "Record", (blake2b(record.name.encode(), digest_size=16).hexdigest(),)


Record.mangling_args = property(_named_by_fields)  # type: ignore[assignment, method-assign]


@cache
def announce_compilation() -> None:
    """Log, once, that compiling takes long: nothing else is written meanwhile."""
    logger.info(
        "compiling the detectors to machine code: this takes up to two minutes. The result is kept "
        "on this machine for other runs with the same detectors and as many values"
    )


class KernelCache(FunctionCache):  # type: ignore[misc]  # numba has no types
    """Numba's cache of one function, with a file for each signature."""

    def __init__(self, function: Any) -> None:
        super().__init__(function)
        stamp = self._impl.locator.get_source_stamp()
        folder, name = Path(self._cache_path), self._impl.filename_base
        self._cache_file = KernelFiles(folder, name, stamp)
        self._turn = CompileTurn(folder / f"{name}.lock")

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        """Return stored machine code for a signature; None if it is to be compiled.

        Of processes that start together one compiles a function, and the others load its code.
        """
        found = super().load_overload(sig, target_context)
        if found is None:
            announce_compilation()
            self._turn.begin()
            found = super().load_overload(sig, target_context)
            if found is not None:
                self._turn.end()
        return found

    def save_overload(self, sig: Any, data: Any) -> None:
        """Store the machine code of a signature, for processes that wait for it as well."""
        try:
            super().save_overload(sig, data)
        finally:
            self._turn.end()


class KernelFiles:
    """Files of one function.

    Args:
        folder: of the stored code.
        name: of the function.
        stamp: of its source.
    """

    def __init__(self, folder: Path, name: str, stamp: Any) -> None:
        self._folder = folder
        self._name = name
        self._stamp = (numba.__version__, MANGLING_VERSION, stamp)

    def load(self, key: Any) -> Any:
        """Return what was saved for a key; None if nothing whole is there."""
        try:
            digest, content = _split(self._path(key).read_bytes())
            # Before it is unpickled: damaged code would end the process, or run wrongly.
            if digest != _digest(content):
                return None
            stamp, saved, data = pickle.loads(content)
        except (OSError, EOFError, ValueError, pickle.UnpicklingError):
            return None
        return data if (stamp, saved) == (self._stamp, key) else None

    def save(self, key: Any, data: Any) -> None:
        """Save data for a key, whole or not at all: the next process may compile again."""
        path = self._path(key)
        partial = path.with_suffix(f".{os.getpid()}")
        with suppress(OSError):
            try:
                content = dumps((self._stamp, key, data))
                partial.write_bytes(_digest(content) + content)
                partial.replace(path)
            finally:
                partial.unlink(missing_ok=True)

    def _path(self, key: Any) -> Path:
        digest = blake2b(repr((self._stamp, key)).encode(), digest_size=8).hexdigest()
        return self._folder / f"{self._name}.{digest}.nbc"


def _digest(content: bytes) -> bytes:
    return blake2b(content, digest_size=DIGEST_BYTES).digest()


def _split(whole: bytes) -> tuple[bytes, bytes]:
    return whole[:DIGEST_BYTES], whole[DIGEST_BYTES:]
