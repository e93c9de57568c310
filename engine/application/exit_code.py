"""The exit codes of the command line and of the processes of a run."""

from __future__ import annotations

from enum import IntEnum


class ExitCode(IntEnum):
    """How a program ended.

    Attributes:
        DONE: the source ended, or it was drained as it was asked to.
        CRASHED: unexpectedly, or after too many restarts.
        FATAL: an error that a retry does not cure; the last line names it.
        LOST: of a process alone: others have its partitions, and it begins again.
        UNDRAINED: asked to stop, it was killed before its last checkpoint was stored: the next run
            resumes at the one before.
    """

    DONE = 0
    CRASHED = 1
    FATAL = 2
    LOST = 3
    UNDRAINED = 4
