"""`pynomaly run --reload`: a changed file is used, a broken one refused, a bad one rolled back."""

from __future__ import annotations

import json
import random
import subprocess
from datetime import UTC, datetime
from pathlib import Path
from typing import IO

import pytest

from tests.e2e.test_pipeline import PYNOMALY, wait_for

BEGIN = 1_767_225_600
FILE = """\
name: plant
source: stdin
event: {key: id, time: {path: ts, unit: s}, values: [t]}
detectors: [zscore]
alert: {p_value: 1e-6}
sinks: {anomalies: {file: {path: ANOMALIES}}}
metrics: null
state: {directory: STATE, checkpoint_interval: 200ms}
"""


class Run:
    """A run with `--reload`, fed by hand."""

    def __init__(self, folder: Path, more: str = "", text: str = FILE) -> None:
        self.folder = folder
        self.file = folder / "p.yaml"
        self.text = text.replace("ANOMALIES", str(folder / "a")).replace("STATE", str(folder / "d"))
        self.text += more
        self.file.write_text(self.text)
        self.errors = folder / "stderr"
        self._draw = random.Random(1)
        self._sent = 0
        with self.errors.open("wb") as errors:
            self.process = subprocess.Popen(
                [*PYNOMALY, "run", str(self.file), "--reload"],
                stdin=subprocess.PIPE,
                stderr=errors,
            )

    @property
    def moment(self) -> str:
        """Event time of the next event."""
        return datetime.fromtimestamp(BEGIN + 60 * (self._sent + 1), UTC).isoformat()

    def change(self, old: str, new: str) -> None:
        self.file.write_text(self.text.replace(old, new))

    def give(self, count: int, value: float | None = None) -> None:
        stdin: IO[bytes] | None = self.process.stdin
        assert stdin is not None
        for _ in range(count):
            self._sent += 1
            read = self._draw.gauss(20, 1) if value is None else value
            event = {"id": "press", "ts": BEGIN + 60 * self._sent, "t": read}
            stdin.write(json.dumps(event).encode() + b"\n")
        stdin.flush()

    def logged(self, words: str, times: int = 1) -> bool:
        return self.errors.read_text().count(words) >= times

    def found(self, name: str) -> int:
        path = self.folder / name
        return len(path.read_bytes().splitlines()) if path.exists() else 0


@pytest.fixture
def run(tmp_path: Path) -> Run:
    return Run(tmp_path)


def test_a_changed_file_is_taken_up_and_a_bad_one_undone(run: Run) -> None:
    with run.process:
        run.give(400)
        run.give(1, value=90.0)
        wait_for(lambda: run.found("a") == 1)

        run.change("detectors: [zscore]", "detectors: [zscor]")
        wait_for(lambda: run.logged("is refused; what runs goes on"))

        # Nobody can write there: it cannot come up.
        run.change(f"path: {run.folder}/a", "path: /proc/none/a")
        wait_for(lambda: run.logged("rolled back to the previous one"))

        run.change(f"path: {run.folder}/a", f"path: {run.folder}/b")
        wait_for(lambda: run.logged("has changed: restarting with it", times=2))
        wait_for(lambda: run.logged("resuming plant", times=3))
        run.give(100)
        run.give(1, value=90.0)
        # Its entity is still warm: the state was taken up.
        wait_for(lambda: run.found("b") >= 1)

        assert run.process.stdin is not None
        run.process.stdin.close()
        assert run.process.wait(120) == 0
    assert run.found("a") == 1
