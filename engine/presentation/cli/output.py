"""The output of the command line, without the secrets of loaded pipeline files."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from engine.application.telemetry.redaction import Redactor, redacted_output

_current: ContextVar[Redactor] = ContextVar("redactor")


@contextmanager
def without_secrets() -> Iterator[None]:
    """Redact all output of a command."""
    redactor = Redactor()
    token = _current.set(redactor)
    try:
        with redacted_output(redactor):
            yield
    finally:
        _current.reset(token)


def current_redactor() -> Redactor:
    """Return what redacts the output of the command that runs."""
    return _current.get(Redactor())
