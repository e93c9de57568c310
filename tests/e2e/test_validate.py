"""The command line on real files, with the plug-ins that are installed."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest

from engine.application.config.document import read
from engine.application.demo.runner import PIPELINE
from tests.support.commands import run_command
from tests.unit.application.config.schema_check import fits

ROOT = Path(__file__).parents[2]
SCHEMA = ROOT / "docs" / "pipeline.schema.json"
REFERENCE = ROOT / "docs" / "pipeline.md"
EXAMPLES = sorted((ROOT / "examples").glob("*.yaml"))
DEMO = {"DEMO_BROKERS": "localhost:1", "DEMO_DIRECTORY": "d", "DEMO_METRICS_PORT": "1024"}

SENSORS = """\
name: sensors
source: {file: {path: readings.ndjson}}
event: {key: id, time: {path: ts, unit: s}, values: [t]}
detectors: [zscore]
sinks: {anomalies: {file: {path: anomalies.ndjson}}}
"""


def _pynomaly(*arguments: str | Path, folder: Path = ROOT) -> subprocess.CompletedProcess[str]:
    return run_command(*arguments, folder=folder, environ=os.environ | DEMO)


@pytest.fixture
def sensors(tmp_path: Path) -> Path:
    file = tmp_path / "sensors.yaml"
    file.write_text(SENSORS)
    good = [json.dumps({"id": "a", "ts": 1_700_000_000 + n, "t": n}) for n in range(5)]
    (tmp_path / "readings.ndjson").write_text("\n".join([*good, '{"id": "a"}', "nonsense"]) + "\n")
    return file


@pytest.mark.parametrize("file", [*EXAMPLES, PIPELINE], ids=lambda file: file.name)
def test_the_files_we_ship_are_valid(file: Path) -> None:
    ended = _pynomaly("validate", file)

    assert (ended.returncode, ended.stderr) == (0, "")
    schema = json.loads(SCHEMA.read_text())
    assert fits(read(file.read_text(), {}).data, schema, schema)


def test_the_examples_are_there() -> None:
    assert [file.name for file in EXAMPLES] == ["logs-as-counters.yaml", "sensors.yaml"]


def test_the_committed_schema_is_current() -> None:
    """Regenerate with: pynomaly schema > docs/pipeline.schema.json."""
    assert _pynomaly("schema").stdout == SCHEMA.read_text()


def test_the_committed_reference_is_current() -> None:
    """Regenerate with: pynomaly schema --markdown > docs/pipeline.md."""
    assert _pynomaly("schema", "--markdown").stdout == REFERENCE.read_text()


def test_connect_decodes_real_messages(sensors: Path) -> None:
    ended = _pynomaly("validate", sensors, "--connect", folder=sensors.parent)

    assert (ended.returncode, ended.stderr) == (0, "")
    assert "5 of 7 sampled decode" in ended.stdout
    assert "1 entity, 86,400 events a day: an event needs p <= 1.2e-06" in ended.stdout
    assert "no bound on false alarms is promised for zscore" in ended.stdout
    assert "not_json" in ended.stdout


def test_connect_takes_a_source_that_is_empty_yet(sensors: Path) -> None:
    (sensors.parent / "readings.ndjson").write_text("")
    ended = _pynomaly("validate", sensors, "--connect", folder=sensors.parent)

    assert (ended.returncode, ended.stderr) == (0, "")
    assert "none to sample" in ended.stdout


def test_connect_says_what_is_missing(sensors: Path) -> None:
    (sensors.parent / "readings.ndjson").unlink()
    ended = _pynomaly("validate", sensors, "--connect", folder=sensors.parent)

    assert ended.returncode == 2
    assert ended.stderr.startswith("source: ")
    assert "readings.ndjson" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_a_wrong_file_names_file_line_and_field(sensors: Path) -> None:
    sensors.write_text(SENSORS.replace("zscore", "zcore"))
    ended = _pynomaly("validate", "sensors.yaml", folder=sensors.parent)

    assert ended.returncode == 2
    assert ended.stdout == ""
    assert ended.stderr.startswith("sensors.yaml:4: detectors[0]: ")
    assert 'Did you mean "zscore"?' in ended.stderr


def test_all_native_detectors_are_listed() -> None:
    ended = _pynomaly("detectors", "--json")
    names = {detector["name"] for detector in json.loads(ended.stdout)}

    assert {"zscore", "half_space_trees"} <= names
