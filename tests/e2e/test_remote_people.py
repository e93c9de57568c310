"""Users, tokens, silences, control records and feedback of a server, by the command line."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from pynomaly.client import Client, RemoteError
from tests.e2e.test_serve import PATIENCE, PIPELINE, served
from tests.support.commands import run_command
from tests.support.published import anomaly

ALARM = f"{1:032x}"
PASSWORD = "four common words"
HOT = {
    "name": "temperature",
    "value": 9.0,
    "contribution": 1.0,
    "expected_low": 0.0,
    "expected_high": 1.0,
}


class Shell:
    """A shell with a token for a server."""

    def __init__(self, address: str, token: str, folder: Path) -> None:
        self._server = "--server", address
        self._environ = {**os.environ, "PYNOMALY_TOKEN": token}
        self._folder = folder

    def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run a command."""
        return run_command(*self._server, *words, folder=self._folder, environ=self._environ)

    def json(self, *words: str) -> Any:
        """Run a command, and return what it prints."""
        done = self.run(*words, "-o", "json")
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    def run_with_input(self, text: str, *words: str) -> subprocess.CompletedProcess[str]:
        """Run a command that reads standard input."""
        command = [str(Path(sys.executable).parent / "pynomaly"), *self._server, *words]
        return subprocess.run(
            command, input=text, env=self._environ, capture_output=True, text=True, check=False
        )


def test_users_and_tokens_are_managed(tmp_path: Path) -> None:
    with served(tmp_path) as (address, printed):
        admin = Shell(address, printed[-1].strip(), tmp_path)
        [added] = admin.json("users", "add", "ada", "--role", "viewer", "--grant", "quick=operator")
        again = admin.run("users", "add", "ada", "--role", "viewer")
        unlike = admin.run("users", "add", "bob", "--role", "viewer", "--grant", "quick")
        nothing = admin.run("users", "change", "ada")
        [changed] = admin.json("users", "change", "ada", "--role", "editor", "--no-grants")
        [disabled] = admin.json("users", "disable", "ada")
        enabled = admin.run("users", "enable", "ada")
        weak = admin.run_with_input("ada\n", "users", "change", "ada", "--password")
        given = admin.run_with_input(f"{PASSWORD}\n", "users", "change", "ada", "--password")
        listed = admin.run("users", "ls")
        unknown = admin.run("users", "show", "eve")
        [token] = admin.json("tokens", "add", "watch", "--role", "viewer", "--days", "3")
        viewer = Shell(address, token["token"], tmp_path)
        theirs = viewer.run("tokens", "ls")
        forbidden = viewer.run("users", "ls")
        revoked = admin.run("tokens", "revoke", token["id"])
        shut_out = viewer.run("tokens", "ls")
        shown = admin.json("tokens", "ls", "--user", "admin")

    assert (added["role"], added["grants"]) == ("viewer", {"quick": "operator"})
    assert (again.returncode, "ada" in again.stderr) == (2, True)
    assert "expected PIPELINE=ROLE" in unlike.stderr
    assert "say what to change" in nothing.stderr
    assert (changed["role"], changed["grants"], disabled["disabled"]) == ("editor", {}, True)
    assert enabled.stdout.splitlines()[1].split()[:3] == ["ada", "editor", "False"]
    assert (weak.returncode, given.returncode, given.stderr) == (2, 0, "")
    assert PASSWORD not in given.stdout
    assert [line.split()[0] for line in listed.stdout.splitlines()] == ["name", "ada", "admin"]
    assert 'no user is called "eve"' in unknown.stderr
    assert token["token"] not in theirs.stdout
    assert (theirs.returncode, forbidden.returncode) == (0, 2)
    assert (revoked.returncode, revoked.stdout) == (0, "")
    assert (shut_out.returncode, "token" in shut_out.stderr) == (2, True)
    assert [one["revoked"] is None for one in shown if one["name"] == "watch"] == [False]


def test_silences_and_feedback_are_given(tmp_path: Path) -> None:
    (tmp_path / "anomalies.ndjson").write_text(
        "".join(json.dumps(anomaly(n, values=[HOT])) + "\n" for n in range(1, 4))
    )
    (tmp_path / "quick.yaml").write_text(PIPELINE)
    with served(tmp_path, "--follow", "quick.yaml") as (address, printed):
        shell = Shell(address, printed[-1].strip(), tmp_path)
        with Client(address, printed[-1].strip()) as client:
            until = time.monotonic() + PATIENCE
            while len(list(client.anomalies())) < 3:
                assert time.monotonic() < until
                time.sleep(0.1)
            with pytest.raises(RemoteError) as unfit:
                client.control_pipeline("quick", "silence", {"values": ["pressure"]})
        whole = ("quick", "--entities", "pump-*", "--from", "2020-01-01T00:00:00Z")
        previewed = shell.json("silences", "preview", *whole)
        added = shell.run("silences", "add", *whole, "--for", "2h", "--why", "new pump")
        [weekly] = shell.json("silences", "add", "quick", "--weekly", "sat,sun 22:00-06:00")
        listed = shell.run("silences", "ls", "quick")
        revoked = shell.run("silences", "revoke", "quick", weekly["id"], "--why", "mistake")
        past = shell.json("silences", "ls", "quick", "--all")
        effect = shell.run("feedback", "preview", "quick", "false_alarm", ALARM)
        [judged] = shell.json("feedback", "give", "quick", "false_alarm", ALARM, "--why", "cleaned")
        unknown = shell.run("feedback", "give", "quick", "true_alarm", "0")

    assert unfit.value.status == 409
    assert (previewed[0]["muted"], len(previewed[0]["anomalies"])) == (3, 3)
    assert "pump-*" in added.stdout
    assert "2020-01-01T02:00:00" in added.stdout
    assert weekly["fields"]["weekly"]["days"] == ["sat", "sun"]
    assert [line.split()[0] for line in listed.stdout.splitlines()] == ["id", weekly["id"]]
    assert "admin" in revoked.stdout
    assert [one["kind"] for one in past] == ["silence", "silence"]
    assert effect.stdout.splitlines()[0].split() == ["muted", "last", "needs"]
    assert (judged["kind"], judged["why"]) == ("feedback", "cleaned")
    assert (unknown.returncode, "no anomaly" in unknown.stderr) == (2, True)


def test_control_records_of_a_pipeline_are_written_listed_and_revoked(tmp_path: Path) -> None:
    (tmp_path / "quick.yaml").write_text(PIPELINE)
    begin = "--from", "2020-03-01T06:00Z"
    period = *begin, "--until", "2020-03-01T09:00Z"
    with served(tmp_path, "--follow", "quick.yaml") as (address, printed):
        shell = Shell(address, printed[-1].strip(), tmp_path)
        first = shell.run("records", "pause", "quick", "--entities", "pump-*", *begin)
        [paused] = shell.json("records", "pause", "quick", "--for", "2h", "--why", "repair")
        rule = "--values", "temperature", "--direction", "above", "--min-relative", "0.1"
        ruled = shell.run("records", "rule", "quick", *rule, "--high", "90")
        budget = shell.run("records", "budget", "quick", "5/day", "--per", "pipeline")
        reset = shell.run("records", "reset", "quick", "--entities", "pump-3")
        forgotten = shell.run("records", "forget", "quick", "--entities", "pump-3", *period)
        revoked = shell.run("records", "revoke", "quick", paused["id"], "--why", "done")
        again = shell.run("records", "revoke", "quick", paused["id"])
        listed = shell.run("records", "ls", "quick")
        every = shell.run("records", "ls", "quick", "--all")
        unfit = shell.run("records", "rule", "quick", "--values", "pressure", "--low", "1")
        wrong = shell.run("records", "budget", "quick", "often")
        [token] = shell.json("tokens", "add", "watch", "--role", "viewer")
        viewer = Shell(address, token["token"], tmp_path)
        forbidden = viewer.run("records", "pause", "quick")
        seen = viewer.json("records", "ls", "quick")
    local = run_command("control", "quick.yaml", "list", folder=tmp_path)

    assert first.stdout.splitlines()[1].split()[:5] == [
        *("pause-1", "pump-*", "learn", "nothing", "2020-03-01T06:00Z"),
    ]
    assert (paused["kind"], paused["why"], paused["who"]) == ("pause", "repair", "admin")
    assert "direction above min_deviation relative 0.1 valid_range none to 90" in ruled.stdout
    assert "5/day per pipeline" in budget.stdout
    assert "start afresh" in reset.stdout
    assert "forget the period  2020-03-01T06:00Z  2020-03-01T09:00Z" in forgotten.stdout
    assert f"revoke {paused['id']}" in revoked.stdout
    assert (again.returncode, paused["id"] in again.stderr) == (2, True)
    ids = [line.split()[0] for line in listed.stdout.splitlines()]
    assert ids == ["id", "pause-1", "rule-3", "budget-4"]
    assert [line.split()[0] for line in every.stdout.splitlines()][1:] == [
        *("pause-1", "pause-2", "rule-3", "budget-4", "reset-5", "forget-6", "revoke-7"),
    ]
    assert (unfit.returncode, "pressure" in unfit.stderr) == (2, True)
    assert (wrong.returncode, "such as 2/day" in wrong.stderr) == (2, True)
    assert (forbidden.returncode, "role" in forbidden.stderr) == (2, True)
    assert [one["id"] for one in seen] == ids[1:]
    assert ids[1:] == [
        line.split()[0] for line in local.stdout.splitlines() if line.split()[0] in ids[1:]
    ]
