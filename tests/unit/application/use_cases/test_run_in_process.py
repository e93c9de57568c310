"""A pipeline run through the Python API, in this process."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import pynomaly
from tests.support.http_receiver import SECRET

EVENTS = 600


@pytest.fixture
def file(tmp_path: Path) -> Path:
    rows = [
        {"id": "a", "ts": 1_767_225_600 + 60 * n, "v": n % 5 + 500 * (n in (400, 550))}
        for n in range(EVENTS)
    ]
    (tmp_path / "in.ndjson").write_text("".join(json.dumps(row) + "\n" for row in rows))
    found = tmp_path / "p.yaml"
    found.write_text(
        f"""
name: p
source: {{file: {{path: "{tmp_path}/in.ndjson"}}}}
event: {{key: id, time: {{path: ts, unit: s}}, values: [v]}}
detectors: [{{zscore: {{half_life: 50}}}}]
alert: {{p_value: 0.001}}
sinks: {{anomalies: {{file: {{path: "{tmp_path}/out.ndjson"}}}}}}
state: {{directory: "{tmp_path}/state"}}
metrics: null
"""
    )
    return found


def test_runs_to_the_end_and_resumes_there(file: Path) -> None:
    pynomaly.run(file)
    found = (file.parent / "out.ndjson").read_text()

    assert {400, 550} <= {json.loads(line)["origin"]["offset"] for line in found.splitlines()}

    pynomaly.run(pynomaly.load(file))

    assert (file.parent / "out.ndjson").read_text() == found


def test_what_trying_again_does_not_cure_is_raised(file: Path) -> None:
    (file.parent / "in.ndjson").unlink()

    with pytest.raises(pynomaly.PynomalyError, match="no file matches"):
        pynomaly.run(file)


def test_what_a_sink_would_send_in_the_clear_is_warned_of(
    file: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOOK_SECRET", SECRET)
    hook = '{url: "http://hook.example/t", secret: "${HOOK_SECRET}"}'
    text = file.read_text().replace("sinks: {", f"sinks: {{dead_letters: {{webhook: {hook}}}, ")
    file.write_text(text)

    pynomaly.run(file)

    warned = [one.message for one in caplog.records if one.levelname == "WARNING"]
    assert any(one.startswith("sinks.dead_letters.webhook: http://hook.example") for one in warned)
