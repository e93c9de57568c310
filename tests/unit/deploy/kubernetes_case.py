"""Reads the manifests of deploy/kubernetes, for tests."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml

from tests.support.kustomize import KustomizeUnavailableError, rendered
from tests.unit.deploy.rules import ROOT

FOLDER = ROOT / "deploy" / "kubernetes"
VERSIONS = [f"1.{minor}" for minor in range(29, 38)]
PATCHES = {"processes.yaml", "ports.yaml"}


OPERATORS = ("monitoring.coreos.com/", "keda.sh/")
"""Whose kinds no schema is at hand for."""


Manifest = dict[str, Any]


def manifests() -> Iterator[tuple[Path, Manifest]]:
    """Yield the objects that are written down, each with its file."""
    for path in sorted(FOLDER.rglob("*.yaml")):
        data = yaml.safe_load(path.read_text())
        if "apiVersion" in data and path.name not in PATCHES | {"kustomization.yaml"}:
            yield path, data


def one(kind: str, objects: list[Manifest]) -> Manifest:
    [found] = [each for each in objects if each["kind"] == kind]
    return found


def in_folder(name: str) -> list[Manifest]:
    return [data for path, data in manifests() if path.parent.name == name]


def check(manifest: Manifest, version: str) -> None:
    """Hold a manifest against the schema of a Kubernetes version, unknown fields refused."""
    if not manifest["apiVersion"].startswith(OPERATORS):
        kubernetes_validate.validate(manifest, version, strict=True)


def render(name: str) -> list[Manifest]:
    try:
        return rendered(FOLDER / name)
    except KustomizeUnavailableError as missing:
        pytest.skip(str(missing))
