"""The state of a pipeline moved and reverted by a server, from the command line."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from engine.application.config.load import load
from engine.application.use_cases.run_in_process import run_in_process
from tests.e2e.test_serve import served
from tests.support.commands import run_command

PIPELINE = """
name: quick
source: {file: {path: readings.ndjson}}
event: {key: sensor, time: {path: ts, unit: ms}, values: [temperature]}
sinks: {anomalies: {file: {path: found.ndjson}}}
state: {directory: state, keep: 5, keep_every: 1s}
metrics: null
"""


def test_a_state_is_exported_imported_inspected_and_reverted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    reading = {"sensor": "pump-1", "ts": 1_767_225_600_000, "temperature": 20}
    Path("readings.ndjson").write_text(json.dumps(reading) + "\n")
    Path("quick.yaml").write_text(PIPELINE)
    run_in_process(load(Path("quick.yaml")))
    with served(tmp_path, "--follow", "quick.yaml") as (address, printed):

        def pipelines(*words: str) -> subprocess.CompletedProcess[str]:
            environ = {**os.environ, "PYNOMALY_TOKEN": printed[-1].strip()}
            server = ("--server", address, "pipelines")
            return run_command(*server, *words, folder=tmp_path, environ=environ)

        *_, kept = json.loads(pipelines("state", "quick", "-o", "json").stdout)[0]["kept"]
        reverted = pipelines("revert", "quick", "--to", kept, "-o", "json")
        before = pipelines("state", "quick", "-o", "json")
        exported = pipelines("export-state", "quick", "quick.tar.gz")
        again = pipelines("export-state", "quick", "quick.tar.gz")
        unknown = pipelines("export-state", "none", "none.tar.gz")
        shutil.rmtree("state")
        missing = pipelines("import-state", "quick", "none.tar.gz")
        imported = pipelines("import-state", "quick", "quick.tar.gz")
        taken = pipelines("import-state", "quick", "quick.tar.gz")
        after = pipelines("state", "quick", "-o", "json")

    size = Path("quick.tar.gz").stat()
    assert exported.stdout == f"quick.tar.gz: {size.st_size:,} bytes\n"
    assert size.st_mode & 0o777 == 0o600
    assert (again.returncode, "exists: name a new file" in again.stderr) == (2, True)
    assert (unknown.returncode, Path("none.tar.gz").exists()) == (2, False)
    assert (missing.returncode, "none.tar.gz cannot be read" in missing.stderr) == (2, True)
    assert imported.returncode == 0, imported.stderr
    assert (taken.returncode, "holds state already" in taken.stderr) == (2, True)
    states = [json.loads(one.stdout)[0]["partitions"] for one in (before, after)]
    assert states[1] == states[0] != []
    assert json.loads(reverted.stdout)[0]["kept"] == kept
