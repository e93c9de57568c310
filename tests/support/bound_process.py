"""Start a process that does not outlive the one that started it, however that one ends.

Also the program that does it: run by path, it binds itself to its parent and becomes the command.
A `preexec_fn` would do the same, but forks a process in which librdkafka's threads run.
"""

import ctypes
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

_PR_SET_PDEATHSIG = 1


def start_bound(command: Sequence[str], log: Path) -> "subprocess.Popen[bytes]":
    """Start `command`, its output appended to `log`; on Linux it is killed when its parent dies.

    Its parent is the calling thread, so call from a thread that lives as long as the process
    should. Elsewhere than on Linux a parent killed by SIGKILL leaves the process running.

    Raises OSError when `log` cannot be written. A command that cannot be run ends with status 127.
    """
    binder = [sys.executable, "-I", "-S", __file__, str(os.getpid())]
    with log.open("ab") as output:
        # A session of its own: Ctrl-C in the terminal reaches the parent alone, which stops it.
        return subprocess.Popen(
            [*binder, *command],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )


def bind_to(parent: int) -> None:
    """Let this process be killed when its parent dies; on Linux."""
    if sys.platform != "linux":
        return
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    # The parent may have died before prctl took hold, and then no signal will ever come.
    if os.getppid() != parent:
        os._exit(1)


def _become(parent: int, command: list[str]) -> None:
    bind_to(parent)
    try:
        os.execvp(command[0], command)
    except OSError as error:
        sys.stderr.write(f"cannot run {command[0]}: {error}\n")
        sys.exit(127)


if __name__ == "__main__":
    _become(int(sys.argv[1]), sys.argv[2:])
