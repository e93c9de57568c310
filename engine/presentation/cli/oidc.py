"""The identity provider of `pynomaly serve --oidc`."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

from engine.application.config.settings_file import read_settings
from engine.application.control.oidc_settings import OidcSettings
from engine.domain.errors import FatalError
from engine.presentation.cli.output import current_redactor


def oidc_settings(file: Path) -> OidcSettings:
    """Return the settings in a file.

    Raises:
        PynomalyError: it does not fit, or the extra is missing.
    """
    if find_spec("authlib") is None:
        raise FatalError('--oidc needs authlib: pip install "pynomaly-engine[server,oidc]"')
    return read_settings(file, OidcSettings, current_redactor())
