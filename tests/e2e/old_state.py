"""The stream and the pipeline of the stored states in tests/data.

`tests/data/state-0.1.0.tar.gz` was written by release 0.1.0 after the first half of this stream:
`python -m tests.e2e.old_state FOLDER`, then `pynomaly run p.yaml` there, with that release.
"""

from __future__ import annotations

import random
import sys
from pathlib import Path

import orjson

HALF = 4_000
PIPELINE = """
name: old
source: {file: {path: "in.ndjson"}}
event: {key: sensor, time: {path: ts, unit: ms}, values: [temp]}
detectors: [half_space_trees, zscore]
alert: {p_value: 0.001}
sinks: {anomalies: {file: {path: "out.ndjson"}}, scores: {file: {path: "scores.ndjson"}}}
state: {directory: "state", checkpoint_interval: 1s}
metrics: null
"""


def lines(count: int) -> list[bytes]:
    """Return the first messages of the stream."""
    draw = random.Random(7)
    found = []
    for i in range(count):
        value = draw.gauss(10, 1)
        event = {"sensor": f"s{i % 5}", "ts": 1_767_225_600_000 + i // 5 * 60_000}
        found.append(orjson.dumps(event | {"temp": 20.0 if i % 700 == 699 else value}))
    return found


def write(folder: Path, count: int) -> Path:
    """Write pipeline and input into a folder; return the pipeline file."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "in.ndjson").write_bytes(b"\n".join(lines(count)) + b"\n")
    (folder / "p.yaml").write_text(PIPELINE)
    return folder / "p.yaml"


if __name__ == "__main__":
    write(Path(sys.argv[1]), HALF)
