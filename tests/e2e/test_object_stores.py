"""`s3://` and `gs://` on real servers: objects that come, a store that is away, a wrong address."""

from __future__ import annotations

import gzip
import json
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from tests.e2e.test_pipeline import wait_for
from tests.support.commands import run_command
from tests.support.forked_command import ForkedCommand
from tests.support.go_programs import ProgramUnavailableError
from tests.support.object_stores import GcsStore, ObjectStore, S3Store

TS = 1_767_225_600_000
ROWS = 50


@pytest.fixture(params=[S3Store, GcsStore], ids=["s3", "gs"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[ObjectStore]:
    found: ObjectStore = request.param(tmp_path / "store")
    try:
        found.start()
    except ProgramUnavailableError as error:
        # Where all tests have to run, there is Go.
        if "CI" in os.environ:
            raise
        pytest.skip(str(error))
    found.make("plant")
    yield found
    found.kill()


def lines(first: int, count: int = ROWS) -> bytes:
    rows = range(first, first + count)
    return b"".join(b'{"id": "a", "ts": %d, "v": %d}\n' % (TS + n * 1000, n) for n in rows)


def table(first: int) -> bytes:
    rows = range(first, first + ROWS)
    return "\n".join(["id,ts,v", *(f"a,{TS + n * 1000},{n}" for n in rows), ""]).encode()


def write(folder: Path, path: str, follow: bool = False) -> Path:
    pipeline = {
        "name": "stored",
        "source": {"file": {"path": path, "follow": follow}},
        "event": {"key": "id", "time": {"path": "ts", "unit": "ms"}, "values": ["v"]},
        "detectors": ["zscore"],
        "sinks": {
            "anomalies": {"file": {"path": str(folder / "anomalies.ndjson")}},
            "scores": {"file": {"path": str(folder / "scores.ndjson")}},
            "dead_letters": {"file": {"path": str(folder / "letters.ndjson")}},
        },
        "state": {"directory": str(folder / "state"), "checkpoint_interval": "200ms"},
        "metrics": None,
    }
    file = folder / "p.yaml"
    file.write_text(yaml.safe_dump(pipeline))
    return file


def scored(folder: Path) -> list[float]:
    file = folder / "scores.ndjson"
    found = file.read_text().splitlines() if file.exists() else []
    return [json.loads(line)["values"][0]["value"] for line in found]


def messages(log: str) -> str:
    return "\n".join(json.loads(line)["message"] for line in log.splitlines())


def test_all_objects_of_a_prefix_are_read_also_packed_ones(
    store: ObjectStore, tmp_path: Path
) -> None:
    store.put("plant", "day/a.ndjson", lines(0))
    store.put("plant", "day/b.ndjson.gz", gzip.compress(lines(ROWS)))
    store.put("plant", "day/c.csv", table(2 * ROWS))
    store.put("plant", "day/deeper/d.ndjson", lines(3 * ROWS))
    store.put("plant", "night/e.ndjson", lines(9_000))
    file = write(tmp_path, f"{store.scheme}://plant/day/**")

    done = run_command("run", file, environ=store.environ)

    assert done.returncode == 0, done.stderr
    assert sorted(scored(tmp_path)) == list(range(4 * ROWS))


def test_objects_that_come_are_read_once_though_the_store_and_the_run_end_in_between(
    store: ObjectStore, tmp_path: Path
) -> None:
    store.put("plant", "day/a.ndjson", lines(0))
    file = write(tmp_path, f"{store.scheme}://plant/day/*", follow=True)
    log = tmp_path / "log"

    def start() -> ForkedCommand:
        with log.open("ab") as output:
            return ForkedCommand("run", file, environ=store.environ, stderr=output)

    running = start()
    try:
        wait_for(lambda: len(scored(tmp_path)) == ROWS)
        store.put("plant", "day/b.ndjson.gz", gzip.compress(lines(ROWS)))
        wait_for(lambda: len(scored(tmp_path)) == 2 * ROWS)

        store.kill()
        wait_for(lambda: "retrying, for" in log.read_text())
        store.start()
        store.put("plant", "day/c.ndjson", lines(2 * ROWS, 10))
        wait_for(lambda: len(scored(tmp_path)) == 2 * ROWS + 10)
        running.send_signal(signal.SIGTERM)
        first = running.wait(120)

        # The last object grows, and another one comes.
        store.put("plant", "day/c.ndjson", lines(2 * ROWS, ROWS))
        store.put("plant", "day/d.ndjson", lines(3 * ROWS))
        running = start()
        wait_for(lambda: len(scored(tmp_path)) >= 4 * ROWS)
        running.send_signal(signal.SIGTERM)
        second = running.wait(120)
    finally:
        running.kill()

    assert (first, second) == (0, 0)
    assert scored(tmp_path) == list(range(4 * ROWS))
    assert "reading goes on after" in log.read_text()
    letters = tmp_path / "letters.ndjson"
    assert not letters.exists() or not letters.read_text()


@pytest.mark.parametrize(
    ("place", "follow", "said"),
    [
        ("nowhere/day/*.ndjson", True, 'there is no bucket "nowhere": correct the address'),
        ("nowhere/day/a.ndjson", False, 'there is no bucket "nowhere": correct the address'),
        ("plant/day/", True, "is a folder: set a pattern of its files, such as"),
        ("plant/day", False, "is a folder: set a pattern of its files, such as"),
        ("plant/none.ndjson", False, "no file matches"),
    ],
)
def test_an_address_that_can_never_be_read_ends_the_run(
    store: ObjectStore, tmp_path: Path, place: str, follow: bool, said: str
) -> None:
    store.put("plant", "day/a.ndjson", lines(0))
    file = write(tmp_path, f"{store.scheme}://{place}", follow)

    done = run_command("run", file, environ=store.environ)

    assert done.returncode == 2, done.stderr
    assert said in messages(done.stderr)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"AWS_SECRET_ACCESS_KEY": "other"}, "the store refuses us"),
        ({"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": ""}, "Unable to locate credentials"),
    ],
)
@pytest.mark.parametrize("store", [S3Store], indirect=True)
def test_wrong_or_missing_credentials_end_the_run(
    store: ObjectStore, tmp_path: Path, given: dict[str, str], said: str
) -> None:
    store.put("plant", "day/a.ndjson", lines(0))
    file = write(tmp_path, "s3://plant/day/*.ndjson", follow=True)
    environ = {**store.environ, "AWS_EC2_METADATA_DISABLED": "true", **given}

    done = run_command("run", file, environ=environ)

    assert done.returncode == 2, done.stderr
    assert said in messages(done.stderr)
    assert "correct the" in messages(done.stderr)


def test_ranges_of_letters_are_patterns_too(store: ObjectStore, tmp_path: Path) -> None:
    store.put("plant", "day-1.ndjson", lines(0))
    store.put("plant", "day-10.ndjson", lines(ROWS))
    file = write(tmp_path, f"{store.scheme}://plant/day-[0-9].ndjson")

    done = run_command("run", file, environ=store.environ)

    assert done.returncode == 0, done.stderr
    assert scored(tmp_path) == list(range(ROWS))
