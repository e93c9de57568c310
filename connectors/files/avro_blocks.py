"""Blocks of an Avro file, unpacked to no more than fits into memory."""

from __future__ import annotations

import bz2
import io
import lzma
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import IO

from connectors.files.extras import imported
from connectors.files.unreadable import UnfitFileError
from engine.domain.errors import ConnectorError

LARGEST_BLOCK = 64 * 2**20
"""Bytes of a block, packed or not: a thousand times what writers usually collect."""
NEEDS = "unpacking its blocks needs"
SYNC_BYTES, CHECKSUM_BYTES, SIZE_BYTES = 16, 4, 4
MOST_RECORDS = 2**31
"""Records of a block that is not read: a damaged number must not move those behind it far away."""
CHUNK_BYTES = 2**20
SMALLER = "write smaller blocks"


@dataclass(frozen=True, slots=True)
class Problem:
    """Why a block cannot be read."""

    text: str


def blocks(file: IO[bytes], codec: str) -> Iterator[tuple[int, io.BytesIO | Problem]]:
    """Yield the number of records and the unpacked bytes of each block.

    A block that is damaged is left out with all up to the next mark between blocks, and counts as
    one record.

    Args:
        file: behind its header.
        codec: its compression, as the header has it.

    Raises:
        ConnectorError: what unpacks this compression is not installed.
        EOFError: the file is cut off, or no block comes behind one that is damaged.
    """
    if codec not in UNPACK:
        raise UnfitFileError(f"its blocks are packed with {codec}, which is not known")
    file.seek(-SYNC_BYTES, io.SEEK_CUR)
    sync = file.read(SYNC_BYTES)
    while True:
        begin = file.tell()
        try:
            found = _block(file, codec, sync)
        except EOFError as error:
            file.seek(begin)
            if not _find(file, sync):
                raise
            found = 1, Problem(f"{error}")
        if found is None:
            return
        yield found


def _block(file: IO[bytes], codec: str, sync: bytes) -> tuple[int, io.BytesIO | Problem] | None:
    """Return the next block; None at the end of the file.

    Raises:
        EOFError: it does not end where it should, or its numbers are damaged.
    """
    count = _signed(file)
    if count is None:
        return None
    size = _signed(file)
    if size is None or size < 0:
        raise EOFError("the size of a block is damaged")
    is_large, packed = size > LARGEST_BLOCK, b""
    if is_large:
        file.seek(size, io.SEEK_CUR)
    else:
        packed = file.read(size)
    if file.read(SYNC_BYTES) != sync:
        raise EOFError("a block does not end where it should")
    return (
        _skipped(count, f"a block has {size} bytes: {SMALLER}")
        if is_large
        else (_unpacked(count, packed, codec))
    )


def _unpacked(count: int, packed: bytes, codec: str) -> tuple[int, io.BytesIO | Problem]:
    try:
        data = UNPACK[codec](packed)
    except ConnectorError:
        raise
    except Exception as error:  # noqa: BLE001 - each codec has errors of its own
        return _skipped(count, f"a block cannot be unpacked ({type(error).__name__}: {error})")
    if data is None or len(data) > LARGEST_BLOCK:
        text = f"a block unpacks to more than {LARGEST_BLOCK} bytes: {SMALLER}"
        return _skipped(count, text)
    if not 0 <= count <= len(data):
        text = f"a block of {len(data)} bytes cannot hold {count} records"
        return _skipped(count, text)
    return count, io.BytesIO(data)


def _skipped(count: int, text: str) -> tuple[int, Problem]:
    return count if 0 < count <= MOST_RECORDS else 1, Problem(text)


def _find(file: IO[bytes], mark: bytes) -> bool:
    """Go on behind the next mark; return whether there is one."""
    place, rest = file.tell(), b""
    while chunk := file.read(CHUNK_BYTES):
        data = rest + chunk
        found = data.find(mark)
        if found >= 0:
            file.seek(place - len(rest) + found + len(mark))
            return True
        place += len(chunk)
        rest = data[1 - len(mark) :]
    return False


def _signed(file: IO[bytes]) -> int | None:
    found = _number(file)
    return None if found is None else (found >> 1) ^ -(found & 1)


def _number(file: IO[bytes]) -> int | None:
    """Read a number of variable length; None at the end of the file."""
    found = shift = 0
    while shift < 70:
        byte = file.read(1)
        if not byte:
            if shift:
                raise EOFError("a block is cut off")
            return None
        found |= (byte[0] & 127) << shift
        if byte[0] < 128:
            return found
        shift += 7
    raise EOFError("a block begins with no number")


def _deflated(packed: bytes) -> bytes:
    return zlib.decompressobj(-15).decompress(packed, LARGEST_BLOCK + 1)


def _bzip2(packed: bytes) -> bytes:
    return bz2.BZ2Decompressor().decompress(packed, LARGEST_BLOCK + 1)


def _xz(packed: bytes) -> bytes:
    return lzma.LZMADecompressor().decompress(packed, LARGEST_BLOCK + 1)


def _zstandard(packed: bytes) -> bytes:
    reader = imported("zstandard", "files", NEEDS).ZstdDecompressor().stream_reader(packed)
    found: bytes = reader.read(LARGEST_BLOCK + 1)
    return found


def _snappy(packed: bytes) -> bytes | None:
    if (_number(io.BytesIO(packed)) or 0) > LARGEST_BLOCK:
        return None
    unpack = imported("cramjam", "formats", NEEDS).snappy.decompress_raw
    return bytes(unpack(packed[:-CHECKSUM_BYTES]))


def _lz4(packed: bytes) -> bytes | None:
    if int.from_bytes(packed[:SIZE_BYTES], "little") > LARGEST_BLOCK:
        return None
    found: bytes = imported("lz4.block", "files", NEEDS).decompress(packed)
    return found


UNPACK: dict[str, Callable[[bytes], bytes | None]] = {
    "null": bytes,
    "deflate": _deflated,
    "bzip2": _bzip2,
    "xz": _xz,
    "zstandard": _zstandard,
    "snappy": _snappy,
    "lz4": _lz4,
}
