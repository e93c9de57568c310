"""Packages that come with an extra of the installation."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from engine.domain.errors import ConnectorError


def imported(name: str, extra: str, needs: str = "reading this needs the package") -> Any:
    """Return a module of an extra.

    Args:
        name: of the module.
        extra: that it comes with.
        needs: what is not possible without it.

    Raises:
        ConnectorError: it is not installed.
    """
    try:
        return import_module(name)
    except ModuleNotFoundError:
        advice = f"pip install 'pynomaly-engine[{extra}]'"
        raise ConnectorError(f"{needs} {name}: {advice}") from None
