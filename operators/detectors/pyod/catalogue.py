"""The detectors of PyOD, read from its source: importing all of it would take seconds."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path

REQUIRED = object()
# Graphs, whole series and sound are not what a window of events is.
OTHER_INPUTS = ("pyg_", "ts_", "audio_")


@dataclass(frozen=True)
class Listing:
    """One PyOD detector: its module, its first line, its parameters with their defaults."""

    name: str
    module: str
    summary: str
    parameters: dict[str, object]


@cache
def catalogue() -> dict[str, Listing]:
    """Return PyOD's detectors whose packages are installed, by class name; {} without PyOD."""
    spec = find_spec("pyod")
    if spec is None or spec.origin is None:
        return {}
    folder = Path(spec.origin).parent / "models"
    modules = {path.stem: ast.parse(path.read_text("utf-8")) for path in folder.glob("*.py")}
    listings = [
        _listing(stem, node)
        for stem, tree in sorted(modules.items())
        if not stem.startswith(OTHER_INPUTS) and _importable(tree, modules)
        for node in tree.body
        if isinstance(node, ast.ClassDef) and _is_detector(node)
    ]
    return {
        listing.name: listing for listing in listings if REQUIRED not in listing.parameters.values()
    }


def _is_detector(node: ast.ClassDef) -> bool:
    return any(ast.unparse(base) == "BaseDetector" for base in node.bases)


def _importable(tree: ast.Module, modules: dict[str, ast.Module]) -> bool:
    return all(find_spec(package) is not None for package in set(_packages(tree, modules)))


def _packages(tree: ast.Module, modules: dict[str, ast.Module]) -> Iterator[str]:
    for node in _top_level(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            yield str(node.module).partition(".")[0]
        elif isinstance(node, ast.ImportFrom) and node.level == 1 and node.module in modules:
            yield from _packages(modules[node.module], modules)


def _top_level(tree: ast.Module) -> Iterator[ast.stmt]:
    for node in tree.body:
        yield from node.body if isinstance(node, ast.Try) else [node]


def _listing(stem: str, node: ast.ClassDef) -> Listing:
    summary = (ast.get_docstring(node) or node.name).splitlines()[0].rstrip(".")
    return Listing(node.name, f"pyod.models.{stem}", summary, _parameters(node))


def _parameters(node: ast.ClassDef) -> dict[str, object]:
    init = next(
        (n for n in node.body if isinstance(n, ast.FunctionDef) and n.name == "__init__"), None
    )
    if init is None:
        return {}
    names = [argument.arg for argument in init.args.args[1:]]
    defaults = [_literal(default) for default in init.args.defaults]
    return dict(zip(names, [REQUIRED] * (len(names) - len(defaults)) + defaults, strict=True))


def _literal(node: ast.expr) -> object:
    try:
        return ast.literal_eval(node)
    except ValueError:
        return ast.unparse(node)
