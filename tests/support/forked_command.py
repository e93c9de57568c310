"""A command of Pynomaly that a test watches, signals and kills, in a fork of an importing process.

What it prints goes where a `subprocess.Popen` would let it go. Real command lines are started where
the start itself is tested: by first use, the guide, Compose and the pages of secrets.
"""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Mapping
from multiprocessing.connection import Connection
from pathlib import Path
from typing import IO, Any

from tests.support.bound_process import bind_to
from tests.support.commands import FORKS, run_main
from tests.support.hosts import enter_host


class ForkedCommand:
    """`pynomaly WORDS` as a process, with what tests use of `subprocess.Popen`.

    Args:
        words: the arguments.
        environ: environment variables; this process's unless given.
        folder: working directory; this process's unless given.
        stdout: file that it prints to; this process's unless given.
        stderr: file that it logs to, `PIPE` or `DEVNULL`; this process's unless given.
        host: a process on the host that it lives on; this process's host unless given.
        umask: the rights that files do not get.

    Attributes:
        pid: process id.
        stderr: what comes out of the pipe; None without one.
    """

    def __init__(
        self,
        *words: object,
        environ: Mapping[str, str] | None = None,
        folder: Path | None = None,
        stdout: IO[Any] | None = None,
        stderr: IO[Any] | int | None = None,
        host: int | None = None,
        umask: int = 0o022,
    ) -> None:
        self.stderr: IO[bytes] | None = None
        arguments, where = [str(word) for word in words], str(folder or Path.cwd())
        # Standard input is of no terminal, as in any test.
        files = [os.open(os.devnull, os.O_RDONLY), _descriptor(stdout, 1)]
        if stderr == subprocess.PIPE:
            read, write = os.pipe()
            self.stderr = os.fdopen(read, "rb")
            files.append(write)
        else:
            files.append(_descriptor(stderr, 2))
        # Connections take descriptors to another process.
        carried = [Connection(file) for file in files]
        self._process = FORKS.Process(
            target=_live,
            args=(arguments, carried, host, umask, where, dict(environ or os.environ)),
            daemon=True,
        )
        self._process.start()
        for each in carried:
            each.close()
        assert self._process.pid is not None
        self.pid = self._process.pid

    @property
    def returncode(self) -> int | None:
        """The exit code, negative for a signal; None while it runs."""
        return self._process.exitcode

    def poll(self) -> int | None:
        """Return the exit code, negative for a signal; None while it runs."""
        return self._process.exitcode

    def wait(self, timeout: float | None = None) -> int:
        """Return the exit code once it has ended.

        Raises:
            TimeoutExpired: it has not, within so many seconds.
        """
        self._process.join(timeout)
        if self._process.exitcode is None:
            raise subprocess.TimeoutExpired("pynomaly", timeout or 0.0)
        return self._process.exitcode

    def send_signal(self, number: int) -> None:
        """Send a signal, unless it has ended."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def terminate(self) -> None:
        """Ask it to stop."""
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """End it at once."""
        self.send_signal(signal.SIGKILL)


def _descriptor(file: IO[Any] | int | None, own: int) -> int:
    if file == subprocess.DEVNULL:
        return os.open(os.devnull, os.O_WRONLY)
    if file is None:
        return os.dup(own)
    assert not isinstance(file, int)
    return os.dup(file.fileno())


def _live(
    arguments: list[str],
    carried: list[Connection[Any, Any]],
    host: int | None,
    umask: int,
    folder: str,
    environ: dict[str, str],
) -> None:
    bind_to(os.getppid())
    os.umask(umask)
    # A session of its own: who kills the group of the tests does not kill it, nor the other way.
    os.setsid()
    for descriptor, each in enumerate(carried):
        os.dup2(each.fileno(), descriptor)
        each.close()
    # A suite that runs under nohup ignores SIGHUP, and so would the process.
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
    if host is not None:
        enter_host(host)
    run_main(arguments, folder, environ)
