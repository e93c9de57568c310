"""The error tree: every error says what was wrong, where, and what to do."""

from __future__ import annotations

import errno
from collections.abc import Iterable
from difflib import get_close_matches


class PynomalyError(Exception):
    """Base of all errors that a user may see; its text is shown without a traceback.

    There are three kinds, by what a run does: `FatalError` ends it, `RetryableError` restarts the
    process, `Shutdown` ends it in order.
    """


class FatalError(PynomalyError):
    """Retries cannot cure it: the run ends with exit code 2 and this text."""


class RetryableError(PynomalyError):
    """Another system interrupted the work: a restart resumes it."""


class StateWriteError(RetryableError):
    """The place of the state takes nothing now, as a full disk: a restart may be too early."""


class TasksLostError(RetryableError):
    """Other processes have our partitions: start again with the present ones."""


class Shutdown(PynomalyError):
    """A request to stop came before there was anything to do: an orderly end."""


class PipelineFileError(FatalError):
    """A pipeline file that cannot be used as it is."""


class ParameterError(FatalError):
    """A plug-in was given a parameter it cannot use.

    Attributes:
        parameter: name of the parameter, or "" when the plug-in as a whole is meant.
    """

    def __init__(self, parameter: str, message: str) -> None:
        super().__init__(message)
        self.parameter = parameter


class ConnectorError(FatalError):
    """Another system answered with an error that retries cannot cure."""


class OffsetLostError(ConnectorError):
    """The retention of the topic has removed the offset to resume from."""


class SnapshotError(FatalError):
    """Stored state that is corrupt, or newer than this program."""


class UnknownNameError(FatalError):
    """A name that no plug-in or field has."""


def cure_of(error: OSError) -> str:
    """Return what to do about a file that cannot be written."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        return "free space on its disk, or raise the quota or limit: nothing is lost"
    if error.errno == errno.EROFS:
        return "mount its disk writable, or use another folder"
    return "check its disk and the rights of its folder"


def nearest(name: str, valid: Iterable[str]) -> str:
    """Return ' Did you mean "x"?' with the nearest valid name, or "" if none is near."""
    found = get_close_matches(name, list(valid), n=1, cutoff=0.6)
    return f' Did you mean "{found[0]}"?' if found else ""
