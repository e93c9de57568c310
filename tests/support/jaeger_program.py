"""Jaeger, built once from its published source by Go, kept in a cache outside the checkout."""

import json
import shutil
import tempfile
from pathlib import Path

from tests.support.go_programs import cache_root, go

MODULE, VERSION = "github.com/jaegertracing/jaeger", "v1.76.0"
PACKAGE = "./cmd/all-in-one"


def jaeger() -> Path:
    """Return the program, building it on first use: a quarter of an hour, 1.7 GB of caches.

    Raises:
        ProgramUnavailableError: there is no Go here, or it failed.
    """
    final = cache_root() / "jaeger" / VERSION / "jaeger"
    if not final.is_file():
        final.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=final.parent) as folder:
            _build(Path(folder), final)
    return final


def _build(folder: Path, final: Path) -> None:
    found = go("mod", "download", "-json", f"{MODULE}@{VERSION}", folder=folder)
    # Its go.mod replaces modules, which `go install` refuses of a module that is not the main one.
    source, built = folder / "source", folder / "jaeger"
    shutil.copytree(json.loads(found)["Dir"], source)
    for path in (source, *source.rglob("*")):
        path.chmod(path.stat().st_mode | 0o200)
    go("build", "-o", str(built), PACKAGE, folder=source)
    built.rename(final)
