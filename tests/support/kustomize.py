"""kustomize, to render Kubernetes manifests: the one on PATH, kubectl's, or built once by Go."""

import os
import shutil
import subprocess
from functools import cache
from pathlib import Path
from typing import Any

import yaml

MODULE = "sigs.k8s.io/kustomize/kustomize/v5@v5.7.1"
"""The newest that Go 1.24 builds."""

_BUILD_SECONDS = 600


class KustomizeUnavailableError(RuntimeError):
    """It cannot be had on this machine; the message says why and what to do."""


def rendered(folder: Path) -> list[dict[str, Any]]:
    """Return the objects that a folder with a kustomization.yaml describes.

    Raises:
        KustomizeUnavailableError: there is no kustomize, no kubectl and no Go here.
        RuntimeError: the folder cannot be rendered; the message says why.
    """
    done = subprocess.run([*_command(), folder], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(done.stderr)
    return list(yaml.safe_load_all(done.stdout))


@cache
def _command() -> tuple[str, ...]:
    for name, word in (("kustomize", "build"), ("kubectl", "kustomize")):
        found = shutil.which(name)
        if found is not None:
            return found, word
    return str(_built()), "build"


def _built() -> Path:
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    folder = Path(base) / "pynomaly" / "go" / MODULE.rpartition("@")[2]
    program = folder / "kustomize"
    if not program.exists():
        _build(folder)
    return program


def _build(folder: Path) -> None:
    """Let Go fetch and build it: about two minutes, once a machine."""
    go = shutil.which("go")
    if go is None:
        raise KustomizeUnavailableError("install kustomize, kubectl or Go to render manifests")
    try:
        done = subprocess.run(
            [go, "install", MODULE],
            env=os.environ | {"GOBIN": str(folder)},
            capture_output=True,
            text=True,
            check=False,
            timeout=_BUILD_SECONDS,
        )
    except subprocess.TimeoutExpired as expired:
        raise KustomizeUnavailableError(
            f"go install {MODULE} was not done in {_BUILD_SECONDS} s"
        ) from expired
    if done.returncode != 0:
        raise KustomizeUnavailableError(f"go install {MODULE} failed:\n{done.stderr[-2000:]}")
