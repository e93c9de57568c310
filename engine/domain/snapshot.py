"""Snapshots: state as versioned bytes, a header that names the arrays and then the arrays."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from typing import Any
from zlib import crc32

import numpy as np
import orjson
from numpy.typing import NDArray

from engine.domain.errors import SnapshotError

MAGIC = b"PYNO"
VERSION = 1
_PREFIX = struct.Struct("<4sHI")
_SIZES = struct.Struct("<HI")

Part = NDArray[np.generic] | bytes


def encode(kind: str, parts: Mapping[str, Part]) -> bytes:
    """Write named arrays and bytes as one blob.

    Args:
        kind: what the blob is, such as "detect"; checked on reading.
        parts: arrays of any dtype without objects, or bytes.
    """
    body = [_raw(part) for part in parts.values()]
    header = {
        "kind": kind,
        "parts": [
            {"name": name, "bytes": len(raw), **_schema(part)}
            for (name, part), raw in zip(parts.items(), body, strict=True)
        ],
    }
    head = orjson.dumps(header)
    payload = [_SIZES.pack(VERSION, len(head)), head, *body]
    checksum = 0
    for piece in payload:
        checksum = crc32(piece, checksum)
    # Joined once: the stream waits while megabytes are copied.
    return b"".join([_PREFIX.pack(MAGIC, VERSION, checksum), *payload])


def decode(kind: str, blob: bytes) -> dict[str, Part]:
    """Read what `encode` wrote; arrays come back writable.

    Raises:
        SnapshotError: not such a blob, of another kind, corrupt, or of a newer version.
    """
    header, start = _read_header(blob)
    if header["kind"] != kind:
        raise SnapshotError(f'stored state is of kind "{header["kind"]}", expected "{kind}"')
    parts: dict[str, Part] = {}
    for entry in header["parts"]:
        raw = blob[start : start + entry["bytes"]]
        start += entry["bytes"]
        parts[entry["name"]] = _read_part(entry, raw)
    return parts


def under(prefix: str, parts: Mapping[str, Part]) -> dict[str, Part]:
    """Return the parts whose names begin with "prefix/", without that."""
    start = prefix + "/"
    return {name[len(start) :]: part for name, part in parts.items() if name.startswith(start)}


def kind(blob: bytes) -> str:
    """Return what a blob is.

    Raises:
        SnapshotError: not such a blob, corrupt, or of a newer version.
    """
    return str(_read_header(blob)[0]["kind"])


def _raw(part: Part) -> bytes | memoryview:
    if isinstance(part, bytes):
        return part
    return np.ascontiguousarray(part).reshape(-1).view(np.uint8).data


def _schema(part: Part) -> dict[str, Any]:
    if isinstance(part, bytes):
        return {}
    return {"dtype": _plain(part.dtype.descr), "shape": part.shape}


def _plain(descr: Any) -> Any:
    return descr[0][1] if len(descr) == 1 and descr[0][0] == "" else descr


def _read_header(blob: bytes) -> tuple[dict[str, Any], int]:
    if len(blob) < _PREFIX.size or blob[:4] != MAGIC:
        raise SnapshotError("stored state is not a Pynomaly snapshot")
    _, version, checksum = _PREFIX.unpack_from(blob)
    if version > VERSION:
        raise SnapshotError(
            f"stored state has format {version}, this program reads up to {VERSION}: "
            "run the version that wrote it, or a newer one"
        )
    if crc32(memoryview(blob)[_PREFIX.size :]) != checksum:
        raise SnapshotError("stored state is corrupt: its checksum does not match")
    written, head_size = _SIZES.unpack_from(blob, _PREFIX.size)
    if written != version:
        raise SnapshotError("stored state is corrupt: its version was changed")
    start = _PREFIX.size + _SIZES.size
    header = orjson.loads(blob[start : start + head_size])
    return header, start + head_size


def _read_part(entry: dict[str, Any], raw: bytes) -> Part:
    if "dtype" not in entry:
        return raw
    dtype = np.dtype(_tuples(entry["dtype"]))
    array: NDArray[np.generic] = np.frombuffer(bytearray(raw), dtype).reshape(entry["shape"])
    return array


def _tuples(descr: Any) -> Any:
    if isinstance(descr, str):
        return descr
    # Records may hold records: a field is a name, a type and perhaps a shape.
    return [(name, _tuples(kind), *(tuple(size) for size in shape)) for name, kind, *shape in descr]
