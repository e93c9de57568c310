"""Records of the control log are written, or the author learns that they may not be."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.application.config.load import parse
from engine.application.telemetry.redaction import Redactor
from engine.application.use_cases import control_log
from engine.application.use_cases.control_log import add_record
from engine.domain.errors import ConnectorError

FILE = """\
name: plant
source: stdin
event: {key: id, values: [t]}
sinks: {anomalies: {stdout: {}}}
control: {kafka: {brokers: 127.0.0.1:9, topic: plant-control}}
"""


class Away:
    """A log whose brokers do not answer."""

    where = "topic plant-control"
    records = ()

    def append(self, _make: object) -> None:
        raise ConnectorError("127.0.0.1:9: no broker answers")


def test_says_that_a_record_is_not_confirmed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(control_log, "log_of", lambda *_: Away())
    file = parse(FILE, Path("p.yaml"), {}, Redactor())

    with pytest.raises(ConnectorError, match=r"not confirmed.*no broker answers.*write it again"):
        add_record(file, "reset", {"entities": ["press-3"]}, "rebuilt", "anna")
