"""`pynomaly detectors` with the detectors that there are."""

from __future__ import annotations

import json

import pytest

from engine.presentation.cli.detectors import detectors


def test_what_an_event_costs_is_reported_where_it_is_asked_for(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("engine.application.conformance.cost.ROUND_SECONDS", 0.001)
    monkeypatch.setenv("COLUMNS", "200")
    detectors("zscore", as_json=True, cost=True)
    cost = json.loads(capsys.readouterr().out)[0]["cost"]

    assert list(cost) == ["1", "3"]
    assert cost["3"]["ns"] > 0
    detectors("zscore", cost=True)
    assert "ns (median of 5 rounds" in capsys.readouterr().out
    detectors("zscore")
    assert "median" not in capsys.readouterr().out
