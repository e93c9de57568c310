"""Print name, version, licence and licence texts of every package installed beside this Python.

Ends with exit code 1, and a line for each package, where a licence or its text is missing.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from importlib.metadata import Distribution, distribution, distributions

WORDS = ("LICEN", "COPYING", "NOTICE", "AUTHORS")
"""A file of a package's metadata whose name has one of these is part of its licence."""
KNOWN = {"bytewax": "Apache-2.0"}
"""Of packages whose metadata name no licence: that of their sources."""
TEXT_OF = {"grpcio-tools": "grpcio"}
"""Of packages whose files hold no licence text: the one of the same sources that holds it."""
LINE = "=" * 80


def licence(package: Distribution) -> str:
    """Return the name of a package's licence, "" if nobody names it."""
    metadata = package.metadata
    named = [*metadata.get_all("License-Expression", []), *metadata.get_all("License", [])]
    given = named[0] if named else ""
    classified = [
        line.rpartition("::")[2].strip()
        for line in metadata.get_all("Classifier") or []
        if line.startswith("License ::")
    ]
    # Some put the text where the name belongs.
    short = given if given and "\n" not in given else ""
    return short or "; ".join(classified) or KNOWN.get(package.name.lower(), "")


def texts(package: Distribution) -> Iterator[tuple[str, str]]:
    """Yield the names and texts of a package's licence files."""
    if (other := TEXT_OF.get(package.name.lower())) is not None:
        yield from texts(distribution(other))
    for path in package.files or []:
        found = any(word in path.name.upper() for word in WORDS)
        if found and ".dist-info" in path.parts[0] and path.suffix != ".py":
            yield str(path), path.read_text(encoding="utf-8")


def main() -> int:
    """Print the page; return the exit code."""
    missing = []
    for package in sorted(distributions(), key=lambda each: each.name.lower()):
        name, found = licence(package), list(texts(package))
        print(f"{LINE}\n{package.name} {package.version}\nLicence: {name}\n{LINE}\n")
        for file, text in found:
            print(f"--- {file}\n\n{text.strip()}\n")
        missing += [f"{package.name}: no licence is named"] * (not name)
        missing += [f"{package.name}: no licence text"] * (not found)
    for line in missing:
        print(line, file=sys.stderr)
    return 1 if missing else 0


if __name__ == "__main__":
    sys.exit(main())
