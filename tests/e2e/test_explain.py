"""`pynomaly explain`: distinguishes no events from too few events."""

from __future__ import annotations

import json
import os
import random
import subprocess
from pathlib import Path

import pytest

from tests.support.commands import run_command

FILE = """\
name: plant
source: {file: {path: in.ndjson}}
event: {key: id, time: {path: ts, unit: s}, values: [t]}
detectors: [zscore]
sinks: {anomalies: {file: {path: anomalies.ndjson}}}
metrics: null
state: {directory: d}
"""


def _pynomaly(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return run_command(*arguments, folder=folder)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("explain")
    (folder / "p.yaml").write_text(FILE)
    draw = random.Random(1)
    readings = [
        {"id": f"press-{i % 2}", "ts": 1_767_225_600 + i // 2 * 60, "t": draw.gauss(20, 1)}
        for i in range(2_000)
    ]
    readings.append({"id": "young", "ts": 1_767_225_600, "t": 3})
    (folder / "in.ndjson").write_text("".join(json.dumps(one) + "\n" for one in readings))
    before = _pynomaly(folder, "explain", "p.yaml", "--entity", "press-0")
    assert before.returncode == 2
    assert "no entity is known yet" in before.stderr
    ended = _pynomaly(folder, "run", "p.yaml")
    assert ended.returncode == 0, ended.stderr
    return folder


def test_says_what_is_expected_and_from_where_it_alerts(folder: Path) -> None:
    output = _pynomaly(folder, "explain", "p.yaml", "--entity", "press-1").stdout

    assert "partition     0, as of position 2001" in output
    assert "events        1,000, the newest of 2026-01-01T16:39:00Z; 1,440 a day" in output
    assert "learned       from all of them" in output
    assert "warm          yes" in output
    assert "alerts        at p <= 6.9e-05" in output
    assert "absence       its silence is judged" in output
    low, high = _expected(output, "t")
    assert 10 < low < 20 < high < 30


def test_says_that_not_enough_came(folder: Path) -> None:
    output = _pynomaly(folder, "explain", "p.yaml", "--entity", "young").stdout

    assert "events        1, the newest of 2026-01-01T00:00:00Z; rate not known yet" in output
    assert "warm          no: zscore scores after" in output
    assert "t             nothing is expected yet" in output
    assert "absence       its silence is judged after 50 gaps" in output


def test_says_that_nothing_came(folder: Path) -> None:
    ended = _pynomaly(folder, "explain", "p.yaml", "--entity", "pres-1")

    assert ended.returncode == 2
    assert 'nothing is known of "pres-1"' in ended.stderr
    assert '3 entities are known. Did you mean "press-1"?' in ended.stderr


def test_shows_who_is_nearest_to_alerting(folder: Path) -> None:
    ended = _pynomaly(folder, "explain", "p.yaml", "--top", "5")

    heading, *lines = ended.stdout.splitlines()
    assert ended.returncode == 0, ended.stderr
    assert heading.split()[-1] == "entity"
    assert {line.split()[-1] for line in lines} == {"press-0", "press-1"}
    evidence = [float(line.split()[0]) for line in lines]
    assert evidence == sorted(evidence, reverse=True)
    assert all(-4 < one < 2 for one in evidence)


@pytest.mark.parametrize("options", [[], ["--entity", "press-0", "--top", "5"]])
def test_needs_one_question(folder: Path, options: list[str]) -> None:
    ended = _pynomaly(folder, "explain", "p.yaml", *options)

    assert ended.returncode == 2
    assert "give either --entity KEY or --top COUNT" in ended.stderr


def test_reads_a_state_and_leaves_it_as_it_was(folder: Path) -> None:
    def files() -> dict[str, bytes]:
        state = folder / "d"
        return {
            os.fspath(path.relative_to(state)): path.read_bytes()
            for path in state.rglob("*")
            if path.is_file()
        }

    before = files()

    _pynomaly(folder, "explain", "p.yaml", "--entity", "press-0")

    assert files() == before


def _expected(output: str, value: str) -> tuple[float, float]:
    (line,) = [line for line in output.splitlines() if line.startswith(f"{value} ")]
    low, high = line.removeprefix(value).removesuffix("expected next").split(" to ")
    return float(low), float(high)
