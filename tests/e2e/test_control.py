"""`pynomaly control`: records are applied by a running pipeline, and by the next run."""

from __future__ import annotations

import json
import subprocess
from base64 import b64encode
from http.client import HTTPConnection
from pathlib import Path
from uuid import uuid4

import pytest

from tests.e2e.test_pipeline import wait_for
from tests.e2e.test_reload import FILE, Run
from tests.support.commands import run_command
from tests.support.kafka_cluster import KafkaCluster
from tests.support.kafka_settings import free_port

LONG = ("--from", "2026-01-01T00:00:00Z")


@pytest.fixture
def run(tmp_path: Path) -> Run:
    return Run(tmp_path)


def control(run: Run, *arguments: str) -> subprocess.CompletedProcess[str]:
    return run_command("control", run.file, *arguments)


def test_a_silence_is_taken_up_while_a_pipeline_runs_and_revoked(run: Run) -> None:
    why = ("--why", "gearbox", "--who", "anna")
    with run.process:
        run.give(400)
        run.give(1, value=90.0)
        wait_for(lambda: run.found("a") == 1)

        added = control(run, "silence", "--entities", "pr*", "--publish", *LONG, *why)
        assert added.stdout.startswith("silence-1     pr* from 2026-01-01"), added.stderr
        wait_for(lambda: run.logged("silence-1 by anna is applied"))
        run.give(1, value=90.0)
        wait_for(lambda: run.found("a") == 2)
        assert '"suppressed_by":"silence-1"' in (run.folder / "a").read_text().splitlines()[1]

        _, listed = control(run, "list").stdout.splitlines()
        assert listed.startswith("silence-1  pr*       mute and publish  2026-01-01T00:00Z")
        assert listed.endswith("Z  gearbox")
        assert control(run, "revoke", "silence-1").returncode == 0
        wait_for(lambda: run.logged("revoke-2 by"))
        over = "nothing is in force\n1 that ended or were revoked: list --all\n"
        assert control(run, "list").stdout == over
        run.give(1, value=90.0)
        wait_for(lambda: run.found("a") >= 3)
        assert '"suppressed_by"' not in (run.folder / "a").read_text().splitlines()[-1]

        assert control(run, "rule", "--high", "95", "--values", "t").returncode == 0
        assert control(run, "pause", "--entities", "press", *LONG).returncode == 0
        wait_for(lambda: run.logged("pause-4 by"))
        run.give(1, value=96.0)
        wait_for(lambda: '"control":"rule-3"' in (run.folder / "a").read_text())
        listed = control(run, "list").stdout
        assert "rule-3   *         for t valid_range none to 95 " in listed
        assert run.process.stdin is not None
        run.process.stdin.close()
        assert run.process.wait(120) == 0

    explained = run_command("explain", run.file, "--entity", "press")
    assert "pause         pause-4, from 2026-01-01T00:00:00Z" in explained.stdout
    assert "rule          rule-3, of t" in explained.stdout


def test_a_running_process_says_what_it_knows_of_an_entity(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PAGE_PASSWORD", "hush")
    port = free_port()
    page = f"metrics: {{port: {port}, basic_auth: {{user: anna, password: '${{PAGE_PASSWORD}}'}}}}"
    run = Run(tmp_path, text=FILE.replace("metrics: null", page))

    def read(path: str, password: str = "hush") -> tuple[int, bytes]:
        connection = HTTPConnection("127.0.0.1", port, timeout=60)
        auth = b64encode(f"anna:{password}".encode()).decode()
        connection.request("GET", path, headers={"Authorization": f"Basic {auth}"})
        response = connection.getresponse()
        return response.status, response.read()

    def known() -> bool:
        try:
            status, text = read("/entities/press")
        except OSError:
            return False
        return status == 200 and json.loads(text)["items"][0]["events"] == 401

    with run.process:
        run.give(401)
        wait_for(known)

        assert read("/entities/press", "wrong")[0] == 401
        (near,) = json.loads(read("/entities?top=5")[1])["items"]
        assert near["entity"] == "press"
        assert run.process.stdin is not None
        run.process.stdin.close()
        assert run.process.wait(120) == 0


def test_a_false_alarm_keeps_similar_ones_out(run: Run) -> None:
    with run.process:
        run.give(400)
        run.give(1, value=40.0)
        wait_for(lambda: run.found("a") == 1)
        own = json.loads((run.folder / "a").read_text())["id"]

        shown = control(run, "feedback", "false_alarm", own, "--preview").stdout
        assert shown.startswith("would have suppressed 1 of the last 1\nsimilar ones alert at p")
        assert control(run, "list").stdout == "nothing is in force\n"
        judged = control(run, "feedback", "false_alarm", own, "--who", "anna")
        assert "feedback-1    false_alarm, press: outlier of t above the range" in judged.stdout
        wait_for(lambda: run.logged("feedback-1 by anna is applied"))
        run.give(1, value=40.0)
        run.give(1, value=4e6)
        wait_for(lambda: run.found("a") == 2)
        second = json.loads((run.folder / "a").read_text().splitlines()[1])
        assert second["values"][0]["value"] == 4e6

        unknown = control(run, "feedback", "true_alarm", "abc")
        assert unknown.returncode == 2
        assert 'no anomaly and no incident "abc"' in unknown.stderr
        assert control(run, "feedback", "true_alarm", own).returncode == 0
        wait_for(lambda: run.logged("feedback-2 by"))
        assert run.process.stdin is not None
        run.process.stdin.close()
        assert run.process.wait(120) == 0


def test_a_period_is_forgotten(tmp_path: Path) -> None:
    text = FILE.replace("state: {", "state: {keep: 5, keep_every: 1s, ")
    run = Run(tmp_path, text=text)
    folder = tmp_path / "d" / "kept"

    def kept() -> set[Path]:
        return set(folder.glob("*.json"))

    def kept_more(before: set[Path]) -> bool:
        run.give(1)
        return bool(kept() - before)

    with run.process:
        run.give(400)
        run.give(1, value=90.0)
        wait_for(lambda: run.found("a") == 1)
        before = kept()
        wait_for(lambda: kept_more(before))
        begin = run.moment
        run.give(300, value=60.0)
        period = ("--from", begin, "--until", run.moment)
        wait_for(lambda: run.found("a") > 1)

        written = control(run, "forget", "--entities", "press", *period)
        assert written.stdout.startswith("forget-1      press from "), written.stderr
        wait_for(lambda: run.logged("1 entities have the models that they had before"))
        run.give(1, value=60.0)
        assert run.process.stdin is not None
        run.process.stdin.close()
        assert run.process.wait(120) == 0

    first, *_, last = map(json.loads, (tmp_path / "a").read_text().splitlines())
    assert 15 < last["values"][0]["expected_low"] < last["values"][0]["expected_high"] < 25
    assert last["time_ns"] > first["time_ns"] + 300 * 60 * 10**9


def test_a_log_in_kafka_is_followed(tmp_path: Path, kafka: KafkaCluster) -> None:
    topic = f"control-{uuid4().hex}"
    where = f"control: {{kafka: {{brokers: '{kafka.bootstrap}', topic: {topic}}}}}\n"
    run = Run(tmp_path, where)
    with run.process:
        run.give(400)
        run.give(1, value=90.0)
        wait_for(lambda: run.found("a") == 1)

        assert control(run, "silence", "--publish", *LONG).returncode == 0
        wait_for(lambda: run.logged("control: silence-1 by"))
        run.give(1, value=90.0)
        wait_for(lambda: run.found("a") == 2)

        assert '"suppressed_by":"silence-1"' in (run.folder / "a").read_text().splitlines()[1]
        assert "silence-1  *         mute and publish " in control(run, "list").stdout
        assert not (run.folder / "d" / "control.log").exists()
        assert run.process.stdin is not None
        run.process.stdin.close()
        assert run.process.wait(120) == 0


def test_says_what_is_wrong_with_a_record(run: Run) -> None:
    with run.process:
        assert run.process.stdin is not None
        run.process.stdin.close()
        run.process.wait(120)

    wrong = [
        (("silence", "--values", "temp"), 'there is no value "temp": the pipeline has t'),
        (("silence", "--from", "yesterday"), "expected a time with its zone"),
        (("silence", "--for", "2 apples"), '--for: "2 apples": expected a duration such as 2h'),
        (("rule", "--values", "t"), "rule: expected at least one of direction, min_dev"),
        (("rule", "--low", "5", "--high", "1"), "valid_range: expected [low, high] with low"),
        (("budget", "2/day"), "budget: the pipeline file has no alert budget but another"),
        (("revoke", "silence-7"), '"silence-7" is not in force: nothing is in force'),
    ]
    for arguments, words in wrong:
        ended = control(run, *arguments)
        assert ended.returncode == 2, ended.stderr
        assert words in ended.stderr
    assert control(run, "list", "--all").stdout == "the log has no records\n"


def test_a_record_from_now_on_says_so_where_events_are_old(tmp_path: Path) -> None:
    run = Run(tmp_path, text=FILE.replace("metrics: null", f"metrics: {{port: {free_port()}}}"))

    def noted() -> str:
        return control(run, "pause", "--for", "1h").stdout

    with run.process:
        run.give(400)
        wait_for(lambda: "note: the newest event read so far is from 20" in noted())
        silenced = control(run, "silence", "--entities", "press").stdout
        dated = control(run, "pause", *LONG).stdout
        assert run.process.stdin is not None
        run.process.stdin.close()
        assert run.process.wait(120) == 0

    assert "revoke it and give --from 20" in silenced
    assert "note" not in dated
    assert "No metrics page of this\npipeline says here how old its events are" in noted()
