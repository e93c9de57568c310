"""The error tree: every error says what was wrong, where, and what to do."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches


class PynomalyError(Exception):
    """Base of all errors a user can meet; its text is shown without a traceback."""


class PipelineFileError(PynomalyError):
    """A pipeline file that cannot be used as it stands."""


class ParameterError(PynomalyError):
    """A plug-in was given a parameter it cannot use.

    Attributes:
        parameter: name of the parameter, or "" when the plug-in as a whole is meant.
    """

    def __init__(self, parameter: str, message: str) -> None:
        super().__init__(message)
        self.parameter = parameter


class ConnectorError(PynomalyError):
    """The world outside answered in a way that cannot be retried away."""


class StoppedError(ConnectorError):
    """Asked to stop before there was anything to do: an orderly end."""


class InterruptionError(ConnectorError):
    """The world outside broke off what we were doing: a restart takes it up again."""


class OffsetLostError(ConnectorError):
    """The offset to resume from has been removed by the topic's retention."""


class SnapshotError(PynomalyError):
    """Stored state that is corrupt, or newer than this program."""


class UnknownNameError(PynomalyError):
    """A name that no plug-in or field answers to."""


def nearest(name: str, valid: Iterable[str]) -> str:
    """Say the nearest valid name: ' Did you mean "x"?', or an empty text when none is near."""
    found = get_close_matches(name, list(valid), n=1, cutoff=0.6)
    return f' Did you mean "{found[0]}"?' if found else ""
