"""Runs commands of Pynomaly in forks of a process that has imported it already.

To import Pynomaly takes more than a second of processor time, and a test of `pynomaly state` runs a
dozen commands. The commands of the guide, and runs that get signals, start a real command line.
"""

from __future__ import annotations

import multiprocessing
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

FORKS = multiprocessing.get_context("forkserver")
FORKS.set_forkserver_preload(["tests.support.commands_preloaded"])


def run_command(
    *words: object,
    folder: Path | None = None,
    environ: Mapping[str, str] | None = None,
    timeout: float = 180,
) -> subprocess.CompletedProcess[str]:
    """Run `pynomaly WORDS` to its end; return its exit code and what it printed.

    Args:
        words: the arguments.
        folder: working directory; this process's unless given.
        environ: environment variables; this process's unless given.
        timeout: seconds after which it is killed.

    Raises:
        TimeoutExpired: it was.
    """
    arguments = [str(word) for word in words]
    with tempfile.TemporaryDirectory() as made:
        paths = [str(Path(made, name)) for name in ("out", "err")]
        where = str(folder or Path.cwd())
        given = (arguments, paths, where, dict(os.environ if environ is None else environ))
        process = FORKS.Process(target=_main, args=given)
        process.start()
        process.join(timeout)
        if process.exitcode is None:
            process.kill()
            raise subprocess.TimeoutExpired(arguments, timeout)
        printed = [Path(path).read_text() for path in paths]
    return subprocess.CompletedProcess(arguments, process.exitcode, *printed)


def _main(arguments: list[str], paths: list[str], folder: str, environ: dict[str, str]) -> None:
    for descriptor, path in enumerate(paths, start=1):
        opened = os.open(path, os.O_WRONLY | os.O_CREAT, 0o600)
        os.dup2(opened, descriptor)
        os.close(opened)
    run_main(arguments, folder, environ)


def run_main(arguments: list[str], folder: str, environ: Mapping[str, str]) -> None:
    """Become `pynomaly ARGUMENTS` in a folder, in a process that was made for it."""
    from engine.presentation.cli.main import main

    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environ)
    sys.argv = ["pynomaly", *arguments]
    main()
