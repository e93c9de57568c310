"""README: its blocks are commands, files and results of today's product."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Any

import pytest
import typer

from engine.application.config.load import load
from engine.presentation.cli.main import app

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
BLOCKS = [(match[1], match[2]) for match in BLOCK.finditer(README)]
COMMANDS = [
    line.removeprefix("$ ").partition("#")[0].strip()
    for kind, text in BLOCKS
    if kind == "console"
    for line in text.splitlines()
]
MOST_BYTES = 4_400


def test_it_is_short() -> None:
    assert len(README.encode()) < MOST_BYTES


def test_the_pipeline_file_is_valid(tmp_path: Path) -> None:
    (text,) = [text for kind, text in BLOCKS if kind == "yaml"]
    file = tmp_path / "sensors.yaml"
    file.write_text(text)

    assert load(file).event.mapping().value_names == ("temperature", "vibration", "current")


@pytest.mark.parametrize("command", [one for one in COMMANDS if one.startswith("pynomaly ")])
def test_each_command_of_ours_is_one(command: str) -> None:
    group: Any = typer.main.get_command(app)
    _, *words = shlex.split(command)
    if words[0].startswith("-"):
        assert words[0] in _options(group)
        return

    name, *arguments = words

    assert {word for word in arguments if word.startswith("-")} <= _options(group.commands[name])


@pytest.mark.parametrize("target", re.findall(r"\bmake (\w+)", README))
def test_each_target_is_in_the_makefile(target: str) -> None:
    assert re.search(rf"^{target}:", (ROOT / "Makefile").read_text(), re.MULTILINE)


def _options(command: Any) -> set[str]:
    return {option for parameter in command.params for option in parameter.opts}
