"""Jaeger, built once from its published source by Go, kept in a cache outside the checkout."""

import json
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

MODULE, VERSION = "github.com/jaegertracing/jaeger", "v1.76.0"
PACKAGE = "./cmd/all-in-one"
_BUILD_SECONDS = 1_800


class JaegerUnavailableError(RuntimeError):
    """Jaeger cannot be had on this machine; the message says why."""


def jaeger() -> Path:
    """Return the program, building it on first use: a quarter of an hour, 1.7 GB of caches.

    Raises:
        JaegerUnavailableError: there is no Go here, or it failed.
    """
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    final = Path(base) / "pynomaly" / "jaeger" / VERSION / "jaeger"
    if not final.is_file():
        final.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=final.parent) as folder:
            _build(Path(folder), final)
    return final


def _build(folder: Path, final: Path) -> None:
    found = _go("mod", "download", "-json", f"{MODULE}@{VERSION}", folder=folder)
    # Its go.mod replaces modules, which `go install` refuses of a module that is not the main one.
    source, built = folder / "source", folder / "jaeger"
    shutil.copytree(json.loads(found)["Dir"], source)
    for path in (source, *source.rglob("*")):
        path.chmod(path.stat().st_mode | 0o200)
    _go("build", "-o", str(built), PACKAGE, folder=source)
    built.rename(final)


def _go(*words: str, folder: Path) -> str:
    go = shutil.which("go")
    if go is None:
        raise JaegerUnavailableError("go is not on PATH: install Go 1.25 or later")
    done = subprocess.run(
        [go, *words],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=_BUILD_SECONDS,
        check=False,
    )
    if done.returncode:
        raise JaegerUnavailableError(f"go {words[0]} failed:\n{done.stderr[-2_000:]}")
    return done.stdout
