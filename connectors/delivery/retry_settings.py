"""Settings of retries in the pipeline file, and the errors of a call."""

from __future__ import annotations

from datetime import timedelta
from importlib.util import find_spec

from pydantic import Field

from pynomaly.plugins import PositiveDuration, PynomalyError, RetryableError, Settings, invalid


class RetrySettings(Settings):
    """How patient a sink is with its receiver."""

    timeout: PositiveDuration = Field(
        default=timedelta(seconds=10), json_schema_extra={"default": "10s"}
    )
    """Longest time that a call may take."""
    longest_wait: PositiveDuration = Field(
        default=timedelta(seconds=30), json_schema_extra={"default": "30s"}
    )
    """Longest wait between two attempts; waits are random, and double from half a second on."""
    failures: int = Field(default=5, ge=1)
    """So many failures in a row open the circuit breaker."""
    pause: PositiveDuration = Field(
        default=timedelta(seconds=30), json_schema_extra={"default": "30s"}
    )
    """How long an open circuit breaker sends nothing, before one call tries again."""
    refused: str | None = None
    """A file for records that the receiver can never take, one JSON line each; 1 GiB at most, as
    the file of dead letters."""


class TransientError(RetryableError):
    """A call that failed, and may succeed when it is repeated.

    Attributes:
        kind: for the metric, from a small set.
        after: seconds that the server asks us to wait.
    """

    def __init__(self, kind: str, text: str, after: float = 0.0) -> None:
        super().__init__(text)
        self.kind = kind
        self.after = after


class RecordRejectedError(PynomalyError):
    """A record that the receiver can never take; the text says why."""


def need(extra: str, *modules: str) -> None:
    """Check that an extra is installed, for the models of a pipeline file.

    Raises:
        PydanticCustomError: a module is missing.
    """
    missing = [module for module in modules if find_spec(module) is None]
    if missing:
        raise invalid(
            f"this sink needs {', '.join(missing)}: pip install 'pynomaly-engine[{extra}]'"
        )
