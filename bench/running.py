"""Running: what is measured, as a process on cores of its own, with a log."""

from __future__ import annotations

import signal
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

PATIENCE = 120.0
LAST_WORDS = 4_000


@dataclass(frozen=True)
class Running:
    """A process, and the file that it writes to."""

    process: subprocess.Popen[bytes]
    log: Path

    def check(self) -> None:
        """Raise RuntimeError, with its last words, if it has ended."""
        if self.has_read_all():
            raise RuntimeError("what is measured has read all, and ended")

    def has_read_all(self) -> bool:
        """Whether it has ended in order; raises RuntimeError, with its last words, if otherwise."""
        if code := self.process.poll():
            output = self.log.read_text()[-LAST_WORDS:]
            raise RuntimeError(f"what is measured ended with exit code {code}: {output}")
        return code == 0


def pinned(cores: Sequence[int], *command: str) -> list[str]:
    """Return a command line that runs on the given cores only."""
    return ["taskset", "-c", ",".join(map(str, cores)), *command]


@contextmanager
def running(cores: Sequence[int], command: Sequence[str], log: Path) -> Iterator[Running]:
    """Run a command, all that it says in a log; at the end it is asked to stop, and waited for."""
    with log.open("w") as output:
        process = subprocess.Popen(pinned(cores, *command), stdout=output, stderr=output)
    try:
        yield Running(process, log)
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(PATIENCE)
