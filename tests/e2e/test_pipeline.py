"""The command line on real files and a real Kafka, as a user runs it."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path
from urllib.request import urlopen

import orjson
import pytest
from confluent_kafka import Consumer, KafkaError, KafkaException, Producer, TopicPartition

from tests.support.commands import run_command
from tests.support.forked_command import ForkedCommand
from tests.support.kafka_cluster import KafkaCluster, TopicFactory
from tests.support.kafka_settings import free_port

PYNOMALY = [sys.executable, "-m", "engine.presentation.cli.main"]
EVENTS = 40_000
# A process has its page on the first one's port and its own number.
MOST_PROCESSES = 3
NO_COORDINATOR_YET = (
    KafkaError.NOT_COORDINATOR,
    KafkaError.COORDINATOR_NOT_AVAILABLE,
    KafkaError.COORDINATOR_LOAD_IN_PROGRESS,
)
"""What a broker answers for a group whose topic it is still making or reading."""


def messages(count: int = EVENTS, seed: int = 1) -> list[bytes]:
    draw = random.Random(seed)
    found = []
    for i in range(count):
        value = 60.0 if (count - i) % EVENTS == 1_003 else draw.gauss(10, 1)
        event = {"sensor": f"s{i % 20}", "ts": 1_767_225_600_000 + i // 20 * 60_000, "temp": value}
        found.append(b"garbage" if i % 4_000 == 7 else orjson.dumps(event))
    return found


def write_pipeline(folder: Path, source: str, sinks: str, name: str = "p") -> tuple[Path, int]:
    port = free_port(together=MOST_PROCESSES)
    file = folder / f"{name}.yaml"
    file.write_text(
        f"""
name: {name}
source: {source}
event:
  key: sensor
  time: {{path: ts, unit: ms}}
  values: [temp]
detectors: [{{zscore: {{half_life: 100}}}}]
sinks: {sinks}
state: {{directory: "{folder}/state-{name}", checkpoint_interval: 1s}}
metrics: {{port: {port}}}
"""
    )
    return file, port


def file_pipeline(folder: Path, name: str = "p") -> tuple[Path, int]:
    (folder / "in.ndjson").write_bytes(b"\n".join(messages()))
    out = f'{{anomalies: {{file: {{path: "{folder}/{name}.out"}}}}}}'
    return write_pipeline(folder, f'{{file: {{path: "{folder}/in.ndjson"}}}}', out, name)


def ids(path: Path) -> list[str]:
    return [json.loads(line)["id"] for line in path.read_text().splitlines()]


def run(*words: object, timeout: float = 120) -> subprocess.CompletedProcess[str]:
    return run_command(*words, timeout=timeout)


def start(*words: object) -> ForkedCommand:
    return ForkedCommand(*words)


def metric(port: int, name: str) -> float:
    try:
        text = urlopen(f"http://127.0.0.1:{port}/metrics", timeout=2).read().decode()
    except OSError:
        return 0.0
    rows = [row for row in text.splitlines() if row.split("{")[0].split(" ")[0] == name]
    return sum(float(row.rsplit(" ", 1)[1]) for row in rows)


def wait_for(condition, seconds: float = 600) -> None:
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until, "waited in vain"
        time.sleep(0.1)


def test_a_planted_spike_is_found_and_bad_lines_are_kept(tmp_path: Path) -> None:
    file, _ = file_pipeline(tmp_path)
    done = run("run", file, "--log-format", "json")

    assert done.returncode == 0, done.stderr
    found = [json.loads(line) for line in (tmp_path / "p.out").read_text().splitlines()]
    assert EVENTS - 1_003 in [anomaly["origin"]["offset"] for anomaly in found]
    letters = (tmp_path / "state-p" / "dead_letters.ndjson").read_text().splitlines()
    assert len(letters) == EVENTS // 4_000
    assert {json.loads(letter)["reason"] for letter in letters} == {"not_json"}
    assert json.loads(done.stderr.splitlines()[0])["service.name"] == "p"


@pytest.fixture(scope="module")
def long(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[str]]:
    """Return a file that takes many checkpoints to read, and the ids found in it undisturbed."""
    folder = tmp_path_factory.mktemp("long")
    (folder / "in.ndjson").write_bytes(b"\n".join(messages(25 * EVENTS)))
    file, _ = long_pipeline(folder, folder)
    assert run("run", file).returncode == 0
    return folder, ids(folder / "out")


def long_pipeline(folder: Path, source: Path) -> tuple[Path, int]:
    sinks = ", ".join(f'{{file: {{path: "{folder}/{name}"}}}}' for name in ("out", "copy"))
    out = f"{{anomalies: [{sinks}]}}"
    file, port = write_pipeline(folder, f'{{file: {{path: "{source}/in.ndjson"}}}}', out)
    file.write_text(
        file.read_text().replace("checkpoint_interval: 1s", "checkpoint_interval: 20ms")
    )
    return file, port


def test_a_killed_worker_is_restarted_and_nothing_is_lost_or_doubled(
    tmp_path: Path, long: tuple[Path, list[str]]
) -> None:
    file, port = long_pipeline(tmp_path, long[0])
    supervisor = start("run", file)
    os.kill(process_after_checkpoint(tmp_path, supervisor), signal.SIGKILL)
    wait_for(lambda: metric(port, "pynomaly_restarts_total") == 1 or supervisor.poll() is not None)

    assert supervisor.wait(120) == 0
    assert ids(tmp_path / "out") == long[1]
    assert ids(tmp_path / "copy") == long[1]


def drained_run(
    folder: Path, source: Path, signals: list[signal.Signals]
) -> tuple[Path, list[str]]:
    """Start a pipeline, drain it after a checkpoint; return its file and the ids it has sent."""
    file, _ = long_pipeline(folder, source)
    supervisor = start("run", file)
    reader = process_after_checkpoint(folder, supervisor)
    # It cannot come to the end of its source before it is asked to stop.
    os.kill(reader, signal.SIGSTOP)
    for number in signals:
        supervisor.send_signal(number)
    wait_for(lambda: has_pending_signals(reader))
    os.kill(reader, signal.SIGCONT)
    assert supervisor.wait(120) == 0
    return file, ids(folder / "out") if (folder / "out").exists() else []


def process_after_checkpoint(folder: Path, supervisor: ForkedCommand) -> int:
    """Return the id of the process that reads, once it has stored a checkpoint."""
    wait_for((folder / "state-p" / "checkpoints" / "0.json").exists)
    children = Path(f"/proc/{supervisor.pid}/task/{supervisor.pid}/children").read_text()
    return int(children.split()[0])


def has_pending_signals(process: int) -> bool:
    status = Path(f"/proc/{process}/status").read_text()
    return any(
        int(line.split()[1], 16) for line in status.splitlines() if line.startswith("ShdPnd")
    )


@pytest.mark.parametrize(
    "signals", [[signal.SIGTERM], [signal.SIGHUP, signal.SIGHUP]], ids=["stopped", "hung-up"]
)
def test_a_drained_run_goes_on_where_it_was(
    tmp_path: Path, long: tuple[Path, list[str]], signals: list[signal.Signals]
) -> None:
    file, before = drained_run(tmp_path, long[0], signals)

    assert len(before) < len(long[1])
    assert run("run", file).returncode == 0
    assert ids(tmp_path / "out") == long[1]


def test_a_wrong_file_names_its_line_and_ends_with_2(tmp_path: Path) -> None:
    file, _ = file_pipeline(tmp_path)
    file.write_text(file.read_text().replace("values: [temp]", "valuez: [temp]"))
    done = run("run", file)

    assert done.returncode == 2
    assert f"{file}:7" in done.stderr
    assert 'Did you mean "values"?' in done.stderr


@pytest.mark.parametrize(
    ("directory", "cause"),
    [("/dev/null/state", "Not a directory"), ("x" * 300, "File name too long")],
)
def test_a_state_directory_that_cannot_be_is_named_without_a_traceback(
    tmp_path: Path, directory: str, cause: str
) -> None:
    file, _ = file_pipeline(tmp_path)
    file.write_text(file.read_text().replace(f"{tmp_path}/state-p", directory))

    done = run("run", file)

    assert done.returncode == 2
    assert done.stderr.splitlines()[-1] == f'"{directory}" cannot be used: {cause}'
    assert "Traceback" not in done.stderr


def test_a_crash_shows_its_traceback_and_the_run_gives_up(tmp_path: Path) -> None:
    file, _ = file_pipeline(tmp_path)
    # Where a folder of the state has to be.
    (tmp_path / "state-p").mkdir(mode=0o700)
    (tmp_path / "state-p" / "checkpoints").touch(mode=0o600)

    done = run("run", file, "--max-restarts", 0, "--log-format", "text")

    assert done.returncode == 1
    assert "FileExistsError" in done.stderr
    assert "engine/application/state/directory.py" in done.stderr
    assert "gave up after 0 restarts" in done.stderr


def test_a_port_in_use_and_a_second_run_are_refused(
    tmp_path: Path, kafka: KafkaCluster, topic: TopicFactory
) -> None:
    inlet, outlet = topic(partitions=1), topic(partitions=1)
    file, port = kafka_pipeline(tmp_path, kafka, inlet, outlet)
    first = start("run", file)
    try:
        wait_for(lambda: metric(port, "pynomaly_pipeline_info") > 0)
        second = run("run", file)
        assert second.returncode == 2
        assert "in use by another run" in second.stderr
        other = tmp_path / "other.yaml"
        other.write_text(file.read_text().replace("state-p", "state-other"))
        third = run("run", other)
        assert third.returncode == 2
        assert "set metrics.port" in third.stderr
    finally:
        first.send_signal(signal.SIGTERM)
        assert first.wait(120) == 0


def kafka_pipeline(
    folder: Path, kafka: KafkaCluster, inlet: str, outlet: str, name: str = "p"
) -> tuple[Path, int]:
    source = f'{{kafka: {{brokers: "{kafka.bootstrap}", topic: {inlet}}}}}'
    sinks = f"{{anomalies: {{kafka: {{topic: {outlet}}}}}}}"
    return write_pipeline(folder, source, sinks, name)


def produce(kafka: KafkaCluster, topic: str, payloads: list[bytes]) -> None:
    producer = Producer({"bootstrap.servers": kafka.bootstrap})
    for number, payload in enumerate(payloads):
        producer.produce(topic, payload, f"s{number % 20}".encode())
        producer.poll(0)
    producer.flush()


def read(kafka: KafkaCluster, topic: str) -> list[dict]:
    return [orjson.loads(message.value() or b"") for message in kafka.read(topic)]


def lag(kafka: KafkaCluster, topic: str, group: str) -> int:
    consumer = Consumer({"bootstrap.servers": kafka.bootstrap, "group.id": group})
    places = [
        TopicPartition(topic, p) for p in consumer.list_topics(topic).topics[topic].partitions
    ]
    ends = [consumer.get_watermark_offsets(place)[1] for place in places]
    done = [max(place.offset, 0) for place in _committed(consumer, places)]
    consumer.close()
    return sum(ends) - sum(done)


def _committed(consumer: Consumer, places: list[TopicPartition]) -> list[TopicPartition]:
    """Return what a group has committed; a broker that has just started looks for it at first."""
    until = time.monotonic() + 120
    while True:
        try:
            return consumer.committed(places)
        except KafkaException as error:
            if error.args[0].code() not in NO_COORDINATOR_YET or time.monotonic() > until:
                raise
        time.sleep(0.2)


@pytest.mark.parametrize(("partitions", "processes"), [(6, 1), (6, 2)])
def test_kafka_in_anomalies_out_and_a_clean_end(
    tmp_path: Path, kafka: KafkaCluster, topic: TopicFactory, partitions: int, processes: int
) -> None:
    inlet, outlet = topic(partitions=partitions), topic(partitions=1)
    produce(kafka, inlet, messages())
    file, port = kafka_pipeline(tmp_path, kafka, inlet, outlet, f"k{processes}")
    ports = range(port, port + processes)

    def total(name: str) -> float:
        return sum(metric(each, f"pynomaly_{name}_total") for each in ports)

    supervisor = start("run", file, "--processes", processes)
    try:
        wait_for(lambda: total("events") == EVENTS and total("delivered_records") > 0)
        wait_for(
            lambda: total("scored_events") + total("warming_events") + total("rejects") == EVENTS
        )
        # While it has nothing to do, too.
        wait_for(lambda: lag(kafka, inlet, f"pynomaly-k{processes}") == 0)
        supervisor.send_signal(signal.SIGTERM)
        assert supervisor.wait(120) == 0
    finally:
        supervisor.kill()

    assert lag(kafka, inlet, f"pynomaly-k{processes}") == 0
    found = read(kafka, outlet)
    assert 60.0 in [value["value"] for anomaly in found for value in anomaly["values"]]
    assert len({anomaly["id"] for anomaly in found}) == len(found)
    produce(kafka, inlet, messages(2_000, seed=2))
    supervisor = start("run", file, "--processes", processes)
    try:
        wait_for(lambda: total("events") == 2_000)
        supervisor.send_signal(signal.SIGTERM)
        assert supervisor.wait(120) == 0
    finally:
        supervisor.kill()
    assert lag(kafka, inlet, f"pynomaly-k{processes}") == 0


def test_the_demonstration_really_works() -> None:
    done = run("demo", "--sensors", 60, "--minutes", 3_200, timeout=400)

    assert done.returncode == 0, done.stdout + done.stderr
    assert "faults found" in done.stdout
