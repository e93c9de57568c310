"""Programs built once from their published source by Go, kept in a cache outside the checkout."""

import os
import shutil
import subprocess
import tempfile
from functools import cache
from pathlib import Path

PROGRAMS = {
    "versitygw": "github.com/versity/versitygw/cmd/versitygw@v1.8.0",
    "fake-gcs-server": "github.com/fsouza/fake-gcs-server@v1.56.1",
}
"""The packages of the programs, with their versions."""
_BUILD_SECONDS = 1_800


class ProgramUnavailableError(RuntimeError):
    """A program cannot be had on this machine; the message says why and what to do."""


@cache
def program(name: str) -> Path:
    """Return the path of a program, building it on first use: minutes.

    Raises:
        ProgramUnavailableError: there is no Go here, or it failed.
    """
    package = PROGRAMS[name]
    final = cache_root() / package.replace("/", "-") / name
    if not final.is_file():
        final.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=final.parent) as folder:
            go("install", package, folder=Path(folder))
            (Path(folder) / "bin" / name).rename(final)
    return final


def cache_root() -> Path:
    """Return the folder that holds what is built."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "pynomaly"


def go(*words: str, folder: Path) -> str:
    """Return what Go prints; what it installs is in bin/ of the folder.

    Raises:
        ProgramUnavailableError: there is no Go here, or it failed.
    """
    command = shutil.which("go")
    if command is None:
        raise ProgramUnavailableError("go is not on PATH: install Go 1.26 or later")
    done = subprocess.run(
        [command, *words],
        cwd=folder,
        env={**os.environ, "GOBIN": str(folder / "bin")},
        capture_output=True,
        text=True,
        timeout=_BUILD_SECONDS,
        check=False,
    )
    if done.returncode:
        raise ProgramUnavailableError(f"go {words[0]} failed:\n{done.stderr[-2_000:]}")
    return done.stdout
