"""What a run writes is its user's alone, though the environment would give it to everybody."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.test_pipeline import messages, metric, wait_for
from tests.support.forked_command import ForkedCommand
from tests.support.kafka_settings import free_port

OTHERS = stat.S_IRWXG | stat.S_IRWXO


def modes(folder: Path) -> Iterator[tuple[str, int]]:
    """Yield path and mode of what is below a folder; what vanishes meanwhile is passed over."""
    for path in folder.rglob("*"):
        try:
            yield str(path.relative_to(folder)), stat.S_IMODE(path.lstat().st_mode)
        except FileNotFoundError:
            continue


def open_to_others(folder: Path) -> list[str]:
    return [f"{path}: {mode:o}" for path, mode in modes(folder) if mode & OTHERS]


def start(folder: Path, *words: object) -> ForkedCommand:
    return ForkedCommand(*words, folder=folder, stderr=subprocess.DEVNULL, umask=0)


def watch(running: ForkedCommand, home: Path) -> set[str]:
    """Look again and again until a run has ended; return what was there, and was private."""
    seen: set[str] = set()
    while running.poll() is None:
        seen |= {path for path, _ in modes(home)}
        assert open_to_others(home) == []
        # Often enough for what is there briefly, and leaves the processor to the run.
        time.sleep(0.002)
    assert running.returncode == 0
    return seen


@pytest.fixture(params=["at_least_once", "exactly_once"])
def pipeline(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[Path, int]:
    """A pipeline that stores its state often."""
    port = free_port()
    (tmp_path / "in-1.ndjson").write_bytes(b"\n".join(messages()))
    file = tmp_path / "p.yaml"
    file.write_text(f"""
name: p
source: {{file: {{path: "in-*.ndjson"}}}}
event: {{key: sensor, time: {{path: ts, unit: ms}}, values: [temp]}}
detectors: [half_space_trees, zscore]
delivery: {request.param}
sinks:
  anomalies: {{file: {{path: home/outputs/anomalies.ndjson}}}}
  scores: {{file: {{path: home/more/scores.ndjson}}}}
state: {{directory: home/states/p, checkpoint_interval: 100ms}}
metrics: {{port: {port}}}
""")
    return file, port


def test_nobody_else_reads_what_a_run_writes(pipeline: tuple[Path, int], tmp_path: Path) -> None:
    file, port = pipeline
    home = tmp_path / "home"
    home.mkdir(mode=0o777)
    running = start(tmp_path, "run", file, "--processes", 2)
    wait_for(lambda: metric(port, "pynomaly_events_total") > 0)
    children = Path(f"/proc/{running.pid}/task/{running.pid}/children").read_text().split()
    os.kill(int(children[0]), signal.SIGKILL)
    seen = watch(running, home)
    (tmp_path / "in-2.ndjson").write_bytes(b"\n".join(messages(seed=2)))
    seen |= watch(start(tmp_path, "run", file), home)

    assert open_to_others(home) == []
    kept = home / "states" / "p"
    assert any(path.startswith("states/p/checkpoints/") for path in seen)
    assert any(path.startswith("states/p/tasks/") for path in seen), sorted(seen)
    for made in ("lock", "dead_letters.ndjson", "more"):
        assert list(home.rglob(made)), made
    assert (home / "outputs" / "anomalies.ndjson").stat().st_size > 0
    assert stat.S_IMODE(kept.stat().st_mode) == stat.S_IRWXU
    assert stat.S_IMODE(kept.parent.stat().st_mode) == stat.S_IRWXU


def test_an_archive_of_the_state_is_private(pipeline: tuple[Path, int], tmp_path: Path) -> None:
    file, _ = pipeline

    assert start(tmp_path, "run", file).wait(120) == 0
    assert start(tmp_path, "state", "export", file, "copy.tar.gz").wait(120) == 0
    text = file.read_text().replace("home/states/p", "home/states/again")
    file.write_text(text)
    assert start(tmp_path, "state", "import", file, "copy.tar.gz").wait(120) == 0
    assert not stat.S_IMODE((tmp_path / "copy.tar.gz").stat().st_mode) & OTHERS
    assert open_to_others(tmp_path / "home" / "states") == []
