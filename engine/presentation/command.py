"""The command line as a program of its own, for what starts further processes."""

from __future__ import annotations

import sys

COMMAND = (sys.executable, "-m", "engine.presentation.cli.main")
RUN = (*COMMAND, "run", "--log-format", "json")
"""Runs a pipeline file, whose path is appended."""
