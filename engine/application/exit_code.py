"""The exit codes of the command line and of the processes of a run."""

from __future__ import annotations

from enum import IntEnum


class ExitCode(IntEnum):
    """How a program ended.

    Attributes:
        DONE: the source ended, or it was drained as it was asked to.
        CRASHED: unexpectedly, after too many restarts, or because a drain took too long.
        FATAL: something that trying again does not cure, said in the last line.
        LOST: of a process alone: others have its partitions, and it begins again.
    """

    DONE = 0
    CRASHED = 1
    FATAL = 2
    LOST = 3
