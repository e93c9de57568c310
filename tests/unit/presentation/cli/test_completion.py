"""Shells complete commands, as `pynomaly --install-completion` sets them up."""

from __future__ import annotations

import subprocess
import sys

import pytest
from typer.testing import CliRunner

from engine.presentation.cli.main import app


def test_a_shell_completes_a_command_of_a_command() -> None:
    words = "pynomaly pipelines exp"
    asked = {"_PYNOMALY_COMPLETE": "complete_bash", "COMP_WORDS": words, "COMP_CWORD": "2"}

    found = CliRunner().invoke(app, [], env=asked, prog_name="pynomaly")

    assert found.stdout.split() == ["export-state"]


@pytest.mark.parametrize("words", ["pynomaly inc", "pynomaly --vers"])
def test_completing_a_word_imports_no_command_that_it_cannot_be(words: str) -> None:
    script = f"""
import os, sys
from typer.testing import CliRunner
from engine.presentation.cli.main import app
asked = {{"_PYNOMALY_COMPLETE": "complete_bash", "COMP_WORDS": "{words}", "COMP_CWORD": "1"}}
print(CliRunner().invoke(app, [], env=asked, prog_name="pynomaly").stdout.strip())
print([name for name in ("numpy", "bytewax", "yaml") if name in sys.modules])
"""

    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )

    found, imported = done.stdout.splitlines()
    assert found in ("incidents", "--version")
    assert imported == "[]"
