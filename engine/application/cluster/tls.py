"""TLS of the metrics page: a certificate and its key, out of PEM files."""

from __future__ import annotations

import ssl
from pathlib import Path

from engine.application.config.sections import TlsSpec
from engine.domain.errors import FatalError, PynomalyError


def tls_context(tls: TlsSpec) -> ssl.SSLContext:
    """Return a server's TLS with a certificate and its key.

    Raises:
        PynomalyError: a file cannot be read, or does not hold what it should.
    """
    _require(tls.certificate, "certificate")
    _require(tls.key, "key")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        # In a context of its own: a server that trusts authorities asks clients for certificates.
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_verify_locations(tls.certificate)
    except ssl.SSLError:
        raise _unfit(
            tls.certificate, "certificate", "it holds no certificate in PEM form"
        ) from None
    try:
        # Without a passphrase OpenSSL would ask for one at the terminal, and wait.
        context.load_cert_chain(tls.certificate, tls.key, password="")
    except ssl.SSLError:
        why = f'it holds no private key of "{tls.certificate}" in PEM form without a passphrase'
        raise _unfit(tls.key, "key", why) from None
    return context


def _require(path: Path, field: str) -> None:
    try:
        path.open("rb").close()
    except OSError as error:
        raise _unfit(path, field, str(error.strerror)) from None


def _unfit(path: Path, field: str, why: str) -> PynomalyError:
    return FatalError(f'metrics.tls.{field}: the file "{path}" cannot be used: {why}')
