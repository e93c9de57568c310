"""Shells complete commands, as `pynomaly --install-completion` sets them up."""

from __future__ import annotations

from typer.testing import CliRunner

from engine.presentation.cli.main import app


def test_a_shell_completes_a_command_of_a_command() -> None:
    words = "pynomaly pipelines exp"
    asked = {"_PYNOMALY_COMPLETE": "complete_bash", "COMP_WORDS": words, "COMP_CWORD": "2"}

    found = CliRunner().invoke(app, [], env=asked, prog_name="pynomaly")

    assert found.stdout.split() == ["export-state"]
