"""The plug-ins in a pipeline, from end to end."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
from pathlib import Path

PIPELINE = """
name: plant
source: {{sqlite: {{path: "{database}", table: readings}}}}
event: {{key: sensor, time: {{path: ts, unit: s}}, values: [temperature]}}
detectors: [{{jump: {{memory: 50}}}}]
alert: {{score: {{detector: jump, above: 20}}}}
sinks:
  anomalies: {{sqlite: {{path: "{database}"}}}}
state: {{directory: "{folder}/state"}}
metrics: null
"""


def reading(n: int) -> tuple[str]:
    value = n % 5 + 90 * (n == 400)
    message = {"sensor": "pump-7", "ts": 1_767_225_600 + 60 * n, "temperature": value}
    return (json.dumps(message),)


def test_finds_a_jump_in_a_table(tmp_path: Path) -> None:
    database = tmp_path / "plant.db"
    with sqlite3.connect(database) as rows:
        rows.execute("CREATE TABLE readings (message TEXT)")
        messages = [
            {
                "sensor": "pump-7",
                "ts": 1_767_225_600 + 60 * n,
                "temperature": n % 5 + 90 * (n == 400),
            }
            for n in range(500)
        ]
        rows.executemany("INSERT INTO readings VALUES (?)", [(json.dumps(m),) for m in messages])
    rows.close()
    file = tmp_path / "pipeline.yaml"
    file.write_text(PIPELINE.format(database=database, folder=tmp_path))

    command = [sys.executable, "-m", "engine.presentation.cli.main", "run", str(file)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stderr
    found = sqlite3.connect(database)
    anomalies = found.execute("SELECT entity, record FROM anomalies ORDER BY time_ns").fetchall()
    found.close()
    # There, and back again.
    rows = [(entity, json.loads(record)["origin"]["offset"]) for entity, record in anomalies]
    assert rows == [("pump-7", 401), ("pump-7", 402)]
