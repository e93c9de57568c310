"""What a process of the cluster does before it runs."""

from __future__ import annotations

import os

import pytest

from engine.application.cluster import worker
from engine.application.exit_code import ExitCode
from engine.domain.errors import ConnectorError, RetryableError, Shutdown


def test_bytewax_s_web_server_is_refused_with_a_warning(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.delenv(worker.WEB_SERVER, raising=False)
    worker._disable_web_server()

    assert not caplog.records, "no option, no warning"
    monkeypatch.setenv(worker.WEB_SERVER, "1")
    worker._disable_web_server()
    assert worker.WEB_SERVER not in os.environ
    assert "every interface" in caplog.text


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (ConnectorError("no such topic"), ExitCode.FATAL),
        (RetryableError("the transaction was broken off"), ExitCode.CRASHED),
        (ValueError("a bug"), ExitCode.CRASHED),
        (Shutdown("asked to stop"), ExitCode.DONE),
    ],
)
@pytest.mark.parametrize("is_wrapped", [False, True])
def test_the_kind_of_an_error_decides_the_exit_code(
    error: Exception, code: ExitCode, is_wrapped: bool
) -> None:
    raised: BaseException = error
    if is_wrapped:
        # So does Bytewax raise what its steps do.
        raised = RuntimeError("error while executing the dataflow")
        raised.__cause__ = error

    found, why = worker._explain(raised)

    assert found == code
    assert (str(error) in why) == (code != ExitCode.DONE)
