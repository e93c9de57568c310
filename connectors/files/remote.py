"""Files of other machines, such as s3://bucket/data.csv, through fsspec."""

from __future__ import annotations

import io
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import IO, Any, TypeVar, cast

from connectors.files.extras import imported
from engine.domain.errors import ConnectorError, PynomalyError

BLOCK_BYTES = 4 * 2**20
"""Bytes of a request: where a connection is cut, they are asked for again."""
WAIT_SECONDS = (0.5, 1.0, 2.0, 4.0)
"""Seconds between the tries to read on where a connection was cut."""
VERSIONS = ("size", "ETag", "etag", "md5Hash", "mtime", "last_modified", "LastModified")
"""Fields that stores have, of which one at least changes with the content."""
HAS_BUCKETS = ("s3", "s3a", "gs", "gcs")
"""Schemes of addresses that begin with a bucket."""
Result = TypeVar("Result")


class UnreachableError(ConnectorError):
    """A store does not answer, or a connection to it was cut."""


def find_remote(pattern: str) -> dict[str, str]:
    """Return what there is at an address, which may be a pattern, in the order of names.

    Returns:
        What changes with the content, by address.

    Raises:
        ConnectorError: a folder is named, its bucket is not there, or it is refused.
    """
    system, place = _system(pattern)
    with _reaching(pattern):
        # What was found before is kept by it, without an end.
        system.invalidate_cache()
        known = None if "*" in pattern else _info(system, place)
        if known is not None:
            _check_file(pattern, known)
            return {pattern: _version(known)}
        found = _matching(system, pattern, place)
        scheme = pattern.partition("://")[0]
        if not found and scheme in HAS_BUCKETS:
            _check_bucket(system, pattern, place)
    return {
        f"{scheme}://{str(name).removeprefix('/')}": _version(found[name]) for name in sorted(found)
    }


def _matching(system: Any, pattern: str, place: str) -> dict[str, Mapping[str, Any]]:
    if not any(sign in place for sign in "*?["):
        return {}
    try:
        found = system.glob(pattern, detail=True)
    except FileNotFoundError:
        # So Google's says that there is no bucket.
        return {}
    return {name: known for name, known in found.items() if known.get("type") != "directory"}


def _check_file(path: str, known: Mapping[str, Any]) -> None:
    """Refuse what is not a file: it would be read as an empty one.

    Raises:
        ConnectorError: it is a folder or a bucket.
    """
    if known.get("type") == "directory":
        hint = f"set a pattern of its files, such as {path.rstrip('/')}/*.csv"
        raise ConnectorError(f"{path}: is a folder: {hint}")


def _check_bucket(system: Any, path: str, place: str) -> None:
    """Refuse a bucket that is not there: no pattern in it will ever match.

    Raises:
        ConnectorError: it is not there.
    """
    bucket = place.partition("/")[0]
    try:
        is_there = _info(system, bucket) is not None
    except PermissionError:
        # It may be read, and not be looked at.
        return
    if not is_there:
        raise ConnectorError(f'{path}: there is no bucket "{bucket}": correct the address')


def _info(system: Any, place: str) -> Mapping[str, Any] | None:
    try:
        known: Mapping[str, Any] = system.info(place)
    except FileNotFoundError:
        return None
    return known


def _version(known: Mapping[str, Any]) -> str:
    """Return the size of a file, and what its store says of its content or its age."""
    marks = (str(known[name]) for name in VERSIONS if known.get(name) is not None)
    return " ".join(marks)


def open_remote(path: str) -> IO[bytes]:
    """Open a file.

    Raises:
        ConnectorError: it is not there, or nothing answers.
    """
    with _reaching(path):
        return cast("IO[bytes]", io.BufferedReader(_Persistent(_opened(path), path)))


def _opened(path: str) -> Any:
    system, _ = _system(path)
    # What is known of a file that was replaced leads to the former one.
    system.invalidate_cache()
    return system.open(path, block_size=BLOCK_BYTES)


class _Persistent(io.RawIOBase):
    """A file that reads on where a connection was cut."""

    def __init__(self, file: Any, path: str) -> None:
        self._file = file
        self._path = path

    def readinto(self, buffer: Any) -> int:
        """Read some bytes into a buffer; 0 at the end."""
        with _reaching(self._path):
            chunk: bytes = _tried(lambda: self._file.read(len(buffer)))
        buffer[: len(chunk)] = chunk
        return len(chunk)

    def seek(self, place: int, whence: int = io.SEEK_SET, /) -> int:
        """Go to a place."""
        return int(self._file.seek(place, whence))

    def tell(self) -> int:
        """Return the place."""
        return int(self._file.tell())

    def readable(self) -> bool:
        """Return that it can be read."""
        return True

    def seekable(self) -> bool:
        """Whether there is a way back."""
        return bool(self._file.seekable())

    def close(self) -> None:
        """Close the file."""
        self._file.close()
        super().close()


def _tried(read: Callable[[], Result]) -> Result:
    for wait in WAIT_SECONDS:
        try:
            return read()
        except (FileNotFoundError, PermissionError):
            raise
        except Exception as error:
            if type(error).__name__ == "FileExpired":
                raise
            time.sleep(wait)
    return read()


@contextmanager
def _reaching(path: str) -> Iterator[None]:
    """Say which address was asked for where its library fails.

    Raises:
        UnreachableError: nothing answers, a connection was cut, or there are no credentials;
            libraries such as botocore have errors of their own.
        ConnectorError: it is not there, or refused.
    """
    try:
        yield
    except FileNotFoundError as error:
        raise ConnectorError(f"{path}: nothing is there ({error}): correct the address") from error
    except PermissionError as error:
        advice = "correct the credentials or their rights"
        raise ConnectorError(f"{path}: the store refuses us ({error}): {advice}") from error
    except PynomalyError:
        raise
    except Exception as error:
        if type(error).__name__ == "FileExpired":
            text = "it was replaced while it was read: give a new file a new name"
            raise UnreachableError(f"{path}: {text}") from error
        advice = "correct the address or the credentials, if it lasts"
        raise UnreachableError(f"{path}: {type(error).__name__}: {error}: {advice}") from error


def _system(path: str) -> tuple[Any, str]:
    """Return the file system of an address, and the place in it.

    Raises:
        ConnectorError: nothing installed can reach it.
    """
    fsspec = imported("fsspec", "remote")
    try:
        system, place = fsspec.core.url_to_fs(path)
    except (ImportError, ValueError) as error:
        raise ConnectorError(f"{path}: {error}") from None
    return system, place
