"""The runner of a server: processes that outlive it, are found again, and end when asked."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import orjson
import pytest

from engine.application.control.local_runner import LocalRunner
from engine.application.telemetry.correlation import correlated
from engine.domain.control.errors import ConflictError, NotFoundError
from engine.domain.control.pipeline_version import PipelineVersion
from engine.domain.control.run import Run, RunState
from engine.presentation.command import RUN

PATIENCE_SECONDS = 60.0
WAITS = """
import signal, sys
signal.signal(signal.SIGTERM, lambda *_: sys.exit(3))
print("up", flush=True)
while True:
    signal.pause()
"""
VERSION = PipelineVersion("quick", 2, "name: quick\n", "ada", 5)


@pytest.fixture
def runner(tmp_path: Path) -> Iterator[LocalRunner]:
    made = LocalRunner(tmp_path, (sys.executable, "-c", WAITS))
    yield made
    for child in made._children.values():
        child.kill()
        child.wait()


def over(runner: LocalRunner) -> Run:
    until = time.monotonic() + PATIENCE_SECONDS
    while (run := runner.get("quick")) is None or not run.is_over:
        assert time.monotonic() < until
        time.sleep(0.05)
    return run


def wait_for_log(runner: LocalRunner) -> None:
    until = time.monotonic() + PATIENCE_SECONDS
    while runner.log("quick", 5) != ["up"]:
        assert time.monotonic() < until
        time.sleep(0.05)


def test_runs_a_version_until_it_is_asked_to_end(runner: LocalRunner, tmp_path: Path) -> None:
    started = runner.start(VERSION)
    wait_for_log(runner)
    found = runner.get("quick")

    asked = runner.stop("quick", drain=True)
    ended = over(runner)

    assert (started.number, started.digest) == (2, VERSION.digest)
    assert found == started
    assert asked.state in (RunState.STOPPING, RunState.FAILED)
    assert (ended.state, ended.exit_code) == (RunState.FAILED, 3)
    assert (tmp_path / "runs" / "quick" / "pipeline.yaml").read_text() == VERSION.text


def test_a_run_knows_the_request_that_started_it(tmp_path: Path) -> None:
    shown = "import os; print(os.environ['PYNOMALY_REQUEST_ID'], os.environ['PYNOMALY_TRACE_ID'])"
    runner = LocalRunner(tmp_path, (sys.executable, "-c", shown))

    with correlated("r-1", f"00-{'a' * 32}-{'b' * 16}-01"):
        runner.start(VERSION)

    over(runner)
    assert runner.log("quick", 5) == [f"r-1 {'a' * 32}"]


def test_another_server_finds_a_run_again_and_ends_it(runner: LocalRunner, tmp_path: Path) -> None:
    started = runner.start(VERSION)
    wait_for_log(runner)
    other = LocalRunner(tmp_path, RUN)

    found = other.get("quick")
    other.stop("quick", drain=True)
    over(runner)

    assert found == started


def test_a_process_of_the_same_id_is_another_one(runner: LocalRunner, tmp_path: Path) -> None:
    started = runner.start(VERSION)
    runner.stop("quick", drain=True)
    record = tmp_path / "runs" / "quick" / "run.json"
    written = orjson.loads(record.read_bytes())
    written.pop("exit_code", None)
    record.write_bytes(orjson.dumps({**written, "process": os.getpid()}))

    found = LocalRunner(tmp_path, RUN).get("quick")

    assert found is not None
    assert (found.process, found.is_over) == (os.getpid(), True)
    assert started.process != os.getpid()


def test_runs_a_pipeline_once_at_a_time(runner: LocalRunner) -> None:
    runner.start(VERSION)

    with pytest.raises(ConflictError, match="stop it first"):
        runner.start(VERSION)


def test_what_does_not_run_cannot_be_stopped(runner: LocalRunner) -> None:
    with pytest.raises(ConflictError, match="does not run"):
        runner.stop("quick", drain=True)


@pytest.mark.parametrize("name", ["..", "../quick", "", "a/b", ".hidden"])
def test_names_lead_nowhere_else(runner: LocalRunner, name: str) -> None:
    with pytest.raises(NotFoundError):
        runner.get(name)


def test_a_run_does_not_see_what_is_the_servers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYNOMALY_DATABASE_PASSWORD", "secret")
    code = "import os; print('PYNOMALY_DATABASE_PASSWORD' in os.environ)"
    runner = LocalRunner(tmp_path, (sys.executable, "-c", code))

    runner.start(VERSION)
    ended = over(runner)

    assert (ended.state, runner.log("quick", 5)) == (RunState.ENDED, ["False"])
