from __future__ import annotations

import json
import subprocess
import sys

import pytest

import engine
from engine.application import registry
from engine.application.config.schema import json_schema
from tests.unit.presentation.cli.conftest import Run


def test_version(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("version") == 0
    assert capsys.readouterr().out == f"{engine.__version__}\n"


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
