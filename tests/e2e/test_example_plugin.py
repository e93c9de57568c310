"""The package of plug-ins in examples/plugin, installed into an environment of its own."""

from __future__ import annotations

import ast
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

import pynomaly.plugins

EXAMPLE = Path(__file__).parents[2] / "examples" / "plugin"


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An environment with the example in it, and by reference all that is installed here."""
    folder = tmp_path_factory.mktemp("environment")
    # The build leaves files beside its sources.
    source = shutil.copytree(
        EXAMPLE, folder / "plugin", ignore=shutil.ignore_patterns("__pycache__")
    )
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder / "venv"], check=True)
    python = folder / "venv" / "bin" / "python"
    [packages] = (folder / "venv" / "lib").glob("python*/site-packages")
    ours = sysconfig.get_path("purelib")
    (packages / "ours.pth").write_text(f"import site; site.addsitedir({ours!r})\n")
    install = ["-m", "pip", "install", "-q", "--no-index", "--no-deps", "--no-build-isolation"]
    done = subprocess.run([python, *install, source], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return python


def run(python: Path, *words: str) -> str:
    done = subprocess.run(
        [python, *words], capture_output=True, text=True, check=False, cwd=EXAMPLE
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_its_own_tests_pass(python: Path) -> None:
    assert "2 passed" in run(python, "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests")


def test_the_command_line_knows_it_as_it_knows_ours(python: Path) -> None:
    pynomaly_command = ("-m", "engine.presentation.cli.main")

    assert "by the mean step of the entity" in run(python, *pynomaly_command, "detectors", "jump")
    assert "source        sqlite" in run(python, *pynomaly_command, "validate", "pipeline.yaml")
    assert '"Sink.sqlite"' in run(python, *pynomaly_command, "schema")


def test_it_imports_the_front_door_alone() -> None:
    """A plug-in needs nothing of Pynomaly but `pynomaly.plugins`."""
    found = set()
    for path in EXAMPLE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ImportFrom):
                found.add(node.module)
            elif isinstance(node, ast.Import):
                found |= {alias.name for alias in node.names}

    roots = ("pynomaly", "engine", "operators", "connectors")

    assert {name for name in found if name and name.split(".")[0] in roots} == {"pynomaly.plugins"}


def test_all_that_the_front_door_names_is_there() -> None:
    assert sorted(pynomaly.plugins.__all__) == sorted(set(pynomaly.plugins.__all__))
    assert all(hasattr(pynomaly.plugins, name) for name in pynomaly.plugins.__all__)
