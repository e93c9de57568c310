"""Blocks of an Avro file, unpacked to no more than fits into memory."""

from __future__ import annotations

import bz2
import io
import lzma
import zlib
from collections.abc import Callable, Iterator
from typing import IO

from connectors.files.streams import imported
from engine.domain.errors import ConnectorError

LARGEST_BLOCK = 64 * 2**20
"""Bytes of a block, packed or not: a thousand times what writers usually collect."""
NEEDS = "unpacking its blocks needs"
SYNC_BYTES, CHECKSUM_BYTES, SIZE_BYTES = 16, 4, 4


def blocks(file: IO[bytes], codec: str) -> Iterator[tuple[int, io.BytesIO]]:
    """Yield the number of records and the unpacked bytes of each block.

    Args:
        file: behind its header.
        codec: its compression, as the header has it.

    Raises:
        ConnectorError: what unpacks this compression is not installed.
        EOFError: the file is cut off or damaged, or a block of it is too large.
    """
    if codec not in UNPACK:
        raise ConnectorError(f"its blocks are packed with {codec}, which is not known")
    file.seek(-SYNC_BYTES, io.SEEK_CUR)
    sync = file.read(SYNC_BYTES)
    while (count := _signed(file)) is not None:
        size = _signed(file)
        if size is None or not 0 <= size <= LARGEST_BLOCK:
            raise EOFError(f"a block has {size} bytes, at most {LARGEST_BLOCK} allowed")
        packed = file.read(size)
        if len(packed) < size or file.read(SYNC_BYTES) != sync:
            raise EOFError("a block does not end where it should")
        data = UNPACK[codec](packed)
        if len(data) > LARGEST_BLOCK:
            raise _too_large()
        if not 0 <= count <= len(data):
            raise EOFError(f"a block of {len(data)} bytes cannot hold {count} records")
        yield count, io.BytesIO(data)


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


def _too_large() -> EOFError:
    return EOFError(f"a block unpacks to more than {LARGEST_BLOCK} bytes")


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


def _snappy(packed: bytes) -> bytes:
    if (_number(io.BytesIO(packed)) or 0) > LARGEST_BLOCK:
        raise _too_large()
    unpack = imported("cramjam", "formats", NEEDS).snappy.decompress_raw
    return bytes(unpack(packed[:-CHECKSUM_BYTES]))


def _lz4(packed: bytes) -> bytes:
    if int.from_bytes(packed[:SIZE_BYTES], "little") > LARGEST_BLOCK:
        raise _too_large()
    found: bytes = imported("lz4.block", "files", NEEDS).decompress(packed)
    return found


UNPACK: dict[str, Callable[[bytes], bytes]] = {
    "null": bytes,
    "deflate": _deflated,
    "bzip2": _bzip2,
    "xz": _xz,
    "zstandard": _zstandard,
    "snappy": _snappy,
    "lz4": _lz4,
}
