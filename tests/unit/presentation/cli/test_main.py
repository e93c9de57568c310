from __future__ import annotations

import json
import os
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

import engine
from engine.application import registry
from engine.application.config.schema import json_schema
from tests.unit.presentation.cli.conftest import Run


def test_version(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("version") == 0
    assert capsys.readouterr().out == f"{engine.__version__}\n"


def test_version_is_an_option_too(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--version") == 0
    assert capsys.readouterr().out == f"{engine.__version__}\n"


def test_a_shell_completes_commands() -> None:
    asked = {
        "_PYNOMALY_COMPLETE": "complete_bash",
        "COMP_WORDS": "pynomaly val",
        "COMP_CWORD": "1",
    }

    done = subprocess.run(
        [Path(sysconfig.get_path("scripts")) / "pynomaly"],
        env=os.environ | asked,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.stdout.split() == ["validate"]


def test_schema(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("schema") == 0
    assert json.loads(capsys.readouterr().out) == json_schema()


def test_detectors_as_a_table(
    run: Run, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", "200")

    assert run("detectors") == 0
    out = capsys.readouterr().out
    assert "half_life=100.0" in out
    assert all(declaration.name in out for declaration in registry.declarations())


def test_detectors_as_json(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("detectors", "--json") == 0
    found = json.loads(capsys.readouterr().out)
    assert [detector["name"] for detector in found] == [d.name for d in registry.declarations()]
    parameter = {"name": "half_life", "type": "float", "default": 100.0, "description": "Events."}

    assert found[0]["parameters"] == [parameter]
    assert found[0]["bytes_per_entity"] == 12


def test_another_exception_keeps_its_traceback(
    run: Run, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("engine.presentation.cli.schema.json_schema", lambda: 1 / 0)

    assert run("schema") == 1
    shown = capsys.readouterr().err
    assert shown.startswith("Traceback")
    assert shown.endswith("ZeroDivisionError: division by zero\n")


def test_no_arguments_show_the_commands() -> None:
    command = [sys.executable, "-m", "engine.presentation.cli.main"]
    shown = subprocess.run(command, capture_output=True, text=True, check=False)

    assert all(name in shown.stdout for name in ("validate", "detectors", "schema", "version"))


@pytest.mark.parametrize("command", [("run",), ("state", "reset", "--yes"), ("state", "inspect")])
@pytest.mark.parametrize("directory", ["FOLDER/a-file/state", "FOLDER/" + "n" * 300])
def test_a_state_directory_that_cannot_be_made_is_one_message(
    run: Run,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    command: tuple[str, ...],
    directory: str,
) -> None:
    (tmp_path / "a-file").touch()
    file = tmp_path / "p.yaml"
    file.write_text(
        "name: p\nsource: {queue: {brokers: b, topic: t}}\nevent: {key: k, values: [v]}\n"
        "sinks: {anomalies: {file: {path: out}}}\n"
        f"state: {{directory: '{directory.replace('FOLDER', str(tmp_path))}'}}\n"
    )
    if command == ("state", "inspect") and "a-file" in directory:
        pytest.skip("nothing is stored there, which is what it says")

    code = run(*command, file)

    shown = capsys.readouterr().err.splitlines()

    assert code == 2
    assert len(shown) == 1, shown
    assert str(tmp_path) in shown[0]
