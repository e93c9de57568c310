"""What checkpoints cost: per entity, in throughput, on the disk over 1,000 epochs, and on resuming.

Method. `entities`: 16 tasks with real files on this disk are filled, stored whole, restored;
`zscore`, 1 value.
`share`: the same file of events is run through `pynomaly run` with a checkpoint an hour (none, in
effect) and at each of several intervals; the time to start, that of a run of one event, is taken
off. `growth`: a run with an epoch every 20 ms, or as soon as the disk can, and some events of 1,000
entities in each; as epochs go by: bytes and files of the state directory, open descriptors and
resident bytes of the process. 8,640 epochs are a day with the interval that is the default.
`python -m bench.checkpoints [entities|share|growth]`
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import numpy as np
import orjson

from bench.entities import pipeline, resident
from engine.application import registry
from engine.application.state.checkpoint_file import newest_manifests
from engine.application.state.directory import DirectoryStore
from engine.application.state.store import Checkpoint
from engine.application.telemetry.heartbeat import Heartbeat
from engine.domain.batch import EventBatch
from engine.domain.errors import SnapshotError
from engine.domain.mapping import ValueField
from engine.domain.pipeline import Pipeline
from operators.detect.entity_group import EntityGroup

TASKS = 16
WARM = 300
SENSORS = 1_000
EPOCH_EVENTS, GROWTH_ROUNDS = 200, 500


def rules(memory: int = 8 * 2**30) -> Pipeline:
    whole = pipeline(memory)
    detector = registry.detector_family("zscore").create("zscore", {}, ("v",))
    mapping = replace(whole.mapping, values=(ValueField("v", ("v",)),))
    return replace(
        whole,
        mapping=mapping,
        detectors=(detector,),
        partitions=TASKS,
        mapping_fingerprint="m",
        detector_fingerprints=("d",),
    )


def batch(keys: np.ndarray, event: int, draw: np.random.Generator) -> EventBatch:
    n = len(keys)
    times, places = np.full(n, event * 10**9), np.zeros(n, np.int32)
    return EventBatch("t", keys, times, draw.normal(20, 1, (n, 1)), places, np.arange(n), times)


def entities(count: int, warm: int = WARM) -> dict[str, float]:
    """Return bytes and seconds of checkpoints and of resuming with so many entities."""
    spec, draw = rules(), np.random.default_rng(1)
    share = count // TASKS
    names = [str(number) for number in range(TASKS)]
    with tempfile.TemporaryDirectory() as folder:
        store = DirectoryStore(Path(folder), 0, Heartbeat())
        found = {"whole_s": 0.0, "whole_bytes": 0.0}
        for name in names:
            group = EntityGroup(spec)
            keys = np.array([f"sensor-{name}-{n:07d}" for n in range(share)], object)
            for event in range(warm):
                group.score(batch(keys, event, draw))
            store.load(name)
            began = time.perf_counter()
            blob = group.dump()
            store.save([Checkpoint(name, warm, {"detect": blob}, None, 0, TASKS)], {})
            found["whole_s"] += time.perf_counter() - began
            found["whole_bytes"] += len(blob)
            del group
        store.close()
        before = resident()
        began = time.perf_counter()
        store = DirectoryStore(Path(folder), 0, Heartbeat())
        back = [EntityGroup(spec) for _ in names]
        for name, group in zip(names, back, strict=True):
            stored = store.load(name)
            assert stored is not None
            group.restore(stored.snapshot["detect"])
        found["resume_s"] = time.perf_counter() - began
        found["resident_bytes"] = resident() - before
        store.close()
    found["whole_us_per_entity"] = found["whole_s"] / count * 1e6
    found["whole_bytes_per_entity"] = found["whole_bytes"] / count
    return {"entities": count, **{name: round(value, 3) for name, value in found.items()}}


def write_run(folder: Path, every: str, events: int) -> Path:
    draw = np.random.default_rng(1)
    with (folder / "in.ndjson").open("wb") as file:
        for first in range(0, events, 100_000):
            values = draw.normal(20, 1, (min(100_000, events - first), 3)).tolist()
            rows = (
                orjson.dumps({"id": f"s{(first + n) % SENSORS}", "a": a, "b": b, "c": c})
                for n, (a, b, c) in enumerate(values)
            )
            file.writelines(row + b"\n" for row in rows)
    (folder / "p.yaml").write_text(
        f"""
name: checkpoints
source: {{file: {{path: "{folder}/in.ndjson"}}}}
event: {{key: id, values: [a, b, c]}}
detectors: [half_space_trees, zscore]
sinks: {{anomalies: {{file: {{path: "{folder}/out.ndjson"}}}}}}
state: {{directory: "{folder}/state", checkpoint_interval: {every}}}
metrics: null
"""
    )
    return folder / "p.yaml"


def start(file: Path, stdin: int | None = None) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "engine.presentation.cli.main", "run", str(file)]
    return subprocess.Popen(command, stdin=stdin, stderr=subprocess.DEVNULL)


def seconds(every: str, events: int) -> float:
    with tempfile.TemporaryDirectory() as folder:
        file = write_run(Path(folder), every, events)
        began = time.perf_counter()
        assert start(file).wait() == 0
        return time.perf_counter() - began


def share(events: int = 5_000_000) -> dict[str, float]:
    """Return the share of the time that checkpoints take, by their interval."""
    found: dict[str, float] = {}
    for _ in range(2):
        idle = seconds("1h", 1)
        without = seconds("1h", events) - idle
        for every in ("10s", "5s", "2s", "1s"):
            taken = (seconds(every, events) - idle - without) / without
            found[every] = min(found.get(every, 1.0), round(taken, 3))
    return found


def growth(epochs: int = 10_000, seconds: float = 1_200.0) -> dict[int, dict[str, int]]:
    """Return what a run takes up, by epoch."""
    found: dict[int, dict[str, int]] = {}
    with tempfile.TemporaryDirectory() as folder:
        file = write_run(Path(folder), "20ms", EPOCH_EVENTS * GROWTH_ROUNDS)
        file.write_text(
            file.read_text().replace(f'{{file: {{path: "{folder}/in.ndjson"}}}}', "stdin")
        )
        rows = (Path(folder) / "in.ndjson").read_bytes().splitlines(keepends=True)
        running = start(file, subprocess.PIPE)
        assert running.stdin is not None
        newest, turn, looked, until = 0, 0, 0.0, time.monotonic() + seconds
        while newest < epochs and time.monotonic() < until:
            first, turn = turn % GROWTH_ROUNDS * EPOCH_EVENTS, turn + 1
            running.stdin.write(b"".join(rows[first : first + EPOCH_EVENTS]))
            running.stdin.flush()
            time.sleep(0.02)
            if time.monotonic() - looked > 2.0:
                looked = time.monotonic()
                newest = max(newest, _look(Path(folder) / "state", running.pid, found))
        running.stdin.close()
        assert running.wait() == 0
    marks = sorted(found)
    return {mark: found[mark] for mark in [*marks[:: max(1, len(marks) // 12)], marks[-1]]}


def _look(state: Path, supervisor: int, found: dict[int, dict[str, int]]) -> int:
    """Note what there is now; return the epoch, 0 if it is unknown."""
    children = Path(f"/proc/{supervisor}/task/{supervisor}/children").read_text().split()
    with suppress(SnapshotError, FileNotFoundError, IndexError):
        worker = Path(f"/proc/{children[0]}")
        tasks = newest_manifests(state).values()
        epoch = max((task.number for task in tasks), default=0)
        sizes = [path.stat().st_size for path in state.rglob("*") if path.is_file()]
        pages = int((worker / "statm").read_text().split()[1])
        found[epoch] = {
            "bytes": sum(sizes),
            "files": len(sizes),
            "descriptors": len(list((worker / "fd").iterdir())),
            "resident": pages * resource.getpagesize(),
        }
        return epoch
    return 0


def main(chosen: list[str]) -> None:
    parts: dict[str, Callable[[], object]] = {
        "entities": lambda: [entities(count) for count in (1_000, 100_000, 1_000_000)],
        "share": share,
        "growth": growth,
    }
    for name in chosen or parts:
        print(json.dumps({name: parts[name]()}, indent=2), flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
