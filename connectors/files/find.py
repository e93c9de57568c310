"""Finds files by a path, a pattern, or an address of a remote file system."""

from __future__ import annotations

from pathlib import Path

from connectors.files.remote import find_remote
from engine.domain.errors import ConnectorError


def find_files(pattern: str) -> list[str]:
    """Return the files that a path, pattern or address names, in the order of their names.

    Raises:
        ConnectorError: a directory is named, or nothing answers at the address.
    """
    if "://" in pattern:
        return list(find_remote(pattern))
    path = Path(pattern)
    if path.is_dir():
        hint = f"set a pattern of its files, such as {pattern}/*.csv"
        raise ConnectorError(f"{pattern}: is a directory: {hint}")
    if path.exists():
        return [pattern]
    return sorted(str(file) for file in path.parent.glob(path.name) if file.is_file())
