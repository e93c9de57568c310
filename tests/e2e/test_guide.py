"""The user guide: every command of these pages is run as it stands there, in this order."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.guide import Command, File, steps
from tests.support.kafka_broker import KafkaBroker
from tests.support.kafka_settings import free_port
from tests.support.kafka_tools import write_tools

DOCS = Path(__file__).parents[2] / "docs"
PAGES = ("quick-start", "anomalies", "scaling", "sizing", "upgrading")
CURL = """\
import sys, urllib.request
with urllib.request.urlopen("http://" + sys.argv[-1]) as page:
    sys.stdout.write(page.read().decode())
"""
"""What the guide asks of curl, where there is none."""
PATIENCE = 600.0
"""Seconds: beside other tests the first run compiles for minutes."""


class Reader:
    """Someone who follows the guide, with a Kafka and an empty folder."""

    def __init__(self, folder: Path, broker: KafkaBroker) -> None:
        self._folder = folder
        self._addresses = {"localhost:9092": broker.bootstrap, "9464": str(free_port())}
        programs = [str(_tools(folder / "bin")), str(Path(sys.executable).parent)]
        self._environment = {
            **os.environ,
            "PATH": os.pathsep.join([*programs, os.environ["PATH"]]),
            "KAFKA_BROKERS": broker.bootstrap,
        }
        self._lasting: list[subprocess.Popen[str]] = []

    def follow(self, page: Path) -> None:
        """Do what a page says; an AssertionError names the line that is not true.

        Nothing of a page that fails still runs when the next one begins.
        """
        try:
            for step in steps(page):
                if isinstance(step, File):
                    (self._folder / step.name).write_text(self._local(step.text))
                elif step.is_interrupt:
                    self.interrupt()
                elif step.is_lasting:
                    self._lasting.append(self._start(step.text))
                else:
                    self._do(page, step)
        finally:
            self.leave()

    def interrupt(self) -> None:
        """Stop what runs in other terminals, and see that it ends in order."""
        for process in self._lasting:
            process.send_signal(signal.SIGINT)
        for process in self._lasting:
            _, log = process.communicate(timeout=PATIENCE)
            assert process.returncode == 0, log
        self._lasting.clear()

    def leave(self) -> None:
        """Kill what still runs."""
        for process in self._lasting:
            process.kill()
            process.communicate()
        self._lasting.clear()

    def _do(self, page: Path, command: Command) -> None:
        """Run a command; where a run goes on beside it, until it has what it needs."""
        until = time.monotonic() + PATIENCE
        while True:
            done = subprocess.run(
                ["bash", "-c", self._local(command.text)],
                cwd=self._folder,
                env=self._environment,
                capture_output=True,
                text=True,
                timeout=PATIENCE,
                check=False,
            )
            if done.returncode == 0 and command.fits(self._public(done.stdout)):
                return
            runs = any(process.poll() is None for process in self._lasting)
            if not runs or time.monotonic() > until:
                break
            time.sleep(0.5)
        where = f"docs/{page.name}:{command.line}: $ {command.text}"
        raise AssertionError(f"{where}\n{done.returncode}\n{done.stdout}\n{done.stderr}")

    def _start(self, text: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            self._local(text).split(),
            cwd=self._folder,
            env=self._environment,
            stderr=subprocess.PIPE,
            text=True,
        )

    def _local(self, text: str) -> str:
        for public, local in self._addresses.items():
            text = text.replace(public, local)
        return text

    def _public(self, text: str) -> str:
        for public, local in self._addresses.items():
            text = text.replace(local, public)
        return text


def _tools(folder: Path) -> Path:
    """Put what the guide takes for granted into a folder."""
    folder.mkdir()
    write_tools(folder)
    if shutil.which("curl") is None:
        script = folder / "curl"
        script.write_text(f"#!{sys.executable}\n{CURL}")
        script.chmod(0o755)
    return folder


@pytest.fixture(scope="module")
def reader(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Reader]:
    with KafkaBroker() as broker:
        someone = Reader(tmp_path_factory.mktemp("guide"), broker)
        try:
            yield someone
        finally:
            someone.leave()


@pytest.mark.parametrize("page", PAGES)
def test_what_a_page_says_is_true(reader: Reader, page: str) -> None:
    reader.follow(DOCS / f"{page}.md")


def test_leaves_nothing_running_where_a_page_fails(tmp_path: Path) -> None:
    page = tmp_path / "false.md"
    page.write_text("```console\n$ pynomaly run missing.yaml\n$ false\n```\n")
    reader = Reader(tmp_path, KafkaBroker())

    with pytest.raises(AssertionError, match=r"docs/false\.md:3"):
        reader.follow(page)

    assert not reader._lasting


def test_the_index_names_every_page() -> None:
    index = (DOCS / "README.md").read_text()

    for page in DOCS.glob("*.md"):
        assert page.name == "README.md" or f"({page.name})" in index


def test_a_page_that_is_not_true_is_noticed() -> None:
    command = Command(1, "echo", "a ... c\n...\n")

    assert command.fits("a b c\n")
    assert command.fits("a b c\nmore\nand more\n")
    assert not command.fits("a b d\n")
    assert not command.fits("")
