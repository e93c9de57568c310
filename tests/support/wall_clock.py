"""The wall clock of one host, which a test steps: a library that its programs load first.

It covers what programs read, and what waits until a time, as librdkafka does, also where the wait
had begun before the step. It does not cover the times of files, nor programs that ask the kernel
without the C library. The monotonic clock stays as it is, as it does when an administrator or NTP
steps a clock.
"""

from __future__ import annotations

import mmap
import shutil
import struct
import subprocess
from pathlib import Path

SOURCE = Path(__file__).with_suffix(".c")
NS_PER_SECOND = 1_000_000_000


def why_no_steps() -> str:
    """Return what is missing to step a clock; "" where nothing is."""
    return "" if shutil.which("cc") else "not installed: cc (a C compiler)"


class WallClock:
    """The wall clock of a host.

    Args:
        folder: takes the library and the step.
        name: of the host.
    """

    def __init__(self, folder: Path, name: str) -> None:
        self._library = folder / "wall_clock.so"
        if not self._library.exists():
            command = ["cc", "-O2", "-shared", "-fPIC", "-o", str(self._library), str(SOURCE)]
            subprocess.run([*command, "-ldl", "-pthread"], check=True)
        self._step = folder / f"{name}.clock"
        self._step.write_bytes(bytes(8))

    @property
    def environ(self) -> dict[str, str]:
        """Environment variables of programs that go by it."""
        return {"LD_PRELOAD": str(self._library), "PYNOMALY_WALL_CLOCK": str(self._step)}

    def step(self, seconds: float) -> None:
        """Set it so many seconds beside the clock of this machine; 0 sets it right."""
        with self._step.open("r+b") as file, mmap.mmap(file.fileno(), 8) as shown:
            shown[:] = struct.pack("=q", round(seconds * NS_PER_SECOND))
