"""The pages of the user guide as steps: files to write, commands to run, output to expect."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
NAMED = re.compile(r"# ([\w.-]+)\n")
ANYTHING = "..."


@dataclass(frozen=True)
class File:
    """A block whose first line names the file that it is."""

    name: str
    text: str


@dataclass(frozen=True)
class Command:
    """A line that begins with a dollar, and the lines up to the next: what it prints.

    Attributes:
        line: of the page, for people.
        text: for a shell.
        output: a line of `...` stands for any lines, `...` within one for any text.
    """

    line: int
    text: str
    output: str

    @property
    def is_interrupt(self) -> bool:
        """Whether it says to stop what runs in the other terminal."""
        return self.text.startswith("# Ctrl-C")

    @property
    def is_lasting(self) -> bool:
        """Whether it runs in a terminal of its own, until it is stopped."""
        return self.text.startswith("pynomaly run ")

    def fits(self, printed: str) -> bool:
        """Return whether this was printed, and nothing else."""
        pattern = ""
        for line in self.output.splitlines():
            if line == ANYTHING:
                pattern += r"(?:.*\n)*"
            else:
                parts = line.split(ANYTHING)
                pattern += ".*".join(re.escape(part) for part in parts) + r"\n"
        return re.fullmatch(pattern, printed) is not None


def steps(page: Path) -> list[File | Command]:
    """Return the steps of a page, in their order."""
    text = page.read_text()
    found: list[File | Command] = []
    for block in BLOCK.finditer(text):
        kind, body = block.groups()
        named = NAMED.match(body)
        if kind == "console":
            found += _commands(body, text[: block.start()].count("\n") + 2)
        elif named:
            found.append(File(named[1], body))
    return found


def _commands(body: str, line: int) -> Iterator[Command]:
    parts = re.split(r"^\$ ", body, flags=re.MULTILINE)
    assert not parts[0], "a console block begins with a command"
    for part in parts[1:]:
        command, _, output = part.partition("\n")
        yield Command(line, command, output)
        line += part.count("\n")
