"""Files as streams of bytes: local or remote, decompressed by suffix, converted to UTF-8."""

from __future__ import annotations

import bz2
import codecs
import errno
import gzip
import lzma
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import PurePosixPath
from typing import IO

from connectors.files.extras import imported
from connectors.files.lines import Readable
from connectors.files.remote import open_remote
from connectors.files.unreadable import UnfitFileError

MARKS = {
    codecs.BOM_UTF8: "utf-8",
    codecs.BOM_UTF16_LE: "utf-16-le",
    codecs.BOM_UTF16_BE: "utf-16-be",
}
"""Encodings by the byte order mark that a text begins with."""


def unpacked_name(path: str) -> str:
    """Return a file's name without the suffix of its compression."""
    name = PurePosixPath(path)
    return name.stem if is_packed(path) else name.name


def is_packed(path: str) -> bool:
    """Whether a file is compressed, by its name."""
    return PurePosixPath(path).suffix.lower() in UNPACK


def open_plain(path: str) -> IO[bytes]:
    """Open a file as it is: of this machine, or with a scheme such as s3:// through fsspec."""
    if "://" in path:
        return open_remote(path)
    return open(path, "rb")  # noqa: PTH123 - the caller closes it


@contextmanager
def open_stream(path: str) -> Iterator[Readable]:
    """Open a file, unpacked.

    Raises:
        OSError: it cannot be read.
        ConnectorError: what it takes to read it is not installed, or a zip holds several files.
    """
    with open_plain(path) as file:
        unpack = UNPACK.get(PurePosixPath(path).suffix.lower()) or _by_content(file)
        yield unpack(file) if unpack else file


def _by_content(file: IO[bytes]) -> Callable[[IO[bytes]], Readable] | None:
    """Return what unpacks a file whose name does not say that it is compressed."""
    if not file.seekable():
        return None
    head = file.read(max(map(len, BEGINNINGS)))
    file.seek(0)
    return next(
        (UNPACK[suffix] for mark, suffix in BEGINNINGS.items() if head.startswith(mark)), None
    )


def as_utf8(file: Readable, encoding: str | None) -> Readable:
    """Return a stream in UTF-8 without a byte order mark.

    Args:
        file: at its beginning.
        encoding: its encoding; None for that of the byte order mark, else UTF-8.
    """
    head = file.read(max(map(len, MARKS)))
    for mark, found in MARKS.items():
        if head.startswith(mark) and encoding in (None, found, "utf-8", "utf-16"):
            return Recoded(file, head[len(mark) :], found)
    return Recoded(file, head, encoding or "utf-8")


class Recoded:
    """A stream in UTF-8 of one in another encoding; bytes that are none stay as they are."""

    def __init__(self, file: Readable, head: bytes, encoding: str) -> None:
        # What can be unpacked before the place that is damaged comes out of read1 alone.
        self._some: Callable[[int], bytes] = getattr(file, "read1", file.read)
        self._head = head
        self._decoder: codecs.IncrementalDecoder | None = None
        if codecs.lookup(encoding).name != "utf-8":
            errors = "replace" if "16" in encoding or "32" in encoding else "surrogateescape"
            self._decoder = codecs.getincrementaldecoder(encoding)(errors)

    def read(self, size: int, /) -> bytes:
        """Return some bytes; none at the end."""
        # What was read already comes first, alone: to read on may fail.
        chunk, self._head = self._head or self._some(size), b""
        if self._decoder is None:
            return chunk
        while True:
            text = _decoded(self._decoder, chunk)
            if text or not chunk:
                return text.encode("utf-8", "surrogateescape")
            chunk = self._some(size)


def _decoded(decoder: codecs.IncrementalDecoder, chunk: bytes) -> str:
    try:
        return decoder.decode(chunk, final=not chunk)
    except UnicodeError:
        # Bytes below 128 cannot stay as they are: EBCDIC and encodings with escapes have such.
        decoder.errors = "replace"
        return decoder.decode(chunk, final=not chunk)


class ZstdStream:
    """Unpacks zstd; unlike the library's own stream, it detects a truncated file."""

    def __init__(self, file: IO[bytes]) -> None:
        zstandard = imported("zstandard", "files")
        head = file.read(18)
        file.seek(0)
        try:
            size = zstandard.frame_content_size(head)
        except zstandard.ZstdError as error:
            raise EOFError(f"no zstd: {error}") from None
        # -1 if the header does not say; the file may have further frames.
        self._least = max(size, 0)
        self._stream = zstandard.ZstdDecompressor().stream_reader(file, read_across_frames=True)
        self._read = 0

    def read(self, size: int, /) -> bytes:
        """Return some bytes; none at the end."""
        chunk: bytes = self._stream.read(size)
        self._read += len(chunk)
        if not chunk and self._read < self._least:
            raise EOFError(f"it ends after {self._read} of {self._least} bytes")
        return chunk


def _lz4(file: IO[bytes]) -> Readable:
    opened: Readable = imported("lz4.frame", "files").open(file)
    return opened


def _gzip(file: IO[bytes]) -> Readable:
    return gzip.GzipFile(fileobj=file)


def _zip(file: IO[bytes]) -> Readable:
    """Open the only file of an archive."""
    archive = zipfile.ZipFile(file)
    files = [info for info in archive.infolist() if not info.is_dir()]
    names = {info.filename for info in files}
    if names & OFFICE_FILES:
        raise UnfitFileError("it is a spreadsheet or another document: export CSV")
    if len(files) != 1:
        found = f"the zip holds {len(files)} files, expected one: unpack it, and set a pattern"
        raise UnfitFileError(f"{found} such as folder/*.csv as path")
    return archive.open(files[0])


UNPACK: dict[str, Callable[[IO[bytes]], Readable]] = {
    ".gz": _gzip,
    ".bz2": bz2.BZ2File,
    ".xz": lzma.LZMAFile,
    ".zst": ZstdStream,
    ".zstd": ZstdStream,
    ".lz4": _lz4,
    ".zip": _zip,
}
BEGINNINGS = {
    b"\x1f\x8b\x08": ".gz",
    b"\x28\xb5\x2f\xfd": ".zst",
    b"\x04\x22\x4d\x18": ".lz4",
    b"\xfd7zXZ\x00": ".xz",
    **{b"BZh%d1AY&SY" % level: ".bz2" for level in range(1, 10)},
    b"PK\x03\x04": ".zip",
}
"""What compressed files begin with, and the suffixes that they should have."""
REFUSALS = {errno.ENOENT, errno.EACCES, errno.EPERM, errno.EISDIR, errno.ENOTDIR, errno.ELOOP}
"""Errors of opening a file that waiting does not mend."""
OFFICE_FILES = {"[Content_Types].xml", "mimetype"}
"""Files of the archives that spreadsheets are."""


def is_refused(error: Exception) -> bool:
    """Whether an error says that a file of this machine is not there, or not for us to read."""
    return isinstance(error, OSError) and error.errno in REFUSALS


def is_damage(error: Exception) -> bool:
    """Whether an error says that a compressed file is cut off or damaged."""
    kinds = (EOFError, zlib.error, lzma.LZMAError, gzip.BadGzipFile, zipfile.BadZipFile)
    if isinstance(error, (*kinds, UnicodeError)) or type(error).__name__ == "ZstdError":
        return True
    # bz2 and lz4 have no errors of their own; those of the file system have a number.
    return isinstance(error, RuntimeError) or (isinstance(error, OSError) and error.errno is None)
