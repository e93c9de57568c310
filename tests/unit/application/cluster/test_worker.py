"""What a process of the cluster does before it runs."""

from __future__ import annotations

import os

import pytest

from engine.application.cluster import worker


def test_bytewax_s_web_server_is_refused_and_the_user_is_told(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.delenv(worker.WEB_SERVER, raising=False)
    worker._refuse_web_server()
    assert not caplog.records, "who did not ask is told nothing"
    monkeypatch.setenv(worker.WEB_SERVER, "1")
    worker._refuse_web_server()
    assert worker.WEB_SERVER not in os.environ
    assert "every interface" in caplog.text
